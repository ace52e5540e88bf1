//! What is to be compared with what: the TOML of `dnd evaluate --plan`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::{first_repeated, from_toml};
use crate::error::{Result, TrainError};
use crate::evaluation::share::millionths;
use crate::recipes::finetune_config::{check_encoder_rate, full, is_full};

/// A comparison of several ways to predict on several data sets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Title of the report.
    pub title: String,
    /// One run for each, where nothing else is said for a set.
    pub seeds: Vec<u64>,
    /// Shares of the training part that are used; `[1.0]` is the whole of it. Subsets of one seed are nested.
    pub shares: Vec<f64>,
    /// How networks are fine-tuned.
    pub finetune: Tuning,
    /// The data sets.
    pub sets: Vec<SetPlan>,
    /// Who competes.
    pub contenders: Vec<Contender>,
}

/// What all fine-tuned contenders share. The rest is [`FinetuneConfig::binary`](crate::FinetuneConfig::binary) or
/// [`regression`](crate::FinetuneConfig::regression).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// Rates that are tried with the first seed of a set; the best on its validation part is used for all seeds.
    pub learning_rates: Vec<f64>,
    /// Molecules in a batch.
    pub batch: usize,
    /// Largest number of passes over the training part, where nothing else is said for a set.
    pub epochs: u64,
    /// Epochs without a better validation that a run tolerates; one more ends it.
    pub patience: u64,
}

/// One data set of MoleculeNet, divided by scaffold 80:10:10.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPlan {
    /// Its name in [`dd_data::MOLECULE_NET`].
    pub name: String,
    /// Its table, relative to the folder of tables.
    pub file: PathBuf,
    /// Seeds, when not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<Vec<u64>>,
    /// Epochs, when not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Shares, when not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<f64>>,
}

/// One way to predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contender {
    /// Its name in tables.
    pub name: String,
    /// What it does.
    pub method: Method,
    /// The contender that it is tested against, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Sets that it takes part in; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sets: Option<Vec<String>>,
}

/// Ways to predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// Encoder and head are trained together, from the parameters of a model.
    Finetune {
        /// Model folder or name.
        model: PathBuf,
        /// Learning rate of the encoder as a share of the head's.
        #[serde(default = "full", skip_serializing_if = "is_full")]
        encoder_rate: f64,
    },
    /// The same from random parameters, another draw for each seed.
    Scratch {
        /// Model folder or name: only its sizes and its features are taken.
        like: PathBuf,
    },
    /// The encoder is frozen: ridge or logistic regression on its graph vectors, the penalty chosen on the validation part.
    Probe {
        /// Model folder or name.
        model: PathBuf,
    },
    /// ECFP4 fingerprints of 2048 bits and a random forest.
    FingerprintForest {
        /// Trees.
        trees: usize,
    },
    /// ECFP4 fingerprints of 2048 bits and ridge or logistic regression, the penalty chosen on the validation part.
    FingerprintLinear,
    /// The best of other contenders of this plan on the validation part of a set's first seed. It has no runs of its own.
    Chosen {
        /// Names of fine-tuned contenders.
        among: Vec<String>,
    },
}

impl Method {
    /// The model that it needs.
    pub fn model(&self) -> Option<&Path> {
        match self {
            Self::Finetune { model, .. } | Self::Probe { model } => Some(model),
            Self::Scratch { like } => Some(like),
            Self::FingerprintForest { .. } | Self::FingerprintLinear | Self::Chosen { .. } => None,
        }
    }

    /// Learning rate of the encoder as a share of the head's.
    pub fn encoder_rate(&self) -> f64 {
        match self {
            Self::Finetune { encoder_rate, .. } => *encoder_rate,
            _ => 1.0,
        }
    }

    /// Whether it has runs, and is not a choice among those of others.
    pub fn runs(&self) -> bool {
        !matches!(self, Self::Chosen { .. })
    }

    /// Whether another seed gives another model.
    pub fn is_random(&self) -> bool {
        !matches!(self, Self::Probe { .. } | Self::FingerprintLinear)
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When the text is no plan, or the plan contradicts itself.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let plan: Self = from_toml(text, origin)?;
        plan.validate()?;
        Ok(plan)
    }

