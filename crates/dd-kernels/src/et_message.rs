//! Message passing of the equivariant transformer, fused over the edges.

use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use crate::cpu::slice::{for_real, has_kernel, numbers, stored, with_numbers};
use crate::error::{KernelError, Result};
use crate::{RowIndex, Segments, check, reference};

mod backward;
mod forward;
mod lanes;
mod plan;

use plan::{Plan, Sizes};

/// A dense layer from the radial basis to the filters of an edge: `SiLU(weight e + bias)`.
#[derive(Debug, Clone, Copy)]
pub struct RadialFilter<'a> {
    /// `[filters, K]`.
    pub weight: &'a Tensor,
    /// `[filters]`.
    pub bias: &'a Tensor,
}

/// What [`et_message`] reads. `F` features in `H` heads of `C` channels, `N` atoms, `E` edges, `K` basis functions.
#[derive(Debug, Clone, Copy)]
pub struct EtMessageInputs<'a> {
    /// `q`, `[N, F]`.
    pub queries: &'a Tensor,
    /// `k`, `[N, F]`.
    pub keys: &'a Tensor,
    /// `u`, `[N, 3 F]`: for each head `C` channels of `s`, `C` of `a`, `C` of `b`.
    pub values: &'a Tensor,
    /// `v`, `[N, 3, F]`.
    pub vectors: &'a Tensor,
    /// Radial basis `e(r)`, `[E, K]`.
    pub basis: &'a Tensor,
    /// Cutoff weights `phi(r)`, `[E]`.
    pub cutoffs: &'a Tensor,
    /// Unit vectors `d` from target to source, `[E, 3]`; zero for self loops.
    pub directions: &'a Tensor,
    /// To the key filters `dk`, `[F, K]`; without it `dk = 1`.
    pub key_filter: Option<RadialFilter<'a>>,
    /// To the value filters `dv`, `[3 F, K]`, ordered as `values`; without it `dv = 1`.
    pub value_filter: Option<RadialFilter<'a>>,
    /// Source atom `j` of each edge.
    pub sources: &'a RowIndex,
    /// Edges sorted by target atom: segment `i` holds the edges into atom `i`.
    pub by_target: &'a Segments,
    /// `H`.
    pub num_heads: usize,
}

/// What arrives at the atoms.
#[derive(Debug, Clone)]
pub struct EtMessages {
    /// `m_i = sum over j of A_ij s_ij`, `[N, F]`.
    pub scalars: Tensor,
    /// `w_i = sum over j of (v_j a_ij + d_ij b_ij)`, `[N, 3, F]`.
    pub vectors: Tensor,
}

