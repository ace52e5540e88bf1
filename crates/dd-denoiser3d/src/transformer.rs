//! The equivariant transformer of TorchMD-NET with a noise head
//! (Thölke and De Fabritiis, ICLR 2022; Zaidi et al., ICLR 2023; `shehzaidi/pre-training-via-denoising` 2d81667).

use candle_core::{Module, Tensor};
use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch};
use dd_kernels::{EtFields, MatmulPrecision, RowIndex, gather, segment_mean, segment_sum};
use dd_nn::{Buffer, Init, LayerNorm, Mode, Params, Representation};

use crate::attention::AttentionLayer;
use crate::config::{EtConfig, NeighborChoice, Reduce};
use crate::cutoff::CosineCutoff;
use crate::denoiser::{Denoised, Denoiser3d};
use crate::error::{DenoiserError, Result};
use crate::gated_block::GatedHead;
use crate::geometry::EdgeGeometry;
use crate::neighbor_embedding::NeighborEmbedding;
use crate::radial::RadialBasis;
use crate::trace::Observer;
use crate::whitening::WhitenedNorm;

/// Scalar and vector features of the atoms after the output norms.
#[derive(Debug, Clone)]
pub struct AtomFields {
    /// Rotation-invariant features, `[N, F]`: the representation.
    pub scalars: Tensor,
    /// Rotation-equivariant features, `[N, 3, F]`.
    pub vectors: Tensor,
}

/// Thölke and De Fabritiis 2022, "TorchMD-NET: Equivariant Transformers for Neural Network based Molecular Potentials"
/// (ICLR), with the noise head and the whitened vector norm of Zaidi et al. 2023 (ICLR).
///
/// Parameter names are those of the original's state dict. Works in f32 and f64, as the parameters are.
///
/// # Differences from the original
/// Coincident atoms have direction zero (the original divides zero by zero); a single atom keeps its shape `[1, 3]`; when
/// the neighbour cap bites, [`NeighborChoice`] says which neighbours survive.
///
/// ```
/// use candle_core::{DType, Device};
/// use dd_denoiser3d::{Denoiser3d, EquivariantTransformer, EtConfig};
/// use dd_graph::{PointBatch, PointCloud};
/// use dd_nn::{Mode, ParamStore};
///
/// let store = ParamStore::new(0, DType::F32, &Device::Cpu);
/// let network = EquivariantTransformer::new(&EtConfig::tiny(), &store.root())?;
/// let water = PointCloud {
///     atomic_numbers: vec![8, 1, 1],
///     positions: vec![[0.0, 0.0, 0.12], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]],
///     atom_index: vec![0, 1, 2],
///     record: 0,
/// };
/// let batch = PointBatch::collate(&[water], DType::F32, &Device::Cpu)?;
/// let denoised = network.forward(&batch, Mode::Eval)?;
/// assert_eq!(denoised.noise.dims(), [3, 3]);
/// assert_eq!(denoised.representation.nodes.dims(), [3, 64]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EquivariantTransformer {
    config: EtConfig,
    embedding: Tensor,
    basis: RadialBasis,
    neighbor_embedding: Option<NeighborEmbedding>,
    layers: Vec<AttentionLayer>,
    out_norm: LayerNorm,
    out_norm_vec: Option<WhitenedNorm>,
    noise_head: GatedHead,
    scalar_head: Option<ScalarHead>,
}

/// A number per molecule: `mean + std * reduce_i y_i`.
#[derive(Debug, Clone)]
struct ScalarHead {
    network: GatedHead,
    parameters: Vec<Tensor>,
    mean: Buffer,
    std: Buffer,
    reduce: Reduce,
}

