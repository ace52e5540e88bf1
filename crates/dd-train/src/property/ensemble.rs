//! One model or several that learned the same table with different seeds, as one predictor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device};
use dd_data::RowFault;
use dd_encoder2d::{BATCH_TOKENS, ModelFolder, Predictor, Target};
use dd_graph::{BatchPlan, Featurizer, FeaturizerConfig, GraphBatch, MolGraph};
use dd_mol::Molecule;
use dd_nn::{Mode, Precision};
use ndarray::{Array2, Array3, Axis, s};
use rayon::prelude::*;

use super::domain::{Applicability, Domain, Traits};
use super::domain_file::rounded;
use super::intervals::Intervals;
use super::tune::{CHOICES, run_folder};
use super::uncertainty::{Region, Uncertainty};
use crate::error::{Result, TrainError};
use crate::folder::CONFIG_FILE;

/// What is said of one molecule.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// One entry per target.
    pub targets: Vec<TargetPrediction>,
    /// Whether the model knows its like; none for a model without a record of its training molecules.
    pub applicability: Option<Applicability>,
}

/// What is said of one target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetPrediction {
    /// Mean of the members, in the target's unit; for a binary target the mean probability of 1.
    pub mean: f64,
    /// Sample standard deviation of the members; none for a single one.
    pub std: Option<f64>,
    /// Where the target lies at the coverage asked for; none for a model without calibration, or with too few calibration
    /// molecules for it ([`Ensemble::refusals`] says which).
    pub region: Option<Region>,
}

/// What every member says, and the embeddings of the first.
#[derive(Debug, Clone)]
pub struct MemberAnswers {
    /// `[M, R, T]`, in the targets' units; probabilities of binary targets.
    pub values: Array3<f64>,
    /// `[R, H]`.
    pub embeddings: Array2<f32>,
}

impl MemberAnswers {
    /// Means over the members, `[R, T]`.
    pub fn means(&self) -> Array2<f64> {
        self.values
            .mean_axis(Axis(0))
            .expect("an ensemble has members")
    }
}

/// An ensemble of predictors on the CPU, with what is known of its uncertainty and its training molecules.
pub struct Ensemble {
    folder: PathBuf,
    members: Vec<Predictor>,
    seeds: Vec<u64>,
    features: FeaturizerConfig,
    featurizer: Arc<dyn Featurizer<Output = MolGraph>>,
    targets: Vec<Target>,
    uncertainty: Option<Uncertainty>,
    domain: Option<Domain>,
    batch_tokens: usize,
}

impl Ensemble {
    /// Loads a run folder with its folders `seed-N` as members, or else a single fine-tuned model: a folder, or the name of
    /// one below the folder of models.
    ///
    /// # Errors
    /// When there is no such model, it has no head, a member is damaged or of another kind than the rest, the folder's
    /// uncertainty is that of other members, or its run was not finished.
    pub fn load(name_or_path: &Path) -> Result<Self> {
        Self::load_as(name_or_path, Precision::Single)
    }

    /// The same, computing in a precision of choice.
    ///
    /// # Errors
    /// As [`Ensemble::load`].
    pub fn load_as(name_or_path: &Path, precision: Precision) -> Result<Self> {
        let name_or_path = &run_folder(name_or_path);
        let uncertainty = Uncertainty::load(name_or_path)?;
        if uncertainty.is_none() && name_or_path.join(CHOICES).is_file() {
            return Err(TrainError::Folder {
                path: name_or_path.clone(),
                reason: "its fine-tuning was not finished: repeat the command, and it goes on"
                    .into(),
            });
        }
        let seeds = match &uncertainty {
            Some(known) => known.seeds.clone(),
            None => seeds_in(name_or_path)?,
        };
        let mut ensemble = Self::of_seeds(name_or_path, &seeds, precision)?;
        ensemble.uncertainty = uncertainty;
        ensemble.domain = Domain::load(name_or_path)?;
        ensemble.check()?;
        Ok(ensemble)
    }

    /// The members of some seeds alone, or the single model when there are none.
    pub(super) fn of_seeds(
        name_or_path: &Path,
        seeds: &[u64],
        precision: Precision,
    ) -> Result<Self> {
        let folders: Vec<PathBuf> = if seeds.is_empty() {
            vec![name_or_path.to_path_buf()]
        } else {
            let member = |seed: &u64| name_or_path.join(format!("seed-{seed}"));
            seeds.iter().map(member).collect()
        };
        let first = ModelFolder::open(&folders[0])?;
        if first.config().head.is_none() {
            let name = name_or_path.display();
            return Err(TrainError::Folder {
                path: name_or_path.to_path_buf(),
                reason: format!(
                    "the model embeds and predicts nothing yet: `dnd finetune TABLE --model {name}` makes models that predict"
                ),
            });
        }
        let mut members = Vec::with_capacity(folders.len());
        for path in &folders {
            let folder = ModelFolder::open(path)?;
            if (&folder.config().targets, &folder.config().featurizer)
                != (&first.config().targets, &first.config().featurizer)
            {
                return Err(TrainError::Folder {
                    path: path.clone(),
                    reason: format!(
                        "its targets or features are not those of {}",
                        folders[0].display()
                    ),
                });
            }
            let store = precision
                .store()
                .frozen()
                .at_most(folder.tensors()?.most_parameters());
            members.push(folder.config().build_predictor(&store)?);
            folder.load(&store)?;
        }
        Ok(Self {
            folder: name_or_path.to_path_buf(),
            members,
            features: first.config().featurizer.clone(),
            featurizer: first.config().build_featurizer(),
            targets: first.config().targets.clone(),
            seeds: seeds.to_vec(),
            uncertainty: None,
            domain: None,
            batch_tokens: BATCH_TOKENS,
        })
    }

