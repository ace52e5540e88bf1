//! The cache gives back what was put in and nothing else; the loader's order is a function of (seed, epoch).

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use dd_data::{
    Cache, CacheWriter, Cost, Description, Example, ExampleSource, Loader, LoaderConfig, OnError,
    Recipe,
};
use dd_graph::{MolGraph, OgbConfig, PointCloud};
use ndarray::Array2;
use proptest::prelude::*;

fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dd-data-cache-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a temporary folder");
    folder.join(name)
}

fn description() -> Description {
    Description {
        recipe: Recipe {
            graph: Some(OgbConfig::tokengt_lap().into()),
            points: None,
        },
        target_names: vec!["gap".into()],
    }
}

fn example(row: u64) -> Example {
    let nodes = 1 + (row % 7) as usize;
    let graph = MolGraph {
        node_features: Array2::from_shape_fn((nodes, 9), |(i, j)| (i * j) as u16),
        edge_features: Array2::from_elem((2, 3), 1),
        edge_sources: vec![0, nodes as u32 - 1],
        edge_targets: vec![nodes as u32 - 1, 0],
        atom_index: (0..nodes as u32).collect(),
        laplacian: row
            .is_multiple_of(2)
            .then(|| Array2::from_elem((nodes, 4), 0.5)),
        node_reals: row
            .is_multiple_of(3)
            .then(|| Array2::from_elem((nodes, 1), 0.12)),
        record: row,
    };
    let cloud = PointCloud {
        atomic_numbers: vec![6; nodes],
        positions: vec![[0.0, 1.0, -2.5]; nodes],
        atom_index: (0..nodes as u32).collect(),
        record: row,
    };
    Example {
        graph: (row % 5 != 4).then_some(graph),
        cloud: (row % 3 != 2).then_some(cloud),
        targets: vec![row as f64 / 3.0],
        id: format!("molécule {row}"),
        row,
    }
}

fn written(name: &str, count: u64) -> PathBuf {
    let path = path(name);
    let mut writer = CacheWriter::create(&path, &description()).expect("a temporary file");
    (0..count).for_each(|row| writer.push(&example(row)).expect("disk space"));
    assert_eq!(writer.finish().expect("disk space"), count);
    path
}

#[test]
fn what_was_written_is_read() {
    let cache = Cache::open(&written("round_trip", 30)).expect("just written");
    assert_eq!(cache.description(), &description());
    assert_eq!(cache.len(), 30);
    for row in 0..30 {
        let read = cache.get(row).expect("intact");
        assert_eq!(read, example(row as u64));
        assert_eq!(cache.size(row), read.size());
    }
    assert!(cache.get(30).is_err());
}

#[test]
fn an_unfinished_cache_leaves_nothing_behind() {
    let path = path("unfinished");
    let mut writer = CacheWriter::create(&path, &description()).expect("a temporary file");
    writer.push(&example(0)).expect("disk space");
    drop(writer);
    assert!(!path.exists());
}

#[test]
fn files_that_are_cut_are_refused() {
    let bytes = fs::read(written("whole", 5)).expect("just written");
    let cut = path("cut");
    for length in 0..bytes.len() {
        fs::write(&cut, &bytes[..length]).expect("a temporary file");
        assert!(
            Cache::open(&cut).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn huge_counts_are_refused_before_memory_is_asked_for() {
    let mut bytes = fs::read(written("counts", 5)).expect("just written");
    let foot = bytes.len() - 56;
    bytes[foot + 8..foot + 16].copy_from_slice(&u64::MAX.to_le_bytes());
    let path = path("counts_hostile");
    fs::write(&path, bytes).expect("a temporary file");
    assert!(Cache::open(&path).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn one_flipped_byte_is_noticed(position in any::<prop::sample::Index>(), bits in 1_u8..) {
        let source = written("flip_source", 4);
        let mut bytes = fs::read(source).expect("just written");
        let at = position.index(bytes.len());
        bytes[at] ^= bits;
        let path = path("flipped");
        fs::write(&path, bytes).expect("a temporary file");
        let intact = Cache::open(&path).is_ok_and(|cache| (0..4).all(|row| cache.get(row).is_ok()));
        prop_assert!(!intact, "byte {at}");
    }
}

fn config(workers: usize) -> LoaderConfig {
    LoaderConfig {
        seed: 11,
        cost: Cost::Nodes,
        budget: 12,
        shuffle: true,
        workers,
        prefetch: 3,
        on_error: OnError::Stop,
    }
}

fn rows(loader: &Loader, epoch: u64, skip: usize) -> Vec<Vec<u64>> {
    let batches = loader.epoch_from(epoch, skip);
    let rows = |batch: Vec<Example>| batch.iter().map(|example| example.row).collect();
    batches
        .map(|batch| rows(batch.expect("all are readable")))
        .collect()
}

#[test]
fn the_order_depends_on_seed_and_epoch_alone() {
    let source: Arc<dyn ExampleSource> = Arc::new((0..100).map(example).collect::<Vec<_>>());
    let chosen: Vec<usize> = (10..90).collect();
    let loader = |workers| {
        Loader::new(Arc::clone(&source), chosen.clone(), config(workers)).expect("in range")
    };
    let expected = rows(&loader(0), 3, 0);
    for workers in [1, 2, 5] {
        assert_eq!(rows(&loader(workers), 3, 0), expected);
    }
    assert_ne!(rows(&loader(0), 4, 0), expected);
    assert_eq!(rows(&loader(2), 3, 5), expected[5..]);
    let mut seen: Vec<u64> = expected.concat();
    seen.sort_unstable();
    assert_eq!(seen, (10..90).collect::<Vec<_>>());
    assert!(Loader::new(source, vec![100], config(0)).is_err());
}

#[test]
fn a_damaged_record_stops_the_epoch() {
    let file = written("damaged", 20);
    let mut bytes = fs::read(&file).expect("just written");
    // Byte 400 lies inside the records.
    bytes[400] ^= 1;
    fs::write(&file, bytes).expect("a temporary file");
    let source: Arc<dyn ExampleSource> =
        Arc::new(Cache::open(&file).expect("head and index are intact"));
    let loader = Loader::new(source, (0..20).collect(), config(2)).expect("in range");
    let results: Vec<_> = loader.epoch(0).collect();
    let last = results.last().expect("batches");
    assert_eq!(
        last.as_ref().err().map(dd_data::DataError::kind),
        Some("cache")
    );
}
