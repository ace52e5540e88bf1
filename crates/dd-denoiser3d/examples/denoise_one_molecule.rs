//! Perturbs one molecule and asks a network which noise was added.
//!
//! The network is untrained, so the answer is poor; with weights from `dd_nn::load_safetensors` the same lines give a good one.
#![allow(clippy::print_stdout, reason = "an example shows what it computes")]

use candle_core::{DType, Device};
use dd_denoiser3d::{Denoiser3d, EquivariantTransformer, EtConfig, GaussianNoise, Noise};
use dd_graph::{PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::{Mode, ParamStore};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Water, positions in angstrom.
    let water = PointCloud {
        atomic_numbers: vec![8, 1, 1],
        positions: vec![
            [0.0, 0.0, 0.119],
            [0.0, 0.763, -0.477],
            [0.0, -0.763, -0.477],
        ],
        atom_index: vec![0, 1, 2],
        record: 0,
    };
    let device = Device::Cpu;
    let batch = PointBatch::collate(&[water], DType::F32, &device)?;

    // Noise of 0.04 Å, named by seed 0 and epoch 0.
    let key = Key::from_seed(0).named("noise").with(0);
    let perturbed = GaussianNoise::pcqm4mv2().perturb(&batch, key)?;

    let store = ParamStore::new(0, DType::F32, &device);
    let network = EquivariantTransformer::new(&EtConfig::small(), &store.root())?;
    let denoised = network.forward(&perturbed.batch, Mode::Eval)?;

    println!("parameters        {}", store.num_parameters());
    println!(
        "representation    {:?}",
        denoised.representation.nodes.dims()
    );
    println!("noise, added      {:?}", perturbed.noise.to_vec2::<f32>()?);
    println!("noise, predicted  {:?}", denoised.noise.to_vec2::<f32>()?);
    let error = (denoised.noise - perturbed.noise)?.sqr()?.mean_all()?;
    println!("mean squared error {:.3}", error.to_scalar::<f32>()?);
    Ok(())
}