    /// What is written beside the members belongs to them.
    fn check(&self) -> Result<()> {
        let wrong = |reason: &str| TrainError::Folder {
            path: self.folder.clone(),
            reason: reason.to_string(),
        };
        if let Some(known) = &self.uncertainty {
            let names = known.targets.iter().map(|target| &target.name);
            if !names.eq(self.targets.iter().map(|target| &target.name)) {
                return Err(wrong(
                    "uncertainty.json is of other targets than the models",
                ));
            }
            if self.domain.is_none() {
                return Err(wrong(
                    "applicability.json, which stands beside uncertainty.json, is missing",
                ));
            }
        }
        match &self.domain {
            Some(domain) if domain.embeddings.ncols() != self.members[0].encoder().width() => Err(
                wrong("applicability.safetensors is of another width than the models"),
            ),
            _ => Ok(()),
        }
    }

    /// The targets, in the order of the predictions.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The members' seeds; none for a single model folder.
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// The members.
    pub fn members(&self) -> &[Predictor] {
        &self.members
    }

    /// How molecules become the members' input.
    pub fn features(&self) -> &FeaturizerConfig {
        &self.features
    }

    /// Gives the intervals of numbers another kind of width than the run folder says.
    ///
    /// # Errors
    /// When the folder does not have what they need.
    pub fn set_intervals(&mut self, intervals: Intervals) -> Result<()> {
        let changed = match &mut self.uncertainty {
            Some(known) => known.set_intervals(intervals),
            None => Err("it has no uncertainty.json".into()),
        };
        changed.map_err(|reason| TrainError::Folder {
            path: self.folder.clone(),
            reason,
        })
    }

    /// Bounds the nodes and directed edges of a batch; one graph may have more.
    pub fn set_batch_tokens(&mut self, batch_tokens: usize) {
        self.batch_tokens = batch_tokens;
    }

    /// The calibration, where there is one.
    pub fn uncertainty(&self) -> Option<&Uncertainty> {
        self.uncertainty.as_ref()
    }

