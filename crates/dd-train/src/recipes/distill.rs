//! Step 2 from a configuration and a teacher to a student's folder.

use std::path::{Path, PathBuf};

use dd_distill::{DistillLoss, ElementSpread, SpreadCount, loss_by_name};
use dd_encoder2d::{EncoderConfig, ModelConfig, ModelFolder, TokenGtConfig};
use dd_graph::{AtomOrder, FeaturizerConfig, Hydrogens, OgbConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::adamw::AdamWConfig;
use crate::batch::BatchConfig;
use crate::config::{FitConfig, Keep, Length};
use crate::error::{Result, TrainError};
use crate::fit::{Data, FitReport, fit};
use crate::folder::write_json;
use crate::recipes::account::account;
use crate::recipes::{
    BEGINNING, empty_store, hold_out, identity, plain_path, same_network, student_model,
};
use crate::schedule::ScheduleConfig;
use crate::session::Session;
use crate::source::{Pair, Source, Subset};
use crate::state::StopReason;
use crate::task::{Task, fetch};
use crate::tasks::Distill;
use crate::teacher::Teacher;
use crate::teacher_cache::{Speaker, TeacherCache};

/// Training molecules from which the spread of elements is taken.
const SPREAD_MOLECULES: usize = 20_000;

/// Configuration of [`distill`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillConfig {
    /// Molecules held out for validation, drawn by the seed.
    pub valid: usize,
    /// Model to begin with, as [`ModelFolder::open`] finds it; without it parameters are drawn. Student and features must be
    /// the configuration's: [`DistillConfig::begin_with`] takes them over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin_with: Option<PathBuf>,
    /// Run the teacher once over all molecules and keep what it gives in memory, instead of in every epoch.
    pub cache_teacher: bool,
    /// Losses over atoms see vectors divided by the spread of their element ([`dd_distill::ElementSpread`]), so that rare
    /// elements count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balance_elements: bool,
    /// The loss: the weighted sum of these.
    pub losses: Vec<LossTerm>,
    /// What the student sees.
    pub featurizer: OgbConfig,
    /// The student.
    pub student: EncoderConfig,
    /// The run.
    pub fit: FitConfig,
}

/// One term of the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossTerm {
    /// Its name, one of [`dd_distill::LOSS_NAMES`].
    pub name: String,
    /// Its weight.
    pub weight: f64,
}

impl LossTerm {
    /// D&D-Node: mean squared error over corresponding atoms and channels.
    pub fn node() -> Self {
        Self {
            name: "node_mse".into(),
            weight: 1.0,
        }
    }

    /// D&D-Graph: mean squared error of the means over the atoms.
    pub fn graph() -> Self {
        Self {
            name: "graph_mse_mean_pool".into(),
            weight: 1.0,
        }
    }
}

impl DistillConfig {
    /// The defaults for what the paper leaves open (its hyper-parameters are in an appendix that was never published):
    /// a student as wide as the teacher (256), so that no projection is needed; the optimiser of the released TokenGT
    /// (`jw9730/tokengt`, commit bb76758) with its schedule shortened to `steps` and a smaller decay for the narrower
    /// network; 1024 molecules a batch, 6 % warm-up, then linearly to zero.
    pub fn student_256(seed: u64, steps: u64, loss: LossTerm) -> Self {
        let student = TokenGtConfig::student_256();
        Self {
            valid: 2000,
            begin_with: None,
            cache_teacher: false,
            balance_elements: false,
            losses: vec![loss],
            featurizer: OgbConfig {
                hydrogens: Hydrogens::Remove,
                laplacian: student.node_identifiers.laplacian_columns(),
                order: AtomOrder::AsWritten,
            },
            student: EncoderConfig::TokenGt(student),
            fit: FitConfig {
                seed,
                length: Length::Steps(steps),
                batch: BatchConfig::Molecules(1024),
                eval_batch: BatchConfig::Tokens(16_384),
                clip: Some(5.0),
                ema: None,
                keep: Keep::Last,
                validate_every: 1,
                patience: None,
                log_every: 50,
                checkpoint_every: Some(1000),
                optimizer: AdamWConfig {
                    weight_decay: 0.01,
                    ..AdamWConfig::adam(2e-4)
                },
                schedule: ScheduleConfig::Linear {
                    warmup: steps * 6 / 100,
                    total: steps,
                },
            },
        }
    }

