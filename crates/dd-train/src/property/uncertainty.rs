//! How far predictions may be off: scores of the validation part, kept with the models that they were taken from.
//!
//! Numbers get an interval around the ensemble's mean, classes a set of labels that are not ruled out, each class by the
//! molecules that have it (see [`dd_eval::conformal`] for procedure and sources). The promise holds for molecules that are
//! exchangeable with the validation part. Two things strain it: molecules of other scaffolds than it has, and that the best
//! epoch was chosen on the same molecules, which makes their residuals a little small.

use std::path::Path;

use dd_encoder2d::{Target, TargetKind};
use dd_eval::{EvalError, conformal};
use ndarray::{ArrayView2, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use super::intervals::{Intervals, ScaledScores};
use super::versioned::{Versioned, read, wrong};
use crate::error::Result;
use crate::folder::write_json;

const FILE: &str = "uncertainty.json";
const SCHEMA: u32 = 2;
/// The coverages that the file tells in advance. Any other can be asked for.
pub const LEVELS: [f64; 3] = [0.8, 0.9, 0.95];

/// `uncertainty.json`: which models, and the scores of every target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uncertainty {
    schema: u32,
    /// What was done, for readers.
    pub method: String,
    /// The members of the ensemble that the scores are of.
    pub seeds: Vec<u64>,
    /// One entry per target, in the models' order.
    pub targets: Vec<Calibration>,
}

/// The scores of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Name of the target.
    pub name: String,
    /// The usual coverages of intervals of constant width and of sets: what they give, or how many molecules they need.
    pub levels: Vec<Level>,
    /// The scores, ascending.
    pub scores: Scores,
    /// How wide intervals are.
    #[serde(default)]
    pub intervals: Intervals,
    /// Scores by the spread of the models; none of classes, of a single model, and of runs before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled: Option<ScaledScores>,
}

/// Scores of calibration molecules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scores {
    /// `|y - mean|` in the unit of the target.
    Residuals(Vec<f64>),
    /// `1 - p` of the class that a molecule has.
    ByClass {
        /// Molecules of class 0.
        zero: Vec<f64>,
        /// Molecules of class 1.
        one: Vec<f64>,
    },
}

/// One coverage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The share of molecules that is promised.
    pub coverage: f64,
    /// Calibration molecules that it needs, of each class where there are classes.
    pub needed: usize,
    /// Threshold of the score: half the width of the interval, or one per class; none where there are too few molecules.
    pub thresholds: Vec<Option<f64>>,
}

/// What a target may be, at some coverage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Region {
    /// A number between these.
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// These classes. Both: the model cannot tell. None: it has seen nothing like it.
    Classes {
        /// Whether it may be 0.
        zero: bool,
        /// Whether it may be 1.
        one: bool,
    },
}

impl Versioned for Uncertainty {
    /// The first had no scaled scores.
    const SCHEMAS: &'static [u32] = &[1, SCHEMA];

    fn schema(&self) -> u32 {
        self.schema
    }
}

impl Uncertainty {
    /// Calibrates an ensemble by its members' predictions `[M, R, T]` for molecules with labels `[R, T]`, `NaN` meaning
    /// missing, that they did not learn from. `floors` has the least spread of each target, in its unit.
    ///
    /// # Errors
    /// When a prediction is not finite.
    pub fn calibrate(
        targets: &[Target],
        seeds: &[u64],
        labels: ArrayView2<'_, f64>,
        members: ArrayView3<'_, f64>,
        floors: &[f64],
    ) -> Result<Self> {
        let means = members.mean_axis(Axis(0)).expect("an ensemble has members");
        let columns = labels.columns().into_iter().zip(means.columns());
        let calibrations =
            targets
                .iter()
                .zip(columns)
                .enumerate()
                .map(|(column, (target, (labels, means)))| {
                    let (labels, means) = (labels.to_vec(), means.to_vec());
                    let scaled = match target.kind {
                        TargetKind::Regression => {
                            let members = members.index_axis(Axis(2), column);
                            ScaledScores::new(&labels, members, floors[column])?
                        }
                        TargetKind::Binary => None,
                    };
                    let scores = match target.kind {
                        TargetKind::Regression => {
                            Scores::Residuals(conformal::residuals(&labels, &means)?)
                        }
                        TargetKind::Binary => Scores::ByClass {
                            zero: conformal::class_scores(&labels, &means, false)?,
                            one: conformal::class_scores(&labels, &means, true)?,
                        },
                    };
                    let levels = LEVELS.map(|coverage| level(&scores, coverage));
                    Ok(Calibration {
                        name: target.name.clone(),
                        levels: levels.into_iter().collect::<Result<_>>()?,
                        scores,
                        intervals: Intervals::Constant,
                        scaled,
                    })
                });
        Ok(Self {
            schema: SCHEMA,
            method: "split conformal on the validation part: |y - mean| for numbers, also divided by the spread of the \
                     models and a floor; 1 - p of the true class, class by class, for classes"
                .to_string(),
            seeds: seeds.to_vec(),
            targets: calibrations.collect::<Result<_>>()?,
        })
    }

