//! Rings by a depth-first walk, and the shells of atoms around a ring atom.

use crate::perceive::draft::Draft;

/// In how many rings of a depth-first walk each atom is: one ring per bond that leads back.
pub(super) fn ring_counts(draft: &Draft) -> Vec<u32> {
    let count = draft.atoms.len();
    let mut rings = vec![0; count];
    // Where an atom stands on the path; `None` while it is not on it.
    let mut on_path: Vec<Option<usize>> = vec![None; count];
    let mut seen = vec![false; count];
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..count {
        if draft.degree(start) < 2 || std::mem::replace(&mut seen[start], true) {
            continue;
        }
        path.push((start, 0));
        on_path[start] = Some(0);
        while let Some(&(atom, next)) = path.last() {
            let Some(link) = draft.adjacency.of(atom).get(next) else {
                on_path[atom] = None;
                path.pop();
                continue;
            };
            let depth = path.len() - 1;
            path[depth].1 += 1;
            let other = link.atom as usize;
            if let Some(place) = on_path[other] {
                if place + 1 < depth {
                    for (member, _) in &path[place..] {
                        rings[*member] += 1;
                    }
                }
            } else if draft.degree(other) > 1 && !std::mem::replace(&mut seen[other], true) {
                on_path[other] = Some(path.len());
                path.push((other, 0));
            }
        }
    }
    rings
}

/// For every ring atom, shell by shell: how many atoms are new, and how often the atoms of
/// this shell and the one before are met again, each shell closed by -1.
pub(super) fn around(draft: &Draft, rings: &[u32]) -> Vec<[Vec<i32>; 2]> {
    let mut walker = Walker {
        draft,
        rings,
        distance: vec![usize::MAX; draft.atoms.len()],
        met: vec![0; draft.atoms.len()],
    };
    (0..draft.atoms.len())
        .map(|atom| {
            if rings[atom] > 0 {
                walker.shells(atom)
            } else {
                [Vec::new(), Vec::new()]
            }
        })
        .collect()
}

struct Walker<'a> {
    draft: &'a Draft,
    rings: &'a [u32],
    distance: Vec<usize>,
    met: Vec<i32>,
}

impl Walker<'_> {
    /// The walk goes on from ring atoms only.
    fn shells(&mut self, start: usize) -> [Vec<i32>; 2] {
        self.distance.fill(usize::MAX);
        self.distance[start] = 0;
        let (mut sizes, mut again) = (Vec::new(), Vec::new());
        let mut shell = vec![start];
        let mut depth = 0;
        while !shell.is_empty() {
            depth += 1;
            let mut next = Vec::new();
            for atom in shell.iter().filter(|atom| self.rings[**atom] > 0) {
                for (other, _) in self.draft.bonds_of(*atom) {
                    if self.distance[other] == usize::MAX {
                        self.distance[other] = depth;
                        next.push(other);
                    }
                }
            }
            let mut touched = Vec::new();
            for atom in &next {
                for (other, _) in self.draft.bonds_of(*atom) {
                    if (depth - 1..=depth).contains(&self.distance[other]) {
                        self.met[other] += 1;
                        touched.push(other);
                    }
                }
            }
            let mut counts: Vec<i32> = touched
                .iter()
                .map(|atom| std::mem::take(&mut self.met[*atom]))
                .filter(|count| *count > 0)
                .collect();
            counts.sort_unstable();
            again.extend(counts);
            again.push(-1);
            sizes.extend([next.len() as i32, -1]);
            shell = next;
        }
        [sizes, again]
    }
}