/// Messages of one layer of the equivariant transformer (Thölke and De Fabritiis, "Equivariant transformers for neural
/// network based molecular potentials", ICLR 2022, equations 6 to 10, with SiLU everywhere). For an edge from `j` to `i`:
///
/// ```text
/// dk = SiLU(W_k e + b_k)            dv = SiLU(W_v e + b_v)
/// A  = SiLU(sum over the head's channels of q_i k_j dk) phi
/// (s, a, b) = u_j dv
/// m_i += A s                        w_i += v_j a + d b
/// ```
///
/// Composed of separate operations, this writes and keeps several `[E, 3 F]` tensors per layer, which is most of the time
/// and memory of the published code. Here the filters of a block of edges live in the cache and die there; backward
/// computes them again. Kept for backward: the inputs.
///
/// Differentiable in every tensor of the inputs. The gradients of basis, cutoffs and directions, through which that of
/// the positions goes, are computed only when one of them depends on a variable.
///
/// # Shapes
/// See [`EtMessageInputs`] and [`EtMessages`].
///
/// # Errors
/// When a shape does not fit the others.
///
/// # Complexity
/// `2 E K 4 F` operations forward, three to four times that backward. Connected stretches of atoms (molecules of a packed
/// batch) are independent; groups of them, formed by the number of their edges alone, run in parallel, and the gradients
/// of the filters are summed over groups in order: deterministic. One molecule alone runs on one thread.
///
/// # Differences from the original
/// None in exact arithmetic; sums over edges run in the order of the edges.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dd_kernels::{EtMessageInputs, RowIndex, Segments, et_message};
/// let device = Device::Cpu;
/// let ones = |shape: &[usize]| Tensor::ones(shape, DType::F64, &device);
/// let (q, u, v) = (ones(&[2, 1])?, ones(&[2, 3])?, ones(&[2, 3, 1])?);
/// let (basis, cutoffs, directions) = (ones(&[1, 4])?, ones(&[1])?, ones(&[1, 3])?);
/// let messages = et_message(&EtMessageInputs {
///     queries: &q,
///     keys: &q,
///     values: &u,
///     vectors: &v,
///     basis: &basis,
///     cutoffs: &cutoffs,
///     directions: &directions,
///     key_filter: None,
///     value_filter: None,
///     sources: &RowIndex::new(vec![1], 2, &device)?, // one edge, from atom 1
///     by_target: &Segments::from_lengths(&[1, 0], &device)?, // to atom 0
///     num_heads: 1,
/// })?;
/// let silu_of_one = 1.0 / (1.0 + (-1.0_f64).exp());
/// assert_eq!(messages.scalars.to_vec2::<f64>()?, [[silu_of_one], [0.0]]);
/// assert_eq!(messages.vectors.to_vec3::<f64>()?, vec![vec![vec![2.0]; 3], vec![vec![0.0]; 3]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_message(inputs: &EtMessageInputs<'_>) -> Result<EtMessages> {
    let sizes = check_inputs(inputs)?;
    if !has_kernel(inputs.queries) {
        return reference::et_message(inputs);
    }
    let Sizes {
        num_atoms: n,
        num_heads: h,
        channels: c,
        ..
    } = sizes;
    let f = h * c;
    let vectors = inputs.vectors.reshape((n, 3 * f))?;
    let atoms = Tensor::cat(&[inputs.queries, inputs.keys, inputs.values, &vectors], 1)?; // [N, 8 F]
    let ones = inputs.cutoffs.ones_like()?.unsqueeze(1)?;
    let cutoffs = inputs.cutoffs.unsqueeze(1)?;
    let edges = Tensor::cat(&[inputs.basis, &ones, &cutoffs, inputs.directions], 1)?; // [E, K + 5]
    let filters = pack_filters(inputs, sizes)?; // [H, filters per head, K + 1]

    let plan = Plan::new(sizes, inputs.sources, inputs.by_target);
    let arrived = atoms.apply_op3(&edges, &filters, EtMessage { plan })?; // [N, 4 F]
    Ok(EtMessages {
        scalars: arrived.narrow(1, 0, f)?.contiguous()?,
        vectors: arrived.narrow(1, f, 3 * f)?.reshape((n, 3, f))?,
    })
}

/// The filters' weights with the bias as last column, grouped by head: the key's channels, then the value's.
fn pack_filters(inputs: &EtMessageInputs<'_>, sizes: Sizes) -> Result<Tensor> {
    let by_head = |filter: Option<RadialFilter<'_>>| -> candle_core::Result<Option<Tensor>> {
        let Some(RadialFilter { weight, bias }) = filter else {
            return Ok(None);
        };
        let with_bias = Tensor::cat(&[weight, &bias.unsqueeze(1)?], 1)?;
        let per_head = with_bias.dim(0)? / sizes.num_heads;
        with_bias
            .reshape((sizes.num_heads, per_head, sizes.basis_size + 1))
            .map(Some)
    };
    let parts: Vec<Tensor> = [by_head(inputs.key_filter)?, by_head(inputs.value_filter)?]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        let shape = (sizes.num_heads, 0, sizes.basis_size + 1);
        return Ok(Tensor::zeros(
            shape,
            inputs.queries.dtype(),
            inputs.queries.device(),
        )?);
    }
    Ok(Tensor::cat(&parts, 1)?.contiguous()?)
}

