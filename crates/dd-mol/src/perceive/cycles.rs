//! The relevant cycles of one ring system, by Vismara's algorithm.
//!
//! Nodes are ordered by degree, then by number. For every node r and every pair of
//! shortest paths from r that use only nodes before r, a cycle family is formed; a
//! family is relevant when its prototype is no sum of shorter cycles.
//!
//! # Complexity
//! Quadratic memory in the nodes of the ring system.

use super::ring_systems::RingSystem;

/// Rings of one system that are listed. A macrocycle through n benzene rings has 2ⁿ
/// relevant cycles; beyond this number each family is represented by one of its rings.
const MAX_RINGS: usize = 1_000;

/// A family of cycles: all shortest paths r–p and r–q, closed by p–q or p–x–q.
#[derive(Debug)]
struct Family {
    root: u32,
    p: u32,
    q: u32,
    apex: Option<u32>,
    weight: u32,
}

/// The relevant cycles as atom lists in ring order.
pub(super) fn relevant(system: &RingSystem) -> Vec<Vec<u32>> {
    let graph = Graph::new(system);
    let paths = Paths::new(&graph);
    let mut families = find_families(&graph, &paths);
    families.sort_by_key(|family| family.weight);
    let relevant = mark_relevant(&graph, &paths, &families);
    let mut rings = Vec::new();
    for (family, _) in families.iter().zip(relevant).filter(|(_, keep)| *keep) {
        let limit = MAX_RINGS.saturating_sub(rings.len()).max(1);
        rings.extend(members(&graph, &paths, family, limit));
    }
    for ring in &mut rings {
        for node in ring {
            *node = system.nodes[*node as usize];
        }
    }
    rings
}

struct Graph {
    adjacency: Vec<Vec<(u32, u32)>>,
    num_edges: usize,
}

impl Graph {
    fn new(system: &RingSystem) -> Self {
        let mut adjacency = vec![Vec::with_capacity(4); system.nodes.len()];
        for (edge, [a, b]) in system.edges.iter().enumerate() {
            adjacency[*a as usize].push((*b, edge as u32));
            adjacency[*b as usize].push((*a, edge as u32));
        }
        Self {
            adjacency,
            num_edges: system.edges.len(),
        }
    }

    fn len(&self) -> usize {
        self.adjacency.len()
    }

    fn degree(&self, node: usize) -> usize {
        self.adjacency[node].len()
    }

    /// The order of nodes: by degree, then by number.
    fn precedes(&self, a: usize, b: usize) -> bool {
        (self.degree(a), a) < (self.degree(b), b)
    }

    fn edge(&self, a: u32, b: u32) -> u32 {
        self.adjacency[a as usize]
            .iter()
            .find(|(other, _)| *other == b)
            .expect("a step of a path is an edge")
            .1
    }
}

/// Shortest paths from every root, first through nodes before the root only.
struct Paths {
    size: usize,
    distance: Vec<u32>,
    predecessor: Vec<u32>,
    /// The node after the root on the path.
    branch: Vec<u32>,
    /// A shortest path exists that uses only nodes before the root.
    reachable: Vec<bool>,
}

impl Paths {
    fn new(graph: &Graph) -> Self {
        let size = graph.len();
        let mut paths = Self {
            size,
            distance: vec![u32::MAX; size * size],
            predecessor: vec![u32::MAX; size * size],
            branch: vec![u32::MAX; size * size],
            reachable: vec![false; size * size],
        };
        let mut queue = Vec::with_capacity(size);
        let mut seen = vec![false; size];
        for root in 0..size {
            paths.restricted(graph, root, &mut queue, &mut seen);
            paths.unrestricted(graph, root, &mut queue, &mut seen);
        }
        paths
    }