    /// Gives the intervals of numbers this kind of width.
    ///
    /// # Errors
    /// When a target has no scores for it: the sentence says why.
    pub fn set_intervals(&mut self, intervals: Intervals) -> std::result::Result<(), String> {
        let mut numbers: Vec<&mut Calibration> = self
            .targets
            .iter_mut()
            .filter(|target| matches!(target.scores, Scores::Residuals(_)))
            .collect();
        let lacks = numbers.iter().find(|target| target.scaled.is_none());
        if let (Intervals::Scaled, Some(target)) = (intervals, lacks) {
            return Err(format!(
                "{} has no scores by the spread of its models: that takes two models or more, and a run folder made since \
                 there are such scores",
                target.name
            ));
        }
        for target in &mut numbers {
            target.intervals = intervals;
        }
        Ok(())
    }

    /// Writes `uncertainty.json` into a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        write_json(&folder.join(FILE), self)
    }

    /// Reads it; none when the folder has none.
    ///
    /// # Errors
    /// When the file is damaged or its scores are not ascending.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let Some(read) = read::<Self>(&path)? else {
            return Ok(None);
        };
        for target in &read.targets {
            if !target.is_sorted() {
                let reason = format!("scores of {} do not ascend", target.name);
                return Err(wrong(&path, reason));
            }
            let scaled = target.scaled.as_ref().map(|scaled| scaled.scores.len());
            if scaled.is_some_and(|count| count != target.num_scores()) {
                let reason = format!(
                    "{} has other numbers of scores and scaled scores",
                    target.name
                );
                return Err(wrong(&path, reason));
            }
        }
        Ok(Some(read))
    }
}

impl Calibration {
    /// Where the target lies with a probability of `coverage`, around the mean of models with this spread (their sample
    /// standard deviation; none for a single model).
    ///
    /// A class with too few calibration molecules for the coverage is never ruled out.
    ///
    /// # Errors
    /// When there are too few molecules for an interval: the message says how many are needed. When the coverage is not
    /// between 0 and 1.
    pub fn region(
        &self,
        mean: f64,
        spread: Option<f64>,
        coverage: f64,
    ) -> std::result::Result<Region, EvalError> {
        let may_be = |scores: &[f64], score: f64| match conformal::threshold(scores, coverage) {
            Ok(threshold) => Ok(score <= threshold),
            Err(error) if error.undefined_reason().is_some() => Ok(true),
            Err(error) => Err(error),
        };
        Ok(match &self.scores {
            Scores::Residuals(scores) => {
                let half = match (self.intervals, &self.scaled, spread) {
                    (Intervals::Scaled, Some(scaled), Some(spread)) => {
                        scaled.half_width(spread, coverage)?
                    }
                    _ => conformal::threshold(scores, coverage)?,
                };
                Region::Interval {
                    low: mean - half,
                    high: mean + half,
                }
            }
            Scores::ByClass { zero, one } => Region::Classes {
                zero: may_be(zero, mean)?,
                one: may_be(one, 1.0 - mean)?,
            },
        })
    }

    /// Calibration molecules: of the target, or of its classes 0 and 1.
    pub fn counts(&self) -> Vec<usize> {
        self.parts().iter().map(|scores| scores.len()).collect()
    }

    fn parts(&self) -> Vec<&Vec<f64>> {
        parts(&self.scores)
    }

    fn num_scores(&self) -> usize {
        self.parts().iter().map(|scores| scores.len()).sum()
    }

    fn is_sorted(&self) -> bool {
        let scaled = self.scaled.iter().map(|scaled| &scaled.scores);
        self.parts()
            .into_iter()
            .chain(scaled)
            .all(|scores| scores.is_sorted())
    }
}

fn parts(scores: &Scores) -> Vec<&Vec<f64>> {
    match scores {
        Scores::Residuals(all) => vec![all],
        Scores::ByClass { zero, one } => vec![zero, one],
    }
}

