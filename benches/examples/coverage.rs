//! Do conformal intervals cover what they promise? Three sets of MoleculeNet, random splits.
//!
//! For each set the default model learns 60 % of the molecules (10 % choose the epoch) and predicts the rest. Those are
//! divided into two halves a thousand times: one half calibrates, the share of the other half inside the intervals is
//! counted. The last columns calibrate on the validation part instead, as `dnd finetune` does.
//!
//! ```console
//! $ cargo run --release -p dd-benches --example coverage -- FOLDER_OF_MOLECULENET
//! ```
#![allow(clippy::print_stdout, reason = "the table is the result")]

use std::error::Error;
use std::path::{Path, PathBuf};

use candle_core::Device;
use dd_data::Fractions;
use dd_eval::conformal::{coverage, residuals, threshold};
use dd_kernels::rng::Key;
use dd_train::property::{DEFAULT_MODEL, Division, LEVELS, PropertyPlan, PropertyRequest};
use dd_train::{RunFolder, Session, Silent, Start};

const SETS: [(&str, &str, &str); 3] = [
    (
        "ESOL",
        "delaney.csv.gz",
        "measured log solubility in mols per litre",
    ),
    ("FreeSolv", "freesolv.csv.gz", "expt"),
    ("Lipophilicity", "lipophilicity.csv.gz", "exp"),
];
const FRACTIONS: [f64; 3] = [0.6, 0.1, 0.3];
const DIVISIONS: u64 = 1000;
const EPOCHS: u64 = 40;

fn main() -> Result<(), Box<dyn Error>> {
    let tables = std::env::args()
        .nth(1)
        .ok_or("name the folder of the tables")?;
    println!(
        "| set | held out | MAE | 80 % | 90 % | 95 % | by the validation part: 80 % | 90 % | 95 % |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (name, file, target) in SETS {
        println!("{}", row(name, &Path::new(&tables).join(file), target)?);
    }
    Ok(())
}

fn row(name: &str, table: &Path, target: &str) -> Result<String, Box<dyn Error>> {
    let plan = PropertyPlan::new(PropertyRequest {
        table: table.to_path_buf(),
        smiles_column: None,
        target_columns: vec![target.to_string()],
        task: None,
        model: Some(PathBuf::from(DEFAULT_MODEL)),
        division: Division::Random(Fractions::try_from(FRACTIONS)?, 0),
        class_weights: None,
        config: None,
        seeds: vec![0],
        epochs: Some(EPOCHS),
        patience: None,
    })?;
    let place = std::env::temp_dir().join(format!("dnd-coverage-{}-{name}", std::process::id()));
    let folder = RunFolder::open(&place, Start::New)?;
    let outcome = plan.run(&mut Session {
        folder: Some(&folder),
        device: &Device::Cpu,
        observer: &mut Silent,
    })?;
    std::fs::remove_dir_all(&place)?;
    let predictions = &outcome.training.runs[0].predictions;
    let predictions: Vec<f64> = predictions.iter().map(|values| values[0]).collect();
    let labels = plan.table.labels(&plan.split.test, 1).column(0).to_vec();
    let error = residuals(&labels, &predictions)?;
    let mean_error = error.iter().sum::<f64>() / error.len() as f64;
    let mut line = format!("| {name} | {} | {mean_error:.2} |", labels.len());
    for level in LEVELS {
        let mut sum = 0.0;
        for division in 0..DIVISIONS {
            let order = Key::from_seed(division)
                .named("division")
                .permutation(labels.len());
            let (calibration, test) = order.split_at(labels.len() / 2);
            let part = |rows: &[usize], values: &[f64]| -> Vec<f64> {
                rows.iter().map(|&row| values[row]).collect()
            };
            let scores = residuals(
                &part(calibration, &labels),
                &part(calibration, &predictions),
            )?;
            let half_width = threshold(&scores, level)?;
            sum += coverage(&part(test, &labels), &part(test, &predictions), half_width)?;
        }
        line += &format!(" {:.1} |", 100.0 * sum / DIVISIONS as f64);
    }
    for (level, found) in LEVELS.iter().zip(&outcome.scores[0].coverages) {
        assert_eq!(
            *level, found.coverage,
            "the validation part supports every coverage"
        );
        line += &format!(" {:.1} |", 100.0 * found.share);
    }
    Ok(line)
}