fn check_inputs(inputs: &EtMessageInputs<'_>) -> Result<Sizes> {
    let shape_error = |name, expected: &str, x: &Tensor| KernelError::Shape {
        name,
        expected: expected.to_string(),
        got: x.dims().to_vec(),
    };
    let h = inputs.num_heads;
    let (n, f) = match *inputs.queries.dims() {
        [n, f] if h > 0 && f > 0 && f.is_multiple_of(h) => (n, f),
        _ => {
            return Err(shape_error(
                "et_message: queries",
                &format!("[N, a multiple of {h} heads]"),
                inputs.queries,
            ));
        }
    };
    let (e, k) = match *inputs.basis.dims() {
        [e, k] if e == inputs.sources.len() => (e, k),
        _ => {
            return Err(shape_error(
                "et_message: basis",
                &format!("[{}, K]", inputs.sources.len()),
                inputs.basis,
            ));
        }
    };
    check::shape("et_message: keys", inputs.keys, &[n, f])?;
    check::shape("et_message: values", inputs.values, &[n, 3 * f])?;
    check::shape("et_message: vectors", inputs.vectors, &[n, 3, f])?;
    check::shape("et_message: cutoffs", inputs.cutoffs, &[e])?;
    check::shape("et_message: directions", inputs.directions, &[e, 3])?;
    let filters = [
        ("et_message: key filter", inputs.key_filter, f),
        ("et_message: value filter", inputs.value_filter, 3 * f),
    ];
    for (name, filter, rows) in filters {
        if let Some(RadialFilter { weight, bias }) = filter {
            check::shape(name, weight, &[rows, k])?;
            check::shape(name, bias, &[rows])?;
        }
    }
    if inputs.sources.num_sources() != n
        || inputs.by_target.len() != n
        || inputs.by_target.num_rows() != e
    {
        return Err(KernelError::Shape {
            name: "et_message: edges",
            expected: format!("sources among {n} atoms and {n} segments of {e} edges"),
            got: vec![
                inputs.sources.num_sources(),
                inputs.by_target.len(),
                inputs.by_target.num_rows(),
            ],
        });
    }
    Ok(Sizes {
        num_atoms: n,
        num_heads: h,
        channels: f / h,
        basis_size: k,
        has_key_filter: inputs.key_filter.is_some(),
        has_value_filter: inputs.value_filter.is_some(),
    })
}

struct EtMessage {
    plan: Plan,
}

impl CustomOp3 for EtMessage {
    fn name(&self) -> &'static str {
        "et_message"
    }

    fn cpu_fwd(
        &self,
        atoms: &CpuStorage,
        atoms_layout: &Layout,
        edges: &CpuStorage,
        edges_layout: &Layout,
        filters: &CpuStorage,
        filters_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let sizes = self.plan.sizes;
        for_real!("et_message", atoms, T => {
            let arrived = forward::forward::<T>(
                &self.plan,
                numbers("et_message: atoms", atoms, atoms_layout)?,
                numbers("et_message: edges", edges, edges_layout)?,
                numbers("et_message: filters", filters, filters_layout)?,
            );
            Ok(stored(arrived, (sizes.num_atoms, 4 * sizes.features())))
        })
    }

    fn bwd(
        &self,
        atoms: &Tensor,
        edges: &Tensor,
        filters: &Tensor,
        _arrived: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let with_edges = edges.track_op();
        for_real!("et_message", atoms, T => {
            let grads = with_numbers::<T, _>("et_message: atoms", atoms, |a| {
                with_numbers("et_message: edges", edges, |e| {
                    with_numbers("et_message: filters", filters, |f| {
                        with_numbers("et_message: gradient", &grad, |grad| {
                            Ok(backward::backward(&self.plan, a, e, f, grad, with_edges))
                        })
                    })
                })
            })?;
            let device = atoms.device();
            Ok((
                Some(Tensor::from_vec(grads.atoms, atoms.shape(), device)?),
                if with_edges { Some(Tensor::from_vec(grads.edges, edges.shape(), device)?) } else { None },
                Some(Tensor::from_vec(grads.filters, filters.shape(), device)?),
            ))
        })
    }
}
