//! The configuration of the equivariant transformer, under the names of the original's YAML files.

use dd_nn::Activation;
use serde::{Deserialize, Serialize};

use crate::error::{DenoiserError, Result};

/// Which radial basis expands the distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RadialBasisKind {
    /// Exponential-normal functions with a cosine cutoff (Unke and Meuwly 2019, PhysNet, equation 7).
    ExpNorm,
    /// Gaussians at equal spacing, without a cutoff.
    Gauss,
}

/// Where the distance enters a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DistanceInfluence {
    /// In the attention weight.
    Keys,
    /// In the message.
    Values,
    /// In both.
    Both,
    /// In neither; only the cutoff and the direction remain.
    None,
}

impl DistanceInfluence {
    /// Whether the attention weight sees the distance.
    pub fn on_keys(self) -> bool {
        matches!(self, Self::Keys | Self::Both)
    }

    /// Whether the message sees the distance.
    pub fn on_values(self) -> bool {
        matches!(self, Self::Values | Self::Both)
    }
}

/// Normalisation of the vector features after the last layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VectorNorm {
    /// Centred, then multiplied by the inverse square root of their 3 x 3 covariance.
    Whitened,
}

/// Which neighbours survive when an atom has more than `max_num_neighbors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighborChoice {
    /// The lowest atom numbers, as the original on CUDA. Depends on the order of the atoms when the cap bites.
    LowestSource,
    /// The nearest, which does not depend on the order of the atoms.
    Nearest,
}

/// The head that predicts a property of the molecule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputModel {
    /// One number per molecule: two gated equivariant blocks per atom, then a reduction over the atoms.
    Scalar,
}

/// The head that predicts the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoiseModel {
    /// One vector per atom from two gated equivariant blocks.
    VectorOutput,
}

/// How the scalar head turns atoms into molecules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduce {
    /// Sum over the atoms; the original knows it as "sum" too.
    #[serde(alias = "sum")]
    Add,
    /// Mean over the atoms.
    Mean,
}

/// Configuration of [`EquivariantTransformer`](crate::EquivariantTransformer).
///
/// Field names and values are those of the original's YAML files, except `neighbor_choice`, which the original leaves to
/// the build of its library.
///
/// ```
/// use dd_denoiser3d::EtConfig;
/// let config = EtConfig::pcqm4mv2();
/// assert_eq!((config.embedding_dimension, config.num_layers), (256, 8));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtConfig {
    /// Features per atom, `F`.
    pub embedding_dimension: usize,
    /// Attention layers.
    pub num_layers: usize,
    /// Attention heads; must divide `embedding_dimension`.
    pub num_heads: usize,
    /// Radial basis functions, `K`.
    pub num_rbf: usize,
    /// Which radial basis.
    pub rbf_type: RadialBasisKind,
    /// Whether the basis is trained.
    pub trainable_rbf: bool,
    /// Nonlinearity of the filters and the heads.
    pub activation: Activation,
    /// Nonlinearity of the attention weights.
    pub attn_activation: Activation,
    /// Whether atoms first sum up their neighbours' elements.
    pub neighbor_embedding: bool,
    /// Where the distance enters a layer.
    pub distance_influence: DistanceInfluence,
    /// Atoms nearer than this, in angstrom, do not see each other. A positive value removes self loops.
    pub cutoff_lower: f64,
    /// Atoms at this distance, in angstrom, or further do not see each other.
    pub cutoff_upper: f64,
    /// Rows of the element tables; atomic numbers must be smaller.
    pub max_z: usize,
    /// Cap on the sources of a target, self loop included.
    pub max_num_neighbors: usize,
    /// Which sources survive the cap.
    pub neighbor_choice: NeighborChoice,
    /// Normalisation of the final vectors; `None` leaves them.
    pub layernorm_on_vec: Option<VectorNorm>,
    /// Property head; `None` for a network that only denoises.
    pub output_model: Option<OutputModel>,
    /// Noise head.
    pub output_model_noise: NoiseModel,
    /// Reduction of the property head.
    pub reduce_op: Reduce,
}

