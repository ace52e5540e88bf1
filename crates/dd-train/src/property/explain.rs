//! Which atoms a prediction comes from, exactly.
//!
//! An encoder whose molecule vector is the mean of its atom vectors, under a linear head, predicts a sum over atoms:
//! `y = mean + std (w · (1/n) Σ h_v + b) = (mean + std b) + Σ std (w · h_v) / n`. The base and the atoms' contributions add
//! up to the prediction, of numbers in their unit and of classes as logit; an ensemble's are the means over its members. That
//! the encoder pools by the mean is looked at, not believed: where it does not, there is no such sum and no explanation.
//!
//! A contribution says what the model reads off an atom in its surroundings. It is not what would change without the atom.

use candle_core::{DType, Device, Tensor};
use dd_data::RowFault;
use dd_graph::{GraphBatch, Hydrogens};
use dd_kernels::segment_mean;
use dd_mol::Molecule;
use dd_nn::{Linear, Mode};
use ndarray::Array2;

use super::ensemble::Ensemble;
use crate::error::{Result, TrainError};

/// Largest difference between the mean of atom vectors and the molecule's vector, relative to the largest entry.
const POOLING_TOLERANCE: f64 = 1e-4;

/// The sum behind one molecule's predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Atom of the molecule behind each contribution.
    pub atoms: Vec<u32>,
    /// One entry per target.
    pub targets: Vec<TargetExplanation>,
}

/// The sum behind one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetExplanation {
    /// What is there before any atom, in the target's unit; a logit for a binary target.
    pub base: f64,
    /// What every atom adds, in the order of [`Explanation::atoms`].
    pub contributions: Vec<f64>,
}

impl TargetExplanation {
    /// Base and contributions: the prediction of a number, the mean logit of a class.
    pub fn sum(&self) -> f64 {
        self.base + self.contributions.iter().sum::<f64>()
    }
}

/// Explains the predictions of an ensemble.
pub struct Explainer<'a>(&'a Ensemble);

impl<'a> Explainer<'a> {
    /// An explainer for models of which a prediction is a sum over atoms.
    ///
    /// # Errors
    /// With the reason, when it is not: another head than the linear one, hydrogens as atoms of their own.
    pub fn new(ensemble: &'a Ensemble) -> Result<Self> {
        let hydrogens = ensemble.features().hydrogens();
        if hydrogens != Hydrogens::Remove {
            return Err(no_sum(
                "the model reads hydrogens as atoms of their own, which drawings hide",
            ));
        }
        for member in ensemble.members() {
            linear(member)?;
        }
        Ok(Self(ensemble))
    }

    /// The sum behind the predictions for one molecule.
    ///
    /// # Errors
    /// When a member fails, or its encoder does not pool by the mean. The inner error is the molecule's own.
    pub fn explain(
        &self,
        molecule: &Molecule,
    ) -> Result<std::result::Result<Explanation, RowFault>> {
        let graph = match self.0.featurize(molecule) {
            Ok(graph) => graph,
            Err(fault) => return Ok(Err(fault)),
        };
        let batch = GraphBatch::collate(std::slice::from_ref(&graph), &Device::Cpu)?;
        let (atoms, columns) = (graph.num_nodes(), self.0.targets().len());
        let mut contributions = Array2::<f64>::zeros((atoms, columns));
        let mut bases = vec![0.0; columns];
        let share = 1.0 / self.0.members().len() as f64;
        for member in self.0.members() {
            let representation = member.encoder().encode(&batch, Mode::Eval)?;
            let pooled = segment_mean(&representation.nodes, &batch.nodes)?;
            check_pooling(&pooled, &representation.graphs)?;
            let layer = linear(member)?;
            let weight = layer.weight().to_dtype(DType::F64)?; // [T, H]
            let nodes = representation.nodes.to_dtype(DType::F64)?; // [N, H]
            let products = nodes.matmul(&weight.t()?)?; // [N, T]
            // Scaling is affine: what it makes of 0 is the mean, and of 1 mean and deviation.
            let scale = |value: f64| -> Result<Vec<f64>> {
                let outputs = Tensor::full(value, (1, columns), &Device::Cpu)?;
                let restored = member.scaler().restore(&outputs)?;
                Ok(restored.flatten_all()?.to_vec1()?)
            };
            let (means, ends) = (scale(0.0)?, scale(1.0)?);
            let bias: Vec<f64> = match layer.bias() {
                Some(bias) => bias.to_dtype(DType::F64)?.to_vec1()?,
                None => vec![0.0; columns],
            };
            let products: Vec<Vec<f64>> = products.to_vec2()?;
            for column in 0..columns {
                let deviation = ends[column] - means[column];
                bases[column] += share * (means[column] + deviation * bias[column]);
                for (atom, row) in products.iter().enumerate() {
                    contributions[[atom, column]] += share * deviation * row[column] / atoms as f64;
                }
            }
        }
        let target = |(column, base): (usize, f64)| TargetExplanation {
            base,
            contributions: contributions.column(column).to_vec(),
        };
        Ok(Ok(Explanation {
            atoms: graph.atom_index,
            targets: bases.into_iter().enumerate().map(target).collect(),
        }))
    }
}

fn linear(member: &dd_encoder2d::Predictor) -> Result<&Linear> {
    let layer = member.head().linear();
    layer.ok_or_else(|| no_sum("its head is not linear"))
}

fn check_pooling(pooled: &Tensor, graphs: &Tensor) -> Result<()> {
    let largest = |x: &Tensor| -> Result<f64> {
        let x = x.to_dtype(DType::F64)?.abs()?.flatten_all()?;
        Ok(x.max(0)?.to_scalar()?)
    };
    let difference = largest(&(pooled - graphs)?)?;
    if difference <= POOLING_TOLERANCE * largest(graphs)?.max(1e-3) {
        return Ok(());
    }
    Err(no_sum(
        "its encoder does not make a molecule's vector as the mean of its atoms'",
    ))
}

fn no_sum(reason: &str) -> TrainError {
    TrainError::Unexplained {
        reason: reason.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn other_poolings_are_noticed() {
        let mean = Tensor::new(&[[1.0_f32, -2.0]], &Device::Cpu).unwrap();
        let near = (&mean + 1e-5).unwrap();
        let sum = (&mean * 3.0).unwrap();
        assert!(check_pooling(&mean, &near).is_ok());
        let message = check_pooling(&mean, &sum).unwrap_err().to_string();
        assert!(message.contains("mean of its atoms'"), "{message}");
    }
}
