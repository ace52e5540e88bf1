//! SD files to molecules: splitting into records alone, and with the tables read and everything perceived,
//! hydrogens kept, on one thread and without decompression. Criterion shows bytes per second.
//!
//! The files are those of the reference data beside the workspace; without them a small file of the tests of `dd-mol`
//! is read over and over.

use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::SdfReader;
use flate2::read::GzDecoder;

const FILES: [&str; 5] = [
    "pubchem-hard-set",
    "mols.1000",
    "gdb1k",
    "MiniDrugBank",
    "pdb_ligands_H_600",
];

/// The text of a file of the reference data.
fn reference(name: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/sdf/big");
    let file = std::fs::File::open(root.join(format!("{name}.sdf.gz"))).ok()?;
    let mut text = Vec::new();
    GzDecoder::new(file).read_to_end(&mut text).ok()?;
    Some(text)
}

fn read(c: &mut Criterion, name: &str, text: &[u8]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.sample_size(20);
    let reader = || SdfReader::new(text, MolfileOptions::KEEP_HYDROGENS);
    group.bench_function("records", |b| {
        b.iter(|| {
            let mut records = reader();
            while let Some(record) = records.next_text() {
                black_box(record).ok();
            }
        });
    });
    group.bench_function("molecules", |b| {
        b.iter(|| {
            black_box(reader().flatten().count());
        });
    });
    group.finish();
}

fn structure_files(c: &mut Criterion) {
    let mut found = false;
    for name in FILES {
        if let Some(text) = reference(name) {
            read(c, name, &text);
            found = true;
        }
    }
    if !found {
        let own = include_str!("../crates/dd-mol/tests/structures.sdf").repeat(1000);
        read(c, "structures", own.as_bytes());
    }
}

criterion_group!(benches, structure_files);
criterion_main!(benches);
