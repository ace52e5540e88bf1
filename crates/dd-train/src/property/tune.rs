//! From a plan to a run folder: models, uncertainty, domain, scores, report.

use std::path::{Path, PathBuf};

use dd_data::Split;
use dd_encoder2d::models_folder;
use dd_nn::{Precision, write_atomically};
use ndarray::{Array1, Array2, ArrayView1};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::baseline::{self, MOST_LABELS, MOST_ROWS, Part};
use super::domain::{Domain, TrainingMolecule, Traits};
use super::domain_file::rounded;
use super::ensemble::{Ensemble, MemberAnswers};
use super::intervals::FLOOR;
use super::page;
use super::plan::{DEFAULT_MODEL, PropertyPlan};
use super::scores::{Answers, TargetScores, score};
use super::uncertainty::Uncertainty;
use crate::digest::hex;
use crate::error::{Result, TrainError};
use crate::folder::{RunFolder, write_json};
use crate::identity::first_difference;
use crate::manifest::fingerprint;
use crate::recipes::finetune::{FinetuneReport, LabelledData, Student, finetune};
use crate::session::Session;

/// Characters of a difference that are shown.
const MOST_SHOWN: usize = 200;
const TABLE: &str = "table_sha256";
pub(crate) const CHOICES: &str = "choices.json";
const REJECTED: &str = "rejected.csv";
const SCORES: &str = "scores.json";
const REPORT: &str = "report.html";
/// Files that a run without choices has not left.
const LEFT: [&str; 3] = [REJECTED, SCORES, REPORT];

/// What came out.
#[derive(Debug, Clone)]
pub struct PropertyOutcome {
    /// The training of every seed.
    pub training: FinetuneReport,
    /// The scores of every target; empty when an observer stopped the run.
    pub scores: Vec<TargetScores>,
    /// What a reader should know besides.
    pub notes: Vec<String>,
}

/// What the report is made of.
pub(super) struct Findings<'a> {
    pub(super) plan: &'a PropertyPlan,
    pub(super) uncertainty: &'a Uncertainty,
    pub(super) test: &'a MemberAnswers,
    pub(super) labels: &'a Array2<f64>,
    pub(super) baseline: Option<&'a Array2<f64>>,
    pub(super) in_domain: &'a [bool],
    pub(super) scores: &'a [TargetScores],
    pub(super) notes: &'a [String],
}

impl PropertyPlan {
    /// Trains one model per seed in the session's folder, and writes `choices.json`, `rejected.csv`, `uncertainty.json`,
    /// `applicability.*`, `scores.json` and `report.html` beside them. A run that was interrupted goes on.
    ///
    /// # Errors
    /// When the folder holds a run on another table or with other choices, or a step fails.
    pub fn run(&self, session: &mut Session<'_>) -> Result<PropertyOutcome> {
        let folder = session.folder.cloned().ok_or_else(|| {
            TrainError::config("output", "a property model needs a folder for its files")
        })?;
        self.claim(&folder)?;
        self.write_rejected(&folder)?;
        let training = self.train(session)?;
        if training.stopped {
            return Ok(PropertyOutcome {
                training,
                scores: Vec::new(),
                notes: Vec::new(),
            });
        }
        let mut notes = Vec::new();
        let place = folder.path();
        // What an earlier run with other seeds left must not be taken for this one's.
        for stale in ["uncertainty.json", "applicability.json"] {
            let _ = std::fs::remove_file(place.join(stale));
        }
        let ensemble = self.members(place)?;
        let Split { train, valid, test } = &self.split;
        let answers = |rows: &[usize]| {
            let graphs: Vec<_> = self
                .table
                .examples(rows)
                .into_iter()
                .map(|one| one.graph)
                .collect();
            ensemble.answers(&graphs)
        };
        let calibration = answers(valid)?;
        let labels = self.table.labels(valid);
        let mut uncertainty = Uncertainty::calibrate(
            &self.targets,
            &self.config.seeds,
            labels.view(),
            calibration.values.view(),
            &self.floors(),
        )?;
        if let Err(reason) = uncertainty.set_intervals(self.intervals()) {
            notes.push(format!("intervals have one width: {reason}"));
        }
        let domain = self.domain(&answers(train)?.embeddings)?;
        let tested = answers(test)?;
        let traits: Vec<Traits> = self.table.molecules(test)?.iter().map(Traits::of).collect();
        let located = domain.locate(&traits, rounded(&tested.embeddings)?.view());
        let in_domain: Vec<bool> = located.iter().map(|found| found.in_domain).collect();
        let baseline = self.baseline(&mut notes)?;
        let labels = self.table.labels(test);
        let scores = if test.is_empty() {
            notes.push("the split has no test part: nothing was scored".into());
            Vec::new()
        } else {
            score(
                &self.targets,
                &Answers {
                    labels: &labels,
                    members: &tested.values,
                    means: &tested.means(),
                    baseline: baseline.as_ref(),
                    constants: &self.training_means(),
                    calibrations: &uncertainty.targets,
                    in_domain: &in_domain,
                },
            )?
        };
        notes.extend(few_calibration(&uncertainty));
        let page = page::report(
            &Findings {
                plan: self,
                uncertainty: &uncertainty,
                test: &tested,
                labels: &labels,
                baseline: baseline.as_ref(),
                in_domain: &in_domain,
                scores: &scores,
                notes: &notes,
            },
            place,
        )?;
        let report = place.join(REPORT);
        write_atomically(&report, |out| out.write_all(page.as_bytes()))?;
        write_json(&place.join(SCORES), &scores)?;
        domain.save(place)?;
        uncertainty.save(place)?;
        Ok(PropertyOutcome {
            training,
            scores,
            notes,
        })
    }

