//! Files of others: every tensor that was read without any framework is read here with the same numbers.

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a test says what it could not compare")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dd_torch::{Element, TorchFile};

/// The folder of reference data beside the workspace, when it is there.
fn checkpoints() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/checkpoints");
    folder.is_dir().then_some(folder)
}

fn numbers(element: Element, bytes: &[u8]) -> Vec<f64> {
    let chunks = bytes.chunks_exact(element.size());
    match element {
        Element::F32 => chunks
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()).into())
            .collect(),
        Element::F64 => chunks
            .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
            .collect(),
        Element::I64 => chunks
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64)
            .collect(),
        Element::I32 => chunks
            .map(|b| i32::from_le_bytes(b.try_into().unwrap()).into())
            .collect(),
        other => panic!("no checkpoint holds {other:?}"),
    }
}

fn close(got: f64, expected: &str) -> bool {
    let expected: f64 = expected.parse().unwrap();
    (got - expected).abs() <= 2e-6 * expected.abs() + 1e-44
}

#[test]
fn every_tensor_of_published_checkpoints() {
    let Some(folder) = checkpoints() else {
        println!("no reference data: published checkpoints are not compared");
        return;
    };
    let table = std::fs::read_to_string(folder.join("tensors.tsv")).unwrap();
    let mut files: BTreeMap<&str, TorchFile> = BTreeMap::new();
    let mut compared = 0;
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, tensor, dtype, shape, mean, std, first, last] = fields[..] else {
            panic!("a line of the table has {} fields", fields.len());
        };
        let file = files.entry(name).or_insert_with(|| {
            TorchFile::parse(std::fs::read(folder.join(name)).unwrap()).unwrap()
        });
        let info = file
            .tensors()
            .get(tensor)
            .unwrap_or_else(|| panic!("{name}: {tensor} is not found"));
        let dims: Vec<usize> = match shape {
            "scalar" => Vec::new(),
            dims => dims.split('x').map(|size| size.parse().unwrap()).collect(),
        };
        assert_eq!(info.shape, dims, "{name}: {tensor}");
        let word = match info.element {
            Element::F32 => "float",
            Element::F64 => "double",
            Element::I64 => "long",
            _ => "other",
        };
        assert_eq!(word, dtype, "{name}: {tensor}");
        let values = numbers(info.element, &file.read(tensor).unwrap());
        let count = values.len() as f64;
        let got_mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|x| (x - got_mean).powi(2)).sum::<f64>() / count;
        let spread = variance.sqrt();
        assert!(
            close(values[0], first) && close(values[values.len() - 1], last),
            "{name}: {tensor}"
        );
        let scale = spread.max(got_mean.abs()).max(1e-30);
        assert!(
            (got_mean - mean.parse::<f64>().unwrap()).abs() <= 1e-6 * scale,
            "{name}: {tensor}: mean {got_mean} {mean}"
        );
        assert!(
            (spread - std.parse::<f64>().unwrap()).abs() <= 1e-6 * scale,
            "{name}: {tensor}: std {spread} {std}"
        );
        compared += 1;
    }
    let held: usize = files.values().map(|file| file.tensors().len()).sum();
    println!(
        "{compared} tensors of {} files equal; the files hold {held}",
        files.len()
    );
    assert!(compared >= 416);
}
