//! What will be done with a table, chosen and told before anything is trained.

use std::path::{Path, PathBuf};

use dd_data::{LabelSurvey, SmilesColumn, Split, Survey};
use dd_encoder2d::{EncoderConfig, ModelFolder, Target, TargetKind};
use dd_eval::Metric;
use dd_graph::FeaturizerConfig;

use super::answer::check_names;
use super::intervals::Intervals;
use super::table::{Division, PropertyTable, targets};
use crate::batch::BatchConfig;
use crate::config::{Length, PatienceConfig, first_repeated};
use crate::error::{Result, TrainError};
use crate::recipes::finetune::{ClassWeights, FinetuneConfig, check_encoder_rate, check_seeds};

/// The pretrained model to begin with when none is named.
pub const DEFAULT_MODEL: &str = "gin-128-node";
/// Fewest rows with a label, of a target and of the table.
const LEAST_ROWS: usize = 20;
/// Fewest rows of the training and of the validation part.
const LEAST_PARTS: [usize; 2] = [10, 2];
/// Targets and columns left out that are told one by one.
const MOST_TOLD: usize = 12;
/// What is used when no configuration is given: of the two rates that the comparison on MoleculeNet searches, the larger,
/// and early stopping.
const LEARNING_RATE: f64 = 1e-3;
const EPOCHS: u64 = 100;
const PATIENCE: u64 = 15;
/// Models of an ensemble.
const MEMBERS: u64 = 3;

/// What is asked for; everything but the table may be left open.
#[derive(Debug, Clone)]
pub struct PropertyRequest {
    /// The table: `.csv` or `.tsv`, also `.gz`.
    pub table: PathBuf,
    /// Column of the SMILES.
    pub smiles_column: Option<String>,
    /// Columns of the labels; found when there are none.
    pub target_columns: Vec<String>,
    /// Kind of all targets; found from the values of each when absent.
    pub task: Option<TargetKind>,
    /// Model to begin with, by name or folder; random parameters in the shape of [`DEFAULT_MODEL`] when absent.
    pub model: Option<PathBuf>,
    /// How to divide.
    pub division: Division,
    /// Weights of classes; those of the configuration when absent.
    pub class_weights: Option<ClassWeights>,
    /// Learning rate of the encoder as a share of the head's; that of the configuration when absent.
    pub encoder_rate: Option<f64>,
    /// Configuration; [`PropertyPlan::new`] chooses one when absent.
    pub config: Option<FinetuneConfig>,
    /// Seeds, one model for each; when there are none, those of the configuration, or else three.
    pub seeds: Vec<u64>,
    /// Largest number of epochs.
    pub epochs: Option<u64>,
    /// Validations without improvement that are tolerated.
    pub patience: Option<u64>,
    /// How wide the intervals of numbers are; by the spread of the models when absent, and there are several.
    pub intervals: Option<Intervals>,
}

/// What will be done.
#[derive(Debug, Clone)]
pub struct PropertyPlan {
    pub(super) request: PropertyRequest,
    pub(super) smiles: SmilesColumn,
    pub(super) labels: LabelSurvey,
    /// The targets.
    pub targets: Vec<Target>,
    /// The table.
    pub table: PropertyTable,
    /// Its parts.
    pub split: Split,
    /// The configuration.
    pub config: FinetuneConfig,
    pub(super) encoder: EncoderConfig,
    pub(super) featurizer: FeaturizerConfig,
    num_rows: usize,
    division_note: Option<String>,
}

