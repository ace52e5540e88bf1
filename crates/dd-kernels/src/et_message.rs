//! Message passing of the equivariant transformer, fused over the edges.

use candle_core::{Shape, Tensor};

use crate::cpu::slice::has_kernel;
use crate::error::Result;
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{EtFields, RowIndex, Segments, cuda, reference};

mod backward;
mod check;
mod filters;
mod forward;
mod passing;
mod plan;
mod records;
mod table;

pub(crate) use passing::Messages;
pub(crate) use records::Atoms;

/// A dense layer from the radial basis to the filters of an edge: `SiLU(weight e + bias)`.
#[derive(Debug, Clone, Copy)]
pub struct RadialFilter<'a> {
    /// `[filters, K]`.
    pub weight: &'a Tensor,
    /// `[filters]`.
    pub bias: &'a Tensor,
}

/// A grid of distances, from which the filters of pairs are interpolated: by polynomials of degree five through six points.
///
/// Values and derivatives of the filters come from the grid; the gradients of their weights and of the basis are computed
/// with the pairs' own basis. Choose the grid so that the interpolation is off by less than the type rounds.
#[derive(Debug, Clone, Copy)]
pub struct FilterGrid<'a> {
    /// Basis of `G` grid points, `[G, K]`.
    pub basis: &'a Tensor,
    /// Coordinate of each pair, `[P]`, from 2 to `G - 4`; 2.5 lies half way between the grid points number 2 and 3.
    pub coordinates: &'a Tensor,
}

/// The edges of a batch, and how messages pass along them. `F` features in `H` heads of `C` channels, `N` atoms, `E` edges,
/// `P` pairs, `K` basis functions.
#[derive(Debug, Clone, Copy)]
pub struct EtEdges<'a> {
    /// Radial basis `e(r)` of each pair, `[P, K]`.
    pub basis: &'a Tensor,
    /// Where the filters are interpolated instead of computed, if anywhere.
    pub grid: Option<FilterGrid<'a>>,
    /// Cutoff weights `phi(r)` of each pair, `[P]`.
    pub cutoffs: &'a Tensor,
    /// Unit vectors `d` from target to source, `[E, 3]`; zero for self loops.
    pub directions: &'a Tensor,
    /// To the key filters `dk`, `[F, K]`; without it `dk = 1`.
    pub key_filter: Option<RadialFilter<'a>>,
    /// To the value filters `dv`, `[3 F, K]`, ordered as the values; without it `dv = 1`.
    pub value_filter: Option<RadialFilter<'a>>,
    /// Source atom `j` of each edge.
    pub sources: &'a RowIndex,
    /// Edges sorted by target atom: segment `i` holds the edges into atom `i`.
    pub by_target: &'a Segments,
    /// Pair of each edge, `[E]` into `P`: edges of one distance (`j -> i` and `i -> j`) share their filters, which are
    /// then computed once. Pairs are numbered in the order of the molecules of their edges. Without it each edge is a
    /// pair of its own, `P = E`.
    pub pairs: Option<&'a RowIndex>,
    /// `H`.
    pub num_heads: usize,
}

