//! Metrics by name: what they are called, which way is better, which unit they have, how they are computed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Confusion, Direction, EvalError, LabelKind, Unit, calibration, correlation, ranking, regression,
};

/// Decisions are made at this score: a row is called positive when its prediction is at least one half.
const THRESHOLD: f64 = 0.5;
/// Bins of the expected and maximum calibration error (C. Guo et al., ICML 2017).
const BINS: usize = 15;

/// A metric of one task.
///
/// Serialised and parsed by its [`name`](Self::name): `"roc_auc"`, `"mae"`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// [`ranking::roc_auc`].
    RocAuc,
    /// [`ranking::average_precision`].
    AveragePrecision,
    /// [`ranking::prc_auc`].
    PrcAuc,
    /// [`Confusion::accuracy`] at 0.5.
    Accuracy,
    /// [`Confusion::balanced_accuracy`] at 0.5.
    BalancedAccuracy,
    /// [`Confusion::precision`] at 0.5.
    Precision,
    /// [`Confusion::recall`] at 0.5.
    Recall,
    /// [`Confusion::f1`] at 0.5.
    F1,
    /// [`Confusion::mcc`] at 0.5.
    Mcc,
    /// [`Confusion::cohen_kappa`] at 0.5.
    CohenKappa,
    /// [`calibration::brier`].
    Brier,
    /// [`calibration::log_loss`].
    LogLoss,
    /// [`calibration::expected_calibration_error`] with 15 bins.
    Ece,
    /// [`calibration::maximum_calibration_error`] with 15 bins.
    Mce,
    /// [`regression::mae`].
    Mae,
    /// [`regression::mse`].
    Mse,
    /// [`regression::rmse`].
    Rmse,
    /// [`regression::median_absolute_error`].
    MedianAe,
    /// [`regression::r2`].
    R2,
    /// [`correlation::pearson`].
    Pearson,
    /// [`correlation::spearman`].
    Spearman,
    /// [`correlation::kendall_tau_b`].
    KendallTauB,
}

