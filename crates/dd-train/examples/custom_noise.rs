//! An own noise in one file, checked and used to train a denoiser:
//! `cargo run --release -p dd-train --example custom_noise`.
//!
//! Light atoms move more than heavy ones, as they do in a warm crystal.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use dd_data::{Dataset, embedded};
use dd_denoiser3d::{DenoiserError, EquivariantTransformer, EtConfig, Noise, Perturbed};
use dd_graph::PointBatch;
use dd_kernels::rng::Key;
use dd_nn::ParamStore;
use dd_train::tasks::Denoise;
use dd_train::{Conformers, Data, Event, Flow, PretrainConfig, fit, inputs};

/// `R~_i = R_i + sigma sqrt(6 / Z_i) eps_i` with `eps_i` standard normal, the target.
struct LightAtomsMove {
    /// Standard deviation per coordinate of carbon, in angstrom.
    sigma: f64,
}

impl Noise for LightAtomsMove {
    fn perturb(&self, batch: &PointBatch, key: Key) -> Result<Perturbed, DenoiserError> {
        let atoms = batch.num_atoms();
        let mut noise = Vec::with_capacity(3 * atoms);
        // Drawn by record and atom, so that neither batches nor workers can change it.
        for (&record, range) in batch.records.iter().zip(batch.atoms.ranges()) {
            let key = key.with(record);
            for &atom in &batch.atom_index[range] {
                noise.extend((0..3).map(|axis| key.normal(3 * u64::from(atom) + axis)));
            }
        }
        let scales = batch.atomic_numbers.iter();
        let scales: Vec<f64> = scales
            .map(|&z| self.sigma * (6.0 / f64::from(z)).sqrt())
            .collect();
        let positions = &batch.positions;
        let (dtype, device) = (positions.dtype(), positions.device());
        let noise = Tensor::from_vec(noise, (atoms, 3), device)?.to_dtype(dtype)?;
        let scales = Tensor::from_vec(scales, (atoms, 1), device)?.to_dtype(dtype)?;
        let moved = (positions + noise.broadcast_mul(&scales)?)?;
        Ok(Perturbed {
            batch: batch.with_positions(moved),
            noise,
        })
    }
}

/// The noise of a molecule depends on the key and the record alone, and is as large as it should be.
fn check(noise: &LightAtomsMove, batch: &PointBatch) -> Result<(), Box<dyn std::error::Error>> {
    let host = |x: &Tensor| x.to_dtype(DType::F64)?.to_vec2::<f64>();
    let key = Key::from_seed(1);
    let [first, again, other] = [key, key, key.with(1)].map(|key| noise.perturb(batch, key));
    let (first, again, other) = (first?, again?, other?);
    assert_eq!(host(&first.noise)?, host(&again.noise)?, "a key repeats");
    assert_ne!(host(&first.noise)?, host(&other.noise)?, "keys differ");
    let moved = (&first.batch.positions - &batch.positions)?;
    let moved = host(&moved)?;
    let mut sums = [(0.0, 0.0); 2];
    for (row, &z) in moved.iter().zip(&batch.atomic_numbers) {
        let place = usize::from(z == 8);
        if z == 6 || z == 8 {
            sums[place].0 += row.iter().map(|x| x * x).sum::<f64>();
            sums[place].1 += 3.0;
        }
    }
    let [carbon, oxygen] = sums.map(|(squares, count)| (squares / count).sqrt());
    println!("standard deviation of carbon {carbon:.4} Å, of oxygen {oxygen:.4} Å");
    assert!((carbon / noise.sigma - 1.0).abs() < 0.05);
    assert!((oxygen / carbon - (6.0_f64 / 8.0).sqrt()).abs() < 0.05);
    Ok(())
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = PretrainConfig::tiny(0, 60);
    let molecules: Arc<dyn Dataset> = Arc::new(embedded::small_organics(&[])?);
    let recipe = inputs::denoise_recipe(&config.points);
    let (examples, _) = inputs::examples(&[molecules], &recipe, Some(300))?;
    let clouds: Vec<_> = examples
        .iter()
        .filter_map(|one| one.cloud.clone())
        .collect();
    let batch = PointBatch::collate(&clouds, DType::F32, &Device::Cpu)?;
    check(&LightAtomsMove { sigma: 0.04 }, &batch)?;

    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let network = Box::new(EquivariantTransformer::new(
        &EtConfig::tiny(),
        &store.root(),
    )?);
    let task = Denoise::new(network, LightAtomsMove { sigma: 0.04 }, &store)?;
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
    println!("denoising loss {first:.3} in the first ten steps, {last:.3} in the last");
    assert!(last < 0.95 * first, "the network learns");
    Ok(())
}