impl PropertyPlan {
    /// Reads the table and chooses what was left open.
    ///
    /// # Errors
    /// When the table cannot be read, has no molecules, no usable target or too few rows: the message says which, with the
    /// numbers.
    pub fn new(request: PropertyRequest) -> Result<Self> {
        let path = request.table.clone();
        let refuse = |reason: String| TrainError::Table {
            path: path.clone(),
            reason,
        };
        let model = request.model.clone().unwrap_or(DEFAULT_MODEL.into());
        let folder = ModelFolder::open(&model)?;
        let featurizer = folder.config().build_featurizer();
        if let Some(name) = first_repeated(&request.target_columns) {
            return Err(refuse(format!("target column {name:?} is asked for twice")));
        }
        let survey = Survey::read(&path)?;
        let smiles = survey.smiles_column(request.smiles_column.as_deref())?;
        let mut labels = survey.label_columns(&request.target_columns, &smiles.name)?;
        let few = |known: usize| format!("only {known} labels, at least {LEAST_ROWS} are needed");
        let (kept, scarce): (Vec<_>, Vec<_>) = labels
            .columns
            .into_iter()
            .partition(|column| column.known >= LEAST_ROWS);
        labels.left_out.extend(
            scarce
                .into_iter()
                .map(|column| (column.name, few(column.known))),
        );
        labels.columns = kept;
        if let Division::Column(name) = &request.division {
            survey.column(name)?;
            if request.target_columns.contains(name) {
                return Err(refuse(format!(
                    "column {name:?} is asked for as a target and as the split"
                )));
            }
            labels.columns.retain(|column| column.name != *name);
        }
        let asked = !request.target_columns.is_empty();
        if labels.columns.is_empty() || (asked && !labels.left_out.is_empty()) {
            return Err(refuse(format!("no usable target\n{}", left_out(&labels))));
        }
        let targets = targets(&labels.columns, request.task, &path)?;
        check_names(&targets).map_err(|error| refuse(error.to_string()))?;
        let table =
            PropertyTable::read(&survey, &smiles.name, &labels.columns, featurizer.as_ref())?;
        let usable = table.usable().len();
        if usable < LEAST_ROWS {
            return Err(refuse(format!(
                "{usable} of {} rows can be used ({} rejected, {} without a label); at least {LEAST_ROWS} are needed{}",
                survey.num_rows(),
                table.rejected.len(),
                table.unlabelled,
                first_rejected(&table)
            )));
        }
        let (split, division_note) = table.divide(&survey, &request.division)?;
        for ((part, name), least) in [(&split.train, "train"), (&split.valid, "valid")]
            .into_iter()
            .zip(LEAST_PARTS)
        {
            if part.len() < least {
                return Err(refuse(format!(
                    "{} rows in the part '{name}' of the split (train {}, valid {}, test {}), at least {least} are needed: \
                     use --split random, other --fractions, or more rows",
                    part.len(),
                    split.train.len(),
                    split.valid.len(),
                    split.test.len()
                )));
            }
        }
        check_training_labels(&targets, &table, &split, &path)?;
        let config = configure(&request, &targets, &table, &split);
        check_seeds(&config.seeds)?;
        check_encoder_rate(config.encoder_rate, request.model.is_some())?;
        Ok(Self {
            encoder: folder.config().encoder.clone(),
            featurizer: folder.config().featurizer.clone(),
            num_rows: survey.num_rows(),
            request,
            smiles,
            labels,
            targets,
            table,
            split,
            config,
            division_note,
        })
    }

    /// What was chosen and why, as pairs of a subject and a sentence.
    pub fn choices(&self) -> Vec<(&'static str, String)> {
        let name = self.request.table.file_name().unwrap_or_default();
        let mut lines = vec![(
            "table",
            format!(
                "{}: {} rows, {} usable, {} rejected{}, {} without a label",
                name.to_string_lossy(),
                self.num_rows,
                self.table.usable().len(),
                self.table.rejected.len(),
                if self.table.rejected.is_empty() {
                    ""
                } else {
                    " (rejected.csv says why)"
                },
                self.table.unlabelled,
            ),
        )];
        lines.push((
            "SMILES",
            format!("column \"{}\" ({})", self.smiles.name, self.smiles.reason),
        ));
        let described = self.targets.iter().zip(&self.labels.columns);
        for (target, column) in described.take(MOST_TOLD) {
            let why = if self.request.task.is_some() {
                "as asked"
            } else {
                "by its values"
            };
            let kind = match target.kind {
                TargetKind::Regression => "regression",
                TargetKind::Binary => "binary",
            };
            let broken = match column.broken {
                0 => String::new(),
                1 => ", 1 cell that is no label".to_string(),
                count => format!(", {count} cells that are no label"),
            };
            lines.push((
                "target",
                format!(
                    "\"{}\": {kind} ({why}), {} labels, {} missing{broken}",
                    target.name, column.known, column.missing
                ),
            ));
        }
        if self.targets.len() > MOST_TOLD {
            let more = self.targets.len() - MOST_TOLD;
            lines.push(("target", format!("and {more} more")));
        }
        if !self.labels.left_out.is_empty() {
            lines.push(("left out", left_out(&self.labels).replace('\n', "; ")));
        }
        lines.push(("model", self.model_line()));
        lines.push(("split", self.split_line()));
        lines.push(("training", self.training_line()));
        let numbers = |target: &Target| target.kind == TargetKind::Regression;
        if self.targets.iter().any(numbers) {
            lines.push(("intervals", self.intervals_line().to_string()));
        }
        lines
    }

