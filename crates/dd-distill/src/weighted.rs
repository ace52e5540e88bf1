//! A weighted sum of losses.

use candle_core::Tensor;
use dd_nn::Representation;

use crate::error::{DistillError, Result};
use crate::{Alignment, DistillLoss};

/// `sum_i weight_i * loss_i`.
///
/// A batch counts by its molecules. A sum with a loss over atoms has no exact mean over several batches: hand its terms over
/// one by one where one is taken, as distillation's validation is.
pub struct Weighted {
    name: String,
    terms: Vec<(f64, Box<dyn DistillLoss>)>,
}

impl Weighted {
    /// The sum of these terms.
    pub fn new(terms: Vec<(f64, Box<dyn DistillLoss>)>) -> Self {
        let parts: Vec<String> = terms
            .iter()
            .map(|(weight, loss)| format!("{weight}*{}", loss.name()))
            .collect();
        Self {
            name: parts.join("+"),
            terms,
        }
    }

    /// Weights and losses.
    pub fn terms(&self) -> impl Iterator<Item = (f64, &dyn DistillLoss)> {
        self.terms
            .iter()
            .map(|(weight, loss)| (*weight, loss.as_ref()))
    }
}

impl DistillLoss for Weighted {
    fn name(&self) -> &str {
        &self.name
    }

    fn loss(
        &self,
        student: &Representation,
        teacher: &Representation,
        alignment: &Alignment,
    ) -> Result<Tensor> {
        let mut total: Option<Tensor> = None;
        for (weight, loss) in &self.terms {
            let term = (loss.loss(student, teacher, alignment)? * *weight)?;
            total = Some(match total {
                Some(sum) => (sum + term)?,
                None => term,
            });
        }
        total.ok_or(DistillError::NoTerms)
    }

    fn num_terms(&self, alignment: &Alignment) -> usize {
        alignment.num_graphs()
    }
}