fn level(scores: &Scores, coverage: f64) -> Result<Level> {
    let thresholds =
        parts(scores)
            .into_iter()
            .map(|scores| match conformal::threshold(scores, coverage) {
                Ok(threshold) => Ok(Some(threshold)),
                Err(error) if error.undefined_reason().is_some() => Ok(None),
                Err(error) => Err(error),
            });
    Ok(Level {
        coverage,
        needed: conformal::rows_needed(coverage)?,
        thresholds: thresholds.collect::<std::result::Result<_, EvalError>>()?,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn numbers_get_intervals_and_classes_sets() {
        let targets = [Target::regression("y", None), Target::binary("toxic")];
        // Residuals 1..20; class 1 for even rows with p = 0.9, class 0 with p = 0.2 but one at 0.95.
        let labels = Array2::from_shape_fn((20, 2), |(row, column)| match column {
            0 => row as f64,
            _ => f64::from(u8::from(row % 2 == 0)),
        });
        let means = Array2::from_shape_fn((20, 2), |(row, column)| match (column, row) {
            (0, _) => row as f64 + (row as f64 + 1.0),
            (_, 1) => 0.95,
            (_, row) if row % 2 == 0 => 0.9,
            _ => 0.2,
        });
        let members = means.clone().insert_axis(Axis(0));
        let found =
            Uncertainty::calibrate(&targets, &[0], labels.view(), members.view(), &[0.1, 0.1])
                .unwrap();
        let [y, toxic] = &found.targets[..] else {
            panic!("two targets")
        };
        // The 19th of 20 residuals at 90 %: 19.
        let interval = y.region(5.0, None, 0.9).unwrap();
        assert_eq!(
            interval,
            Region::Interval {
                low: -14.0,
                high: 24.0
            }
        );
        assert_eq!((y.counts(), toxic.counts()), (vec![20], vec![10, 10]));
        // At 80 % the ninth of ten scores counts: 0.2 for class 0, 0.1 for class 1.
        let set = |p| toxic.region(p, None, 0.8).unwrap();
        assert_eq!(
            set(0.95),
            Region::Classes {
                zero: false,
                one: true
            }
        );
        assert_eq!(
            set(0.1),
            Region::Classes {
                zero: true,
                one: false
            }
        );
        assert_eq!(
            set(0.5),
            Region::Classes {
                zero: false,
                one: false
            }
        );
        // Ten molecules cannot support 95 %: no class is ruled out, no interval promised.
        let both = Region::Classes {
            zero: true,
            one: true,
        };
        assert_eq!(toxic.region(0.5, None, 0.95).unwrap(), both);
        assert!(
            y.region(0.0, None, 0.99)
                .unwrap_err()
                .to_string()
                .contains("99")
        );
        assert_eq!(toxic.levels[2].thresholds, [None, None]);
        assert_eq!(y.levels[2].thresholds, [Some(20.0)]);
    }

    #[test]
    fn scaled_intervals_are_wide_where_models_disagree() {
        let targets = [Target::regression("y", None)];
        // Two models around the mean 0 at ± (row + 1) / √2: a sample deviation of row + 1. Labels are twice that off.
        let spread = |row: usize| row as f64 + 1.0;
        let labels = Array2::from_shape_fn((19, 1), |(row, _)| 2.0 * spread(row));
        let members = ndarray::Array3::from_shape_fn((2, 19, 1), |(member, row, _)| {
            spread(row) / 2.0_f64.sqrt() * [1.0, -1.0][member]
        });
        let calibrate = |members: ArrayView3<'_, f64>| {
            Uncertainty::calibrate(&targets, &[0, 1], labels.view(), members, &[0.0]).unwrap()
        };
        let mut found = calibrate(members.view());
        let half =
            |found: &Uncertainty, spread| match found.targets[0].region(0.0, Some(spread), 0.9) {
                Ok(Region::Interval { high, .. }) => high,
                other => panic!("{other:?}"),
            };
        // The eighteenth of nineteen errors, whatever the spread; every error is two spreads.
        assert!((half(&found, 1.0) - 36.0).abs() < 1e-9);
        found.set_intervals(Intervals::Scaled).unwrap();
        for spread in [0.5, 1.0, 30.0] {
            assert!((half(&found, spread) - 2.0 * spread).abs() < 1e-9);
        }
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Uncertainty>(&text).unwrap(), found);
        // A single model has no spread, and says so.
        let mut single = calibrate(members.slice(ndarray::s![..1, .., ..]));
        let refused = single.set_intervals(Intervals::Scaled).unwrap_err();
        assert!(refused.contains("y has no scores"), "{refused}");
    }
}
