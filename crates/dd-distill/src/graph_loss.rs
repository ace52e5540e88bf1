//! D&D-Graph: the distance between one vector per molecule on each side.
//!
//! `L = mean over molecules and channels of (pool(f2D(G)) - pool(f3D(C)))^2` (Cho et al., AAAI 2025, section 3.2; the
//! original writes a squared norm, its reported loss levels are those of a mean).
//!
//! The student's vector is its own readout, [`Representation::graphs`]: the mean over its atoms in the paper. The teacher's
//! is pooled here, from its nodes.

use candle_core::Tensor;
use dd_kernels::{gather, segment_mean, segment_sum};
use dd_nn::Representation;
use serde::{Deserialize, Serialize};

use crate::Alignment;
use crate::error::{DistillError, Result};
use crate::loss::{DistillLoss, check_rows, check_width};

/// How the teacher's atoms become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Mean over atoms: the paper's.
    Mean,
    /// Sum over atoms.
    Sum,
}

/// Which of the teacher's atoms are pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TeacherAtoms {
    /// All that the teacher sees, hydrogens included.
    All,
    /// Only those behind a student node.
    Aligned,
}

/// Mean squared error between pooled representations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphLoss {
    pooling: Pooling,
    atoms: TeacherAtoms,
}

impl GraphLoss {
    /// The paper's D&D-Graph: the teacher's mean over all its atoms.
    pub fn mean_pool() -> Self {
        Self {
            pooling: Pooling::Mean,
            atoms: TeacherAtoms::All,
        }
    }

    /// The same with the teacher's sum.
    pub fn sum_pool() -> Self {
        Self {
            pooling: Pooling::Sum,
            ..Self::mean_pool()
        }
    }

    /// Every choice.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let aligned = |loss: Self| [loss, loss.over(TeacherAtoms::Aligned)];
        [Self::mean_pool(), Self::sum_pool()]
            .into_iter()
            .flat_map(aligned)
    }

    /// The same over other atoms of the teacher.
    #[must_use]
    pub fn over(self, atoms: TeacherAtoms) -> Self {
        Self { atoms, ..self }
    }

    fn target(self, teacher: &Representation, alignment: &Alignment) -> Result<Tensor> {
        let nodes = teacher.nodes.detach(); // [M, H]
        check_rows(
            "teacher nodes",
            &nodes,
            alignment.teacher_atoms().num_rows(),
        )?;
        let (nodes, segments) = match self.atoms {
            TeacherAtoms::All => (nodes, alignment.teacher_atoms()),
            TeacherAtoms::Aligned => (
                gather(&nodes, alignment.teacher_rows())?,
                alignment.student_nodes(),
            ),
        };
        Ok(match self.pooling {
            Pooling::Mean => segment_mean(&nodes, segments)?,
            Pooling::Sum => segment_sum(&nodes, segments)?,
        })
    }
}

impl DistillLoss for GraphLoss {
    fn name(&self) -> &str {
        match (self.pooling, self.atoms) {
            (Pooling::Mean, TeacherAtoms::All) => "graph_mse_mean_pool",
            (Pooling::Mean, TeacherAtoms::Aligned) => "graph_mse_mean_pool_aligned",
            (Pooling::Sum, TeacherAtoms::All) => "graph_mse_sum_pool",
            (Pooling::Sum, TeacherAtoms::Aligned) => "graph_mse_sum_pool_aligned",
        }
    }

    fn num_terms(&self, alignment: &Alignment) -> usize {
        alignment.num_graphs()
    }

    fn loss(
        &self,
        student: &Representation,
        teacher: &Representation,
        alignment: &Alignment,
    ) -> Result<Tensor> {
        if alignment.num_pairs() == 0 {
            return Err(DistillError::Empty);
        }
        check_rows("student graphs", &student.graphs, alignment.num_graphs())?;
        let target = self.target(teacher, alignment)?; // [B, H]
        check_width(&student.graphs, &target)?;
        Ok((&student.graphs - target)?.sqr()?.mean_all()?)
    }
}
