//! Learning rates as functions of the step.
//!
//! Every schedule is a closed form of the step number, so that a resumed run needs no history. The one exception,
//! [`ScheduleConfig::ReduceOnPlateau`], keeps its state in [`Schedule`] and in the checkpoint.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Result, TrainError};

/// Which schedule. Steps count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// The base rate throughout.
    Constant,
    /// The denoising repository's: `base (t + 1) / warmup` while `t < warmup`, then PyTorch's recursive cosine
    /// `lr(t) = lr(t - 1) (1 + cos(pi t / T)) / (1 + cos(pi (t - 1) / T))`, whose counter runs from step 0. Beyond `T`
    /// the recursion climbs again, as PyTorch's does.
    WarmupCosine {
        /// Steps of linear growth; 0 for none.
        warmup: u64,
        /// `T`, steps from the start to the first zero.
        period: u64,
    },
    /// fairseq's `polynomial_decay`: `base / warmup` at update 0, `base t / warmup` up to `warmup`, then
    /// `(base - end) (1 - (t - warmup) / (total - warmup))^power + end`, and `end` from `total` on.
    Polynomial {
        /// Updates of linear growth; 0 for none.
        warmup: u64,
        /// Update at which `end` is reached.
        total: u64,
        /// Last rate.
        end: f64,
        /// Exponent; 1 decays linearly.
        power: f64,
    },
    /// `base (t + 1) / warmup` while `t < warmup`, then linearly to 0 at `total`.
    Linear {
        /// Steps of linear growth; 0 for none.
        warmup: u64,
        /// Step at which 0 is reached.
        total: u64,
    },
    /// Multiplies the rate by `factor` when the validation score has not improved in more than `patience` validations in a row
    /// (PyTorch's `ReduceLROnPlateau` with a relative threshold of 1e-4), after `warmup` steps of linear growth.
    ReduceOnPlateau {
        /// Steps of linear growth; 0 for none.
        warmup: u64,
        /// Factor below 1.
        factor: f64,
        /// Validations without improvement that are tolerated.
        patience: u32,
        /// The rate never falls below.
        min: f64,
    },
}

/// Improvements smaller than this share of the best score do not count, as in PyTorch.
const PLATEAU_THRESHOLD: f64 = 1e-4;

/// A schedule at work.
#[derive(Debug, Clone)]
pub struct Schedule {
    base: f64,
    config: ScheduleConfig,
    plateau: Plateau,
}

/// What [`ScheduleConfig::ReduceOnPlateau`] remembers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// Product of the reductions so far.
    pub scale: f64,
    /// Best score, lower is better; absent before the first.
    pub best: Option<f64>,
    /// Validations since it improved.
    pub stale: u32,
}

impl Schedule {
    /// A schedule that reaches `base` at its top.
    ///
    /// # Errors
    /// When the rate or a length makes no schedule.
    pub fn new(base: f64, config: ScheduleConfig) -> Result<Self> {
        if !(base.is_finite() && base > 0.0) {
            return Err(TrainError::config(
                "optimizer.lr",
                format!("must be positive, got {base}"),
            ));
        }
        let numbers = match config {
            ScheduleConfig::Polynomial { end, power, .. } => {
                vec![("schedule.end", end), ("schedule.power", power)]
            }
            ScheduleConfig::ReduceOnPlateau { min, .. } => vec![("schedule.min", min)],
            _ => Vec::new(),
        };
        for (field, value) in numbers {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(TrainError::config(
                    field,
                    format!("must not be negative, got {value}"),
                ));
            }
        }
        let ends = match config {
            ScheduleConfig::WarmupCosine { warmup, period } => Some(("period", warmup, period)),
            ScheduleConfig::Polynomial { warmup, total, .. }
            | ScheduleConfig::Linear { warmup, total } => Some(("total", warmup, total)),
            ScheduleConfig::ReduceOnPlateau { factor, .. } if !(0.0..1.0).contains(&factor) => {
                return Err(TrainError::config(
                    "schedule.factor",
                    format!("must be in [0, 1), got {factor}"),
                ));
            }
            _ => None,
        };
        if let Some((name, warmup, end)) = ends
            && warmup >= end
        {
            return Err(TrainError::config(
                "schedule.warmup",
                format!("must be less than {name} = {end}, got {warmup}"),
            ));
        }
        let plateau = Plateau {
            scale: 1.0,
            best: None,
            stale: 0,
        };
        Ok(Self {
            base,
            config,
            plateau,
        })
    }

    /// The rate of step `t`.
    pub fn lr(&self, t: u64) -> f64 {
        let base = self.base;
        match self.config {
            ScheduleConfig::Constant => base,
            ScheduleConfig::WarmupCosine { warmup, period } => {
                warmup_cosine(base, warmup, period, t)
            }
            ScheduleConfig::Polynomial {
                warmup,
                total,
                end,
                power,
            } => {
                if t >= total {
                    end
                } else if t < warmup {
                    base * t.max(1) as f64 / warmup as f64
                } else {
                    let left = 1.0 - (t - warmup) as f64 / (total - warmup) as f64;
                    (base - end) * left.powf(power) + end
                }
            }
            ScheduleConfig::Linear { warmup, total } => grow(base, warmup, t)
                .unwrap_or_else(|| base * total.saturating_sub(t) as f64 / (total - warmup) as f64),
            ScheduleConfig::ReduceOnPlateau { warmup, min, .. } => grow(base, warmup, t)
                .unwrap_or_else(|| (base * self.plateau.scale).max(min.min(base))),
        }
    }

    /// Takes note of a validation score; lower is better, and one that is not finite is no improvement.
    pub fn observe(&mut self, score: f64) {
        let ScheduleConfig::ReduceOnPlateau {
            factor, patience, ..
        } = self.config
        else {
            return;
        };
        let plateau = &mut self.plateau;
        // PyTorch's relative rule for scores of either sign: the best must be undercut by a share of its magnitude.
        let improves = score.is_finite()
            && plateau
                .best
                .is_none_or(|best| score < best - PLATEAU_THRESHOLD * best.abs());
        if improves {
            plateau.best = Some(score);
            plateau.stale = 0;
            return;
        }
        plateau.stale += 1;
        if plateau.stale > patience {
            plateau.scale *= factor;
            plateau.stale = 0;
        }
    }

    /// What a checkpoint must keep.
    pub fn plateau(&self) -> Plateau {
        self.plateau
    }

    /// Restores what a checkpoint kept.
    pub fn restore(&mut self, plateau: Plateau) {
        self.plateau = plateau;
    }
}

