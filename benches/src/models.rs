//! The models whose speed is measured: built from a configuration's name, with weights of a file or of a seed.

mod inputs;
mod spec;

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{Denoiser3d, EquivariantTransformer, NoiseNormalizer};
use dd_encoder2d::{Encoder2d, ModelConfig};
use dd_graph::{GraphBatch, PointBatch};
use dd_kernels::rng::Key;
use dd_nn::{LoadOptions, Mode, ParamStore, Params};
use dd_train::{AdamW, AdamWConfig, Gradients};

use inputs::Inputs;
use spec::{Architecture, Spec};

/// Result of everything here.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

const LEARNING_RATE: f64 = 1e-4;

/// A model with a batch, ready to run.
pub struct Model {
    store: ParamStore,
    optimizer: Option<AdamW>,
    network: Network,
}

/// What a model is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Inference: its weights are constants.
    Inference,
    /// Training.
    Training,
}

enum Network {
    Teacher {
        network: Box<EquivariantTransformer>,
        normalizer: NoiseNormalizer,
        batch: PointBatch,
        noise: Tensor,
    },
    Student {
        network: Box<dyn Encoder2d>,
        batch: Box<GraphBatch>,
        read: Read,
        target: Tensor,
    },
}

/// Which rows of a representation the loss reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// One row per atom, as in distillation.
    Nodes,
    /// One row per molecule, as in supervised training.
    Graphs,
}

impl Model {
    /// The model `et`, `tokengt`, `student` or `gin` on the batch of `inputs`, a safetensors file: conformers (`z`, `pos`,
    /// `noise`, `batch`) for `et`, collated graphs (`node_feat`, `edge_feat`, `edge_index`, `node_num`, `edge_num`,
    /// `lap_eigvec`) for the others. `et:width=128,layers=4` changes sizes, `tokengt:bf16` how dense layers multiply.
    ///
    /// There is no dropout and no other randomness, so that other programs can be compared number by number.
    ///
    /// # Errors
    /// When there is no such model, or a file does not fit it.
    pub fn new(
        name: &str,
        purpose: Purpose,
        dtype: DType,
        weights: Option<&Path>,
        inputs: &Path,
    ) -> Result<Self> {
        let tensors = candle_core::safetensors::load(inputs, &Device::Cpu)?;
        Self::build(name, purpose, dtype, weights, &Inputs::File(tensors))
    }

    /// The same on 64 of the molecules in `dd-data`, with weights of a seed, in single precision.
    ///
    /// # Errors
    /// When there is no such model.
    pub fn of_embedded(name: &str, purpose: Purpose) -> Result<Self> {
        Self::build(name, purpose, DType::F32, None, &Inputs::Embedded(64))
    }

    fn build(
        name: &str,
        purpose: Purpose,
        dtype: DType,
        weights: Option<&Path>,
        inputs: &Inputs,
    ) -> Result<Self> {
        let spec = Spec::parse(name)?;
        let store = ParamStore::new(0, dtype, &Device::Cpu).with_matmul_precision(spec.precision);
        let params = match purpose {
            Purpose::Inference => store.frozen().root(),
            Purpose::Training => store.root(),
        };
        let network = Network::new(&spec, &params, dtype, inputs)?;
        if let Some(path) = weights {
            dd_nn::load_safetensors(&store, path, &LoadOptions::strict())?;
        }
        Ok(Self {
            optimizer: None,
            store,
            network,
        })
    }

    /// Number of molecules in the batch.
    pub fn num_molecules(&self) -> usize {
        match &self.network {
            Network::Teacher { batch, .. } => batch.num_molecules(),
            Network::Student { batch, .. } => batch.num_graphs(),
        }
    }

    /// Inference: the teacher's noise, the student's graph representations.
    ///
    /// # Errors
    /// When the network fails.
    pub fn forward(&self) -> Result<Tensor> {
        match &self.network {
            Network::Teacher { network, batch, .. } => {
                Ok(network.forward(batch, Mode::Eval)?.noise.detach())
            }
            Network::Student { network, batch, .. } => {
                Ok(network.encode(batch, Mode::Eval)?.graphs.detach())
            }
        }
    }

    /// Forward, backward and AdamW. Returns the loss: the teacher's denoising loss, or the student's mean square
    /// difference from a fixed target.
    ///
    /// # Errors
    /// When the network fails.
    pub fn step(&mut self) -> Result<f64> {
        let loss = self.loss()?;
        let vars = self.store.vars();
        let gradients = Gradients::of(&loss, &vars)?;
        let optimizer = match &mut self.optimizer {
            Some(optimizer) => optimizer,
            none => none.insert(AdamW::new(AdamWConfig::adam(LEARNING_RATE), &vars)?),
        };
        optimizer.step(&gradients, LEARNING_RATE, 1.0, &|_| true)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }

    /// What another program must find too: `loss`, and `grad.NAME` of every parameter that has one.
    ///
    /// # Errors
    /// When the network fails.
    pub fn gradients(&self) -> Result<HashMap<String, Tensor>> {
        let loss = self.loss()?;
        let vars = self.store.vars();
        let gradients = Gradients::of(&loss, &vars)?;
        let mut results = HashMap::from([("loss".to_string(), loss.detach())]);
        for (name, _) in &vars {
            if let Some(gradient) = gradients.get(name) {
                results.insert(format!("grad.{name}"), gradient.clone());
            }
        }
        Ok(results)
    }

    fn loss(&self) -> Result<Tensor> {
        let training = Mode::Train(Key::from_seed(0));
        match &self.network {
            Network::Teacher {
                network,
                normalizer,
                batch,
                noise,
            } => {
                let noisy = batch.with_positions((&batch.positions + noise)?);
                let predicted = network.forward(&noisy, training)?.noise;
                let target = normalizer.normalize(noise, training)?;
                Ok((predicted - target)?.sqr()?.mean_all()?)
            }
            Network::Student {
                network,
                batch,
                read,
                target,
            } => {
                let z = network.encode(batch, training)?;
                let z = match read {
                    Read::Nodes => z.nodes,
                    Read::Graphs => z.graphs,
                };
                Ok((z - target)?.sqr()?.mean_all()?)
            }
        }
    }
}

impl Network {
    fn new(spec: &Spec, params: &Params, dtype: DType, inputs: &Inputs) -> Result<Self> {
        let (encoder, read) = match spec.architecture()? {
            Architecture::Teacher(config) => {
                let (batch, noise) = inputs.conformers(dtype)?;
                return Ok(Self::Teacher {
                    network: Box::new(EquivariantTransformer::new(&config, params)?),
                    normalizer: NoiseNormalizer::new(&params.pp("pos_normalizer"))?,
                    batch,
                    noise,
                });
            }
            Architecture::Student(encoder, read) => (encoder, read),
        };
        let network = ModelConfig::encoder_only(encoder).build_encoder(params)?;
        let batch = Box::new(GraphBatch::collate(&inputs.graphs()?, &Device::Cpu)?);
        let rows = match read {
            Read::Nodes => batch.num_nodes(),
            Read::Graphs => batch.num_graphs(),
        };
        Ok(Self::Student {
            target: fixed_target(rows, network.width())?.to_dtype(dtype)?,
            network,
            batch,
            read,
        })
    }
}

/// `[rows, width]`: the cosine of each entry's number, as a single.
fn fixed_target(rows: usize, width: usize) -> Result<Tensor> {
    let values = (0..rows * width).map(|i| (i as f64).cos() as f32);
    Ok(Tensor::from_iter(values, &Device::Cpu)?.reshape((rows, width))?)
}
