//! What will be done with a table, chosen before anything is trained.

use std::path::{Path, PathBuf};

use dd_data::{LabelSurvey, SmilesColumn, Split, Survey, joined_names};
use dd_encoder2d::{EncoderConfig, ModelFolder, Target, TargetKind};
use dd_graph::FeaturizerConfig;

use super::answer::check_names;
use super::choices::left_out;
use super::intervals::Intervals;
use super::table::{Division, PropertyTable, targets};
use crate::batch::BatchConfig;
use crate::config::{Length, PatienceConfig, first_repeated};
use crate::error::{Result, TrainError};
use crate::recipes::finetune_config::{ClassWeights, FinetuneConfig};
use crate::recipes::plain_path;

/// The pretrained model to begin with when none is named.
pub const DEFAULT_MODEL: &str = "gin-128-node";
/// Fewest rows with a label, of a target and of the table.
const LEAST_ROWS: usize = 20;
/// Fewest rows of the training and of the validation part.
const LEAST_PARTS: [usize; 2] = [10, 2];
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
    pub(super) num_rows: usize,
    pub(super) division_note: Option<String>,
}

impl PropertyPlan {
    /// Reads the table and chooses what was left open.
    ///
    /// # Errors
    /// When the table cannot be read, has no molecules, no usable target or too few rows: the message says which, with the
    /// numbers.
    pub fn new(mut request: PropertyRequest) -> Result<Self> {
        request.model = request.model.as_deref().map(plain_path);
        let path = request.table.clone();
        let refuse = |reason: String| TrainError::Table {
            path: path.clone(),
            reason,
        };
        let model = request.model.clone().unwrap_or(DEFAULT_MODEL.into());
        let folder = ModelFolder::open(&model)?;
        let featurizer = folder.config().build_featurizer();
        let survey = Survey::read(&path)?;
        request.target_columns = joined_names(&request.target_columns, survey.columns());
        if let Some(name) = first_repeated(&request.target_columns) {
            return Err(refuse(format!("target column {name:?} is asked for twice")));
        }
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
        config.check(&targets, request.model.is_some())?;
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
    let labels = table.labels(&split.train);
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
                    "target \"{}\": all {} labels of the training part are the same in single precision; use --split random, subtract \
                     what they share, or name other --target-columns",
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
        let labels = table.labels(&split.valid);
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
