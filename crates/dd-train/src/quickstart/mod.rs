//! The whole method in minutes, on the embedded data: teacher, student, fine-tuning against a twin from scratch, report.
//!
//! Molecules of the test part of the scaffold split are in no step before they are predicted. The labelled molecules are
//! the same for both contenders and all seeds. The result is whatever it is.

mod attention;
mod contest;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use dd_data::{CountedRows, Dataset, Fractions, Split, Subset, embedded};
use dd_kernels::rng::Key;
use dd_nn::write_atomically;
use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};
use crate::examples::{Conformers, Pairs};
use crate::fit::FitReport;
use crate::folder::{RunFolder, Start};
use crate::inputs::{self, LabelledTable};
use crate::metrics_log::MetricsLog;
use crate::observer::Observer;
use crate::recipes::distill::{DistillConfig, LossTerm, distill};
use crate::recipes::finetune_config::FinetuneConfig;
use crate::recipes::pretrain::{PretrainConfig, pretrain};
use crate::session::Session;
use crate::state::StopReason;
use crate::teacher::Teacher;

pub use contest::{Contest, Contestant};

/// Everything that the quickstart does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuickstartConfig {
    /// Seed of the choice of labelled molecules.
    pub seed: u64,
    /// Molecules whose labels are used for fitting.
    pub labels: usize,
    /// Step 1.
    pub pretrain: PretrainConfig,
    /// Step 2.
    pub distill: DistillConfig,
    /// Step 3, for both contenders.
    pub finetune: FinetuneConfig,
}

/// What the quickstart leaves behind.
#[derive(Debug, Clone)]
pub struct Quickstart {
    /// The scores, as a table in Markdown.
    pub table: String,
    /// `report.html`.
    pub report: PathBuf,
    /// A fine-tuned model that `dnd predict` and `dnd embed` accept.
    pub model: PathBuf,
}

impl QuickstartConfig {
    /// Sizes that fit into six minutes on two cores: the presets `tiny`, 100 labels, three seeds.
    pub fn two_cores(seed: u64) -> Self {
        let mut finetune = FinetuneConfig::regression();
        finetune.seeds = (0..3).map(|run| seed + run).collect();
        finetune.fit.length = crate::Length::Epochs(60);
        finetune.fit.optimizer.lr = 5e-4;
        let mut distill = DistillConfig::tiny(seed, 900, LossTerm::node());
        distill.losses.push(LossTerm::graph());
        Self {
            seed,
            labels: 100,
            pretrain: PretrainConfig::tiny(seed, 900),
            distill,
            finetune,
        }
    }
}

/// Runs all three steps in `folder` and writes `report.html` there.
///
/// # Errors
/// When a step fails, the folder cannot be written, or the observer stops it ([`TrainError::Stopped`]).
pub fn quickstart(
    config: &QuickstartConfig,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<Quickstart> {
    let dataset: Arc<dyn Dataset> = Arc::new(embedded::small_organics(&[
        embedded::GAP_EV,
        embedded::DIPOLE_DEBYE,
    ])?);
    let table = LabelledTable::of(&dataset, &config.distill.featurizer.clone().into())?;
    let split = Split::by_scaffold(&table.scaffolds, Fractions::MOLECULE_NET, CountedRows::All);
    let seen: Vec<usize> = split.train.iter().chain(&split.valid).copied().collect();
    let seen: Arc<dyn Dataset> = Arc::new(Subset::new(dataset.clone(), seen)?);

    let teacher_folder = RunFolder::open(folder.join("teacher"), Start::Resume)?;
    let recipe = inputs::distill_recipe(&config.distill.featurizer, &config.pretrain.points);
    let (examples, _) = inputs::examples(&[seen], &recipe, None)?;
    let conformers = Conformers(&examples);
    let (_, report) = pretrain(
        &config.pretrain,
        &conformers,
        &mut session(&teacher_folder, observer),
    )?;
    goes_on(&report)?;

    let student_folder = RunFolder::open(folder.join("student"), Start::Resume)?;
    let teacher = Teacher::load(teacher_folder.path(), &Device::Cpu)?;
    let pairs = Pairs(&examples);
    let (_, report) = distill(
        &config.distill,
        teacher,
        &pairs,
        &mut session(&student_folder, observer),
    )?;
    goes_on(&report)?;

    let few = few_labels(&split.train, config);
    let contests = contest::hold(config, &dataset, &table, &split, &few, folder, observer)?;
    let pictures = attention::pictures(student_folder.path(), &dataset, &split.test)?;
    let text = summary::table(&contests, config)?;
    let page = summary::page(
        config,
        &contests,
        [
            MetricsLog::read(teacher_folder.path())?.losses,
            MetricsLog::read(student_folder.path())?.losses,
        ],
        &pictures,
        &text,
    );
    let report = folder.join("report.html");
    write_atomically(&report, |out| out.write_all(page.as_bytes()))?;
    let model = contests
        .iter()
        .find_map(|contest| contest.model.clone())
        .unwrap_or_default();
    Ok(Quickstart {
        table: text,
        report,
        model,
    })
}

/// The molecules whose labels are used, the same for every contender and seed.
fn few_labels(train: &[usize], config: &QuickstartConfig) -> Vec<usize> {
    let order = Key::from_seed(config.seed)
        .named("labels")
        .permutation(train.len());
    order
        .into_iter()
        .take(config.labels)
        .map(|i| train[i])
        .collect()
}

/// A student learns from a teacher that is done, a model from a student that is.
fn goes_on(report: &FitReport) -> Result<()> {
    match report.reason {
        StopReason::Observer => Err(TrainError::Stopped),
        _ => Ok(()),
    }
}

fn session<'s>(folder: &'s RunFolder, observer: &'s mut dyn Observer) -> Session<'s> {
    Session {
        folder: Some(folder),
        device: &Device::Cpu,
        observer,
    }
}
