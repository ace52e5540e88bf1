//! The models whose speed is measured: built from a configuration's name, with weights of a file or of a seed.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use dd_denoiser3d::{Denoiser3d, EquivariantTransformer, EtConfig, NoiseNormalizer};
use dd_encoder2d::gin::GinConfig;
use dd_encoder2d::tokengt::TokenGtConfig;
use dd_encoder2d::{Encoder2d, EncoderConfig, ModelConfig};
use dd_graph::{Featurizer, GraphBatch, PointBatch, PointCloud};
use dd_kernels::rng::Key;
use dd_nn::{LoadOptions, Mode, ParamStore, Params};
use dd_train::{AdamW, AdamWConfig, Gradients};

/// Result of everything here.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A model with a batch, ready to run.
pub struct Model {
    store: ParamStore,
    optimizer: AdamW,
    network: Network,
}

enum Network {
    Teacher {
        network: EquivariantTransformer,
        normalizer: NoiseNormalizer,
        batch: PointBatch,
        noise: Tensor,
    },
    Student {
        network: Box<dyn Encoder2d + Send + Sync>,
        batch: GraphBatch,
    },
}

impl Model {
    /// With `frozen` its weights are constants, for inference.
    ///
    /// The model `et`, `tokengt`, `student` or `gin` on the batch of `inputs`: for `et` a safetensors file of conformers
    /// (`z`, `pos`, `noise`, `batch`), for the others a JSON file with a list `smiles`.
    ///
    /// # Errors
    /// When there is no such model, or a file does not fit it.
    pub fn new(name: &str, weights: Option<&Path>, inputs: &Path, frozen: bool) -> Result<Self> {
        let store = ParamStore::new(0, DType::F32, &Device::Cpu);
        let root = if frozen {
            store.frozen().root()
        } else {
            store.root()
        };
        let network = match name {
            "et" => teacher(&root, inputs)?,
            "tokengt" => student(
                EncoderConfig::TokenGt(TokenGtConfig::base_lap()),
                &root,
                inputs,
            )?,
            "student" => {
                let config = TokenGtConfig::student_256_small();
                student(EncoderConfig::TokenGt(config), &root, inputs)?
            }
            "gin" => student(EncoderConfig::Gin(GinConfig::molecule_sde()), &root, inputs)?,
            _ => return Err(format!("no model {name}: et, tokengt, student or gin").into()),
        };
        if let Some(path) = weights {
            dd_nn::load_safetensors(&store, path, &LoadOptions::strict())?;
        }
        Ok(Self {
            optimizer: AdamW::new(AdamWConfig::adam(1e-4), &store.vars())?,
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
            Network::Student { network, batch } => {
                Ok(network.encode(batch, Mode::Eval)?.graphs.detach())
            }
        }
    }

    /// Forward, backward and AdamW: the teacher's denoising loss, the student's mean square. Returns the loss.
    ///
    /// # Errors
    /// When the network fails.
    pub fn step(&mut self) -> Result<f64> {
        let training = Mode::Train(Key::from_seed(self.optimizer.steps()));
        let loss = match &self.network {
            Network::Teacher {
                network,
                normalizer,
                batch,
                noise,
            } => {
                let noisy = batch.with_positions((&batch.positions + noise)?);
                let predicted = network.forward(&noisy, training)?.noise;
                let target = normalizer.normalize(noise, training)?;
                (predicted - target)?.sqr()?.mean_all()?
            }
            Network::Student { network, batch } => {
                let z = network.encode(batch, training)?;
                (z.graphs.sqr()?.mean_all()? + z.nodes.sqr()?.mean_all()?)?
            }
        };
        let gradients = Gradients::of(&loss, &self.store.vars())?;
        self.optimizer.step(&gradients, 1e-4, 1.0, &|_| true)?;
        Ok(f64::from(loss.to_scalar::<f32>()?))
    }
}

fn teacher(params: &Params, inputs: &Path) -> Result<Network> {
    let config = EtConfig {
        layernorm_on_vec: None,
        ..EtConfig::pcqm4mv2()
    };
    let tensors = candle_core::safetensors::load(inputs, &Device::Cpu)?;
    let tensor = |name: &str| tensors.get(name).ok_or(format!("no tensor {name}"));
    Ok(Network::Teacher {
        network: EquivariantTransformer::new(&config, params)?,
        normalizer: NoiseNormalizer::new(&params.pp("pos_normalizer"))?,
        batch: conformers(tensor("z")?, tensor("pos")?, tensor("batch")?)?,
        noise: tensor("noise")?.clone(),
    })
}

fn conformers(numbers: &Tensor, positions: &Tensor, molecules: &Tensor) -> Result<PointBatch> {
    let mut clouds: BTreeMap<i64, PointCloud> = BTreeMap::new();
    let rows = positions.to_vec2::<f32>()?;
    let ends = numbers
        .to_vec1::<i64>()?
        .into_iter()
        .zip(molecules.to_vec1::<i64>()?);
    for ((number, molecule), row) in ends.zip(&rows) {
        let cloud = clouds.entry(molecule).or_insert_with(|| PointCloud {
            atomic_numbers: Vec::new(),
            positions: Vec::new(),
            atom_index: Vec::new(),
            record: molecule as u64,
        });
        cloud.atom_index.push(cloud.atomic_numbers.len() as u32);
        cloud.atomic_numbers.push(u8::try_from(number)?);
        cloud.positions.push([row[0], row[1], row[2]]);
    }
    let clouds: Vec<PointCloud> = clouds.into_values().collect();
    Ok(PointBatch::collate(&clouds, DType::F32, &Device::Cpu)?)
}

fn student(encoder: EncoderConfig, params: &Params, inputs: &Path) -> Result<Network> {
    let config = ModelConfig::encoder_only(encoder);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(inputs)?)?;
    let smiles = json["smiles"].as_array().ok_or("no list \"smiles\"")?;
    let featurizer = config.build_featurizer();
    let graphs = smiles.iter().map(|text| -> Result<_> {
        let molecule = dd_mol::smiles::parse(text.as_str().ok_or("a SMILES is no text")?)?;
        Ok(featurizer.featurize(&molecule)?)
    });
    let graphs = graphs.collect::<Result<Vec<_>>>()?;
    Ok(Network::Student {
        network: config.build_encoder(params)?,
        batch: GraphBatch::collate(&graphs, &Device::Cpu)?,
    })
}
