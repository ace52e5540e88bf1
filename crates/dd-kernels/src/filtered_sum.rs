//! Sums of filtered neighbours.

use candle_core::{Shape, Tensor};

use crate::cpu::block::{fill_rows, zeros};
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::Result;
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{RowIndex, Segments, check, cuda, reference};

/// Edges for [`filtered_sum`]: `N` atoms, `E` edges, `P` pairs.
#[derive(Debug, Clone, Copy)]
pub struct FilteredEdges<'a> {
    /// Source atom of each edge, `[E]` into `N`.
    pub sources: &'a RowIndex,
    /// Pair of each edge, `[E]` into `P`.
    pub pairs: &'a RowIndex,
    /// Edges sorted by target atom.
    pub by_target: &'a Segments,
}

/// `y_i = sum over the edges j -> i of x_j f_ij`, channel by channel, with one filter `f` for both directions of a pair.
///
/// # Shapes
/// `x: [N, F]`, `filters: [P, F]` give `[N, F]`.
///
/// # Errors
/// When the shapes do not fit the edges.
///
/// # Complexity
/// `2 E F` operations forward, twice that backward; nothing is written per edge, and nothing kept. Sums run in the order
/// of the edges: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{FilteredEdges, RowIndex, Segments, filtered_sum};
/// let device = Device::Cpu;
/// let (x, filters) = (Tensor::new(&[[2.0_f64], [3.0]], &device)?, Tensor::new(&[[10.0_f64]], &device)?);
/// let edges = FilteredEdges {
///     sources: &RowIndex::new(vec![1, 0], 2, &device)?,
///     pairs: &RowIndex::new(vec![0, 0], 1, &device)?,
///     by_target: &Segments::from_lengths(&[1, 1], &device)?,
/// };
/// assert_eq!(filtered_sum(&x, &filters, edges)?.to_vec2::<f64>()?, [[30.0], [20.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn filtered_sum(x: &Tensor, filters: &Tensor, edges: FilteredEdges<'_>) -> Result<Tensor> {
    let width = x.dims().last().copied().unwrap_or_default();
    let (n, p) = (edges.by_target.len(), edges.pairs.num_sources());
    check::shape("filtered_sum: x", x, &[edges.sources.num_sources(), width])?;
    check::shape("filtered_sum: filters", filters, &[p, width])?;
    for (name, len) in [
        ("filtered_sum: sources", edges.sources.len()),
        ("filtered_sum: pairs", edges.pairs.len()),
    ] {
        check::count(name, len, edges.by_target.num_rows())?;
    }
    check::count("filtered_sum: targets", n, edges.sources.num_sources())?;
    if cuda::takes(x) {
        return cuda::edges::filtered_sum(x, filters, edges);
    }
    if !has_kernel(x) {
        return reference::filtered_sum(x, filters, edges);
    }
    let operation = FilteredSum {
        sources: edges.sources.clone(),
        pairs: edges.pairs.clone(),
        by_target: edges.by_target.clone(),
        width,
    };
    operation::apply(operation, &[x, filters])
}

struct FilteredSum {
    sources: RowIndex,
    pairs: RowIndex,
    by_target: Segments,
    width: usize,
}

impl FilteredSum {
    fn source(&self, edge: usize) -> usize {
        self.sources.rows()[edge] as usize
    }

    fn target(&self, edge: usize) -> usize {
        self.by_target.row_segment()[edge] as usize
    }

    fn pair(&self, edge: usize) -> usize {
        self.pairs.rows()[edge] as usize
    }

    fn row<'a, T>(&self, rows: &'a [T], number: usize) -> &'a [T] {
        &rows[number * self.width..(number + 1) * self.width]
    }
}

impl Operation for FilteredSum {
    const NAME: &'static str = "filtered_sum";

    fn shape(&self) -> Shape {
        Shape::from((self.by_target.len(), self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let (x, filters) = (inputs[0], inputs[1]);
        let mut y = zeros(self.by_target.len() * self.width);
        fill_rows(&mut y, self.width, |atom, y| {
            for edge in self.by_target.range(atom) {
                let (source, pair) = (self.source(edge), self.pair(edge));
                add_product(y, self.row(x, source), self.row(filters, pair));
            }
        });
        Outcome {
            output: y,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (x, filters, grad) = (seen.inputs[0], seen.inputs[1], seen.grad);
        let mut dx = zeros(x.len());
        fill_rows(&mut dx, self.width, |atom, dx| {
            for &edge in self.sources.positions_of(atom) {
                let (target, pair) = (self.target(edge as usize), self.pair(edge as usize));
                add_product(dx, self.row(grad, target), self.row(filters, pair));
            }
        });
        let mut dfilters = zeros(filters.len());
        fill_rows(&mut dfilters, self.width, |pair, dfilter| {
            for &edge in self.pairs.positions_of(pair) {
                let (target, source) = (self.target(edge as usize), self.source(edge as usize));
                add_product(dfilter, self.row(grad, target), self.row(x, source));
            }
        });
        vec![Some(dx), Some(dfilters)]
    }
}

vectorized! {
    /// `sum += a b`.
    fn add_product<T: Real>(sum: &mut [T], a: &[T], b: &[T]) {
        for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
            *sum = a.mul_add(b, *sum);
        }
    }
}