    fn restricted(&mut self, graph: &Graph, root: usize, queue: &mut Vec<u32>, seen: &mut [bool]) {
        let row = root * self.size;
        seen.fill(false);
        queue.clear();
        queue.push(root as u32);
        seen[root] = true;
        self.distance[row + root] = 0;
        self.predecessor[row + root] = root as u32;
        let mut head = 0;
        while head < queue.len() {
            let node = queue[head] as usize;
            head += 1;
            for (other, _) in &graph.adjacency[node] {
                let other = *other as usize;
                if seen[other] || !graph.precedes(other, root) {
                    continue;
                }
                seen[other] = true;
                self.step(row, root, node, other);
                self.reachable[row + other] = true;
                queue.push(other as u32);
            }
        }
    }

    /// Where a way through later nodes is shorter, the restricted path does not count.
    fn unrestricted(
        &mut self,
        graph: &Graph,
        root: usize,
        queue: &mut Vec<u32>,
        seen: &mut [bool],
    ) {
        let row = root * self.size;
        seen.fill(false);
        queue.clear();
        queue.push(root as u32);
        seen[root] = true;
        let mut head = 0;
        while head < queue.len() {
            let node = queue[head] as usize;
            head += 1;
            for (other, _) in &graph.adjacency[node] {
                let other = *other as usize;
                if std::mem::replace(&mut seen[other], true) {
                    continue;
                }
                if self.distance[row + node] + 1 < self.distance[row + other] {
                    self.reachable[row + other] = false;
                    self.step(row, root, node, other);
                }
                queue.push(other as u32);
            }
        }
    }

    /// Lets the path to `other` come from `node`.
    fn step(&mut self, row: usize, root: usize, node: usize, other: usize) {
        self.predecessor[row + other] = node as u32;
        self.distance[row + other] = self.distance[row + node] + 1;
        self.branch[row + other] = if node == root {
            other as u32
        } else {
            self.branch[row + node]
        };
    }

    fn distance(&self, root: usize, node: usize) -> u32 {
        self.distance[root * self.size + node]
    }

    fn reachable(&self, root: usize, node: usize) -> bool {
        self.reachable[root * self.size + node]
    }

    fn predecessor(&self, root: u32, node: u32) -> u32 {
        self.predecessor[root as usize * self.size + node as usize]
    }

    /// Whether the paths from `root` to `a` and to `b` meet only at the root. The paths
    /// form a tree, so they do when they leave the root by different edges.
    fn meet_only_at_root(&self, root: u32, a: u32, b: u32) -> bool {
        let row = root as usize * self.size;
        self.branch[row + a as usize] != self.branch[row + b as usize]
    }
}

fn find_families(graph: &Graph, paths: &Paths) -> Vec<Family> {
    let mut families = Vec::new();
    let mut candidates = Vec::new();
    for root in 0..graph.len() {
        for y in (0..graph.len()).filter(|y| paths.reachable(root, *y)) {
            candidates.clear();
            let far = paths.distance(root, y);
            for (z, _) in &graph.adjacency[y] {
                let z = *z as usize;
                if !paths.reachable(root, z) {
                    continue;
                }
                let near = paths.distance(root, z);
                if near + 1 == far {
                    candidates.push(z as u32);
                } else if near != far + 1
                    && graph.precedes(z, y)
                    && paths.meet_only_at_root(root as u32, y as u32, z as u32)
                {
                    families.push(family(paths, root, [y as u32, z as u32], None));
                }
            }
            for (first, p) in candidates.iter().enumerate() {
                for q in &candidates[first + 1..] {
                    if paths.meet_only_at_root(root as u32, *p, *q) {
                        families.push(family(paths, root, [*p, *q], Some(y as u32)));
                    }
                }
            }
        }
    }
    families
}

fn family(paths: &Paths, root: usize, [p, q]: [u32; 2], apex: Option<u32>) -> Family {
    let both = paths.distance(root, p as usize) + paths.distance(root, q as usize);
    Family {
        root: root as u32,
        p,
        q,
        apex,
        weight: both + 1 + u32::from(apex.is_some()),
    }
}

