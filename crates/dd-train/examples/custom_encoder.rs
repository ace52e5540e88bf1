//! An own encoder in one file, checked against the contract and taught by a teacher that ships:
//! `cargo run --release -p dd-train --example custom_encoder`.
//!
//! It sums, for every atom, a learnt vector per feature and the same of its neighbours.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::sync::Arc;

use candle_core::{DType, Device, Module, Tensor};
use dd_data::{Dataset, embedded};
use dd_distill::NodeLoss;
use dd_encoder2d::names::ENCODER_PREFIX;
use dd_encoder2d::testing::{EncoderCheck, check_encoder, sample_graphs};
use dd_encoder2d::{Encoder, Encoder2d, EncoderError, Mode, Representation};
use dd_graph::{GraphBatch, OgbConfig, OgbFeaturizer};
use dd_kernels::{gather, scatter_sum, segment_mean};
use dd_nn::{Init, Linear, ParamStore, Params};
use dd_train::tasks::Distill;
use dd_train::{Data, DistillConfig, Event, Flow, LossTerm, Pairs, Teacher, fit, inputs};

/// `h_v = tanh(A x_v + sum over neighbours u of B x_u)`.
struct Neighbours {
    own: Linear,
    others: Linear,
}

impl Neighbours {
    fn new(width: usize, params: &Params) -> Result<Self, EncoderError> {
        let layer = |name: &str| Linear::new(9, width, Init::XavierUniform, &params.pp(name));
        Ok(Self {
            own: layer("own")?,
            others: layer("others")?,
        })
    }
}

impl Encoder2d for Neighbours {
    fn width(&self) -> usize {
        self.own.weight().dims()[0]
    }

    fn encode(&self, batch: &GraphBatch, _mode: Mode) -> Result<Representation, EncoderError> {
        let x = batch
            .node_features
            .mapv(|category| 0.1 * f64::from(category));
        let x = Tensor::from_iter(x, &batch.device)?.reshape((batch.num_nodes(), 9))?;
        let x = x.to_dtype(self.own.weight().dtype())?; // [N, 9]
        let messages = gather(&self.others.forward(&x)?, &batch.edge_sources)?; // [E, H]
        let sum = scatter_sum(&messages, &batch.edge_targets)?; // [N, H]
        let nodes = (self.own.forward(&x)? + sum)?.tanh()?; // [N, H]
        let graphs = segment_mean(&nodes, &batch.nodes)?; // [B, H]
        Ok(Representation { nodes, graphs })
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let build = |params: &Params| -> Result<Box<dyn Encoder2d>, EncoderError> {
        Ok(Box::new(Neighbours::new(16, params)?))
    };
    check_encoder(&EncoderCheck::new(&build, &sample_graphs(0)))?;
    println!("equivariant, independent of batch mates, every parameter learns");

    // D&D-Node: the vectors of the teacher's atoms from the graph alone.
    let teacher = Teacher::load("et-128", &Device::Cpu)?;
    let molecules: Arc<dyn Dataset> = Arc::new(embedded::small_organics(&[])?);
    let recipe = inputs::distill_recipe(&OgbConfig::smiles2graph(), &teacher.config.points);
    let (examples, _) = inputs::examples(&[molecules], &recipe, Some(200))?;
    let store = ParamStore::new(0, DType::F32, &Device::Cpu);
    let student = Box::new(Neighbours::new(128, &store.root().pp(ENCODER_PREFIX))?);
    let task = Distill::new(
        student,
        &store,
        (Box::new(teacher.network), DType::F32),
        vec![(1.0, Box::new(NodeLoss::mse()))],
    )?;
    let config = DistillConfig::tiny(0, 200, LossTerm::node()).fit;
    let mut losses = Vec::new();
    let mut watch = |event: &Event<'_>| {
        if let Event::Step { loss, .. } = event {
            losses.push(*loss);
        }
        Flow::Continue
    };
    let pairs = Pairs(&examples);
    let data = Data {
        train: &pairs,
        valid: None,
    };
    fit(&task, &data, &config, None, &mut watch)?;
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    println!("D&D-Node loss {first:.3} at the first step, {last:.3} at the last");
    assert!(last < 0.9 * first, "the encoder learns");

    // From here on it is an encoder like those that ship.
    let network = Box::new(Neighbours::new(
        128,
        &store.frozen().root().pp(ENCODER_PREFIX),
    )?);
    let featurizer = Arc::new(OgbFeaturizer::new(OgbConfig::smiles2graph()));
    let encoder = Encoder::from_parts(network, featurizer, &Device::Cpu);
    for row in encoder.embed_smiles(&["CCO", "c1ccccc1O"]) {
        println!("{} numbers", row?.graph.len());
    }
    Ok(())
}
