//! The distilled student against its twin from scratch, one target at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use dd_data::{Dataset, Split};
use dd_encoder2d::Target;

use super::QuickstartConfig;
use crate::error::{Result, TrainError};
use crate::folder::{RunFolder, Start};
use crate::inputs::LabelledTable;
use crate::observer::Observer;
use crate::recipes::finetune::{FinetuneReport, LabelledData, Student, finetune};
use crate::session::Session;
use crate::source::Labelled;

/// One target and everyone who tried to predict it.
pub struct Contest {
    /// The target.
    pub target: Target,
    /// Labels of the test part, in its order.
    pub labels: Vec<f64>,
    /// Mean absolute error of the mean training label.
    pub mean_baseline: f64,
    /// From scratch, then distilled.
    pub contestants: Vec<Contestant>,
    /// Folder of a fine-tuned model.
    pub model: Option<PathBuf>,
}

/// A way to begin, and what it led to.
pub struct Contestant {
    /// Name in the table.
    pub name: &'static str,
    /// Scores and predictions per seed.
    pub report: FinetuneReport,
}

/// Labels of the embedded data, with their units.
const TARGETS: [(&str, &str); 2] = [("gap_ev", "eV"), ("dipole_debye", "D")];

/// Fine-tunes both contenders on every target.
pub(super) fn hold(
    config: &QuickstartConfig,
    dataset: &Arc<dyn Dataset>,
    table: &LabelledTable,
    split: &Split,
    few: &[usize],
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<Vec<Contest>> {
    let student = folder.join("student");
    let mut contests = Vec::new();
    for (name, unit) in TARGETS {
        let Some(column) = dataset
            .target_names()
            .iter()
            .position(|target| target == name)
        else {
            continue;
        };
        let parts =
            [few, &split.valid, &split.test].map(|rows| one_column(table.select(rows), column));
        let [train, valid, test] = parts;
        let target = Target::regression(name, Some(unit));
        let scratch = Student::Scratch {
            encoder: config.distill.student.clone(),
            featurizer: config.distill.featurizer.clone().into(),
        };
        let mut contestants = Vec::new();
        for (label, beginning) in [
            ("from scratch", &scratch),
            ("D&D", &Student::Folder(&student)),
        ] {
            let place = format!(
                "finetune-{name}-{}",
                if label == "D&D" { "dnd" } else { "scratch" }
            );
            let place = RunFolder::open(folder.join(place), Start::Resume)?;
            let data = LabelledData {
                targets: std::slice::from_ref(&target),
                train: &train,
                valid: &valid,
                test: &test,
            };
            let mut session = Session {
                folder: Some(&place),
                device: &Device::Cpu,
                observer: &mut *observer,
            };
            let report = finetune(&config.finetune, beginning, &data, &mut session)?;
            if report.stopped {
                return Err(TrainError::Stopped);
            }
            contestants.push(Contestant {
                name: label,
                report,
            });
        }
        let seed = config.finetune.seeds[0];
        contests.push(Contest {
            mean_baseline: mean_baseline(&train, &test),
            labels: test.iter().map(|one| f64::from(one.labels[0])).collect(),
            model: Some(
                folder
                    .join(format!("finetune-{name}-dnd"))
                    .join(format!("seed-{seed}")),
            ),
            target,
            contestants,
        });
    }
    Ok(contests)
}

fn one_column(examples: Vec<Labelled>, column: usize) -> Vec<Labelled> {
    let keep = |one: Labelled| Labelled {
        labels: vec![one.labels[column]],
        graph: one.graph,
    };
    examples.into_iter().map(keep).collect()
}

fn mean_baseline(train: &[Labelled], test: &[Labelled]) -> f64 {
    let mean = train
        .iter()
        .map(|one| f64::from(one.labels[0]))
        .sum::<f64>()
        / train.len() as f64;
    test.iter()
        .map(|one| (f64::from(one.labels[0]) - mean).abs())
        .sum::<f64>()
        / test.len() as f64
}
