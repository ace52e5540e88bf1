//! Golden cases of kind `splits`: DeepChem's scaffold splits of the MoleculeNet tables, record for record, in order.
//!
//! Each split is made twice: from the scaffolds that the case states (the splitter alone), and from the SMILES of the table
//! (parser, scaffold, canonical form and splitter). The table is found by the checksum that the case gives.

use std::io::Read;
use std::path::{Path, PathBuf};

use dd_data::{CountedRows, Dataset, FileDataset, Fractions, Split, scaffold_of};
use flate2::read::GzDecoder;
use rayon::prelude::*;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{ParityError, Row};

#[derive(Deserialize)]
struct Case {
    dataset: String,
    rows: usize,
    column: String,
    file_sha256: String,
    fractions: [f64; 3],
    invalid_rows: Vec<usize>,
    splits: std::collections::BTreeMap<String, Split>,
    scaffold_of_row: Vec<Option<String>>,
}

/// Checks one case.
///
/// # Errors
/// When the case or its table cannot be read.
pub fn check(path: &Path) -> Result<Vec<Row>, ParityError> {
    let case = read(path)?;
    let name = format!("splits {}", case.dataset);
    let fractions = Fractions::try_from(case.fractions).map_err(ParityError::failed)?;
    let table = find_table(path, &case.file_sha256)?;
    let dataset = FileDataset::smiles_table(&table, &case.column, &dd_data::Columns::default())
        .map_err(ParityError::failed)?;
    let scaffolds = |chirality: bool| -> Vec<Option<String>> {
        let records = (0..dataset.len()).into_par_iter();
        let scaffold = |row| scaffold_of(&dataset.get(row).ok()?.molecule, chirality).ok();
        records.map(scaffold).collect()
    };
    let (flat, chiral) = (scaffolds(false), scaffolds(true));
    let unreadable = |rows: &[Option<String>]| -> Vec<usize> {
        (0..rows.len()).filter(|&row| rows[row].is_none()).collect()
    };
    let refused = unreadable(&flat);
    let mut rows = vec![
        Row::exact(&name, "rows", dataset.len() == case.rows),
        Row::exact(&name, "unreadable rows", refused == case.invalid_rows)
            .with_note(format!("{refused:?}")),
    ];
    for (kind, expected) in &case.splits {
        let (mine, counted, stated) = match kind.as_str() {
            "deepchem_all_rows" => (&flat, CountedRows::All, true),
            "deepchem_valid_rows_only" => (&flat, CountedRows::Readable, true),
            "chiral_scaffolds_valid_rows_only" => (&chiral, CountedRows::Readable, false),
            _ => {
                rows.push(Row::exact(&name, format!("{kind}: unknown kind"), false));
                continue;
            }
        };
        if stated {
            let split = Split::by_scaffold(&case.scaffold_of_row, fractions, counted);
            rows.push(row(
                &name,
                &format!("{kind}, stated scaffolds"),
                &split,
                expected,
            ));
        }
        let split = Split::by_scaffold(mine, fractions, counted);
        rows.push(row(
            &name,
            &format!("{kind}, from SMILES"),
            &split,
            expected,
        ));
    }
    Ok(rows)
}

fn row(case: &str, quantity: &str, split: &Split, expected: &Split) -> Row {
    let pairs = [
        (&split.train, &expected.train),
        (&split.valid, &expected.valid),
        (&split.test, &expected.test),
    ];
    let moved = |(mine, theirs): &(&Vec<usize>, &Vec<usize>)| {
        let theirs: std::collections::HashSet<_> = theirs.iter().collect();
        mine.iter()
            .filter(|record| !theirs.contains(record))
            .count()
    };
    let moved: usize = pairs.iter().map(moved).sum();
    Row::exact(case, quantity, split == expected).with_note(format!("{moved} records moved"))
}

fn read(path: &Path) -> Result<Case, ParityError> {
    let file = std::fs::File::open(path).map_err(|e| ParityError::read(path, e))?;
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(|e| ParityError::read(path, e))?;
    serde_json::from_str(&text).map_err(|e| ParityError::read(path, e))
}

/// The table with the checksum: beside the golden folder, or in the workspace's `../shared`.
fn find_table(case: &Path, sha256: &str) -> Result<PathBuf, ParityError> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let above = case.ancestors().skip(1).take(4).map(Path::to_path_buf);
    for root in above.chain([workspace]) {
        let tables = root.join("data/moleculenet");
        let folders = [tables.clone(), tables.join("raw")];
        let entries = folders.iter().filter_map(|folder| folder.read_dir().ok());
        for entry in entries.flatten().flatten() {
            let Ok(bytes) = std::fs::read(entry.path()) else {
                continue;
            };
            let digest = Sha256::digest(&bytes);
            if digest
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                == sha256
            {
                return Ok(entry.path());
            }
        }
    }
    Err(ParityError::read(
        case,
        format!("no table with sha256 {sha256} in data/moleculenet"),
    ))
}
