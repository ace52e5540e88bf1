//! An own 3D network in one file, checked against the contract and trained to denoise:
//! `cargo run --release -p dd-train --example custom_denoiser`.
//!
//! Atoms push and pull one another along the lines between them, as strongly as their elements and distances say.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::sync::Arc;

use candle_core::{D, DType, Device, Module, Tensor};
use dd_data::{Dataset, embedded};
use dd_denoiser3d::testing::{check_denoiser, sample_clouds};
use dd_denoiser3d::{Denoised, Denoiser3d, DenoiserError, GaussianNoise};
use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch};
use dd_kernels::{RowIndex, gather, safe_norm, scatter_sum, segment_mean, silu};
use dd_nn::{Init, Linear, Mode, ParamStore, Params, Representation};
use dd_train::tasks::Denoise;
use dd_train::{Conformers, Data, Event, Flow, PretrainConfig, fit, inputs};

/// Rows of the table of elements.
const ELEMENTS: usize = 100;
/// Distances at which atoms see each other, in angstrom. No atom sees itself.
const CUTOFF: Cutoff = Cutoff {
    lower: 1e-6,
    upper: 5.0,
};

/// `m_ij = silu(A [z_j, e(r_ij)])`, `h_i = silu(B [z_i, sum_j m_ij])`, `noise_i = sum_j (C [h_j, m_ij]) (r_j - r_i) / r_ij`.
struct Forces {
    elements: Tensor,
    message: Linear,
    update: Linear,
    strength: Linear,
}

impl Forces {
    fn new(width: usize, params: &Params) -> Result<Self, DenoiserError> {
        let layer = |name: &str, input: usize, output: usize| {
            Linear::new(input, output, Init::XavierUniform, &params.pp(name))
        };
        Ok(Self {
            elements: params.get((ELEMENTS, width), "elements", Init::Normal { std: 1.0 })?,
            message: layer("message", width + 16, width)?,
            update: layer("update", 2 * width, width)?,
            strength: layer("strength", 2 * width, 1)?,
        })
    }
}

/// Sixteen bells over the distances, `[E, 16]`, that fade towards the cutoff.
fn radial_basis(distances: &Tensor) -> candle_core::Result<Tensor> {
    let device = distances.device();
    let centres = Tensor::arange(0_u32, 16, device)?.to_dtype(distances.dtype())?;
    let centres = (centres * (CUTOFF.upper / 16.0))?.unsqueeze(0)?;
    let bells = distances.unsqueeze(1)?.broadcast_sub(&centres)?;
    let bells = (bells.sqr()? * -4.0)?.exp()?;
    let fade = ((distances * (std::f64::consts::PI / CUTOFF.upper))?.cos()? + 1.0)?;
    bells.broadcast_mul(&(fade * 0.5)?.unsqueeze(1)?)
}

impl Denoiser3d for Forces {
    fn width(&self) -> usize {
        self.update.weight().dims()[0]
    }

    fn forward(&self, batch: &PointBatch, _mode: Mode) -> Result<Denoised, DenoiserError> {
        let numbers = batch.atomic_numbers.iter().map(|&z| u32::from(z)).collect();
        let device = batch.positions.device();
        let z = gather(&self.elements, &RowIndex::new(numbers, ELEMENTS, device)?)?; // [N, H]
        let edges = NeighborList::within(batch, CUTOFF, NeighborCap::None)?;
        let position = |end| gather(&batch.positions, end);
        let lines = (position(&edges.sources)? - position(&edges.targets)?)?; // [E, 3]
        let distances = safe_norm(&lines, D::Minus1)?; // [E]
        let directions = lines.broadcast_div(&distances.unsqueeze(1)?)?; // [E, 3]
        let basis = radial_basis(&distances)?; // [E, 16]

        let m = Tensor::cat(&[&gather(&z, &edges.sources)?, &basis], 1)?;
        let m = silu(&self.message.forward(&m)?)?; // [E, H]
        let sum = scatter_sum(&m, &edges.targets)?; // [N, H]
        let h = silu(&self.update.forward(&Tensor::cat(&[&z, &sum], 1)?)?)?; // [N, H]

        let strength = Tensor::cat(&[&gather(&h, &edges.sources)?, &m], 1)?;
        let strength = self.strength.forward(&strength)?; // [E, 1]
        let noise = scatter_sum(&directions.broadcast_mul(&strength)?, &edges.targets)?;
        Ok(Denoised {
            representation: Representation {
                graphs: segment_mean(&h, &batch.atoms)?,
                nodes: h,
            },
            vectors: None,
            noise, // [N, 3]
        })
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let build = |params: &Params| -> Result<Box<dyn Denoiser3d>, DenoiserError> {
        Ok(Box::new(Forces::new(12, params)?))
    };
    check_denoiser(&build, &sample_clouds(0), &|_| None)?;
    println!("noise turns with the molecule, features do not change, every parameter learns");

    let config = PretrainConfig::tiny(0, 150);
    let molecules: Arc<dyn Dataset> = Arc::new(embedded::small_organics(&[])?);
    let recipe = inputs::denoise_recipe(&config.points);
    let (examples, _) = inputs::examples(&[molecules], &recipe, Some(400))?;
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let network = Box::new(Forces::new(32, &store.root())?);
    let task = Denoise::new(network, GaussianNoise::pcqm4mv2(), &store)?;
    let mut losses = Vec::new();
    let mut watch = |event: &Event<'_>| {
        if let Event::Step { loss, .. } = event {
            losses.push(*loss);
        }
        Flow::Continue
    };
    let conformers = Conformers(&examples);
    let data = Data {
        train: &conformers,
        valid: None,
    };
    fit(&task, &data, &config.fit, None, &mut watch)?;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&losses[..10]), mean(&losses[losses.len() - 10..]));
    println!(
        "denoising loss {first:.3} in the first ten steps, {last:.3} in the last (no knowledge: 1)"
    );
    assert!(last < 0.9 * first, "the network learns");
    Ok(())
}
