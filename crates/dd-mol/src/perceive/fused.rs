//! Fused ring systems: rings that share bonds.

/// Which rings are neighbours: they share at least one bond and, with `max_overlap`,
/// at most that many. Rings above `max_size` have no neighbours.
pub(super) fn neighbors(
    rings: &[&[u32]],
    num_bonds: usize,
    max_size: usize,
    max_overlap: usize,
) -> Vec<Vec<u32>> {
    let mut result = vec![Vec::new(); rings.len()];
    if rings.len() < 2 {
        return result;
    }
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); num_bonds];
    let mut shared = vec![0_usize; rings.len()];
    for (index, ring) in rings.iter().enumerate() {
        if ring.len() > max_size {
            continue;
        }
        let mut touched = Vec::new();
        for bond in *ring {
            for other in &members[*bond as usize] {
                if shared[*other as usize] == 0 {
                    touched.push(*other);
                }
                shared[*other as usize] += 1;
            }
            members[*bond as usize].push(index as u32);
        }
        for other in touched {
            let overlap = std::mem::take(&mut shared[other as usize]);
            if overlap <= max_overlap {
                result[other as usize].push(index as u32);
                result[index].push(other);
            }
        }
    }
    for row in &mut result {
        row.sort_unstable();
    }
    result
}

/// The connected systems of rings, each in the order of a depth-first walk.
pub(super) fn systems(neighbors: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let mut done = vec![false; neighbors.len()];
    let mut systems = Vec::new();
    let mut stack: Vec<(u32, usize)> = Vec::new();
    for start in 0..neighbors.len() {
        if std::mem::replace(&mut done[start], true) {
            continue;
        }
        let mut system = vec![start as u32];
        stack.push((start as u32, 0));
        while let Some((ring, next)) = stack.last_mut() {
            let Some(other) = neighbors[*ring as usize].get(*next) else {
                stack.pop();
                continue;
            };
            *next += 1;
            if !std::mem::replace(&mut done[*other as usize], true) {
                system.push(*other);
                stack.push((*other, 0));
            }
        }
        systems.push(system);
    }
    systems
}

/// Calls `visit` with every connected set of exactly `size` rings of a system, once.
pub(super) fn connected_subsets(
    system: &[u32],
    neighbors: &[Vec<u32>],
    size: usize,
    visit: &mut impl FnMut(&[u32]),
) {
    let mut subset = Vec::with_capacity(size);
    let mut reached = vec![false; neighbors.len()];
    for root in system {
        subset.push(*root);
        let mut extension = Vec::new();
        reached[*root as usize] = true;
        for other in &neighbors[*root as usize] {
            if other > root {
                extension.push(*other);
                reached[*other as usize] = true;
            }
        }
        extend(
            &mut subset,
            &extension,
            *root,
            neighbors,
            size,
            &mut reached,
            visit,
        );
        for other in extension {
            reached[other as usize] = false;
        }
        reached[*root as usize] = false;
        subset.pop();
    }
}

/// One level of the enumeration (ESU of S. Wernicke, IEEE/ACM Trans. Comput. Biol.
/// Bioinform. 3 (2006) 347); the depth is at most `size`.
fn extend(
    subset: &mut Vec<u32>,
    extension: &[u32],
    root: u32,
    neighbors: &[Vec<u32>],
    size: usize,
    reached: &mut [bool],
    visit: &mut impl FnMut(&[u32]),
) {
    if subset.len() == size {
        visit(subset);
        return;
    }
    for (at, ring) in extension.iter().enumerate() {
        let mut longer = extension[at + 1..].to_vec();
        let own = longer.len();
        for other in &neighbors[*ring as usize] {
            if *other > root && !std::mem::replace(&mut reached[*other as usize], true) {
                longer.push(*other);
            }
        }
        subset.push(*ring);
        extend(subset, &longer, root, neighbors, size, reached, visit);
        subset.pop();
        for other in &longer[own..] {
            reached[*other as usize] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connected_subset_once() {
        // Four rings in a row: 0-1-2-3.
        let neighbors = vec![vec![1], vec![0, 2], vec![1, 3], vec![2]];
        assert_eq!(systems(&neighbors), [[0, 1, 2, 3]]);
        for (size, expected) in [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)] {
            let mut found = Vec::new();
            connected_subsets(&[0, 1, 2, 3], &neighbors, size, &mut |subset: &[u32]| {
                let mut subset = subset.to_vec();
                subset.sort_unstable();
                found.push(subset);
            });
            found.sort();
            found.dedup();
            assert_eq!(found.len(), expected, "size {size}");
        }
    }
}
