//! An own encoder in one file, checked against the contract: `cargo run --release -p dd-encoder2d --example custom_encoder`.
//!
//! It sums, for every atom, a learnt vector per feature and the same of its neighbours.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use candle_core::{Module, Tensor};
use dd_encoder2d::testing::{CheckError, EncoderCheck, check_encoder, sample_graphs};
use dd_encoder2d::{Encoder2d, EncoderError, Mode, Representation};
use dd_graph::GraphBatch;
use dd_kernels::{gather, scatter_sum, segment_mean};
use dd_nn::{Init, Linear, Params};

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

fn main() -> Result<(), CheckError> {
    let build = |params: &Params| -> Result<Box<dyn Encoder2d + Send + Sync>, EncoderError> {
        Ok(Box::new(Neighbours::new(16, params)?))
    };
    check_encoder(&EncoderCheck::new(&build, &sample_graphs(0)))?;
    println!("equivariant, independent of batch mates, every parameter learns");
    Ok(())
}