    /// How wide the intervals of numbers will be.
    pub(super) fn intervals(&self) -> Intervals {
        let several = self.config.seeds.len() > 1;
        let usual = if several {
            Intervals::Scaled
        } else {
            Intervals::Constant
        };
        self.request.intervals.unwrap_or(usual)
    }

    fn intervals_line(&self) -> &'static str {
        match (self.intervals(), self.request.intervals) {
            (Intervals::Scaled, _) => {
                "wider where the models disagree (--intervals constant: one width for all molecules)"
            }
            (Intervals::Constant, Some(_)) => "one width for all molecules, as asked",
            (Intervals::Constant, None) => {
                "one width for all molecules, as a single model has no spread"
            }
        }
    }

    fn model_line(&self) -> String {
        let model = self.request.model.as_ref();
        match model.map(|model| model.display().to_string()) {
            None => format!("from scratch, in the shape of {DEFAULT_MODEL}"),
            Some(name) if name == DEFAULT_MODEL => format!(
                "{name}: pretrained on 3D structures, ships with the program (--model none trains from scratch)"
            ),
            Some(name) => name,
        }
    }

    fn split_line(&self) -> String {
        let how = match &self.request.division {
            Division::Scaffold(_) => {
                "by scaffold: test molecules have scaffolds that training has not".to_string()
            }
            Division::Random(_, seed) => format!("random, seed {seed}"),
            Division::Column(name) => format!("column \"{name}\""),
        };
        let shared = match self.table.shared_molecules(&self.split) {
            0 => String::new(),
            count => format!("; {count} molecules are in more than one part"),
        };
        let note = self
            .division_note
            .as_ref()
            .map_or(String::new(), |note| format!("; {note}"));
        format!(
            "{how}; {} train, {} valid, {} test{shared}{note}",
            self.split.train.len(),
            self.split.valid.len(),
            self.split.test.len()
        )
    }

    fn training_line(&self) -> String {
        let seeds: Vec<String> = self.config.seeds.iter().map(ToString::to_string).collect();
        let length = match self.config.fit.length {
            Length::Epochs(epochs) => format!("at most {epochs} epochs"),
            Length::Steps(steps) => format!("at most {steps} steps"),
        };
        let best = self.config.selection.map_or("loss", Metric::name);
        let patience = self.config.fit.patience.map_or(String::new(), |patience| {
            format!(
                ", ends after more than {} without a better one",
                patience.validations
            )
        });
        let weights = match self.config.class_weights {
            ClassWeights::None => "",
            ClassWeights::Balanced => ", classes weighted to count the same",
        };
        let encoder = match self.config.encoder_rate {
            1.0 => String::new(),
            0.0 => ", the encoder is frozen".to_string(),
            rate => format!(", the encoder learns at {rate} of the head's rate"),
        };
        format!(
            "{}{}), {length}, the epoch with the best validation {best} is kept{patience}{weights}{encoder}",
            if seeds.len() == 1 {
                "one model (seed ".to_string()
            } else {
                format!("{} models (seeds ", seeds.len())
            },
            seeds.join(", ")
        )
    }
}