    fn train(&self, session: &mut Session<'_>) -> Result<FinetuneReport> {
        let [train, valid, test] = [&self.split.train, &self.split.valid, &self.split.test]
            .map(|rows| self.table.examples(rows));
        let student = match &self.request.model {
            Some(model) => Student::Folder(model),
            None => Student::Scratch {
                encoder: self.encoder.clone(),
                featurizer: self.featurizer.clone(),
            },
        };
        let data = LabelledData {
            targets: &self.targets,
            train: &train,
            valid: &valid,
            test: &test,
        };
        finetune(&self.config, &student, &data, session)
    }

    /// The models of this run, whatever other seeds the folder holds.
    fn members(&self, place: &Path) -> Result<Ensemble> {
        Ensemble::of_seeds(place, &self.config.seeds, Precision::Single)
    }

    fn domain(&self, embeddings: &Array2<f32>) -> Result<Domain> {
        let rows = &self.split.train;
        let traits: Vec<Traits> = self.table.molecules(rows)?.iter().map(Traits::of).collect();
        let found = rows
            .iter()
            .filter_map(|&row| Some((row, self.table.row(row)?)));
        let molecules = found.map(|(row, found)| TrainingMolecule {
            row: row as u64,
            smiles: found.smiles.clone(),
        });
        Ok(Domain::of(
            molecules.collect(),
            &traits,
            rounded(embeddings)?,
        ))
    }

    fn baseline(&self, notes: &mut Vec<String>) -> Result<Option<Array2<f64>>> {
        let Split { train, valid, test } = &self.split;
        if test.is_empty() {
            return Ok(None);
        }
        let count = self.targets.len();
        if train.len() > MOST_ROWS || train.len() * count > MOST_LABELS {
            notes.push(format!(
                "the fingerprint baseline was left out: it is for at most {MOST_ROWS} training rows and {MOST_LABELS} \
                 labels, there are {} rows and {count} targets",
                train.len()
            ));
            return Ok(None);
        }
        let rows = [train, valid, test];
        let mut features = Vec::with_capacity(3);
        for rows in rows {
            features.push(baseline::features(&self.table.molecules(rows)?));
        }
        let [on_train, on_valid] = [train, valid].map(|rows| self.table.labels(rows));
        let part = |place: usize, labels| Part {
            features: features[place].view(),
            labels,
        };
        let (fit, choose) = (part(0, on_train.view()), part(1, on_valid.view()));
        baseline::predict(&self.targets, &fit, &choose, features[2].view()).map(Some)
    }

    fn training_means(&self) -> Vec<f64> {
        let mean = |known: Vec<f64>| known.iter().sum::<f64>() / known.len().max(1) as f64;
        self.training_labels().map(mean).collect()
    }

    /// The least spread of each target, for intervals that scale with it.
    fn floors(&self) -> Vec<f64> {
        let deviation = |known: Vec<f64>| Array1::from_vec(known).std(0.0);
        self.training_labels()
            .map(|known| FLOOR * deviation(known))
            .collect()
    }