    /// The plan of some contenders, of those that they are tested against, and of those that they are chosen among.
    ///
    /// # Errors
    /// When the plan has no contender of such a name.
    pub fn only(mut self, names: &[String]) -> Result<Self> {
        let find = |name: &String| self.contenders.iter().find(|known| known.name == *name);
        if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
            let known = { self.contenders.iter() }.map(|known| format!("'{}'", known.name));
            let known = known.collect::<Vec<_>>().join(", ");
            let reason = format!("there is no contender '{unknown}'; there are {known}");
            return Err(TrainError::config("contenders.name", reason));
        }
        let mut kept = names.to_vec();
        for contender in names.iter().filter_map(find) {
            kept.extend(contender.against.clone());
            if let Method::Chosen { among } = &contender.method {
                kept.extend(among.iter().cloned());
            }
        }
        self.contenders.retain_mut(|known| {
            let rival_is_there = known
                .against
                .as_ref()
                .is_none_or(|rival| kept.contains(rival));
            if !rival_is_there {
                known.against = None;
            }
            kept.contains(&known.name)
        });
        Ok(self)
    }

    /// Seeds of a set.
    pub fn seeds<'a>(&'a self, set: &'a SetPlan) -> &'a [u64] {
        set.seeds.as_ref().unwrap_or(&self.seeds)
    }

    /// Shares of a set.
    pub fn shares<'a>(&'a self, set: &'a SetPlan) -> &'a [f64] {
        set.shares.as_ref().unwrap_or(&self.shares)
    }

    /// Whether one run of a contender says all, as others would only repeat it: where the seed does not even draw the share of
    /// the labels.
    pub(super) fn has_one_run(&self, contender: &str, share: f64) -> bool {
        let mut contenders = self.contenders.iter();
        let found = contenders.find(|known| known.name == contender);
        share == 1.0 && found.is_some_and(|found| !found.method.is_random())
    }

    /// Whether a contender takes part in a set.
    pub fn takes_part(&self, contender: &Contender, set: &SetPlan) -> bool {
        let sets = contender.sets.as_ref();
        sets.is_none_or(|sets| sets.contains(&set.name))
    }

    /// Refuses a plan that contradicts itself: [`evaluate`](crate::evaluation::evaluate) begins with it.
    ///
    /// # Errors
    /// Names the field.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, reason: String| Err(TrainError::config(field, reason));
        let names: Vec<&str> = self.contenders.iter().map(|c| c.name.as_str()).collect();
        if let Some(name) = first_repeated(&names) {
            return wrong("contenders.name", format!("'{name}' is there twice"));
        }
        for contender in &self.contenders {
            if let Some(against) = &contender.against
                && !names.contains(&against.as_str())
            {
                return wrong(
                    "contenders.against",
                    format!("there is no contender '{against}'"),
                );
            }
            if contender.against.as_ref() == Some(&contender.name) {
                return wrong(
                    "contenders.against",
                    format!("'{}' is tested against itself", contender.name),
                );
            }
            if let Method::Finetune { encoder_rate, .. } = contender.method {
                check_encoder_rate(encoder_rate, true)?;
            }
            if let Method::Chosen { among } = &contender.method {
                self.check_choice(&contender.name, among)?;
            }
            if matches!(contender.method, Method::FingerprintForest { trees: 0 }) {
                return wrong("contenders.method.trees", "must be positive".into());
            }
            for set in contender.sets.iter().flatten() {
                if !self.sets.iter().any(|known| known.name == *set) {
                    return wrong("contenders.sets", format!("there is no set '{set}'"));
                }
            }
        }
        let sets: Vec<&str> = self.sets.iter().map(|set| set.name.as_str()).collect();
        if let Some(name) = first_repeated(&sets) {
            return wrong("sets.name", format!("'{name}' is there twice"));
        }
        for set in &self.sets {
            if dd_data::MoleculeNet::named(&set.name).is_none() {
                let known = dd_data::MOLECULE_NET.iter().map(|set| set.name);
                let known = known.collect::<Vec<_>>().join(", ");
                return wrong(
                    "sets.name",
                    format!("no set '{}'; there are {known}", set.name),
                );
            }
            if self.seeds(set).is_empty() {
                return wrong("seeds", format!("none for '{}'", set.name));
            }
            if let Some(seed) = first_repeated(self.seeds(set)) {
                return wrong("seeds", format!("{seed} is there twice for '{}'", set.name));
            }
            let shares = self.shares(set);
            let counted: Vec<u64> = shares.iter().map(|&share| millionths(share)).collect();
            if let Some(share) = first_repeated(&counted) {
                let share = *share as f64 / 1e6;
                return wrong(
                    "shares",
                    format!("{share} is there twice for '{}'", set.name),
                );
            }
            if shares.is_empty() || !shares.iter().all(|share| (1e-6..=1.0).contains(share)) {
                return wrong("shares", "must be from 0.000001 to 1".into());
            }
        }
        let rates = &self.finetune.learning_rates;
        if rates.is_empty() || !rates.iter().all(|rate| rate.is_finite() && *rate > 0.0) {
            let reason = "must be positive, and at least one is needed";
            return wrong("finetune.learning_rates", reason.into());
        }
        if let Some(rate) = first_repeated(rates) {
            return wrong("finetune.learning_rates", format!("{rate} is there twice"));
        }
        let epochs = { self.sets.iter() }.map(|set| set.epochs.unwrap_or(self.finetune.epochs));
        if self.finetune.batch == 0 || epochs.min() == Some(0) {
            let reason = "batch and epochs must be positive";
            return wrong("finetune", reason.into());
        }
        Ok(())
    }

    fn check_choice(&self, name: &str, among: &[String]) -> Result<()> {
        let wrong = |reason| Err(TrainError::config("contenders.method.among", reason));
        if among.len() < 2 || first_repeated(among).is_some() {
            return wrong(format!("'{name}' needs two different contenders or more"));
        }
        for member in among {
            let found = self.contenders.iter().find(|known| known.name == *member);
            if !found.is_some_and(|found| matches!(found.method, Method::Finetune { .. })) {
                return wrong(format!("there is no fine-tuned contender '{member}'"));
            }
        }
        Ok(())
    }
}