fn left_out(labels: &LabelSurvey) -> String {
    let line = |(name, reason): &(String, String)| format!("\"{name}\": {reason}");
    let told = labels.left_out.iter().take(MOST_TOLD).map(line);
    let mut lines: Vec<String> = told.collect();
    if labels.left_out.len() > MOST_TOLD {
        lines.push(format!("and {} more", labels.left_out.len() - MOST_TOLD));
    }
    lines.join("\n")
}

fn first_rejected(table: &PropertyTable) -> String {
    table.rejected.first().map_or(String::new(), |first| {
        format!(
            "; the first rejected is row {}: {}",
            first.row, first.reason
        )
    })
}

/// A target that is the same for all training molecules cannot be learned.
fn check_training_labels(
    targets: &[Target],
    table: &PropertyTable,
    split: &Split,
    path: &Path,
) -> Result<()> {
    let labels = table.labels(&split.train, targets.len());
    for (column, target) in labels.columns().into_iter().zip(targets) {
        let known: Vec<f64> = column
            .iter()
            .copied()
            .filter(|label| !label.is_nan())
            .collect();
        if known.is_empty() {
            return Err(TrainError::Table {
                path: path.to_path_buf(),
                reason: format!(
                    "target \"{}\": no row of the training part has a label; use --split random, or name other \
                     --target-columns",
                    target.name
                ),
            });
        }
        let varies = known.iter().any(|label| *label != known[0]);
        let must_vary = target.kind == TargetKind::Regression || targets.len() == 1;
        if must_vary && !varies {
            return Err(TrainError::Table {
                path: path.to_path_buf(),
                reason: format!(
                    "target \"{}\": all {} labels of the training part are the same; use --split random, or name other \
                     --target-columns",
                    target.name,
                    known.len()
                ),
            });
        }
    }
    Ok(())
}

fn configure(
    request: &PropertyRequest,
    targets: &[Target],
    table: &PropertyTable,
    split: &Split,
) -> FinetuneConfig {
    let mut config = request
        .config
        .clone()
        .unwrap_or_else(|| preset(targets, table, split));
    if !request.seeds.is_empty() {
        config.seeds.clone_from(&request.seeds);
    }
    if let Some(epochs) = request.epochs {
        config.fit.length = Length::Epochs(epochs);
    }
    if let Some(validations) = request.patience {
        config.fit.patience = Some(PatienceConfig {
            validations,
            min_epochs: 0,
        });
    }
    if let Some(weights) = request.class_weights {
        config.class_weights = weights;
    }
    if let Some(rate) = request.encoder_rate {
        config.encoder_rate = rate;
    }
    config
}

/// One metric chooses the epoch where all targets share it and it has a value on the validation part; else the loss does.
fn preset(targets: &[Target], table: &PropertyTable, split: &Split) -> FinetuneConfig {
    let is = |kind| targets.iter().all(|target| target.kind == kind);
    let mut config = if is(TargetKind::Binary) {
        FinetuneConfig::binary()
    } else {
        FinetuneConfig::regression()
    };
    if is(TargetKind::Binary) {
        let labels = table.labels(&split.valid, targets.len());
        let both = |column: ndarray::ArrayView1<'_, f64>| {
            [0.0, 1.0]
                .iter()
                .all(|class| column.iter().any(|label| label == class))
        };
        if !labels.columns().into_iter().any(both) {
            config.selection = None;
        }
    } else if targets.len() > 1 {
        // Errors in different units do not add up; standardised ones do.
        config.selection = None;
    }
    if !is(TargetKind::Binary) && !is(TargetKind::Regression) {
        config.metrics = Vec::new();
    }
    config.seeds = (0..MEMBERS).collect();
    config.fit.length = Length::Epochs(EPOCHS);
    config.fit.batch = BatchConfig::Molecules(32);
    config.fit.optimizer.lr = LEARNING_RATE;
    config.fit.patience = Some(PatienceConfig {
        validations: PATIENCE,
        min_epochs: 0,
    });
    config
}
