//! `dnd finetune`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dd_train::property::Intervals;

use super::{SplitMethod, TaskKind};

/// `dnd finetune`.
#[derive(Debug, Args)]
#[command(after_help = "\
Any table with a column of SMILES and a column of labels will do:

  dnd finetune data.csv
  dnd predict --model runs/data -i new.smi -o predictions.csv

What is left open is chosen and said, with the reason. An empty cell, NA, N/A, #N/A, NaN, null or
none is a missing label; true, yes, active, positive and their opposites are 1 and 0. Rows that
cannot be used are listed in rejected.csv in the run folder.

The run folder holds report.html, one model for each seed (seed-N), uncertainty.json and
applicability.json, which `dnd predict` reads, scores.json, and choices.json. It also holds the
SMILES of the training molecules: do not give it away where these are secret. An interrupted run
goes on when the command is repeated.

docs/how-to/finetune.md explains the report and the choices.")]
pub(crate) struct Finetune {
    /// Table with SMILES and labels: .csv or .tsv, also .gz.
    #[arg(value_name = "TABLE", required_unless_present = "input")]
    pub(crate) table: Option<PathBuf>,
    /// The table, by a flag.
    #[arg(short, long, value_name = "FILE", conflicts_with = "table")]
    pub(crate) input: Option<PathBuf>,
    /// Column that holds the SMILES [default: by its name, or else the one whose cells are SMILES].
    #[arg(long, value_name = "NAME")]
    pub(crate) smiles_column: Option<String>,
    /// Columns that hold the labels [default: all columns of numbers or yes-no words but identifiers].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) target_columns: Vec<String>,
    /// Kind of all labels [default: binary where all labels of a column are 0 or 1, else regression].
    #[arg(long, value_enum)]
    pub(crate) task: Option<TaskKind>,
    /// Model to begin with: a name, a folder, or `none` to train from scratch.
    #[arg(short, long, value_name = "NAME|DIR", default_value = dd_train::property::DEFAULT_MODEL)]
    pub(crate) model: PathBuf,
    /// Run folder [default: runs/ and the name of the table].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// How to divide the table into train, valid and test.
    #[arg(long, value_enum, default_value = "scaffold")]
    pub(crate) split: SplitMethod,
    /// Shares of train, valid and test.
    #[arg(long, value_delimiter = ',', default_value = "0.8,0.1,0.1")]
    pub(crate) fractions: Vec<f64>,
    /// Seed of a random split.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) split_seed: u64,
    /// Column that says train, valid or test; instead of --split.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["split", "fractions", "split_seed"])]
    pub(crate) split_column: Option<String>,
    /// Learning rate of the encoder as a share of the head's, such as 0.1; 0 keeps the encoder as it is [default: 1].
    #[arg(long, value_name = "SHARE")]
    pub(crate) encoder_rate: Option<f64>,
    /// Configuration; flags win over it.
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// Number of models, seeds 0 to N - 1; their mean predicts, their spread is told [default: 3, or the seeds of --config].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100), conflicts_with = "seeds")]
    pub(crate) ensemble: Option<u64>,
    /// The seeds themselves; one model is trained for each.
    #[arg(long, value_delimiter = ',')]
    pub(crate) seeds: Vec<u64>,
    /// Largest number of passes over the training part [default: 100].
    #[arg(long)]
    pub(crate) epochs: Option<u64>,
    /// Passes without a better validation that are tolerated; one more ends a model's training [default: 15].
    #[arg(long, value_name = "EPOCHS")]
    pub(crate) patience: Option<u64>,
    /// How wide the intervals of numbers are; `dnd predict --intervals` may say otherwise [default: scaled; constant for a
    /// single model].
    #[arg(long, value_enum)]
    pub(crate) intervals: Option<Widths>,
    /// How much the classes of binary targets count [default: none].
    #[arg(long, value_enum)]
    pub(crate) class_weights: Option<Weights>,
}

/// How much classes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Weights {
    /// By the number of their molecules: probabilities mean what they say.
    None,
    /// The same for both: probabilities rank, but are no frequencies any more.
    Balanced,
}

/// How wide intervals are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Widths {
    /// The same width for every molecule.
    Constant,
    /// In proportion to the spread of the models (and a floor): narrow where they agree.
    Scaled,
}

impl From<Widths> for Intervals {
    fn from(widths: Widths) -> Self {
        match widths {
            Widths::Constant => Self::Constant,
            Widths::Scaled => Self::Scaled,
        }
    }
}