/// What [`et_message`] reads.
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
    /// How messages pass.
    pub edges: EtEdges<'a>,
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
/// and memory of the published code. Here the filters of a block of pairs live in the cache and die there; backward
/// computes them again. Kept for backward: the inputs.
///
/// Differentiable in every tensor of the inputs. The gradients of basis, cutoffs and directions, through which that of
/// the positions goes, are computed only when one of them depends on a variable.
///
/// # Shapes
/// See [`EtMessageInputs`] and [`EtEdges`]; `m` arrives as scalars, `w` as vectors.
///
/// # Errors
/// When a shape does not fit the others.
///
/// # Complexity
/// `8 P K F` operations for the filters and about `20 E F` for the messages forward, three times that backward. Connected stretches of atoms (molecules of a packed
/// batch) are independent; groups of them, formed by the number of their edges alone, run in parallel, and the gradients
/// of the filters are summed over groups in order: deterministic. One molecule alone runs on one thread.
///
/// # Differences from the original
/// None in exact arithmetic; sums at a target run in the order of the pairs.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use dd_kernels::{EtEdges, EtMessageInputs, RowIndex, Segments, et_message};
/// let device = Device::Cpu;
/// let ones = |shape: &[usize]| Tensor::ones(shape, DType::F64, &device);
/// let (q, u, v) = (ones(&[2, 1])?, ones(&[2, 3])?, ones(&[2, 3, 1])?);
/// let (basis, cutoffs, directions) = (ones(&[1, 4])?, ones(&[1])?, ones(&[1, 3])?);
/// let messages = et_message(&EtMessageInputs {
///     queries: &q,
///     keys: &q,
///     values: &u,
///     vectors: &v,
///     edges: EtEdges {
///         basis: &basis,
///         grid: None,
///         cutoffs: &cutoffs,
///         directions: &directions,
///         key_filter: None,
///         value_filter: None,
///         sources: &RowIndex::new(vec![1], 2, &device)?, // one edge, from atom 1
///         by_target: &Segments::from_lengths(&[1, 0], &device)?, // to atom 0
///         pairs: None,
///         num_heads: 1,
///     },
/// })?;
/// let silu_of_one = 1.0 / (1.0 + (-1.0_f64).exp());
/// assert_eq!(messages.scalars()?.to_vec2::<f64>()?, [[silu_of_one], [0.0]]);
/// assert_eq!(messages.vectors()?.to_vec3::<f64>()?, vec![vec![vec![2.0]; 3], vec![vec![0.0]; 3]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_message(inputs: &EtMessageInputs<'_>) -> Result<EtFields> {
    inputs.check()?;
    let (n, f) = inputs.queries.dims2()?;
    if cuda::takes(inputs.queries) {
        if inputs.edges.pairs.is_some() {
            Messages::new(&inputs.edges, n, f)?; // refuses what the CPU refuses
        }
        return cuda::et_message::et_message(inputs, inputs.edges.basis);
    }
    if !has_kernel(inputs.queries) {
        return reference::et_message(inputs);
    }
    let operation = EtMessage(Messages::new(&inputs.edges, n, f)?);
    let mut tensors = vec![inputs.queries, inputs.keys, inputs.values, inputs.vectors];
    let edges = inputs.edges.tensors();
    tensors.extend(&edges);
    EtFields::new(operation::apply(operation, &tensors)?)
}

struct EtMessage(Messages);

impl EtMessage {
    /// Queries, keys and values of an atom in one row, `[N, 5 F]`.
    fn projected<T: Real>(&self, inputs: &[&[T]]) -> Vec<T> {
        let f = self.0.features();
        let mut projected = Vec::with_capacity(5 * inputs[0].len());
        let rows = inputs[0].chunks_exact(f).zip(inputs[1].chunks_exact(f));
        for ((queries, keys), values) in rows.zip(inputs[2].chunks_exact(3 * f)) {
            for part in [queries, keys, values] {
                projected.extend_from_slice(part);
            }
        }
        projected
    }

    fn atoms<'a, T>(&self, projected: &'a [T], vectors: &'a [T]) -> Atoms<'a, T> {
        Atoms {
            projected,
            vectors,
            vectors_apart: 3 * self.0.features(),
        }
    }
}

impl Operation for EtMessage {
    const NAME: &'static str = "et_message";

    fn shape(&self) -> Shape {
        Shape::from((self.0.num_atoms(), 4, self.0.features()))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let projected = self.projected(inputs);
        let atoms = self.atoms(&projected, inputs[3]);
        Outcome {
            output: self.0.forward(atoms, &inputs[4..]),
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let f = self.0.features();
        let projected = self.projected(seen.inputs);
        let atoms = self.atoms(&projected, seen.inputs[3]);
        let with_geometry = seen.wanted[4..7].contains(&true);
        let edges = &seen.inputs[4..];
        let gradients = self.0.backward(atoms, edges, seen.grad, with_geometry);
        let part = |columns: std::ops::Range<usize>| {
            let rows = gradients.projected.chunks_exact(5 * f);
            Some(
                rows.flat_map(|row| &row[columns.clone()])
                    .copied()
                    .collect(),
            )
        };
        let mut all = vec![part(0..f), part(f..2 * f), part(2 * f..5 * f)];
        all.push(Some(gradients.vectors));
        all.extend(gradients.edges);
        all
    }
}
