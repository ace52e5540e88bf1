//! Message passing of the equivariant transformer, fused over the edges.

use candle_core::{Shape, Tensor};

use crate::cpu::slice::has_kernel;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{EtFields, RowIndex, Segments, check, cuda, reference};

mod backward;
mod filters;
mod forward;
mod plan;
mod records;
mod table;

use filters::FilterWeights;
use forward::Numbers;
use plan::{Plan, Sizes};
use records::Atoms;
use table::{Filters, Table};

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

/// What [`et_message`] reads. `F` features in `H` heads of `C` channels, `N` atoms, `E` edges, `P` pairs,
/// `K` basis functions.
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
    /// To the value filters `dv`, `[3 F, K]`, ordered as `values`; without it `dv = 1`.
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
/// See [`EtMessageInputs`]; `m` arrives as scalars, `w` as vectors.
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
///     grid: None,
///     cutoffs: &cutoffs,
///     directions: &directions,
///     key_filter: None,
///     value_filter: None,
///     sources: &RowIndex::new(vec![1], 2, &device)?, // one edge, from atom 1
///     by_target: &Segments::from_lengths(&[1, 0], &device)?, // to atom 0
///     pairs: None,
///     num_heads: 1,
/// })?;
/// let silu_of_one = 1.0 / (1.0 + (-1.0_f64).exp());
/// assert_eq!(messages.scalars()?.to_vec2::<f64>()?, [[silu_of_one], [0.0]]);
/// assert_eq!(messages.vectors()?.to_vec3::<f64>()?, vec![vec![vec![2.0]; 3], vec![vec![0.0]; 3]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn et_message(inputs: &EtMessageInputs<'_>) -> Result<EtFields> {
    let sizes = check_inputs(inputs)?;
    if cuda::takes(inputs.queries) {
        if let Some(pairs) = inputs.pairs {
            Plan::new(sizes, inputs.sources, inputs.by_target, pairs.clone())?; // refuses what the CPU refuses
        }
        return cuda::et_message::et_message(inputs, inputs.basis);
    }
    if !has_kernel(inputs.queries) {
        return reference::et_message(inputs);
    }
    let pairs = match inputs.pairs {
        Some(pairs) => pairs.clone(),
        None => every_edge(inputs)?,
    };
    let operation = EtMessage {
        plan: Plan::new(sizes, inputs.sources, inputs.by_target, pairs)?,
        on_grid: inputs.grid.is_some(),
    };
    let mut tensors = vec![
        inputs.queries,
        inputs.keys,
        inputs.values,
        inputs.vectors,
        inputs.basis,
        inputs.cutoffs,
        inputs.directions,
    ];
    let filters = [inputs.key_filter, inputs.value_filter];
    for RadialFilter { weight, bias } in filters.into_iter().flatten() {
        tensors.extend([weight, bias]);
    }
    let grid = inputs
        .grid
        .map(|grid| [grid.basis.detach(), grid.coordinates.detach()]);
    tensors.extend(grid.iter().flatten());
    EtFields::new(operation::apply(operation, &tensors)?)
}

/// Each edge as a pair of its own.
fn every_edge(inputs: &EtMessageInputs<'_>) -> Result<RowIndex> {
    let num_edges = inputs.sources.len();
    let device = inputs.queries.device();
    RowIndex::new((0..num_edges as u32).collect(), num_edges, device)
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
    let e = inputs.sources.len();
    let p = inputs.pairs.map_or(e, RowIndex::num_sources);
    let k = match *inputs.basis.dims() {
        [rows, k] if rows == p && k > 0 => k,
        _ => {
            return Err(shape_error(
                "et_message: basis",
                &format!("[{p}, K]"),
                inputs.basis,
            ));
        }
    };
    if let Some(FilterGrid { basis, coordinates }) = inputs.grid {
        let points = basis.dims().first().map_or(0, |&g| g.max(table::POINTS));
        check::shape("et_message: grid", basis, &[points, k])?;
        check::shape("et_message: coordinates", coordinates, &[p])?;
    }
    check::shape("et_message: keys", inputs.keys, &[n, f])?;
    check::shape("et_message: values", inputs.values, &[n, 3 * f])?;
    check::shape("et_message: vectors", inputs.vectors, &[n, 3, f])?;
    check::shape("et_message: cutoffs", inputs.cutoffs, &[p])?;
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
        || inputs.pairs.is_some_and(|pairs| pairs.len() != e)
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
    on_grid: bool,
}

impl EtMessage {
    fn numbers<'a, T>(inputs: &[&'a [T]]) -> Numbers<'a, T> {
        Numbers {
            atoms: Atoms {
                queries: inputs[0],
                keys: inputs[1],
                values: inputs[2],
                vectors: inputs[3],
            },
            basis: inputs[4],
            cutoffs: inputs[5],
            directions: inputs[6],
        }
    }

    fn weights<T: Real>(&self, inputs: &[&[T]]) -> FilterWeights<T> {
        let mut layers = inputs[7..].chunks_exact(2);
        let mut layer = |present: bool| {
            let layer = present.then(|| layers.next()).flatten()?;
            Some((layer[0], layer[1]))
        };
        let sizes = self.plan.sizes;
        let key = layer(sizes.has_key_filter);
        FilterWeights::new(sizes, key, layer(sizes.has_value_filter))
    }
}

impl EtMessage {
    fn filters<'a, T: Real>(
        &self,
        weights: FilterWeights<T>,
        inputs: &[&'a [T]],
        with_slopes: bool,
    ) -> Filters<'a, T> {
        let table = match inputs {
            [.., basis, coordinates] if self.on_grid => {
                let table = Table::new(self.plan.sizes, &weights, basis, with_slopes);
                Some((table, *coordinates))
            }
            _ => None,
        };
        Filters { weights, table }
    }
}

impl Operation for EtMessage {
    const NAME: &'static str = "et_message";

    fn shape(&self) -> Shape {
        let sizes = self.plan.sizes;
        Shape::from((sizes.num_atoms, 4, sizes.features()))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let numbers = Self::numbers(inputs);
        let filters = self.filters(self.weights(inputs), inputs, false);
        Outcome {
            output: forward::forward(&self.plan, numbers, &filters),
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let numbers = Self::numbers(seen.inputs);
        let filters = self.filters(self.weights(seen.inputs), seen.inputs, true);
        let with_geometry = seen.wanted[4..7].contains(&true);
        let gradients = backward::backward(&self.plan, numbers, &filters, seen.grad, with_geometry);
        let sizes = self.plan.sizes;
        let geometry = gradients.geometry.map(|x| with_geometry.then_some(x));
        let [key_weight, key_bias, value_weight, value_bias] = gradients.filters.map(Some);
        let mut all: Vec<Option<Vec<T>>> = gradients.atoms.into_iter().map(Some).collect();
        all.extend(geometry);
        if sizes.has_key_filter {
            all.extend([key_weight, key_bias]);
        }
        if sizes.has_value_filter {
            all.extend([value_weight, value_bias]);
        }
        all
    }
}