    /// The training molecules, where they are known.
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref()
    }

    /// Why targets have no region at a coverage, one sentence each; empty when all have one.
    ///
    /// # Errors
    /// When the coverage is not between 0 and 1.
    pub fn refusals(&self, coverage: f64) -> Result<Vec<String>> {
        let Some(known) = &self.uncertainty else {
            return Ok(vec![format!(
                "{} has no uncertainty.json: it is a single model, or was not made by `dnd finetune`",
                self.folder.display()
            )]);
        };
        let mut refusals = Vec::new();
        for target in &known.targets {
            match target.region(0.0, Some(0.0), coverage) {
                Ok(_) => {}
                Err(error) if error.undefined_reason().is_some() => refusals.push(format!(
                    "{}: a coverage of {coverage} needs {} calibration molecules, there are {}",
                    target.name,
                    dd_eval::conformal::rows_needed(coverage)?,
                    target.counts()[0]
                )),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(refusals)
    }

    /// The graph that the members see.
    ///
    /// # Errors
    /// Why this molecule cannot be answered.
    pub fn featurize(&self, molecule: &Molecule) -> std::result::Result<MolGraph, RowFault> {
        let graph = self.featurizer.featurize(molecule);
        graph.map_err(|error| RowFault::new("featurize", error.to_string()))
    }

    /// Predicts molecules, with regions at `coverage`: one answer for each, in order.
    ///
    /// # Errors
    /// When a member fails, or the coverage is not between 0 and 1; a molecule that cannot be answered has its own error.
    pub fn predict(
        &self,
        molecules: &[Molecule],
        coverage: f64,
    ) -> Result<Vec<std::result::Result<Prediction, RowFault>>> {
        type Prepared = std::result::Result<(MolGraph, Option<Traits>), RowFault>;
        let prepare = |molecule: &Molecule| -> Prepared {
            let traits = self.domain.as_ref().map(|_| Traits::of(molecule));
            Ok((self.featurize(molecule)?, traits))
        };
        let prepared: Vec<Prepared> = molecules.par_iter().map(prepare).collect();
        let (mut graphs, mut traits, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for one in prepared {
            faults.push(match one {
                Ok((graph, of_domain)) => {
                    graphs.push(graph);
                    traits.extend(of_domain);
                    None
                }
                Err(fault) => Some(fault),
            });
        }
        let answers = self.answers(&graphs)?;
        let mut predictions = self.assess(&answers, &traits, coverage)?.into_iter();
        let answer = |fault: Option<RowFault>| match fault {
            Some(fault) => Err(fault),
            None => Ok(predictions.next().expect("one prediction per graph")),
        };
        Ok(faults.into_iter().map(answer).collect())
    }

    /// The same of molecules whose graphs are collated already.
    ///
    /// # Errors
    /// When a member fails, or the coverage is not between 0 and 1.
    pub fn predict_batch(
        &self,
        batch: &GraphBatch,
        molecules: &[Molecule],
        coverage: f64,
    ) -> Result<Vec<Prediction>> {
        let of_domain = molecules.iter().filter(|_| self.domain.is_some());
        let traits: Vec<Traits> = of_domain.map(Traits::of).collect();
        self.assess(&self.answers_to(batch)?, &traits, coverage)
    }

    fn assess(
        &self,
        answers: &MemberAnswers,
        traits: &[Traits],
        coverage: f64,
    ) -> Result<Vec<Prediction>> {
        let means = answers.means();
        let mut located = match &self.domain {
            Some(domain) => {
                let embeddings = rounded(&answers.embeddings)?;
                domain.locate(traits, embeddings.view())
            }
            None => Vec::new(),
        }
        .into_iter();
        (0..means.nrows())
            .map(|row| {
                let target = |column: usize| {
                    self.target(answers, (row, column), means[[row, column]], coverage)
                };
                let targets = (0..self.targets.len()).map(target);
                Ok(Prediction {
                    targets: targets.collect::<Result<_>>()?,
                    applicability: located.next(),
                })
            })
            .collect()
    }

    fn target(
        &self,
        answers: &MemberAnswers,
        (row, column): (usize, usize),
        mean: f64,
        coverage: f64,
    ) -> Result<TargetPrediction> {
        let values = answers.values.slice(s![.., row, column]);
        let std = (values.len() > 1).then(|| values.std(1.0));
        let region = match &self.uncertainty {
            None => None,
            Some(known) => match known.targets[column].region(mean, std, coverage) {
                Ok(region) => Some(region),
                Err(error) if error.undefined_reason().is_some() => None,
                Err(error) => return Err(error.into()),
            },
        };
        Ok(TargetPrediction { mean, std, region })
    }

    /// What every member says of graphs, in order.
    ///
    /// # Errors
    /// When a member fails.
    pub fn answers(&self, graphs: &[MolGraph]) -> Result<MemberAnswers> {
        let shape = (self.members.len(), graphs.len(), self.targets.len());
        let width = self.members[0].encoder().width();
        let mut answers = MemberAnswers {
            values: Array3::zeros(shape),
            embeddings: Array2::zeros((graphs.len(), width)),
        };
        let sizes: Vec<usize> = graphs.iter().map(MolGraph::num_tokens).collect();
        for rows in BatchPlan::in_order(&sizes, self.batch_tokens).batches {
            let rows = rows[0]..rows[0] + rows.len();
            let batch = GraphBatch::collate(&graphs[rows.clone()], &Device::Cpu)?;
            let part = self.answers_to(&batch)?;
            let mut values = answers.values.slice_mut(s![.., rows.clone(), ..]);
            values.assign(&part.values);
            let mut embeddings = answers.embeddings.slice_mut(s![rows, ..]);
            embeddings.assign(&part.embeddings);
        }
        Ok(answers)
    }

    fn answers_to(&self, batch: &GraphBatch) -> Result<MemberAnswers> {
        let rows = batch.num_graphs();
        let shape = (self.members.len(), rows, self.targets.len());
        let mut values = Array3::zeros(shape);
        let mut embeddings = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let representation = member.encoder().encode(batch, Mode::Eval)?;
            let of_member = member.predict_from(&representation)?;
            values.slice_mut(s![place, .., ..]).assign(&of_member);
            if place == 0 {
                let vectors = representation.graphs.to_dtype(DType::F32)?;
                embeddings = vectors.flatten_all()?.to_vec1()?;
            }
        }
        let width = self.members[0].encoder().width();
        let embeddings = Array2::from_shape_vec((rows, width), embeddings);
        Ok(MemberAnswers {
            values,
            embeddings: embeddings.expect("one vector per graph"),
        })
    }
}

/// The seeds of the folders `seed-N` below a folder, ascending; none when it is not a run folder.
fn seeds_in(folder: &Path) -> Result<Vec<u64>> {
    if !folder.is_dir() || folder.join(CONFIG_FILE).is_file() {
        return Ok(Vec::new());
    }
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(TrainError::io(folder))? {
        let entry = entry.map_err(TrainError::io(folder))?;
        let name = entry.file_name();
        let seed = name.to_str().and_then(|name| name.strip_prefix("seed-"));
        let seed = seed.and_then(|number| number.parse().ok());
        if let (Some(seed), true) = (seed, entry.path().join(CONFIG_FILE).is_file()) {
            seeds.push(seed);
        }
    }
    seeds.sort_unstable();
    Ok(seeds)
}
