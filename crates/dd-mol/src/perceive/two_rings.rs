//! The relevant cycles of a ring system of two rings, such as indole's: no search is needed.
//!
//! Such a system is three paths between two branch points, and has three cycles, one for every two paths. A cycle is the sum
//! of the other two, which are shorter when the third path is shorter than either of its own: only then it is not relevant.

use super::cycle_paths::Graph;
use crate::rows::Rows;

/// Memory for the paths, reused from system to system.
#[derive(Debug, Default)]
pub(super) struct TwoRings {
    /// From the first branch point to the last, without these.
    paths: Rows,
}

/// A cycle of two paths, given by their numbers.
#[derive(Debug, Clone, Copy)]
struct Cycle {
    paths: [usize; 2],
    length: usize,
    /// The node farthest from the last branch point; the later of two.
    farthest: u32,
}

impl TwoRings {
    /// Adds the relevant cycles as atoms in ring order, in the order in which Vismara's algorithm finds them.
    pub(super) fn list(&mut self, graph: &Graph, rings: &mut Rows) {
        let [first, last] = self.load(graph);
        let paths = [0, 1, 2].map(|path| self.paths.row(path));
        let mut cycles = [[0, 1], [0, 2], [1, 2]].map(|[a, b]| {
            let length = paths[a].len() + paths[b].len() + 2;
            // Places from the last branch point on, along the second path and back along the first.
            let at = |place: usize| match place.checked_sub(paths[b].len() + 1) {
                None => paths[b][paths[b].len() - place],
                Some(0) => first,
                Some(beyond) => paths[a][beyond - 1],
            };
            let (near, far) = (at(length / 2), at(length.div_ceil(2)));
            Cycle {
                paths: [a, b],
                length,
                farthest: if graph.precedes(near, far) { far } else { near },
            }
        });
        cycles.sort_by_key(|cycle| (cycle.length, cycle.farthest));
        for Cycle { paths: [a, b], .. } in cycles {
            let other = paths[3 - a - b].len();
            if other < paths[a].len() && other < paths[b].len() {
                continue;
            }
            rings.push(graph.nodes[first as usize]);
            for node in paths[a] {
                rings.push(graph.nodes[*node as usize]);
            }
            rings.push(graph.nodes[last as usize]);
            for node in paths[b].iter().rev() {
                rings.push(graph.nodes[*node as usize]);
            }
            rings.close();
        }
    }

    /// Follows the paths, in the order of the first branch point's edges. Returns the branch points.
    fn load(&mut self, graph: &Graph) -> [u32; 2] {
        let mut branch_points = graph.branch_points();
        let mut next = || {
            branch_points
                .next()
                .expect("two rings share two branch points")
        };
        let [first, last] = [next(), next()];
        self.paths.clear();
        for neighbor in graph.neighbors(first) {
            let (mut before, mut node) = (first, neighbor);
            while node != last {
                self.paths.push(node);
                let onward = graph.neighbors(node).find(|next| *next != before);
                (before, node) = (node, onward.expect("a path goes on"));
            }
            self.paths.close();
        }
        [first, last]
    }
}
