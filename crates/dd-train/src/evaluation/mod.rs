//! Contenders on data sets, seeds and shares of the labels: the whole comparison from one [`Plan`].
//!
//! Every run is a line of a [`Journal`], so that an evaluation can be stopped at any time, goes on where it stopped, and can
//! be spread over processes. What a run depends on (settings of the plan, table, model) is part of its line: a run whose settings
//! changed is done again. Learning rates and penalties are chosen on the validation part alone; nothing looks at test labels before the
//! last parameters are fixed. [`Report`] makes tables, tests and pictures of the lines.

mod choice;
mod classical;
mod data;
mod gain_chart;
mod journal;
mod network;
mod overall;
mod plan;
mod report;
mod score;
mod settings;
mod share;
mod share_curves;
mod statistics;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use dd_data::SkipReport;
use dd_graph::{AtomOrder, FeaturizerConfig, Hydrogens, OgbConfig};

pub use journal::{Entry, Journal, Key};
pub use plan::{Contender, Method, Plan, SetPlan, Tuning};
pub use report::Report;

use crate::error::{Result, TrainError};
use crate::recipes::finetune::Student;
use classical::Rows;
use data::{SetData, metrics};
use network::Trial;
use score::{Outcome, has_predictions, keep_predictions};
use settings::settings;

/// Where an evaluation reads and writes.
#[derive(Debug, Clone)]
pub struct Workplace {
    /// Folder with the tables of the plan.
    pub tables: PathBuf,
    /// Folder for the journal and the predictions.
    pub output: PathBuf,
    /// Which part of the runs to do, `(number from 1, of how many)`: all seeds of a contender on a set are in one part.
    pub shard: (usize, usize),
}

/// What happens during an evaluation.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A table was read and divided.
    Table {
        /// Name of the set.
        set: &'a str,
        /// Rows that no contender sees, with the reasons.
        skipped: &'a SkipReport,
    },
    /// A run is done, or was done before.
    Run {
        /// The run.
        entry: &'a Entry,
        /// Whether it was in the journal already.
        was_done: bool,
        /// Runs done so far, of how many of this part of the plan.
        done: (usize, usize),
    },
}

/// The runs of a plan that are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The runs.
    pub entries: Vec<Entry>,
    /// Runs of the plan that are still to do.
    pub missing: usize,
    /// Lines of the journal that are none of these.
    pub others: usize,
}

/// Looks up what is done of a plan with its present settings, tables and models, by whatever process.
///
/// # Errors
/// When the plan contradicts itself, or a table, a model or the journal cannot be read.
pub fn stored(plan: &Plan, workplace: &Workplace) -> Result<Stored> {
    plan.validate()?;
    let journal = Journal::open(&workplace.output, None)?;
    let (mut entries, mut missing) = (Vec::new(), 0);
    for group in groups(plan) {
        for &seed in group.seeds {
            let settings = settings(plan, workplace, &group, seed)?;
            match journal.done(&group.key(seed), &settings) {
                Some(entry) => entries.push(entry.clone()),
                None => missing += 1,
            }
        }
    }
    let others = journal.entries().len() - entries.len();
    Ok(Stored {
        entries,
        missing,
        others,
    })
}

/// Looks up the runs of a plan in a folder as they were stored, with whatever tables and models: what a published `runs.jsonl`
/// says to those who have neither. Settings are not compared.
///
/// # Errors
/// When the plan contradicts itself, the journal cannot be read, or a run stands there with several settings.
pub fn recorded(plan: &Plan, folder: &Path) -> Result<Stored> {
    plan.validate()?;
    let journal = Journal::open(folder, None)?;
    let lines = journal.entries();
    let mut by_key: HashMap<Key, Vec<&Entry>> = HashMap::new();
    for entry in &lines {
        by_key.entry(entry.key()).or_default().push(entry);
    }
    let (mut entries, mut missing) = (Vec::new(), 0);
    for group in groups(plan) {
        for &seed in group.seeds {
            let key = group.key(seed);
            match by_key.get(&key).map(Vec::as_slice) {
                None => missing += 1,
                Some([entry]) => entries.push((*entry).clone()),
                Some(several) => {
                    return Err(TrainError::Folder {
                        path: folder.to_path_buf(),
                        reason: format!(
                            "{key}: {} runs of different settings; only with the tables can one tell which counts",
                            several.len()
                        ),
                    });
                }
            }
        }
    }
    let others = lines.len() - entries.len();
    Ok(Stored {
        entries,
        missing,
        others,
    })
}

