//! Networks that predict coordinate noise.
//!
//! A denoiser sees atomic numbers and perturbed positions and says which noise was added. What it learns on the way, a vector
//! per atom that ignores rotation and translation, is what a 2D encoder is later taught to guess.
//!
//! Use this crate to pre-train such a network or to run a published one. To train it with a loop that is already written, see
//! `dd-train`; to compare its representation with that of a student, `dd-distill`.
//!
//! - [`Denoiser3d`], the trait: implement it to bring a network of your own, and let [`testing::check_denoiser`] check it.
//! - [`EquivariantTransformer`], configured by [`EtConfig`]: TorchMD-NET's network with a noise head.
//! - [`Noise`], the trait, and [`GaussianNoise`] perturb a batch; [`NoiseNormalizer`] scales the target as the original does.
//! - [`names`]: checkpoints of the original.

mod attention;
mod config;
mod cutoff;
mod denoiser;
mod error;
mod gated_block;
mod geometry;
mod inverse_sqrt;
mod message;
pub mod names;
mod neighbor_embedding;
mod noise;
mod normalizer;
mod radial;
mod radial_grid;
pub mod testing;
mod trace;
mod transformer;
mod whitening;

pub use config::{
    DistanceInfluence, EtConfig, NeighborChoice, NoiseModel, OutputModel, RadialBasisKind, Reduce,
    VectorNorm,
};
pub use dd_nn::Activation;
pub use denoiser::{Denoised, Denoiser3d};
pub use error::{DenoiserError, Result};
pub use noise::{GaussianNoise, Noise, Perturbed};
pub use normalizer::NoiseNormalizer;
pub use trace::{Observer, Trace};
pub use transformer::{AtomFields, EquivariantTransformer};
