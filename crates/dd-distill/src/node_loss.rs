//! D&D-Node: the distance between corresponding atoms.
//!
//! `L = mean over atoms and channels of (f2D(G) - f3D(C))^2` (Cho et al., AAAI 2025, section 3.2; the original writes a
//! squared norm, its reported loss levels are those of a mean).

use candle_core::{D, Tensor};
use dd_kernels::gather;
use dd_nn::Representation;
use serde::{Deserialize, Serialize};

use crate::Alignment;
use crate::error::{DistillError, Result};
use crate::loss::{DistillLoss, check_rows, check_width};

/// Variance floor of the normalised target: that of the layer norms of the networks.
const LAYER_NORM_EPSILON: f64 = 1e-5;
/// Smallest norm that a cosine divides by.
const COSINE_EPSILON: f64 = 1e-8;

/// How far two vectors are apart; every choice gives one number per atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// Mean over channels of the squared difference: the paper's.
    SquaredError,
    /// One minus the cosine of the angle.
    Cosine,
    /// Mean over channels of `d^2 / 2` below a difference of 1, `|d| - 1/2` above.
    SmoothL1,
}

/// What is averaged first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// All atoms of the batch count the same.
    Atoms,
    /// All molecules count the same.
    Molecules,
}

/// What the student should equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeTarget {
    /// The teacher's representation as it is.
    Representation,
    /// The same, with mean 0 and variance 1 over the channels of each atom.
    LayerNorm,
}

/// A distance between each student node and its teacher atom, averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeLoss {
    distance: Distance,
    average: Average,
    target: NodeTarget,
}

impl NodeLoss {
    /// The paper's D&D-Node.
    pub fn mse() -> Self {
        Self {
            distance: Distance::SquaredError,
            average: Average::Atoms,
            target: NodeTarget::Representation,
        }
    }

    /// The same, averaged within each molecule first.
    pub fn mse_molecule_mean() -> Self {
        Self {
            average: Average::Molecules,
            ..Self::mse()
        }
    }

    /// The same against the normalised teacher.
    pub fn mse_layernorm() -> Self {
        Self {
            target: NodeTarget::LayerNorm,
            ..Self::mse()
        }
    }

    /// One minus the cosine.
    pub fn cosine() -> Self {
        Self {
            distance: Distance::Cosine,
            ..Self::mse()
        }
    }

    /// Smooth L1 with its turning point at 1.
    pub fn smooth_l1() -> Self {
        Self {
            distance: Distance::SmoothL1,
            ..Self::mse()
        }
    }

    /// Every choice.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use Average::{Atoms, Molecules};
        use Distance::{Cosine, SmoothL1, SquaredError};
        use NodeTarget::{LayerNorm, Representation};
        [SquaredError, Cosine, SmoothL1]
            .into_iter()
            .flat_map(|distance| {
                [
                    Self::with(distance, Atoms, Representation),
                    Self::with(distance, Molecules, Representation),
                    Self::with(distance, Atoms, LayerNorm),
                    Self::with(distance, Molecules, LayerNorm),
                ]
            })
    }

    /// The loss of any choice, named after its parts.
    pub fn with(distance: Distance, average: Average, target: NodeTarget) -> Self {
        Self {
            distance,
            average,
            target,
        }
    }
}

impl DistillLoss for NodeLoss {
    fn name(&self) -> &str {
        use Average::{Atoms, Molecules};
        use Distance::{Cosine, SmoothL1, SquaredError};
        use NodeTarget::{LayerNorm, Representation};
        match (self.distance, self.average, self.target) {
            (SquaredError, Atoms, Representation) => "node_mse",
            (SquaredError, Molecules, Representation) => "node_mse_molecule_mean",
            (SquaredError, Atoms, LayerNorm) => "node_mse_layernorm",
            (SquaredError, Molecules, LayerNorm) => "node_mse_layernorm_molecule_mean",
            (Cosine, Atoms, Representation) => "node_cosine",
            (Cosine, Molecules, Representation) => "node_cosine_molecule_mean",
            (Cosine, Atoms, LayerNorm) => "node_cosine_layernorm",
            (Cosine, Molecules, LayerNorm) => "node_cosine_layernorm_molecule_mean",
            (SmoothL1, Atoms, Representation) => "node_smooth_l1",
            (SmoothL1, Molecules, Representation) => "node_smooth_l1_molecule_mean",
            (SmoothL1, Atoms, LayerNorm) => "node_smooth_l1_layernorm",
            (SmoothL1, Molecules, LayerNorm) => "node_smooth_l1_layernorm_molecule_mean",
        }
    }

    fn num_terms(&self, alignment: &Alignment) -> usize {
        match self.average {
            Average::Atoms => alignment.num_pairs(),
            Average::Molecules => {
                let nodes = alignment.student_nodes().ranges();
                nodes.filter(|nodes| !nodes.is_empty()).count()
            }
        }
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
        check_rows("student nodes", &student.nodes, alignment.num_pairs())?;
        check_rows(
            "teacher nodes",
            &teacher.nodes,
            alignment.teacher_atoms().num_rows(),
        )?;
        check_width(&student.nodes, &teacher.nodes)?;
        let target = gather(&teacher.nodes.detach(), alignment.teacher_rows())?; // [N, H]
        let target = match self.target {
            NodeTarget::Representation => target,
            NodeTarget::LayerNorm => normalised(&target)?,
        };
        let distances = match self.distance {
            Distance::SquaredError => (&student.nodes - target)?.sqr()?.mean(D::Minus1)?,
            Distance::Cosine => cosine_distance(&student.nodes, &target)?,
            Distance::SmoothL1 => smooth_l1(&student.nodes, &target)?,
        }; // [N]
        match self.average {
            Average::Atoms => Ok(distances.mean_all()?),
            Average::Molecules => molecule_mean(&distances, alignment),
        }
    }
}

fn normalised(x: &Tensor) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    Ok(centred.broadcast_div(&(variance + LAYER_NORM_EPSILON)?.sqrt()?)?)
}

fn cosine_distance(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    // The floor stands before the square root, whose gradient at zero is infinite.
    let norm = |x: &Tensor| {
        x.sqr()?
            .sum(D::Minus1)?
            .maximum(COSINE_EPSILON * COSINE_EPSILON)?
            .sqrt()
    };
    let cosine = ((x * y)?.sum(D::Minus1)? / (norm(x)? * norm(y)?)?)?;
    Ok(cosine.affine(-1.0, 1.0)?)
}

fn smooth_l1(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let difference = (x - y)?;
    let size = difference.abs()?;
    let near = (difference.sqr()? * 0.5)?;
    let far = (&size - 0.5)?;
    Ok(size.lt(1.0)?.where_cond(&near, &far)?.mean(D::Minus1)?)
}

/// Mean over molecules (those with a student node) of the mean over each one's atoms.
fn molecule_mean(distances: &Tensor, alignment: &Alignment) -> Result<Tensor> {
    let segments = alignment.student_nodes();
    let lengths: Vec<usize> = segments.lengths().collect();
    let molecules = lengths.iter().filter(|&&length| length > 0).count();
    let weights: Vec<f64> = segments
        .row_segment()
        .iter()
        .map(|&graph| 1.0 / (molecules * lengths[graph as usize]) as f64)
        .collect();
    let weights = Tensor::from_vec(weights, distances.dims1()?, distances.device())?;
    Ok((distances * weights.to_dtype(distances.dtype())?)?.sum_all()?)
}
