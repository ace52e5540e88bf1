//! The chemistry tasks that are measured, each from text in memory to its result.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufReader, Read};
use std::path::Path;

use dd_graph::{Featurizer, OgbConfig, OgbFeaturizer};
use dd_mol::molfile::MolfileOptions;
use dd_mol::sdf::SdfReader;
use dd_mol::smiles;

/// Something to do with every record of a text; returns how many succeeded.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// Name on the command line.
    pub name: &'static str,
    /// What is measured.
    pub what: &'static str,
    run: fn(&str) -> usize,
}

/// All tasks; those but `sdf` take one SMILES a line.
pub const TASKS: [Task; 6] = [
    Task {
        name: "parse",
        what: "SMILES to molecule",
        run: |text| count(text, |line| smiles::parse(line).is_ok()),
    },
    Task {
        name: "graph",
        what: "SMILES to OGB graph",
        run: |text| graphs(text, None),
    },
    Task {
        name: "eigenvectors",
        what: "SMILES to OGB graph with 16 Laplacian eigenvectors",
        run: |text| graphs(text, Some(16)),
    },
    Task {
        name: "canonical",
        what: "SMILES to canonical SMILES",
        run: |text| {
            count(text, |line| {
                smiles::parse(line).is_ok_and(|m| !smiles::write(&m).is_empty())
            })
        },
    },
    Task {
        name: "scaffold",
        what: "SMILES to Murcko scaffold SMILES",
        run: |text| {
            count(text, |line| {
                smiles::parse(line).is_ok_and(|m| dd_mol::murcko_scaffold_smiles(&m, false).is_ok())
            })
        },
    },
    Task {
        name: "sdf",
        what: "SD records to molecules",
        run: |text| {
            let records = SdfReader::new(text.as_bytes(), MolfileOptions::RDKIT);
            records.flatten().count()
        },
    },
];

impl Task {
    /// The task of a name.
    pub fn named(name: &str) -> Option<Self> {
        TASKS.into_iter().find(|task| task.name == name)
    }

    /// Does it with every record; returns how many succeeded.
    pub fn run(&self, text: &str) -> usize {
        (self.run)(text)
    }

    /// The same on several threads, each with its part of the lines.
    pub fn run_on(&self, text: &str, threads: usize) -> usize {
        let parts = parts(text, threads);
        std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .iter()
                .map(|part| scope.spawn(move || self.run(part)))
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().expect("the task does not panic"))
                .sum()
        })
    }
}

fn count(text: &str, succeeds: impl Fn(&str) -> bool) -> usize {
    text.lines().filter(|line| succeeds(line)).count()
}

fn graphs(text: &str, laplacian: Option<usize>) -> usize {
    let ogb = OgbFeaturizer::new(OgbConfig {
        laplacian,
        ..OgbConfig::smiles2graph()
    });
    count(text, |line| {
        smiles::parse(line).is_ok_and(|molecule| black_box(ogb.featurize(&molecule)).is_ok())
    })
}

/// Cuts a text at line ends into pieces of about the same size.
fn parts(mut text: &str, number: usize) -> Vec<&str> {
    let mut parts = Vec::with_capacity(number);
    for left in (1..=number).rev() {
        let about = text.len() / left;
        let end = text.as_bytes()[about..]
            .iter()
            .position(|byte| *byte == b'\n')
            .filter(|_| left > 1)
            .map_or(text.len(), |at| about + at + 1);
        let (part, rest) = text.split_at(end);
        parts.push(part);
        text = rest;
    }
    parts
}

/// A whole file, gzipped or not.
///
/// # Errors
/// When it cannot be read or is not UTF-8.
pub fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    let file = BufReader::new(std::fs::File::open(path)?);
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::bufread::GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        BufReader::new(file).read_to_string(&mut text)?;
    }
    Ok(text)
}
