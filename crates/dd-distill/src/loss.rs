//! The trait of all distillation losses, and the losses by name.

use candle_core::Tensor;
use dd_nn::Representation;

use crate::Alignment;
use crate::error::{DistillError, Result};
use crate::graph_loss::GraphLoss;
use crate::node_loss::NodeLoss;

/// How far is the student from the teacher, on this alignment?
///
/// Contract: the result is a scalar; gradients flow to the student only, whatever the caller hands over; a student equal to
/// its target gives zero.
pub trait DistillLoss: Send + Sync {
    /// Name in logs and configurations.
    fn name(&self) -> &str;

    /// The loss, a scalar. `student` and `teacher` must have the same width.
    ///
    /// # Errors
    /// When widths or rows disagree, or the batch has no aligned atoms.
    fn loss(
        &self,
        student: &Representation,
        teacher: &Representation,
        alignment: &Alignment,
    ) -> Result<Tensor>;

    /// What the mean of [`DistillLoss::loss`] runs over, atoms or molecules: how much a batch counts in a mean over several.
    fn num_terms(&self, alignment: &Alignment) -> usize;
}

/// Names that [`loss_by_name`] knows.
pub const LOSS_NAMES: [&str; 16] = [
    "node_mse",
    "node_mse_molecule_mean",
    "node_mse_layernorm",
    "node_mse_layernorm_molecule_mean",
    "node_cosine",
    "node_cosine_molecule_mean",
    "node_cosine_layernorm",
    "node_cosine_layernorm_molecule_mean",
    "node_smooth_l1",
    "node_smooth_l1_molecule_mean",
    "node_smooth_l1_layernorm",
    "node_smooth_l1_layernorm_molecule_mean",
    "graph_mse_mean_pool",
    "graph_mse_mean_pool_aligned",
    "graph_mse_sum_pool",
    "graph_mse_sum_pool_aligned",
];

/// A loss of this crate by its name, one of [`LOSS_NAMES`].
///
/// # Errors
/// When there is no such loss; the message lists those that exist.
pub fn loss_by_name(name: &str) -> Result<Box<dyn DistillLoss>> {
    if let Some(loss) = NodeLoss::all().find(|loss| loss.name() == name) {
        return Ok(Box::new(loss));
    }
    if let Some(loss) = GraphLoss::all().find(|loss| loss.name() == name) {
        return Ok(Box::new(loss));
    }
    Err(DistillError::UnknownLoss {
        name: name.to_string(),
        known: LOSS_NAMES.join(", "),
    })
}

/// Fails unless both tensors are as wide as each other.
pub(crate) fn check_width(student: &Tensor, teacher: &Tensor) -> Result<()> {
    let (student, teacher) = (student.dim(1)?, teacher.dim(1)?);
    if student == teacher {
        Ok(())
    } else {
        Err(DistillError::Width { student, teacher })
    }
}

/// Fails unless the tensor has the rows that the alignment speaks of.
pub(crate) fn check_rows(name: &'static str, tensor: &Tensor, expected: usize) -> Result<()> {
    let got = tensor.dim(0)?;
    if got == expected {
        Ok(())
    } else {
        Err(DistillError::Rows {
            name,
            expected,
            got,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_losses_are_the_same() {
        let (nodes, graphs): (Vec<_>, Vec<_>) =
            (NodeLoss::all().collect(), GraphLoss::all().collect());
        let nodes = nodes.iter().map(DistillLoss::name);
        let all: Vec<&str> = nodes.chain(graphs.iter().map(DistillLoss::name)).collect();
        assert_eq!(all, LOSS_NAMES);
        for name in LOSS_NAMES {
            assert_eq!(loss_by_name(name).unwrap().name(), name);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = loss_by_name("nod_mse").err().unwrap().to_string();
        assert!(
            message.contains("nod_mse") && message.contains("graph_mse_sum_pool"),
            "{message}"
        );
    }
}