    /// Our own scaling to minutes on two cores: the student [`TokenGtConfig::student_64`] for a teacher of width 64,
    /// batches of 64 molecules, a higher rate, the teacher's answers kept in memory.
    pub fn tiny(seed: u64, steps: u64, loss: LossTerm) -> Self {
        let student = TokenGtConfig::student_64();
        let mut config = Self::student_256(seed, steps, loss);
        config.valid = 100;
        config.cache_teacher = true;
        config.featurizer.laplacian = student.node_identifiers.laplacian_columns();
        config.student = EncoderConfig::TokenGt(student);
        config.fit.batch = BatchConfig::Molecules(64);
        config.fit.optimizer.lr = 1e-3;
        config.fit.log_every = 10;
        config.fit.checkpoint_every = Some((steps / 10).max(1));
        config
    }

    /// Begins with this model, a name or a folder: its encoder and features replace those of the configuration.
    ///
    /// # Errors
    /// When there is no such model, or it reads other features than OGB's.
    pub fn begin_with(&mut self, name_or_path: &Path) -> Result<()> {
        let folder = ModelFolder::open(name_or_path)?;
        let ModelConfig {
            encoder,
            featurizer,
            ..
        } = folder.config().clone();
        let FeaturizerConfig::Ogb(featurizer) = featurizer else {
            return Err(TrainError::config(
                "begin_with",
                format!(
                    "{} reads the features {}, a student reads ogb",
                    name_or_path.display(),
                    featurizer.kind()
                ),
            ));
        };
        self.student = encoder;
        self.featurizer = featurizer;
        self.begin_with = Some(plain_path(name_or_path));
        Ok(())
    }

    /// The student as a model folder describes it.
    ///
    /// # Errors
    /// When the featurizer does not make the eigenvectors that the student reads.
    pub fn model(&self) -> Result<ModelConfig> {
        student_model(&self.student, &self.featurizer.clone().into())
    }

    fn terms(&self) -> Result<Vec<(f64, Box<dyn DistillLoss>)>> {
        if self.losses.is_empty() {
            return Err(TrainError::config("losses", "at least one loss is needed"));
        }
        let is_weight = |weight: f64| weight > 0.0 && weight.is_finite();
        if let Some(term) = self.losses.iter().find(|term| !is_weight(term.weight)) {
            let reason = format!("{} of {} is no positive number", term.weight, term.name);
            return Err(TrainError::config("losses.weight", reason));
        }
        let over_molecules = |term: &&LossTerm| !term.name.starts_with("node_");
        if let (true, Some(term)) = (
            self.balance_elements,
            self.losses.iter().find(over_molecules),
        ) {
            let reason = format!(
                "{} is not over atoms, and has no elements to balance",
                term.name
            );
            return Err(TrainError::config("balance_elements", reason));
        }
        let terms = self.losses.iter();
        terms
            .map(|term| Ok((term.weight, loss_by_name(&term.name)?)))
            .collect()
    }
}

/// Trains a student to give what `teacher` gives on `pairs`, some of which are held out for validation. The folder then holds
/// the student's `config.json` and `model.safetensors`, without a projection if there was one.
///
/// # Errors
/// When the configuration describes no run, or the run fails (see [`fit()`]).
pub fn distill(
    config: &DistillConfig,
    teacher: Teacher,
    pairs: &dyn Source<Item = Pair>,
    session: &mut Session<'_>,
) -> Result<(Distill, FitReport)> {
    let (train, valid) = hold_out(pairs, config.valid, config.fit.seed)?;
    let data = Data {
        train: &train,
        valid: (config.valid > 0).then_some(&valid as &dyn Source<Item = Pair>),
    };
    distill_on(config, teacher, &data, None, session)
}

