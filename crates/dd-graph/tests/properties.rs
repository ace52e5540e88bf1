//! Properties of features, batches and neighbour lists.

use candle_core::{DType, Device};
use dd_graph::{
    AtomOrder, BatchPlan, Cutoff, Featurizer, GraphBatch, Hydrogens, MolGraph, NeighborCap,
    NeighborList, OgbConfig, OgbFeaturizer, PointBatch, PointCloud, PointConfig, PointFeaturizer,
    batches_by_tokens, laplacian_eigen,
};
use dd_kernels::rng::Key;
use dd_mol::{
    AtomSpec, BondOrder, BondSpec, Conformer, Molecule, MoleculeBuilder, Sanitize, smiles,
};
use ndarray::{Array2, Axis, s};
use proptest::prelude::*;

/// Molecules without stereochemistry, whose tags would depend on the atom order.
const MOLECULES: [&str; 8] = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "C[N+](C)(C)CC(=O)[O-]",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "O=S(=O)(O)c1ccccc1",
    "C1CC1C2CC2",
    "[Na+].[Cl-]",
    "FC(F)(F)c1ccc(C#N)cc1",
    "C",
];

fn parsed(index: usize) -> Molecule {
    smiles::parse(MOLECULES[index]).expect("the molecules are valid")
}

/// The molecule with atom `order[i]` of the original in place `i`.
fn relabelled(molecule: &Molecule, order: &[usize]) -> Molecule {
    let source = MoleculeBuilder::from(molecule);
    let mut place = vec![0; order.len()];
    order
        .iter()
        .enumerate()
        .for_each(|(new, &old)| place[old] = new);
    let mut builder = MoleculeBuilder::new();
    for &old in order {
        builder.add_atom(source.atoms()[old]);
    }
    for bond in source.bonds() {
        builder.add_bond(BondSpec {
            begin: place[bond.begin],
            end: place[bond.end],
            ..*bond
        });
    }
    builder
        .finish(&Sanitize::RDKIT)
        .expect("only the order changed")
}

fn cloud(record: u64, positions: Vec<[f32; 3]>) -> PointCloud {
    PointCloud {
        atomic_numbers: vec![6; positions.len()],
        atom_index: (0..positions.len() as u32).collect(),
        positions,
        record,
    }
}

fn random_positions() -> impl Strategy<Value = Vec<[f32; 3]>> {
    prop::collection::vec(prop::array::uniform3(-4.0_f32..4.0), 0..20)
}

fn any_graph() -> impl Strategy<Value = MolGraph> {
    (1_usize..9, any::<u64>(), any::<u64>()).prop_flat_map(|(nodes, seed, record)| {
        prop::collection::vec((0..nodes as u32, 0..nodes as u32), 0..12).prop_map(move |edges| {
            let key = Key::from_seed(seed);
            let random =
                |(row, column): (usize, usize)| key.below((row * 9 + column) as u64, 50) as u16;
            let real = |at: (usize, usize)| f32::from(random(at)) + seed as f32;
            MolGraph {
                node_features: Array2::from_shape_fn((nodes, 9), random),
                edge_features: Array2::from_shape_fn((edges.len(), 3), random),
                edge_sources: edges.iter().map(|edge| edge.0).collect(),
                edge_targets: edges.iter().map(|edge| edge.1).collect(),
                atom_index: (0..nodes as u32).rev().collect(),
                laplacian: Some(Array2::from_shape_fn((nodes, 4), real)),
                node_reals: Some(Array2::from_shape_fn((nodes, 1), real)),
                record,
            }
        })
    })
}

/// Takes a batch apart again.
fn split(batch: &GraphBatch) -> Vec<MolGraph> {
    let pairs = batch.nodes.ranges().zip(batch.edges.ranges());
    pairs
        .enumerate()
        .map(|(graph, (nodes, edges))| {
            let first = nodes.start as u32;
            let local = |rows: &[u32]| rows[edges.clone()].iter().map(|row| row - first).collect();
            let reals = batch.node_reals.as_ref();
            let laplacian = batch.laplacian.as_ref();
            MolGraph {
                node_features: batch.node_features.slice(s![nodes.clone(), ..]).to_owned(),
                edge_features: batch.edge_features.slice(s![edges.clone(), ..]).to_owned(),
                edge_sources: local(batch.edge_sources.rows()),
                edge_targets: local(batch.edge_targets.rows()),
                atom_index: batch.atom_index[nodes.clone()].to_vec(),
                laplacian: laplacian.map(|l| l.slice(s![nodes.clone(), ..]).to_owned()),
                node_reals: reals.map(|r| r.slice(s![nodes.clone(), ..]).to_owned()),
                record: batch.records[graph],
            }
        })
        .collect()
}

