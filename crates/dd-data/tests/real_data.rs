//! The embedded data set, and the shared data where it is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dd_data::{
    CountedRows, Dataset, ExampleMaker, FileDataset, Fractions, MOLECULE_NET, OnError, Recipe,
    Split, embedded, featurize, scaffold_of,
};
use dd_graph::{Hydrogens, OgbConfig, PointConfig};

#[expect(clippy::print_stderr, reason = "a test that checks less says so")]
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        eprintln!("no shared data beside the workspace: only the embedded data set is checked");
    }
    folder.is_dir().then_some(folder)
}

fn maker() -> ExampleMaker {
    ExampleMaker::new(&Recipe {
        graph: Some(OgbConfig::tokengt_lap().into()),
        points: Some(PointConfig::torchmd_net(Hydrogens::Keep)),
    })
}

#[test]
fn every_embedded_molecule_has_graph_cloud_and_labels() {
    let targets = [embedded::GAP_EV, embedded::DIPOLE_DEBYE];
    let dataset = embedded::small_organics(&targets).expect("the table is in the program");
    let (examples, report) =
        featurize(Arc::new(dataset), maker(), 2, OnError::Report).expect("rows only");
    assert_eq!(
        (examples.len(), report.total()),
        (1340, 0),
        "{:?}",
        report.first()
    );
    for example in &examples {
        let graph = example.graph.as_ref().expect("asked for");
        let cloud = example.cloud.as_ref().expect("asked for");
        assert!(graph.num_nodes() <= 9 && cloud.num_atoms() >= graph.num_nodes());
        for (node, &atom) in graph.atom_index.iter().enumerate() {
            let number = graph.node_features[[node, 0]] + 1;
            assert_eq!(number, u16::from(cloud.atomic_numbers[atom as usize]));
        }
        assert!(example.targets.iter().all(|target| target.is_finite()));
    }
}

#[test]
fn a_graph_from_coordinates_is_the_graph_from_smiles() {
    let space = embedded::small_organics(&[]).expect("the table is in the program");
    let text = embedded::small_organics_smiles(&[]).expect("the table is in the program");
    let maker = ExampleMaker::new(&Recipe {
        graph: Some(OgbConfig::heavy_atoms().into()),
        points: None,
    });
    let graph = |dataset: &FileDataset, row| {
        maker
            .example(dataset, row)
            .expect("valid")
            .graph
            .expect("asked for")
    };
    let mut different = Vec::new();
    for row in 0..space.len() {
        let (a, b) = (graph(&space, row), graph(&text, row));
        // A chiral tag is relative to the order of the atom's bonds, which differs at ring closures: compare that there is one.
        let described = |features: &ndarray::Array2<u16>| {
            let mut features = features.clone();
            features.column_mut(1).mapv_inplace(|tag| tag.min(1));
            features
        };
        if described(&a.node_features) != described(&b.node_features) {
            different.push(text.smiles(row).unwrap_or_default().to_string());
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}: {different:?}",
        different.len(),
        space.len()
    );
}

#[test]
fn scaffold_groups_of_the_embedded_data_stay_together() {
    let dataset = embedded::small_organics_smiles(&[]).expect("the table is in the program");
    let scaffolds: Vec<Option<String>> = (0..dataset.len())
        .map(|row| scaffold_of(&dataset.get(row).ok()?.molecule, false).ok())
        .collect();
    let split = Split::by_scaffold(&scaffolds, Fractions::MOLECULE_NET, CountedRows::All);
    assert_eq!(
        split.train.len() + split.valid.len() + split.test.len(),
        dataset.len()
    );
    let of = |part: &[usize]| {
        part.iter()
            .map(|&row| scaffolds[row].clone())
            .collect::<std::collections::HashSet<_>>()
    };
    assert!(of(&split.train).is_disjoint(&of(&split.test)));
    assert!(of(&split.train).is_disjoint(&of(&split.valid)));
    assert!(of(&split.valid).is_disjoint(&of(&split.test)));
}

#[test]
fn molecule_net_tables_have_the_tasks_of_the_paper() {
    let Some(shared) = shared() else { return };
    // Wu et al. (2018), table 1; rows as published, duplicates and unreadable ones included where the file has them.
    let expected = [
        ("esol", "delaney", 1128, 1),
        ("freesolv", "freesolv", 642, 1),
        ("lipophilicity", "lipophilicity", 4200, 1),
        ("bace", "bace", 1513, 1),
        ("bbbp", "bbbp", 2050, 1),
        ("clintox", "clintox", 1478, 2),
        ("sider", "sider", 1427, 27),
        ("tox21", "tox21", 7831, 12),
        ("toxcast", "toxcast", 8576, 617),
        ("hiv", "hiv", 41127, 1),
        ("muv", "muv", 93087, 17),
        ("qm7", "qm7", 6830, 1),
        ("qm8", "qm8", 21786, 12),
    ];
    assert_eq!(expected.len(), MOLECULE_NET.len());
    for (table, (name, file, rows, tasks)) in MOLECULE_NET.iter().zip(expected) {
        assert_eq!(table.name, name);
        let path = shared.join(format!("moleculenet/{file}.csv.gz"));
        let dataset = table.read(&path).expect("the table is there");
        assert_eq!(
            (dataset.len(), dataset.target_names().len()),
            (rows, tasks),
            "{name}"
        );
        let record = dataset.get(rows - 1).expect("the last row is readable");
        assert_eq!(record.targets.len(), tasks);
    }
}

#[test]
fn qm9_geometries_become_examples() {
    let Some(shared) = shared() else { return };
    let columns = dd_data::Columns {
        id: Some("gdb_id".into()),
        targets: Vec::new(),
    };
    let dataset = FileDataset::xyz_table(&shared.join("3d/qm9_chno_3d_0.csv.gz"), &columns)
        .expect("readable");
    assert_eq!(dataset.len(), 32_186);
    let chosen = (0..dataset.len()).step_by(40).collect();
    let subset = dd_data::Subset::new(Arc::new(dataset), chosen).expect("in range");
    let (examples, report) =
        featurize(Arc::new(subset), maker(), 2, OnError::Report).expect("rows only");
    assert_eq!(report.total(), 0, "{:?}", report.first());
    assert_eq!(examples.len(), 805);
}
