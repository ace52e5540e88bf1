//! Files that the documents name and the repository does not have: small ones of their kind, from the embedded molecules.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::compare::Numbers;
use super::place::dnd;
use super::root;

/// The library of docs/how-to/search.md; a test looks whether it is still this one.
pub(crate) const LIBRARY: &str =
    "CCO ethanol\nCCCO propanol\nc1ccccc1 benzene\nC1CC bad\nCC(=O)O acetic acid\n";
/// The column of ESOL that the documents learn.
const SOLUBILITY: &str = "measured log solubility in mols per litre";
/// Rows of the tables: few, as they are learned from many times.
const ROWS: usize = 36;

/// Makes the file or folder `name` in a folder if it is known here. What the documents show of commands that read it can
/// be compared so far.
pub(crate) fn provide(folder: &Path, name: &str) -> Option<Numbers> {
    let path = folder.join(name);
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    let numbers = match name {
        "data.csv" | "delaney.csv" | "delaney.csv.gz" | "new.csv" => Numbers::Any,
        _ if name.starts_with("runs/") => Numbers::Any,
        _ => Numbers::Close,
    };
    match name {
        "library.smi" | "others.smi" => write(LIBRARY),
        "library.smi.gz" => zipped(&path, LIBRARY),
        "new.smi" => write("CCO ethanol\nc1ccccc1O phenol\nCC(=O)Oc1ccccc1C(=O)O aspirin\n"),
        "new.csv" => write("smiles\nCCO\nCCN\nCCCO\nC[Si](C)(C)O[Si](C)(C)C\nC1CC(\nCCC\n"),
        "data.csv" | "delaney.csv" => write(table()),
        "delaney.csv.gz" => zipped(&path, table()),
        "runs/data" | "runs/delaney" | "runs/esol" => copy(run(), &path),
        "library.index" => {
            provide(folder, "library.smi");
            let words = "search index -i library.smi -m gin-128-node -o library.index -q";
            dnd(folder, &words.split(' ').collect::<Vec<_>>());
        }
        "gat_supervised_contextpred.pth" => {
            let beside = root().join("../shared/data/checkpoints");
            let found = beside.join(format!("pretrain-gnns_chem_{name}"));
            if !found.is_file() {
                return None;
            }
            std::fs::copy(found, path).unwrap();
        }
        _ => return None,
    }
    Some(numbers)
}

fn zipped(path: &Path, text: &str) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
}

/// SMILES and a column of numbers.
fn table() -> &'static str {
    static TABLE: OnceLock<String> = OnceLock::new();
    TABLE.get_or_init(|| {
        let all = dnd(Path::new("."), &["data", "export", "-o", "-"]);
        let mut rows = csv::Reader::from_reader(all.as_bytes());
        let names = rows.headers().unwrap().clone();
        let column = |name: &str| names.iter().position(|other| other == name).unwrap();
        let (smiles, gap) = (column("smiles"), column("gap_ev"));
        let mut table = format!("smiles,{SOLUBILITY}\n");
        // Evenly spread, so that there are rings and chains.
        for row in rows.records().map(Result::unwrap).step_by(40).take(ROWS) {
            table += &format!("{},{}\n", &row[smiles], &row[gap]);
        }
        table
    })
}

/// A run folder of that table.
fn run() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = super::place::fresh("run");
        std::fs::write(folder.join("table.csv"), table()).unwrap();
        let words =
            "finetune table.csv --epochs 2 --split random --fractions 0.5,0.3,0.2 -o run -q";
        dnd(&folder, &words.split(' ').collect::<Vec<_>>());
        folder.join("run")
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