proptest! {
    #[test]
    fn collating_and_splitting_is_the_identity(graphs in prop::collection::vec(any_graph(), 1..6)) {
        let batch = GraphBatch::collate(&graphs, &Device::Cpu).expect("valid graphs");
        prop_assert_eq!(split(&batch), graphs);
    }

    #[test]
    fn every_record_is_in_one_batch(
        lengths in prop::collection::vec(0_usize..300, 0..400),
        budget in 1_usize..400,
        seed in any::<u64>(),
    ) {
        let plans = [batches_by_tokens(&lengths, budget, Key::from_seed(seed)), BatchPlan::in_order(&lengths, budget)];
        for plan in plans {
            let mut seen: Vec<usize> = plan.batches.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in &plan.batches {
                let sum: usize = batch.iter().map(|&record| lengths[record]).sum();
                prop_assert!(sum <= budget || (batch.len() == 1 && plan.oversized.contains(&batch[0])));
            }
        }
    }

    #[test]
    fn featurising_commutes_with_relabelling(index in 0..MOLECULES.len(), seed in any::<u64>()) {
        let molecule = parsed(index);
        let order = Key::from_seed(seed).permutation(molecule.num_atoms());
        let ogb = OgbFeaturizer::new(OgbConfig::smiles2graph());
        let before = ogb.featurize(&molecule).expect("atoms");
        let after = ogb.featurize(&relabelled(&molecule, &order)).expect("atoms");
        for (new, &old) in order.iter().enumerate() {
            prop_assert_eq!(before.node_features.row(old), after.node_features.row(new));
        }
        let edges = |graph: &MolGraph, name: &dyn Fn(u32) -> u32| {
            let ends = graph.edge_sources.iter().zip(&graph.edge_targets);
            let mut edges: Vec<_> = ends
                .zip(graph.edge_features.rows())
                .map(|((&s, &t), row)| (name(s), name(t), row.to_vec()))
                .collect();
            edges.sort();
            edges
        };
        prop_assert_eq!(edges(&before, &|node| node), edges(&after, &|node| order[node as usize] as u32));
    }

    #[test]
    fn neighbour_lists_do_not_depend_on_batch_mates(
        molecules in prop::collection::vec(random_positions(), 1..5),
        limit in 1_usize..8,
    ) {
        let clouds: Vec<PointCloud> = molecules.into_iter().map(|p| cloud(0, p)).collect();
        let cutoff = Cutoff { lower: 0.0, upper: 3.0 };
        for cap in [NeighborCap::None, NeighborCap::LowestSource(limit), NeighborCap::Nearest(limit)] {
            let list = |clouds: &[PointCloud]| {
                let batch = PointBatch::collate(clouds, DType::F32, &Device::Cpu).expect("finite");
                NeighborList::within(&batch, cutoff, cap).expect("finite")
            };
            let together = list(&clouds);
            let mut first = 0;
            let mut alone = Vec::new();
            for cloud in &clouds {
                alone.extend(list(std::slice::from_ref(cloud)).sources.rows().iter().map(|row| row + first));
                first += cloud.num_atoms() as u32;
            }
            prop_assert_eq!(together.sources.rows(), alone);
            prop_assert!(together.targets.rows().is_sorted());
            if cap != NeighborCap::None {
                prop_assert!(together.by_target.lengths().all(|degree| degree <= limit));
            }
        }
    }

    #[test]
    fn laplacian_eigenvectors_are_orthonormal_and_solve_the_equation(graph in any_graph()) {
        let n = graph.num_nodes();
        let eigen = laplacian_eigen(n, &graph.edge_sources, &graph.edge_targets).expect("small");
        let gram = eigen.vectors.dot(&eigen.vectors.t()) - Array2::<f64>::eye(n);
        prop_assert!(gram.iter().all(|x| x.abs() < 1e-13));
        let mut adjacency = Array2::<f64>::zeros((n, n));
        for (&source, &target) in graph.edge_sources.iter().zip(&graph.edge_targets) {
            adjacency[[source as usize, target as usize]] = 1.0;
            adjacency[[target as usize, source as usize]] = 1.0;
        }
        let root = |degree: f64| degree.max(1.0).sqrt();
        let roots = adjacency.sum_axis(Axis(1)).mapv(root);
        let scales = roots.view().insert_axis(Axis(1)).dot(&roots.view().insert_axis(Axis(0)));
        let laplacian = Array2::<f64>::eye(n) - adjacency / scales;
        for (vector, value) in eigen.vectors.rows().into_iter().zip(&eigen.values) {
            let residual = laplacian.dot(&vector) - &vector * *value;
            prop_assert!(residual.iter().all(|x| x.abs() < 1e-13), "{residual}");
        }
        // The spectrum of a normalised Laplacian lies in [0, 2] (Chung, "Spectral Graph Theory", lemma 1.7).
        prop_assert!(eigen.values.iter().all(|v| (-1e-13..2.0 + 1e-13).contains(v)));
    }
}