/// All seeds of a contender on a set with a share of its labels.
struct Group<'a> {
    set: &'a SetPlan,
    contender: &'a Contender,
    share: f64,
    seeds: &'a [u64],
}

impl Group<'_> {
    fn key(&self, seed: u64) -> Key {
        Key::new(&self.set.name, &self.contender.name, self.share, seed)
    }
}

/// Does every run of the plan that is not in the journal yet.
///
/// # Errors
/// When the plan contradicts itself, a table or a model cannot be read, a run fails, or the output folder cannot be written to.
pub fn evaluate(
    plan: &Plan,
    workplace: &Workplace,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<Journal> {
    plan.validate()?;
    let output = &workplace.output;
    fs::create_dir_all(output.join("predictions")).map_err(TrainError::io(output))?;
    let (number, of) = workplace.shard;
    if !(1..=of).contains(&number) {
        return Err(TrainError::config(
            "shard",
            format!("there is no part {number} of {of}"),
        ));
    }
    let part = (of > 1).then(|| format!("{number}-of-{of}"));
    let mut journal = Journal::claim(output, part.as_deref())?;
    let groups: Vec<Group<'_>> = groups(plan)
        .into_iter()
        .enumerate()
        .filter(|(place, _)| place % of == number - 1)
        .map(|(_, group)| group)
        .collect();
    let total = groups.iter().map(|group| group.seeds.len()).sum();
    // A table or a model that is not there is found before the first run.
    for group in &groups {
        features(group)?;
        settings(plan, workplace, group, group.seeds[0])?;
    }
    let mut done = 0;
    let mut open: Option<(String, SetData)> = None;
    for group in &groups {
        let mut choice = None;
        for (place, &seed) in group.seeds.iter().enumerate() {
            let settings = settings(plan, workplace, group, seed)?;
            let key = group.key(seed);
            // A run whose predictions are lost is done again.
            let known = journal
                .done(&key, &settings)
                .filter(|entry| has_predictions(output, entry))
                .cloned();
            let was_done = known.is_some();
            let entry = match known {
                Some(entry) => entry,
                None => {
                    let set = opened(&mut open, group, workplace, progress)?;
                    let inherited = if place == 0 { None } else { choice };
                    let entry = run(plan, output, group, set, (seed, &settings, inherited))
                        .map_err(|error| TrainError::Evaluation {
                            run: key.to_string(),
                            source: Box::new(error),
                        })?;
                    journal.push(entry.clone())?;
                    entry
                }
            };
            choice = entry.choice;
            done += 1;
            progress(&Progress::Run {
                entry: &entry,
                was_done,
                done: (done, total),
            });
        }
    }
    Ok(journal)
}

/// The data of the group's set with the features of its contender; one set is open at a time.
fn opened<'a>(
    open: &'a mut Option<(String, SetData)>,
    group: &Group<'_>,
    workplace: &Workplace,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<&'a SetData> {
    let features = features(group)?;
    let name = &group.set.name;
    if open.as_ref().is_none_or(|(known, _)| known != name) {
        let set = SetData::read(group.set, &workplace.tables, &PLAIN_FEATURES)?;
        progress(&Progress::Table {
            set: name,
            skipped: set.skipped(),
        });
        *open = Some((name.clone(), set));
    }
    let (_, set) = open.as_mut().expect("it was opened above");
    if let Some(features) = &features {
        set.featurized(features)?;
    }
    Ok(set)
}

/// Rows that have these features are the molecules of a set, whoever comes first. They serve contenders that have no model
/// too, whose features come from the molecule itself.
const PLAIN_FEATURES: FeaturizerConfig = FeaturizerConfig::Ogb(OgbConfig {
    hydrogens: Hydrogens::Remove,
    laplacian: None,
    order: AtomOrder::AsWritten,
});

fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for set in &plan.sets {
        for &share in plan.shares(set) {
            for contender in &plan.contenders {
                if !plan.takes_part(contender, set) || !contender.method.runs() {
                    continue;
                }
                let seeds = plan.seeds(set);
                let has_one = plan.has_one_run(&contender.name, share);
                groups.push(Group {
                    set,
                    contender,
                    share,
                    seeds: if has_one { &seeds[..1] } else { seeds },
                });
            }
        }
    }
    groups
}

fn features(group: &Group<'_>) -> Result<Option<FeaturizerConfig>> {
    let model = group.contender.method.model();
    Ok(model
        .map(network::describe)
        .transpose()?
        .map(|(_, features)| features))
}

/// One run: choice on the validation part, then the test part.
fn run(
    plan: &Plan,
    output: &Path,
    group: &Group<'_>,
    set: &SetData,
    (seed, settings, inherited): (u64, &str, Option<f64>),
) -> Result<Entry> {
    let parts = set.parts(group.share, seed);
    let trial = Trial {
        set,
        parts: &parts,
        tuning: &plan.finetune,
        epochs: group.set.epochs.unwrap_or(plan.finetune.epochs),
        share: group.share,
        seed,
        encoder_rate: group.contender.method.encoder_rate(),
    };
    let rates = inherited.map_or_else(|| plan.finetune.learning_rates.clone(), |rate| vec![rate]);
    let (outcome, choice, tried) = match &group.contender.method {
        Method::Finetune { model, .. } => best_rate(&trial, &Student::Folder(model), &rates)?,
        Method::Scratch { like } => {
            let (encoder, featurizer) = network::describe(like)?;
            let student = Student::Scratch {
                encoder,
                featurizer,
            };
            best_rate(&trial, &student, &rates)?
        }
        Method::Probe { model } => {
            let features = network::embed(model, &parts)?;
            classical::linear(&features, &parts, (Rows::Embeddings, set.is_binary()))?
        }
        Method::FingerprintLinear => {
            let features = classical::fingerprints(set, &parts)?;
            classical::linear(&features, &parts, (Rows::Fingerprints, set.is_binary()))?
        }
        Method::FingerprintForest { trees } => {
            let features = classical::fingerprints(set, &parts)?;
            classical::forest(&features, &parts, set.is_binary(), (*trees, seed))?
        }
        Method::Chosen { .. } => unreachable!("a choice is in no group"),
    };
    let key = group.key(seed);
    let scores = outcome.scores(&metrics(set.is_binary()), &parts.test)?;
    let file = output.join("predictions").join(key.file_name(settings));
    let predictions = keep_predictions(&file, &outcome, &parts)?;
    Ok(Entry {
        set: group.set.name.clone(),
        contender: group.contender.name.clone(),
        share: group.share,
        seed,
        settings: settings.to_string(),
        train: parts.train.len(),
        choice,
        tried,
        valid: outcome.valid,
        best_epoch: outcome.best_epoch,
        test: scores.values,
        undefined: scores.undefined,
        predictions,
    })
}

/// What [`run`] needs of a contender: the outcome, the choice on the validation part, and all choices with their scores.
type Chosen = (Outcome, Option<f64>, Vec<(f64, f64)>);

fn best_rate(trial: &Trial<'_>, student: &Student<'_>, rates: &[f64]) -> Result<Chosen> {
    let metric = metrics(trial.set.is_binary())[0];
    let (mut best, mut tried): (Option<(f64, Outcome)>, _) = (None, Vec::new());
    for &rate in rates {
        let outcome = trial.run(student, rate)?;
        tried.push((rate, outcome.valid));
        if best
            .as_ref()
            .is_none_or(|(_, best)| metric.is_better(outcome.valid, best.valid))
        {
            best = Some((rate, outcome));
        }
    }
    let (rate, outcome) = best
        .ok_or_else(|| TrainError::config("finetune.learning_rates", "at least one is needed"))?;
    Ok((outcome, Some(rate), tried))
}
