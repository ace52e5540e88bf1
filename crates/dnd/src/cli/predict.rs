//! `dnd predict`.

use std::path::PathBuf;

use clap::Args;

use super::{Predict, Widths};

/// `dnd predict`.
#[derive(Debug, Args)]
#[command(after_help = "\
With the run folder of `dnd finetune` each row has, besides the prediction TARGET (the mean of the
models):

  TARGET_std                      spread of the models
  TARGET_low, TARGET_high         where a number lies with the probability of --coverage
  TARGET_set                      which classes of a binary target are not ruled out: 0, 1, 0 or 1, neither
  nearest_similarity              largest Tanimoto similarity of ECFP4 to a training molecule
  nearest_training, .._row        that molecule, and its row in the table
  embedding_distance_percentile   share of training molecules that are nearer to their next than this one is
  unseen_elements                 elements that no training molecule has
  in_domain                       true when the model knows its like (docs/how-to/predict.md has the rule)

A single model has its predictions only. All formats have these columns; .npy has those that are
numbers, and OUT.npy.columns.json says which (docs/how-to/predict.md).")]
pub(crate) struct PredictTargets {
    /// Rows and model.
    #[command(flatten)]
    pub(crate) common: Predict,
    /// Predictions only.
    #[arg(long, conflicts_with_all = ["coverage", "explain"])]
    pub(crate) plain: bool,
    /// Share of molecules whose label lies in its interval or set [default: 0.9].
    #[arg(long, value_name = "SHARE")]
    pub(crate) coverage: Option<f64>,
    /// How wide the intervals of numbers are [default: as `dnd finetune` was told].
    #[arg(long, value_enum, conflicts_with = "plain")]
    pub(crate) intervals: Option<Widths>,
    /// Write into this folder what every atom adds to each prediction: numbers, and a coloured drawing. With --shard I/N the
    /// folder becomes DIR-I-of-N.
    #[arg(long, value_name = "DIR")]
    pub(crate) explain: Option<PathBuf>,
}