/// [`distill`] with a validation set of its own, and with what the teacher says kept in the file `cache`, for other runs too.
/// `account.json` compares the student with a predictor that knows no structure.
///
/// # Errors
/// As [`distill`], and when the file is of another teacher or of other conformers.
pub fn distill_on(
    config: &DistillConfig,
    teacher: Teacher,
    data: &Data<'_, Pair>,
    cache: Option<&Path>,
    session: &mut Session<'_>,
) -> Result<(Distill, FitReport)> {
    config.fit.validate()?;
    let model = config.model()?;
    let store = empty_store(&config.fit, session.device);
    let student = model.build_encoder(&store.root())?;
    if let Some(name) = &config.begin_with {
        let folder = ModelFolder::open(name)?;
        let parts = |of: &ModelConfig| json!({"student": of.encoder, "featurizer": of.featurizer});
        same_network(name, &parts(folder.config()), &parts(&model))?;
        folder.load_encoder(&store)?;
    }
    if let Some(folder) = session.folder {
        let description = format!("{:?}", teacher.config);
        let mut identity =
            identity(config, data)?.with_network("teacher", &description, &teacher.store)?;
        if config.begin_with.is_some() {
            identity = identity.with_network(BEGINNING, "", &store)?;
        }
        folder.claim(&identity)?;
        folder.write_resolved(config)?;
        folder.write_config_text(&model.to_json()?)?;
    }
    let cache = remember(config, &teacher, data, cache)?;
    let teacher = (Box::new(teacher.network) as Box<_>, teacher.store.dtype());
    let mut task = Distill::new(student, &store, teacher, config.terms()?)?;
    if let Some(cache) = cache {
        task = task.with_cache(cache);
    }
    if config.balance_elements {
        let spread = spread(&task, data.train, &config.fit.eval_batch)?;
        task = task.balanced(spread);
    }
    let report = fit(&task, data, &config.fit, session.folder, session.observer)?;
    if let (Some(folder), Some(valid)) = (session.folder, data.valid)
        && report.reason != StopReason::Observer
    {
        let account = account(&task, data.train, valid, &config.fit.eval_batch)?;
        write_json(&folder.path().join("account.json"), &account)?;
    }
    Ok((task, report))
}

/// How far the teacher's vectors lie apart, from molecules that are evenly spread over the training data.
fn spread(
    task: &Distill,
    train: &dyn Source<Item = Pair>,
    batch: &BatchConfig,
) -> Result<ElementSpread> {
    let step = train.len().div_ceil(SPREAD_MOLECULES).max(1);
    let some = Subset::new(train, (0..train.len()).step_by(step).collect())?;
    let mut count = SpreadCount::default();
    for indices in batch.in_order(&some) {
        task.count_spread(&fetch(&some, &indices)?, &mut count)?;
    }
    let store = task.store();
    Ok(count.spread(store.dtype(), store.device())?)
}

/// What the teacher says of all conformers of the run, when it is to be kept.
fn remember(
    config: &DistillConfig,
    teacher: &Teacher,
    data: &Data<'_, Pair>,
    file: Option<&Path>,
) -> Result<Option<TeacherCache>> {
    if file.is_none() && !config.cache_teacher {
        return Ok(None);
    }
    let mut clouds = Vec::new();
    for source in [Some(data.train), data.valid].into_iter().flatten() {
        for index in 0..source.len() {
            clouds.push(source.get(index)?.cloud);
        }
    }
    let batches = config.fit.eval_batch.in_order(&clouds);
    let description = format!("{:?}", teacher.config);
    let speaker = Speaker {
        network: &teacher.network,
        store: &teacher.store,
        description: &description,
    };
    Ok(Some(match file {
        Some(path) => TeacherCache::in_file(path, speaker, &clouds, &batches)?,
        None => TeacherCache::in_memory(speaker, &clouds, &batches)?,
    }))
}