/// The edges of a family's first cycle, as bits.
fn prototype(graph: &Graph, paths: &Paths, family: &Family) -> Vec<u64> {
    let mut bits = vec![0; graph.num_edges.div_ceil(64)];
    let mut mark = |a: u32, b: u32| {
        let edge = graph.edge(a, b);
        bits[edge as usize / 64] |= 1 << (edge % 64);
    };
    for end in [family.p, family.q] {
        let mut node = end;
        while node != family.root {
            let previous = paths.predecessor(family.root, node);
            mark(previous, node);
            node = previous;
        }
    }
    if let Some(apex) = family.apex {
        mark(family.p, apex);
        mark(apex, family.q);
    } else {
        mark(family.p, family.q);
    }
    bits
}

/// Which prototypes are no sum of strictly shorter ones: Gaussian elimination, one
/// weight after the other, until the basis is complete.
fn mark_relevant(graph: &Graph, paths: &Paths, families: &[Family]) -> Vec<bool> {
    let rank = graph.num_edges + 1 - graph.len();
    let mut basis: Vec<(usize, Vec<u64>)> = Vec::with_capacity(rank);
    let mut relevant = vec![false; families.len()];
    let mut first = 0;
    while first < families.len() && basis.len() < rank {
        let weight = families[first].weight;
        let last = first + families[first..].partition_point(|f| f.weight == weight);
        let shorter = basis.len();
        for (family, relevant) in families[first..last].iter().zip(&mut relevant[first..last]) {
            let mut rest = prototype(graph, paths, family);
            reduce(&mut rest, &basis[..shorter]);
            *relevant = rest.iter().any(|word| *word != 0);
            if *relevant {
                reduce(&mut rest, &basis[shorter..]);
                if let Some(pivot) = leading(&rest) {
                    basis.push((pivot, rest));
                }
            }
        }
        first = last;
    }
    relevant
}

fn leading(vector: &[u64]) -> Option<usize> {
    vector
        .iter()
        .position(|word| *word != 0)
        .map(|at| at * 64 + vector[at].trailing_zeros() as usize)
}

/// Adds the rows of the basis whose pivots occur in `vector`. Each row is free of the
/// pivots before it, so one pass in order is enough.
fn reduce(vector: &mut [u64], basis: &[(usize, Vec<u64>)]) {
    for (pivot, row) in basis {
        if vector[pivot / 64] >> (pivot % 64) & 1 == 1 {
            for (word, add) in vector.iter_mut().zip(row) {
                *word ^= add;
            }
        }
    }
}

/// The cycles of a family: every shortest path to p with every one to q.
fn members(graph: &Graph, paths: &Paths, family: &Family, limit: usize) -> Vec<Vec<u32>> {
    let to_p = shortest_paths(graph, paths, family.root, family.p, limit);
    let to_q = shortest_paths(graph, paths, family.root, family.q, limit);
    let mut rings = Vec::new();
    for p in &to_p {
        for q in to_q.iter().take(limit - rings.len()) {
            let mut ring: Vec<u32> = p.clone();
            ring.extend(family.apex);
            // The root closes the ring only once.
            ring.extend(q.iter().rev().filter(|node| **node != family.root));
            rings.push(ring);
        }
    }
    rings
}

/// Shortest paths from `root` to `end` through nodes before the root, at most `limit`.
fn shortest_paths(
    graph: &Graph,
    paths: &Paths,
    root: u32,
    end: u32,
    limit: usize,
) -> Vec<Vec<u32>> {
    let mut complete = Vec::new();
    let mut stack = vec![vec![end]];
    while let Some(path) = stack.pop() {
        let node = path[path.len() - 1];
        if node == root {
            complete.push(path.into_iter().rev().collect());
            if complete.len() >= limit {
                break;
            }
            continue;
        }
        let far = paths.distance(root as usize, node as usize);
        for (other, _) in graph.adjacency[node as usize].iter().rev() {
            let near = paths.distance(root as usize, *other as usize);
            if near + 1 == far
                && (*other == root || paths.reachable(root as usize, *other as usize))
            {
                let mut longer = path.clone();
                longer.push(*other);
                stack.push(longer);
            }
        }
    }
    complete
}