impl Metric {
    /// All metrics, with their names.
    pub const ALL: [(&'static str, Metric); 22] = [
        ("roc_auc", Metric::RocAuc),
        ("average_precision", Metric::AveragePrecision),
        ("prc_auc", Metric::PrcAuc),
        ("accuracy", Metric::Accuracy),
        ("balanced_accuracy", Metric::BalancedAccuracy),
        ("precision", Metric::Precision),
        ("recall", Metric::Recall),
        ("f1", Metric::F1),
        ("mcc", Metric::Mcc),
        ("cohen_kappa", Metric::CohenKappa),
        ("brier", Metric::Brier),
        ("log_loss", Metric::LogLoss),
        ("ece", Metric::Ece),
        ("mce", Metric::Mce),
        ("mae", Metric::Mae),
        ("mse", Metric::Mse),
        ("rmse", Metric::Rmse),
        ("median_ae", Metric::MedianAe),
        ("r2", Metric::R2),
        ("pearson", Metric::Pearson),
        ("spearman", Metric::Spearman),
        ("kendall_tau_b", Metric::KendallTauB),
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, metric)| *metric == self)
            .map_or("unknown", |(name, _)| name)
    }

    /// Which way is better.
    pub fn direction(self) -> Direction {
        use Metric::{Brier, Ece, LogLoss, Mae, Mce, MedianAe, Mse, Rmse};
        match self {
            Brier | LogLoss | Ece | Mce | Mae | Mse | Rmse | MedianAe => Direction::Minimize,
            _ => Direction::Maximize,
        }
    }

    /// What it expects as labels.
    pub fn labels(self) -> LabelKind {
        use Metric::{KendallTauB, Mae, MedianAe, Mse, Pearson, R2, Rmse, Spearman};
        match self {
            Mae | Mse | Rmse | MedianAe | R2 | Pearson | Spearman | KendallTauB => {
                LabelKind::Number
            }
            _ => LabelKind::Class,
        }
    }

    /// How its unit follows from the label's.
    pub fn unit(self) -> Unit {
        match self {
            Metric::Mae | Metric::Rmse | Metric::MedianAe => Unit::Label,
            Metric::Mse => Unit::LabelSquared,
            Metric::LogLoss => Unit::Nats,
            _ => Unit::None,
        }
    }

    /// The unit as text, such as `eV` or `eV²`, for labels in `label_unit`; empty for pure numbers.
    pub fn unit_text(self, label_unit: &str) -> String {
        match self.unit() {
            Unit::None => String::new(),
            Unit::Label => label_unit.to_string(),
            Unit::LabelSquared if label_unit.is_empty() => String::new(),
            Unit::LabelSquared => format!("{label_unit}²"),
            Unit::Nats => "nats".to_string(),
        }
    }

    /// True when `a` is strictly better than `b`.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self.direction() {
            Direction::Maximize => a > b,
            Direction::Minimize => a < b,
        }
    }

    /// The value on one task. Rows whose label is `NaN` are skipped.
    ///
    /// Calibration metrics and the log loss need probabilities; decisions (accuracy, F1, …) are made at 0.5.
    pub fn evaluate(self, labels: &[f64], predictions: &[f64]) -> Result<f64, EvalError> {
        let decisions = || Confusion::at(THRESHOLD, labels, predictions);
        match self {
            Metric::RocAuc => ranking::roc_auc(labels, predictions),
            Metric::AveragePrecision => ranking::average_precision(labels, predictions),
            Metric::PrcAuc => ranking::prc_auc(labels, predictions),
            Metric::Accuracy => decisions()?.accuracy(),
            Metric::BalancedAccuracy => decisions()?.balanced_accuracy(),
            Metric::Precision => decisions()?.precision(),
            Metric::Recall => decisions()?.recall(),
            Metric::F1 => decisions()?.f1(),
            Metric::Mcc => decisions()?.mcc(),
            Metric::CohenKappa => decisions()?.cohen_kappa(),
            Metric::Brier => calibration::brier(labels, predictions),
            Metric::LogLoss => calibration::log_loss(labels, predictions),
            Metric::Ece => calibration::expected_calibration_error(labels, predictions, BINS),
            Metric::Mce => calibration::maximum_calibration_error(labels, predictions, BINS),
            Metric::Mae => regression::mae(labels, predictions),
            Metric::Mse => regression::mse(labels, predictions),
            Metric::Rmse => regression::rmse(labels, predictions),
            Metric::MedianAe => regression::median_absolute_error(labels, predictions),
            Metric::R2 => regression::r2(labels, predictions),
            Metric::Pearson => correlation::pearson(labels, predictions),
            Metric::Spearman => correlation::spearman(labels, predictions),
            Metric::KendallTauB => correlation::kendall_tau_b(labels, predictions),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = EvalError;

    /// Reads a [`name`](Metric::name); `-` is as good as `_`, case does not matter. An unknown name lists the known ones.
    fn from_str(text: &str) -> Result<Self, EvalError> {
        let name = text.trim().to_ascii_lowercase().replace('-', "_");
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, metric)| *metric)
            .ok_or_else(|| EvalError::UnknownMetric {
                name: text.to_string(),
                known: Self::ALL.map(|(known, _)| known).join(", "),
            })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_unique() {
        for (name, metric) in Metric::ALL {
            assert_eq!(metric.name(), name);
            assert_eq!(name.parse::<Metric>().unwrap(), metric);
        }
        assert_eq!("ROC-AUC".parse::<Metric>().unwrap(), Metric::RocAuc);
        let error = "rocauc".parse::<Metric>().unwrap_err().to_string();
        assert!(error.contains("'rocauc'") && error.contains("roc_auc, average_precision"));
    }

    #[test]
    fn perfect_predictions_cannot_be_beaten() {
        let labels = [0.0, 1.0, 1.0, 0.0];
        let wrong = [0.6, 0.3, 0.9, 0.1];
        for (_, metric) in Metric::ALL {
            let (best, worse) = (
                metric.evaluate(&labels, &labels),
                metric.evaluate(&labels, &wrong),
            );
            assert!(metric.is_better(best.unwrap(), worse.unwrap()), "{metric}");
        }
    }

    #[test]
    fn units_follow_the_label() {
        assert_eq!(Metric::Mae.unit_text("eV"), "eV");
        assert_eq!(Metric::Mse.unit_text("eV"), "eV²");
        assert_eq!(Metric::RocAuc.unit_text("eV"), "");
        assert_eq!(Metric::LogLoss.unit_text("eV"), "nats");
    }
}
