//! Graphs of many fused rings, as builders and as lists of bonds.

use std::collections::HashMap;

use dd_mol::{AtomSpec, BondOrder, BondSpec, MoleculeBuilder};

/// A builder of carbon, or of the element `number`, with the given bonds.
pub(crate) fn graph(
    atoms: usize,
    number: u8,
    order: BondOrder,
    bonds: &[(usize, usize)],
) -> MoleculeBuilder {
    let mut builder = MoleculeBuilder::with_capacity(atoms, bonds.len());
    for _ in 0..atoms {
        builder.add_atom(AtomSpec {
            is_aromatic: order == BondOrder::Aromatic,
            ..AtomSpec::new(number)
        });
    }
    for &(begin, end) in bonds {
        builder.add_bond(BondSpec::new(begin, end, order));
    }
    builder
}

/// The bonds of a graphene sheet of `rows` by `columns` hexagons, and its number of atoms.
pub(crate) fn graphene(rows: usize, columns: usize) -> (usize, Vec<(usize, usize)>) {
    let width = 2 * columns + 2;
    let mut bonds = Vec::new();
    for row in 0..=rows {
        for x in 0..width {
            let atom = row * width + x;
            if x + 1 < width {
                bonds.push((atom, atom + 1));
            }
            if row < rows && (x + row) % 2 == 0 {
                bonds.push((atom, atom + width));
            }
        }
    }
    // Two corners hang on one bond and belong to no hexagon.
    let mut degree = vec![0; (rows + 1) * width];
    for &(a, b) in &bonds {
        degree[a] += 1;
        degree[b] += 1;
    }
    let mut number = vec![0; degree.len()];
    let mut atoms = 0;
    for (place, _) in degree.iter().enumerate().filter(|(_, d)| **d > 1) {
        number[place] = atoms;
        atoms += 1;
    }
    bonds.retain(|&(a, b)| degree[a] > 1 && degree[b] > 1);
    let renumbered = bonds.iter().map(|&(a, b)| (number[a], number[b]));
    (atoms, renumbered.collect())
}

/// An acene (or with four-membered rings a ladder) of `rings` rings.
pub(crate) fn fused_row(rings: usize, step: usize) -> (usize, Vec<(usize, usize)>) {
    let length = step * rings + 1;
    let rails = (0..length - 1).flat_map(|x| [(x, x + 1), (length + x, length + x + 1)]);
    let rungs = (0..length).step_by(step).map(|x| (x, length + x));
    (2 * length, rails.chain(rungs).collect())
}

/// The icosahedral fullerene of 60 n² atoms: the truncated icosahedron of frequency n, an
/// atom for each directed edge.
pub(crate) fn fullerene(frequency: usize) -> (usize, Vec<(usize, usize)>) {
    let mut faces = Vec::new();
    for i in 0..5 {
        let (a, b) = (1 + i, 1 + (i + 1) % 5);
        let (below_a, below_b) = (a + 5, b + 5);
        faces.extend([
            [0, a, b],
            [b, a, below_a],
            [b, below_a, below_b],
            [11, below_b, below_a],
        ]);
    }
    let mut corners: HashMap<Vec<(usize, usize)>, usize> = HashMap::new();
    let mut atoms: HashMap<(usize, usize), usize> = HashMap::new();
    let mut bonds = Vec::new();
    for face in faces {
        let mut corner = |i: usize, j: usize| {
            let weights = [frequency - i - j, i, j];
            let mut key: Vec<_> = face.into_iter().zip(weights).filter(|w| w.1 > 0).collect();
            key.sort_unstable();
            let next = corners.len();
            *corners.entry(key).or_insert(next)
        };
        let mut triangles = Vec::new();
        for i in 0..frequency {
            for j in 0..frequency - i {
                triangles.push([corner(i, j), corner(i + 1, j), corner(i, j + 1)]);
                if i + j + 2 <= frequency {
                    triangles.push([corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)]);
                }
            }
        }
        for [a, b, c] in triangles {
            let mut atom = |edge: (usize, usize)| {
                let next = atoms.len();
                *atoms.entry(edge).or_insert(next)
            };
            for (from, to, other) in [(a, b, c), (b, c, a), (c, a, b)] {
                bonds.push((atom((from, to)), atom((from, other))));
                // Each edge is seen from both sides; one of them adds its bond.
                if from < to {
                    bonds.push((atom((from, to)), atom((to, from))));
                }
            }
        }
    }
    (atoms.len(), bonds)
}
