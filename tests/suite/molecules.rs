//! Sixteen molecules with invented geometry: enough for a network to learn by heart, without any file.

use dd_graph::{AtomOrder, Featurizer, Hydrogens, MolGraph, OgbConfig, OgbFeaturizer, PointCloud};
use dd_kernels::rng::Key;
use dd_mol::{Molecule, smiles};
use dd_train::{Labelled, Pair};

const SMILES: [&str; 16] = [
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CCN(C)C",
    "C1CCCC1",
    "CC#N",
    "OCC(O)CO",
    "c1ccncc1",
    "CC(C)(C)Cl",
    "FC(F)F",
    "CSC",
    "C=CC=C",
    "NC(=O)c1ccco1",
    "O=C1CCCN1",
    "CC(C)C(=O)OC",
    "Oc1ccc(F)cc1",
];

/// The molecules.
pub(crate) fn molecules() -> Vec<Molecule> {
    SMILES
        .iter()
        .map(|text| smiles::parse(text).unwrap())
        .collect()
}

/// Their graphs with `laplacian` eigenvectors.
pub(crate) fn graphs(laplacian: Option<usize>) -> Vec<MolGraph> {
    let featurizer = OgbFeaturizer::new(OgbConfig {
        hydrogens: Hydrogens::Remove,
        laplacian,
        order: AtomOrder::AsWritten,
    });
    let graph = |(record, molecule): (u64, &Molecule)| MolGraph {
        record,
        ..featurizer.featurize(molecule).unwrap()
    };
    (0..).zip(&molecules()).map(graph).collect()
}

/// Conformers in which bonded atoms are 1.5 angstrom apart, grown in random directions.
pub(crate) fn clouds() -> Vec<PointCloud> {
    (0..)
        .zip(&molecules())
        .map(|(record, molecule)| cloud(record, molecule))
        .collect()
}

fn cloud(record: u64, molecule: &Molecule) -> PointCloud {
    let key = Key::from_seed(11).with(record);
    let mut positions = vec![[0.0_f32; 3]; molecule.num_atoms()];
    for atom in 1..molecule.num_atoms() {
        let anchor = molecule
            .bonds_of(atom)
            .map(|bond| bond.other(atom))
            .find(|&other| other < atom);
        let direction = [0, 1, 2].map(|axis| key.normal(3 * atom as u64 + axis));
        let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        for axis in 0..3 {
            positions[atom][axis] =
                positions[anchor.unwrap_or(0)][axis] + (1.5 * direction[axis] / length) as f32;
        }
    }
    PointCloud {
        atomic_numbers: molecule.atoms().map(|atom| atom.atomic_number).collect(),
        atom_index: (0..molecule.num_atoms() as u32).collect(),
        positions,
        record,
    }
}

/// Graphs and conformers.
pub(crate) fn pairs(laplacian: Option<usize>) -> Vec<Pair> {
    let both = graphs(laplacian).into_iter().zip(clouds());
    both.map(|(graph, cloud)| Pair::new(graph, cloud).unwrap())
        .collect()
}

/// Graphs with two labels: a number (the share of heteroatoms, times ten), which every fourth molecule lacks, and whether
/// there is a ring.
pub(crate) fn labelled(laplacian: Option<usize>) -> Vec<Labelled> {
    let both = graphs(laplacian).into_iter().zip(molecules());
    both.map(|(graph, molecule)| {
        let atoms = molecule.num_atoms() as f32;
        let hetero = molecule
            .atoms()
            .filter(|atom| atom.atomic_number != 6)
            .count() as f32;
        let ring = molecule.bonds().any(|bond| bond.bond.in_ring);
        let number = if graph.record % 4 == 3 {
            f32::NAN
        } else {
            10.0 * hetero / atoms
        };
        Labelled {
            labels: vec![number, f32::from(u8::from(ring))],
            graph,
        }
    })
    .collect()
}
