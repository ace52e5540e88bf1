//! Molecules per second of a training pass: `throughput FILE [STEPS]`, one SMILES a line, all in one batch.
//!
//! Measures forward and backward of the 256-wide students, without an optimiser.
#![allow(clippy::print_stdout, reason = "a measurement shows its result")]

use std::time::Instant;

use dd_encoder2d::{
    DType, Device, EncoderConfig, EncoderError, GinConfig, Mode, ModelConfig, TokenGtConfig,
};
use dd_graph::{GraphBatch, MolGraph};
use dd_kernels::rng::Key;
use dd_nn::ParamStore;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args()
        .nth(1)
        .ok_or("usage: throughput FILE [STEPS]")?;
    let steps = std::env::args()
        .nth(2)
        .map_or(Ok(10), |steps| steps.parse())?;
    let text = std::fs::read_to_string(file)?;
    for (name, encoder) in [
        (
            "TokenGT 256 x 6",
            EncoderConfig::TokenGt(TokenGtConfig::student_256_small()),
        ),
        (
            "TokenGT 256 x 12",
            EncoderConfig::TokenGt(TokenGtConfig::student_256()),
        ),
        ("GIN 256 x 5", EncoderConfig::Gin(GinConfig::student_256())),
    ] {
        let config = ModelConfig::encoder_only(encoder);
        let featurizer = config.build_featurizer();
        let graphs = text
            .lines()
            .zip(0..)
            .map(|(line, record)| {
                let graph = featurizer.featurize(&dd_mol::smiles::parse(line)?)?;
                Ok(MolGraph { record, ..graph })
            })
            .collect::<Result<Vec<_>, Box<dyn std::error::Error>>>()?;
        let batch = GraphBatch::collate(&graphs, &Device::Cpu)?;
        let tokens = batch.num_nodes() + batch.num_edges() + 2 * batch.num_graphs();
        let seconds = median_step(&config, &batch, steps)?;
        println!(
            "{name}: {} molecules, {tokens} tokens, {:.0} ms, {:.1} molecules/s",
            graphs.len(),
            1e3 * seconds,
            graphs.len() as f64 / seconds
        );
    }
    Ok(())
}

fn median_step(
    config: &ModelConfig,
    batch: &GraphBatch,
    steps: usize,
) -> Result<f64, EncoderError> {
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let encoder = config.build_encoder(&store.root())?;
    let mut seconds = Vec::with_capacity(steps);
    for step in 0..=steps {
        let start = Instant::now();
        let mode = Mode::Train(Key::from_seed(0).with(step as u64));
        let z = encoder.encode(batch, mode)?;
        let loss = (z.nodes.sqr()?.mean_all()? + z.graphs.sqr()?.mean_all()?)?;
        loss.backward()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    // The first step fills caches.
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}