/// Hydrogen chloride in space, with an isotope.
fn hydrogen_chloride(positions: Vec<[f64; 3]>, is_3d: bool) -> Molecule {
    let mut builder = MoleculeBuilder::new();
    for number in [1, 17] {
        builder.add_atom(AtomSpec {
            no_implicit: true,
            ..AtomSpec::new(number)
        });
    }
    builder.add_bond(BondSpec::new(0, 1, BondOrder::Single));
    builder.add_conformer(Conformer { positions, is_3d });
    builder.finish(&Sanitize::KEEP_HYDROGENS).expect("valid")
}

#[test]
fn both_featurizers_name_the_same_atoms() {
    let molecule = hydrogen_chloride(vec![[0.0; 3], [1.27, 0.0, 0.0]], true);
    for (hydrogens, atoms) in [(Hydrogens::Keep, vec![0, 1]), (Hydrogens::Remove, vec![1])] {
        let points = PointFeaturizer::new(PointConfig::torchmd_net(hydrogens));
        let ogb = OgbFeaturizer::new(OgbConfig {
            hydrogens,
            laplacian: Some(2),
            order: AtomOrder::AsWritten,
        });
        let cloud = points.featurize(&molecule).expect("a conformer");
        let graph = ogb.featurize(&molecule).expect("atoms");
        assert_eq!(cloud.atom_index, atoms);
        assert_eq!(graph.atom_index, atoms);
        assert_eq!(graph.node_features.row(atoms.len() - 1)[0], 16);
        let counted = u16::from(hydrogens == Hydrogens::Remove);
        assert_eq!(graph.node_features.row(atoms.len() - 1)[4], counted);
    }
}

#[test]
fn what_a_3d_network_cannot_read_is_an_error() {
    let points = PointFeaturizer::new(PointConfig::torchmd_net(Hydrogens::Keep));
    let refused = |molecule: &Molecule| points.featurize(molecule).unwrap_err().to_string();
    let absent = smiles::parse("CCO").expect("valid");
    assert_eq!(
        refused(&absent),
        "the molecule has no conformer; a 3D network needs one"
    );
    let drawing = hydrogen_chloride(vec![[0.0; 3], [1.0, 0.0, 0.0]], false);
    assert!(refused(&drawing).contains("2D drawing"));
    let nan = hydrogen_chloride(vec![[0.0; 3], [f64::NAN, 0.0, 0.0]], true);
    assert_eq!(refused(&nan), "the position of atom 1 is not finite");
    let huge = hydrogen_chloride(vec![[1e300, 0.0, 0.0], [0.0; 3]], true);
    assert_eq!(refused(&huge), "the position of atom 0 is not finite");
    let small_table = PointFeaturizer::new(PointConfig {
        hydrogens: Hydrogens::Keep,
        max_atomic_number: 9,
    });
    let chloride = hydrogen_chloride(vec![[0.0; 3], [0.0; 3]], true);
    assert_eq!(
        small_table.featurize(&chloride).unwrap_err().to_string(),
        "atom 1: expected an atomic number in 1..=9, got 17"
    );
    assert_eq!(
        points
            .featurize(&chloride)
            .expect("coincident atoms are fine")
            .num_atoms(),
        2
    );
}

#[test]
fn the_check_values_of_the_original() {
    // From the comments of ogb/utils/features.py.
    let ogb = OgbFeaturizer::new(OgbConfig::smiles2graph());
    let graph = ogb
        .featurize(&smiles::parse("Cl[C@H](/C=C/C)Br").expect("valid"))
        .expect("atoms");
    assert_eq!(
        graph.node_features.row(1).to_vec(),
        [5, 2, 4, 5, 1, 0, 2, 0, 0]
    );
    assert_eq!(graph.edge_features.row(4).to_vec(), [1, 2, 0]);
    assert_eq!((graph.edge_sources[4], graph.edge_targets[4]), (2, 3));
}

