//! Running a model on graphs, so that one bad graph does not take others with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use candle_core::Device;
use dd_data::RowFault;
use dd_graph::{GraphBatch, MolGraph};
use dd_mol::Molecule;

use crate::batcher::Task;
use crate::model::{ModelFailure, Prediction, ServedModel};

/// What a model says of one molecule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Vector(Vec<f32>),
    Prediction(Prediction),
}

impl Answer {
    /// JSON has no place for what is not finite.
    fn checked(self) -> Result<Self, RowFault> {
        let finite = match &self {
            Self::Vector(values) => values.iter().all(|x| x.is_finite()),
            Self::Prediction(prediction) => {
                let ends = prediction.intervals.iter().flatten().flatten();
                prediction.values.iter().chain(ends).all(|x| x.is_finite())
            }
        };
        if finite {
            Ok(self)
        } else {
            Err(RowFault::not_finite())
        }
    }
}

/// One answer for each graph: together, or one by one when that fails.
pub(crate) fn answer_each(
    model: &dyn ServedModel,
    task: Task,
    molecules: &[Molecule],
    graphs: &[MolGraph],
) -> Vec<Result<Answer, RowFault>> {
    match run(model, task, molecules, graphs) {
        Ok(answers) => answers.into_iter().map(Answer::checked).collect(),
        Err(failure) if graphs.len() == 1 => {
            vec![Err(RowFault::new("model", failure.to_string()))]
        }
        Err(_) => (0..graphs.len())
            .flat_map(|at| answer_each(model, task, &molecules[at..=at], &graphs[at..=at]))
            .collect(),
    }
}

fn run(
    model: &dyn ServedModel,
    task: Task,
    molecules: &[Molecule],
    graphs: &[MolGraph],
) -> Result<Vec<Answer>, ModelFailure> {
    let work = || {
        let batch = GraphBatch::collate(graphs, &Device::Cpu)
            .map_err(|error| ModelFailure(error.to_string()))?;
        Ok(match task {
            Task::Embed => {
                let vectors = model.embed(&batch)?.into_iter();
                vectors.map(Answer::Vector).collect::<Vec<_>>()
            }
            Task::Predict => {
                let predictions = model.predict(&batch, molecules)?.into_iter();
                predictions.map(Answer::Prediction).collect()
            }
        })
    };
    // A model holds no state between batches, so nothing is left half-changed.
    let answers = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ModelFailure("the model panicked".into())))?;
    if answers.len() == graphs.len() {
        return Ok(answers);
    }
    Err(ModelFailure(format!(
        "{} answers for {} graphs",
        answers.len(),
        graphs.len()
    )))
}
