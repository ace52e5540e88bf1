//! Text to molecules, graphs, canonical SMILES and scaffolds.
//!
//! Input is the file named by `DD_BENCH_SMILES`, else the reference set of 5,000 drug-like
//! molecules beside the workspace, else the molecules embedded in `dd-data`; SD
//! files are measured by `structure_files`.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dd_benches::chemistry::{self, TASKS};
use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
use dd_mol::{Molecule, smiles};

/// Lines that are measured.
const LINES: usize = 1_000;

fn input() -> String {
    let reference = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/golden/bench/drug_like_5k.smi.gz"
    );
    let embedded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/dd-data/embedded/molecules.smi"
    );
    let named = std::env::var_os("DD_BENCH_SMILES").map(PathBuf::from);
    let paths = named
        .into_iter()
        .chain([reference, embedded].map(PathBuf::from));
    let path = paths.into_iter().find(|path| path.exists());
    let text = chemistry::read(&path.expect("a file of SMILES")).expect("readable");
    text.lines()
        .take(LINES)
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn tasks(c: &mut Criterion) {
    let text = input();
    let molecules: Vec<Molecule> = text.lines().filter_map(|l| smiles::parse(l).ok()).collect();
    let mut group = c.benchmark_group("chemistry");
    group.throughput(Throughput::Elements(molecules.len() as u64));
    for task in TASKS.iter().filter(|task| task.name != "sdf") {
        group.bench_function(task.what, |b| b.iter(|| black_box(task.run(&text))));
    }
    let ogb = OgbFeaturizer::new(OgbConfig::smiles2graph());
    group.bench_function("molecule to OGB graph", |b| {
        b.iter(|| {
            for molecule in &molecules {
                black_box(ogb.featurize(molecule)).expect("a graph");
            }
        });
    });
    group.finish();
}

criterion_group!(benches, tasks);
criterion_main!(benches);