/// Rings with stereocentres, a double bond with geometry, symmetry of every kind.
const SPELLED: &[&str] = &[
    "C[C@H](N)C(=O)O",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[C@]12CC[C@H]3[C@@H](CC[C@@H]4CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
    "F/C=C/[C@@H](Cl)Br",
    "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "c1ccc(P(c2ccccc2)c2ccccc2)cc1",
    "C12C3C4C1C5C2C3C45",
    "C[C@H]1CC[C@@H](C)CC1",
    "[2H]C([2H])([H])O.[Na+].[Cl-]",
];

#[test]
fn all_spellings_have_one_canonical_graph() {
    let mut changed = 0;
    for text in SPELLED {
        let molecule = smiles::parse(text).expect("valid");
        let as_read = smiles::parse(&smiles::write(&molecule)).expect("valid");
        for hydrogens in [Hydrogens::Keep, Hydrogens::Remove] {
            let featurizer = |order| {
                OgbFeaturizer::new(OgbConfig {
                    hydrogens,
                    laplacian: Some(8),
                    order,
                })
            };
            let canonical = featurizer(AtomOrder::Canonical);
            let written = featurizer(AtomOrder::AsWritten);
            let graph = |molecule: &Molecule| MolGraph {
                atom_index: Vec::new(),
                ..canonical.featurize(molecule).expect("atoms")
            };
            let expected = graph(&molecule);
            // The features of the original for the canonical SMILES.
            let read = MolGraph {
                atom_index: Vec::new(),
                ..written.featurize(&as_read).expect("atoms")
            };
            assert_eq!(expected, read, "{text}");
            for seed in 0..20 {
                let order = Key::from_seed(seed).permutation(molecule.num_atoms());
                let ranks: Vec<u32> = order.iter().map(|&rank| rank as u32).collect();
                let options = smiles::WriteOptions::ISOMERIC;
                let respelled = smiles::write_in_order(&molecule, &ranks, options);
                let respelled = smiles::parse(&respelled).expect("valid");
                // Equal bit for bit: `f32` are compared by value, and none is NaN.
                assert_eq!(graph(&respelled), expected, "{text}");
                let (a, b) = (written.featurize(&respelled), written.featurize(&as_read));
                changed += usize::from(a.expect("atoms") != b.expect("atoms"));
                let named = canonical.featurize(&respelled).expect("atoms");
                for (node, &atom) in named.atom_index.iter().enumerate() {
                    let number = respelled.atom(atom as usize).atomic_number;
                    assert_eq!(named.node_features[[node, 0]], u16::from(number) - 1);
                }
            }
        }
    }
    assert!(changed > 100, "spellings matter otherwise: {changed}");
}

#[test]
fn configurations_from_before_the_choice_of_order_mean_as_written() {
    let old = r#"{"hydrogens": "remove", "laplacian": 16}"#;
    let config: OgbConfig = serde_json::from_str(old).expect("an old configuration");
    assert_eq!(config, OgbConfig::tokengt_lap());
    let new = serde_json::to_string(&config).expect("a configuration");
    assert!(new.contains(r#""order":"as_written""#), "{new}");
    let canonical = new.replace("as_written", "canonical");
    let config: OgbConfig = serde_json::from_str(&canonical).expect("a configuration");
    assert_eq!(config.order, AtomOrder::Canonical);
}

#[test]
fn arrays_without_a_row_for_everything_are_no_batch() {
    let molecule = smiles::parse("CCO").expect("valid");
    let graph = OgbFeaturizer::new(OgbConfig::tokengt_lap())
        .featurize(&molecule)
        .expect("atoms");
    let broken = |change: fn(&mut MolGraph)| {
        let mut second = graph.clone();
        change(&mut second);
        let message = GraphBatch::collate(&[graph.clone(), second], &Device::Cpu).unwrap_err();
        message.to_string()
    };
    assert_eq!(
        broken(|graph| graph.edge_targets.truncate(3)),
        "molecule 1: edge_targets has 3 rows, expected 4"
    );
    assert_eq!(
        broken(|graph| graph.edge_features = graph.edge_features.slice(s![..3, ..]).to_owned()),
        "molecule 1: edge_features has 3 rows, expected 4"
    );
    assert_eq!(
        broken(|graph| graph.atom_index.clear()),
        "molecule 1: atom_index has 0 rows, expected 3"
    );
    assert_eq!(
        broken(|graph| graph.laplacian = Some(Array2::zeros((2, 16)))),
        "molecule 1: laplacian has 2 rows, expected 3"
    );
    let mut lost = cloud(0, vec![[0.0; 3], [1.0; 3]]);
    lost.atom_index.clear();
    let message = PointBatch::collate(&[lost], DType::F32, &Device::Cpu).unwrap_err();
    assert_eq!(
        message.to_string(),
        "molecule 0: atom_index has 0 rows, expected 2"
    );
}