impl EquivariantTransformer {
    /// Builds the network; `params` is the root of the state dict.
    ///
    /// # Errors
    /// When the config describes no network, the store holds parameters of other shapes, or it is for products in bf16.
    pub fn new(config: &EtConfig, params: &Params) -> Result<Self> {
        config.validate()?;
        if params.matmul_precision() != MatmulPrecision::Full {
            return Err(DenoiserError::Config {
                field: "matmul_precision",
                reason: "the fused layers of this network multiply in full".to_string(),
            });
        }
        let f = config.embedding_dimension;
        let trunk = params.pp("representation_model");
        let table = trunk.pp("embedding");
        let basis = RadialBasis::new(config, &trunk.pp("distance_expansion"))?;
        let neighbor_embedding = config
            .neighbor_embedding
            .then(|| NeighborEmbedding::new(config, &trunk.pp("neighbor_embedding")))
            .transpose()?;
        let layers = (0..config.num_layers)
            .map(|l| AttentionLayer::new(config, &trunk.pp("attention_layers").pp(l)))
            .collect::<Result<_>>()?;
        let out_norm_vec = config
            .layernorm_on_vec
            .map(|_| WhitenedNorm::new(f, &trunk.pp("out_norm_vec")))
            .transpose()?;
        let scalar_head = config
            .output_model
            .map(|_| ScalarHead::new(config, params))
            .transpose()?;
        Ok(Self {
            embedding: table.get((config.max_z, f), "weight", Init::Normal { std: 1.0 })?,
            basis,
            neighbor_embedding,
            layers,
            out_norm: LayerNorm::new(f, &trunk.pp("out_norm"))?,
            out_norm_vec,
            noise_head: GatedHead::new(f, config.activation, &params.pp("output_model_noise"))?,
            scalar_head,
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &EtConfig {
        &self.config
    }

    /// The edges that this network sees.
    ///
    /// # Errors
    /// When a position is not finite.
    pub fn neighbors(&self, batch: &PointBatch) -> Result<NeighborList> {
        let cutoff = Cutoff {
            lower: self.config.cutoff_lower,
            upper: self.config.cutoff_upper,
        };
        let cap = match self.config.neighbor_choice {
            NeighborChoice::LowestSource => NeighborCap::LowestSource,
            NeighborChoice::Nearest => NeighborCap::Nearest,
        };
        let cap = cap(self.config.max_num_neighbors);
        Ok(NeighborList::within(batch, cutoff, cap)?)
    }

    /// The trunk: features of all atoms, given the edges. Intermediates are shown to `observer`; pass `&mut ()` to ignore
    /// them.
    ///
    /// # Errors
    /// When an element is outside the table or positions are not `[N, 3]`.
    pub fn atom_fields(
        &self,
        batch: &PointBatch,
        edges: &NeighborList,
        observer: &mut dyn Observer,
    ) -> Result<AtomFields> {
        let elements = self.elements(batch)?;
        let positions = batch.positions.to_dtype(self.embedding.dtype())?;
        let looks = observer.looks();
        let geometry = EdgeGeometry::new(&positions, edges, &self.basis, self.cutoff(), looks)?;
        geometry.show(edges, observer)?;

        let mut x = gather(&self.embedding, &elements)?; // [N, F]
        observer.see(format_args!("x_embedding"), &x);
        if let Some(embedding) = &self.neighbor_embedding {
            x = embedding.forward(&x, &elements, &geometry, edges)?;
            observer.see(format_args!("x_neighbor_embedding"), &x);
        }
        let v = Tensor::zeros((x.dim(0)?, 3, x.dim(1)?), x.dtype(), x.device())?; // [N, 3, F]
        let mut fields = EtFields::join(&x, &v)?;
        for (l, layer) in self.layers.iter().enumerate() {
            if looks {
                let update = layer.increments(&fields, &geometry, edges)?;
                fields = fields.plus(&update)?;
                observer.see(format_args!("layer{l}.dx"), &update.scalars()?);
                observer.see(format_args!("layer{l}.dvec"), &update.vectors()?);
                observer.see(format_args!("layer{l}.x"), &fields.scalars()?);
                observer.see(format_args!("layer{l}.vec"), &fields.vectors()?);
            } else {
                fields = layer.forward(&fields, &geometry, edges)?;
            }
        }
        let mut v = fields.vectors()?;
        x = self.out_norm.forward(&fields.scalars()?)?;
        if let Some(norm) = &self.out_norm_vec {
            v = norm.forward(&v)?;
        }
        observer.see(format_args!("x_final"), &x);
        observer.see(format_args!("vec_final"), &v);
        Ok(AtomFields {
            scalars: x,
            vectors: v,
        })
    }

    /// The noise head: `[N, 3]`, in units of the noise's standard deviation.
    ///
    /// In training the property head takes part with weight zero, as in the original, so that the optimiser sees every
    /// parameter.
    ///
    /// # Errors
    /// When the fields have other shapes than this network's.
    pub fn noise(&self, fields: &AtomFields, mode: Mode) -> Result<Tensor> {
        let (_, noise) = self.noise_head.forward(&fields.scalars, &fields.vectors)?;
        match (mode, &self.scalar_head) {
            (Mode::Train(_), Some(head)) => Ok(noise.broadcast_add(&head.zero()?)?),
            _ => Ok(noise),
        }
    }

    /// The scalar head: one number per molecule, `[B, 1]`.
    ///
    /// # Errors
    /// When the config has no `output_model`.
    pub fn property(&self, fields: &AtomFields, batch: &PointBatch) -> Result<Tensor> {
        self.scalar_head()?.forward(fields, batch)
    }

    /// Mean and standard deviation of the property, which its head multiplies and adds.
    ///
    /// # Errors
    /// When the config has no `output_model`.
    pub fn set_property_scale(&self, mean: f64, std: f64) -> Result<()> {
        let head = self.scalar_head()?;
        for (buffer, value) in [(&head.mean, mean), (&head.std, std)] {
            let like = buffer.tensor();
            buffer.set(&Tensor::new(value, like.device())?.to_dtype(like.dtype())?)?;
        }
        Ok(())
    }

    fn scalar_head(&self) -> Result<&ScalarHead> {
        self.scalar_head.as_ref().ok_or(DenoiserError::MissingHead {
            head: "property head",
            field: "output_model",
        })
    }

    fn cutoff(&self) -> CosineCutoff {
        CosineCutoff {
            lower: self.config.cutoff_lower,
            upper: self.config.cutoff_upper,
        }
    }

    /// The atoms' rows of the element tables.
    fn elements(&self, batch: &PointBatch) -> Result<RowIndex> {
        let max_z = self.config.max_z;
        let numbers = &batch.atomic_numbers;
        if let Some(row) = numbers.iter().position(|&z| usize::from(z) >= max_z) {
            let molecule = batch.atoms.row_segment()[row] as usize;
            return Err(DenoiserError::AtomicNumber {
                molecule,
                atom: row - batch.atoms.range(molecule).start,
                number: numbers[row],
                max_z,
            });
        }
        let rows = numbers.iter().map(|&z| u32::from(z)).collect();
        Ok(RowIndex::new(rows, max_z, self.embedding.device())?)
    }
}

impl Denoiser3d for EquivariantTransformer {
    fn width(&self) -> usize {
        self.config.embedding_dimension
    }

    fn forward(&self, batch: &PointBatch, mode: Mode) -> Result<Denoised> {
        let edges = self.neighbors(batch)?;
        let fields = self.atom_fields(batch, &edges, &mut ())?;
        Ok(Denoised {
            noise: self.noise(&fields, mode)?,
            representation: Representation {
                graphs: segment_mean(&fields.scalars, &batch.atoms)?,
                nodes: fields.scalars,
            },
            vectors: Some(fields.vectors),
        })
    }
}

impl ScalarHead {
    fn new(config: &EtConfig, params: &Params) -> Result<Self> {
        let path = params.pp("output_model");
        let network = GatedHead::new(config.embedding_dimension, config.activation, &path)?;
        let number = |name, value: f32| params.buffer(name, &Tensor::new(value, params.device())?);
        Ok(Self {
            parameters: network.parameters(),
            network,
            mean: number("mean", 0.0)?,
            std: number("std", 1.0)?,
            reduce: config.reduce_op,
        })
    }

    fn forward(&self, fields: &AtomFields, batch: &PointBatch) -> Result<Tensor> {
        let (y, _) = self.network.forward(&fields.scalars, &fields.vectors)?; // [N]
        let y = y.broadcast_mul(&self.std.tensor())?.unsqueeze(1)?;
        let reduced = match self.reduce {
            Reduce::Add => segment_sum(&y, &batch.atoms)?,
            Reduce::Mean => segment_mean(&y, &batch.atoms)?,
        };
        let shift = (self.mean.tensor() + self.zero()?)?;
        Ok(reduced.broadcast_add(&shift)?) // [B, 1]
    }

    /// Zero, as a function of every parameter of the head: what the loss does not reach still has a gradient.
    fn zero(&self) -> candle_core::Result<Tensor> {
        let sums = self.parameters.iter().map(Tensor::sum_all);
        let sums = sums.collect::<candle_core::Result<Vec<_>>>()?;
        let sum = Tensor::stack(&sums, 0)?.sum_all()?;
        // Multiplied by a constant 0.0, candle would forget where it comes from.
        &sum * sum.zeros_like()?
    }
}