impl EtConfig {
    /// The published pre-training network: 256 features, 8 layers, 8 heads, whitened vectors.
    ///
    /// Source: `ET-PCQM4MV2.yaml` of Zaidi et al. 2023, "Pre-training via Denoising for Molecular Property Prediction"
    /// (ICLR), with the vector norm that the authors switch on at the command line.
    pub fn pcqm4mv2() -> Self {
        Self {
            embedding_dimension: 256,
            num_layers: 8,
            num_heads: 8,
            num_rbf: 64,
            rbf_type: RadialBasisKind::ExpNorm,
            trainable_rbf: false,
            activation: Activation::Silu,
            attn_activation: Activation::Silu,
            neighbor_embedding: true,
            distance_influence: DistanceInfluence::Both,
            cutoff_lower: 0.0,
            cutoff_upper: 5.0,
            max_z: 100,
            max_num_neighbors: 32,
            neighbor_choice: NeighborChoice::LowestSource,
            layernorm_on_vec: Some(VectorNorm::Whitened),
            output_model: Some(OutputModel::Scalar),
            output_model_noise: NoiseModel::VectorOutput,
            reduce_op: Reduce::Add,
        }
    }

    /// 128 features, 4 layers, 8 heads, 32 basis functions, no property head: our own scaling of
    /// [`pcqm4mv2`](Self::pcqm4mv2) for a few CPU cores.
    pub fn small() -> Self {
        Self {
            embedding_dimension: 128,
            num_layers: 4,
            num_rbf: 32,
            output_model: None,
            neighbor_choice: NeighborChoice::Nearest,
            ..Self::pcqm4mv2()
        }
    }

    /// 64 features, 3 layers, 4 heads, 32 basis functions, no property head: trains in minutes on two cores.
    pub fn tiny() -> Self {
        Self {
            embedding_dimension: 64,
            num_layers: 3,
            num_heads: 4,
            ..Self::small()
        }
    }

    /// Checks that the fields describe a network.
    ///
    /// # Errors
    /// Names the first field that does not.
    pub fn validate(&self) -> Result<()> {
        let positive = [
            ("embedding_dimension", self.embedding_dimension),
            ("num_layers", self.num_layers),
            ("num_heads", self.num_heads),
            ("max_z", self.max_z),
            ("max_num_neighbors", self.max_num_neighbors),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(invalid(field, "must be positive"));
            }
        }
        if !self.embedding_dimension.is_multiple_of(self.num_heads) {
            return Err(invalid(
                "num_heads",
                format!(
                    "{} does not divide embedding_dimension {}",
                    self.num_heads, self.embedding_dimension
                ),
            ));
        }
        if self.embedding_dimension < 2 {
            return Err(invalid(
                "embedding_dimension",
                "must be at least 2: the heads halve it",
            ));
        }
        if self.num_rbf < 2 {
            return Err(invalid("num_rbf", "must be at least 2"));
        }
        let ordered = self.cutoff_lower >= 0.0
            && self.cutoff_lower < self.cutoff_upper
            && self.cutoff_upper.is_finite();
        if !ordered {
            return Err(invalid(
                "cutoff_upper",
                format!(
                    "0 <= cutoff_lower < cutoff_upper must hold, got {} and {}",
                    self.cutoff_lower, self.cutoff_upper
                ),
            ));
        }
        Ok(())
    }
}

fn invalid(field: &'static str, reason: impl Into<String>) -> DenoiserError {
    DenoiserError::Config {
        field,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for config in [EtConfig::pcqm4mv2(), EtConfig::small(), EtConfig::tiny()] {
            config.validate().expect("a preset describes a network");
        }
    }

    #[test]
    fn heads_must_divide_the_width() {
        let config = EtConfig {
            num_heads: 3,
            ..EtConfig::tiny()
        };
        let error = config.validate().expect_err("3 does not divide 64");
        assert_eq!(
            error.to_string(),
            "config field num_heads: 3 does not divide embedding_dimension 64"
        );
    }

    #[test]
    fn cutoffs_must_be_ordered() {
        for (lower, upper) in [(5.0, 5.0), (-1.0, 5.0), (0.0, f64::NAN)] {
            let config = EtConfig {
                cutoff_lower: lower,
                cutoff_upper: upper,
                ..EtConfig::tiny()
            };
            assert!(config.validate().is_err(), "{lower} {upper}");
        }
    }
}