    /// The known labels of the training part, target by target.
    fn training_labels(&self) -> impl Iterator<Item = Vec<f64>> + use<> {
        let labels = self.table.labels(&self.split.train);
        let known = |column: ArrayView1<'_, f64>| -> Vec<f64> {
            let labels = column.iter().copied();
            labels.filter(|label| !label.is_nan()).collect()
        };
        let columns: Vec<Vec<f64>> = labels.columns().into_iter().map(known).collect();
        columns.into_iter()
    }

    /// Writes `choices.json`, and refuses a folder that holds another table's run, a model and no run, or a run under way.
    fn claim(&self, folder: &RunFolder) -> Result<()> {
        folder.hold_for_models()?;
        let path = folder.path().join(CHOICES);
        let bytes =
            std::fs::read(&self.request.table).map_err(TrainError::io(&self.request.table))?;
        let mut choices = Map::new();
        let mut choose = |name: &str, value: Value| choices.insert(name.to_string(), value);
        choose(TABLE, hex(&Sha256::digest(&bytes)).into());
        choose("smiles_column", self.smiles.name.clone().into());
        choose("targets", json(&self.targets)?);
        choose("model", self.model_name().into());
        if let Some(model) = &self.request.model {
            choose("model_sha256", fingerprint(model)?.into());
        }
        choose("split", json(&self.split)?);
        // Seeds may be added to a run that is done.
        let mut settings = json(&self.config)?;
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("seeds");
        }
        choose("settings", settings);
        let foreign =
            { LEFT.iter() }.find(|name| !path.is_file() && folder.path().join(name).exists());
        if let Some(name) = foreign {
            return Err(TrainError::Folder {
                path: folder.path().to_path_buf(),
                reason: format!("it holds {name} and no run: name another --output, or remove it"),
            });
        }
        if path.is_file() {
            let text = std::fs::read_to_string(&path).map_err(TrainError::io(&path))?;
            let before: Map<String, Value> =
                serde_json::from_str(&text).map_err(|error| TrainError::Folder {
                    path: path.clone(),
                    reason: error.to_string(),
                })?;
            let difference = if before.get(TABLE) == choices.get(TABLE) {
                first_difference("", &before.into(), &choices.clone().into())
            } else {
                // With the table everything that was found in it differs.
                Some("the table is another".to_string())
            };
            if let Some(difference) = difference {
                let shown: String = difference.chars().take(MOST_SHOWN).collect();
                return Err(TrainError::Folder {
                    path: folder.path().to_path_buf(),
                    reason: format!(
                        "it holds another run ({CHOICES}: {shown}): name another --output, or remove it"
                    ),
                });
            }
        }
        write_json(&path, &choices)
    }

    fn model_name(&self) -> String {
        match &self.request.model {
            Some(model) => model.display().to_string(),
            None => format!("scratch, {DEFAULT_MODEL}"),
        }
    }

    fn write_rejected(&self, folder: &RunFolder) -> Result<()> {
        if self.table.rejected.is_empty() {
            return Ok(());
        }
        let path = folder.path().join(REJECTED);
        let mut text = String::from("row,smiles,kind,reason\n");
        for one in &self.table.rejected {
            let cells = [&one.smiles, &one.kind, &one.reason].map(|cell| quoted(cell));
            text += &format!("{},{}\n", one.row, cells.join(","));
        }
        std::fs::write(&path, text).map_err(TrainError::io(&path))
    }
}

/// The run folder of `dnd finetune` that a name or path means: below the folder of models where there is none of this path. Any
/// other name or path stays what it is.
pub(crate) fn run_folder(name_or_path: &Path) -> PathBuf {
    let installed = models_folder().map(|models| models.join(name_or_path));
    let installed = installed.filter(|folder| folder.join(CHOICES).is_file());
    installed
        .filter(|_| !name_or_path.exists())
        .unwrap_or_else(|| name_or_path.to_path_buf())
}

/// The column of the table that a run folder's models have learned from; none where the folder does not say.
pub fn smiles_column_of(name_or_path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(run_folder(name_or_path).join(CHOICES)).ok()?;
    let choices: Map<String, Value> = serde_json::from_str(&text).ok()?;
    choices.get("smiles_column")?.as_str().map(str::to_string)
}

/// A cell of a table as RFC 4180 wants it.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_string()
    }
}

fn json<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| TrainError::ConfigText {
        origin: CHOICES.into(),
        reason: error.to_string(),
    })
}

/// Which coverages the validation part cannot support.
fn few_calibration(uncertainty: &Uncertainty) -> Vec<String> {
    let mut notes = Vec::new();
    for target in &uncertainty.targets {
        let weak = target
            .levels
            .iter()
            .filter(|level| level.thresholds.contains(&None));
        let weak: Vec<String> = weak
            .map(|level| format!("{} % ({} needed)", 100.0 * level.coverage, level.needed))
            .collect();
        if !weak.is_empty() {
            let counts: Vec<String> = target.counts().iter().map(ToString::to_string).collect();
            notes.push(format!(
                "{}: {} calibration molecules are too few for a coverage of {}",
                target.name,
                counts.join(" and "),
                weak.join(", ")
            ));
        }
    }
    notes
}
