//! One layer of the equivariant transformer.

use candle_core::Tensor;

use crate::cpu::slice::has_kernel;
use crate::error::Result;
use crate::et_message::{EtEdges, EtMessageInputs, Messages, et_message};
use crate::{
    DenseWeights, EtFields, NORM_EPSILON, NormWeights, check, cuda, dense, et_update, layer_norm,
    operation,
};

mod fused;

use fused::Fused;

/// Parameters of [`et_layer`] on fields of `F` features, and the edges of the batch.
#[derive(Debug, Clone, Copy)]
pub struct EtLayer<'a> {
    /// Norm of the scalars, before the projections.
    pub norm: NormWeights<'a>,
    /// To queries, `[F, F]`.
    pub query: DenseWeights<'a>,
    /// To keys, `[F, F]`.
    pub key: DenseWeights<'a>,
    /// To values, `[3 F, F]`, ordered as [`EtMessageInputs::values`].
    pub value: DenseWeights<'a>,
    /// From the scalars that arrive, `[3 F, F]`.
    pub output: DenseWeights<'a>,
    /// `U`, from the vectors, `[3 F, F]`.
    pub projection: &'a Tensor,
    /// How messages pass.
    pub edges: EtEdges<'a>,
}

/// A layer of the equivariant transformer with its residual (Thölke and De Fabritiis, ICLR 2022, figure 1 and equations 6
/// to 11). For the scalars `x` and vectors `v` of every atom:
///
/// ```text
/// h = LN(x)            q = W_q h + b_q            k = W_k h + b_k            u = W_u h + b_u
/// m, w = et_message(q, k, u, v)                   (o1, o2, o3) = W_o m + b_o
/// (p1, p2, p3) = U v
/// x' = x + (sum over x, y, z of p1 p2) o2 + o3    v' = v + p3 o1 + w
/// ```
///
/// Composed of [`layer_norm`], [`dense()`], [`et_message`] and [`et_update`], a layer copies scalars and vectors out of the
/// fields and back, keeps each of those copies for its backward pass, and adds up five gradients as large as they are. Here
/// every stage reads and writes its place in the fields, and the three projections are one matrix product.
///
/// # Shapes
/// Fields `[N, 4, F]` give `[N, 4, F]`.
///
/// # Errors
/// When a shape does not fit the others.
///
/// # Complexity
/// `34 N F^2` operations beside those of [`et_message`], three times that for forward and backward. Kept for backward:
/// projections, what arrives, `o` and `p`, `21 N F` numbers; nothing when no input is a variable. Deterministic.
///
/// # Differences from the original
/// None in exact arithmetic.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dd_kernels::{DenseWeights, EtEdges, EtFields, EtLayer, NormWeights, RowIndex, Segments, et_layer};
/// let device = Device::Cpu;
/// let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F64, &device);
/// let (square, tall, number, three) = (zeros(&[1, 1])?, zeros(&[3, 1])?, zeros(&[1])?, zeros(&[3])?);
/// let projection = Tensor::new(&[[1.0_f64], [2.0], [3.0]], &device)?;
/// let output_bias = Tensor::new(&[0.0_f64, 1.0, 5.0], &device)?;
/// // One atom that nobody sends to: o is the bias, and the vectors stay.
/// let fields = EtFields::new(Tensor::ones((1, 4, 1), DType::F64, &device)?)?;
/// let next = et_layer(&fields, &EtLayer {
///     norm: NormWeights { weight: &number, bias: &number },
///     query: DenseWeights { weight: &square, bias: &number },
///     key: DenseWeights { weight: &square, bias: &number },
///     value: DenseWeights { weight: &tall, bias: &three },
///     output: DenseWeights { weight: &tall, bias: &output_bias },
///     projection: &projection,
///     edges: EtEdges {
///         basis: &zeros(&[0, 4])?,
///         grid: None,
///         cutoffs: &zeros(&[0])?,
///         directions: &zeros(&[0, 3])?,
///         key_filter: None,
///         value_filter: None,
///         sources: &RowIndex::new(vec![], 1, &device)?,
///         by_target: &Segments::from_lengths(&[0], &device)?,
///         pairs: None,
///         num_heads: 1,
///     },
/// })?;
/// assert_eq!(next.scalars()?.to_vec2::<f64>()?, [[1.0 + (1.0 * 2.0) * 3.0 * 1.0 + 5.0]]);
/// assert_eq!(next.vectors()?.to_vec3::<f64>()?, [[[1.0], [1.0], [1.0]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_layer(fields: &EtFields, layer: &EtLayer<'_>) -> Result<EtFields> {
    let joined = fields.joined();
    let (n, _, f) = joined.dims3()?;
    let messages = Messages::new(&layer.edges, n, f)?;
    check::shape("et_layer: norm", layer.norm.weight, &[f])?;
    check::shape("et_layer: norm", layer.norm.bias, &[f])?;
    let layers = [
        ("et_layer: query", layer.query, f),
        ("et_layer: key", layer.key, f),
        ("et_layer: value", layer.value, 3 * f),
        ("et_layer: output", layer.output, 3 * f),
    ];
    for (name, DenseWeights { weight, bias }, rows) in layers {
        check::shape(name, weight, &[rows, f])?;
        check::shape(name, bias, &[rows])?;
    }
    check::shape("et_layer: projection", layer.projection, &[3 * f, f])?;
    if cuda::takes(joined) || !has_kernel(joined) || n == 0 {
        let kernels = Parts {
            layer_norm,
            dense,
            et_message,
            et_update,
        };
        return kernels.compose(fields, layer);
    }
    let mut inputs = vec![joined, layer.norm.weight, layer.norm.bias];
    for (_, DenseWeights { weight, bias }, _) in layers {
        inputs.extend([weight, bias]);
    }
    inputs.push(layer.projection);
    let edges = layer.edges.tensors();
    inputs.extend(&edges);
    let fused = Fused {
        messages,
        differentiable: inputs.iter().any(|input| input.track_op()),
    };
    EtFields::new(operation::apply(fused, &inputs)?)
}

/// The operations that a layer is composed of: kernels where there is none for all of it, or candle's own.
pub(crate) struct Parts {
    pub(crate) layer_norm: fn(&Tensor, &Tensor, &Tensor, f64) -> Result<Tensor>,
    pub(crate) dense: fn(&Tensor, &Tensor, Option<&Tensor>) -> Result<Tensor>,
    pub(crate) et_message: fn(&EtMessageInputs<'_>) -> Result<EtFields>,
    pub(crate) et_update: fn(&Tensor, &Tensor, &Tensor, &EtFields) -> Result<EtFields>,
}

impl Parts {
    pub(crate) fn compose(&self, fields: &EtFields, layer: &EtLayer<'_>) -> Result<EtFields> {
        let (x, vectors) = (fields.scalars()?, fields.vectors()?);
        let apply =
            |layer: DenseWeights<'_>, x: &Tensor| (self.dense)(x, layer.weight, Some(layer.bias));
        let h = (self.layer_norm)(&x, layer.norm.weight, layer.norm.bias, NORM_EPSILON)?;
        let arrived = (self.et_message)(&EtMessageInputs {
            queries: &apply(layer.query, &h)?,
            keys: &apply(layer.key, &h)?,
            values: &apply(layer.value, &h)?,
            vectors: &vectors,
            edges: layer.edges,
        })?;
        let o = apply(layer.output, &arrived.scalars()?)?;
        fields.plus(&(self.et_update)(&vectors, layer.projection, &o, &arrived)?)
    }
}