fn grow(base: f64, warmup: u64, t: u64) -> Option<f64> {
    (t < warmup).then(|| base * (t + 1) as f64 / warmup as f64)
}

/// The recursion telescopes between its zeros at `T`, `3 T`, ...; one step after a zero it restarts at
/// `base (1 - cos(pi / T)) / 2`.
fn warmup_cosine(base: f64, warmup: u64, period: u64, t: u64) -> f64 {
    if let Some(lr) = grow(base, warmup, t) {
        return lr;
    }
    let height = |k: u64| 1.0 + (PI * k as f64 / period as f64).cos();
    if t <= period {
        return base * height(t) / height(warmup.saturating_sub(1));
    }
    let restart = period + 1 + (t - period - 1) / (2 * period) * (2 * period);
    let first = base * (1.0 - (PI / period as f64).cos()) / 2.0;
    first * height(t) / height(restart)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(config: ScheduleConfig) -> Schedule {
        Schedule::new(1.0, config).expect("a valid schedule")
    }

    #[test]
    fn cosine_equals_its_recursion() {
        let (warmup, period) = (10, 60);
        let s = schedule(ScheduleConfig::WarmupCosine { warmup, period });
        let height = |k: u64| 1.0 + (PI * k as f64 / period as f64).cos();
        let mut lr = 1.0;
        for t in warmup..=200 {
            lr = if (t - 1) % (2 * period) == period {
                lr + (1.0 - (PI / period as f64).cos()) / 2.0
            } else {
                lr * height(t) / height(t - 1)
            };
            assert!(
                (s.lr(t) - lr).abs() < 1e-12,
                "step {t}: {} and {lr}",
                s.lr(t)
            );
        }
    }

    #[test]
    fn linear_meets_its_corners() {
        let s = schedule(ScheduleConfig::Linear {
            warmup: 4,
            total: 14,
        });
        let got: Vec<f64> = [0, 3, 4, 9, 14, 99].map(|t| s.lr(t)).to_vec();
        assert_eq!(got, [0.25, 1.0, 1.0, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn numbers_that_make_no_rate_are_refused() {
        let polynomial = |end, power| ScheduleConfig::Polynomial {
            warmup: 1,
            total: 9,
            end,
            power,
        };
        let plateau = |min| ScheduleConfig::ReduceOnPlateau {
            warmup: 0,
            factor: 0.5,
            patience: 1,
            min,
        };
        for config in [
            polynomial(-1.0, 1.0),
            polynomial(0.0, f64::NAN),
            polynomial(f64::INFINITY, 1.0),
            plateau(f64::NAN),
            plateau(-1e-3),
        ] {
            assert!(Schedule::new(1e-3, config).is_err(), "{config:?}");
        }
    }

    #[test]
    fn a_score_that_is_not_finite_is_no_improvement() {
        let mut s = schedule(ScheduleConfig::ReduceOnPlateau {
            warmup: 0,
            factor: 0.5,
            patience: 1,
            min: 0.0,
        });
        for score in [f64::NAN, f64::NEG_INFINITY, 3.0, 2.0, f64::NAN, 1.0] {
            s.observe(score);
        }
        assert_eq!((s.lr(0), s.plateau().best), (0.5, Some(1.0)));
    }

    #[test]
    fn plateau_waits_then_reduces() {
        let mut s = schedule(ScheduleConfig::ReduceOnPlateau {
            warmup: 0,
            factor: 0.5,
            patience: 1,
            min: 0.2,
        });
        let mut rates = Vec::new();
        for score in [3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0] {
            s.observe(score);
            rates.push(s.lr(0));
        }
        assert_eq!(
            rates,
            [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
        );
    }

    #[test]
    fn impossible_schedules_are_errors() {
        for config in [
            ScheduleConfig::Linear {
                warmup: 5,
                total: 5,
            },
            ScheduleConfig::WarmupCosine {
                warmup: 9,
                period: 3,
            },
            ScheduleConfig::ReduceOnPlateau {
                warmup: 0,
                factor: 1.0,
                patience: 0,
                min: 0.0,
            },
        ] {
            assert!(Schedule::new(1.0, config).is_err(), "{config:?}");
        }
        assert!(Schedule::new(f64::NAN, ScheduleConfig::Constant).is_err());
    }
}
