//! Batches of molecules of random numbers, for the suites of the equivariant transformer's messages.

use candle_core::Tensor;
use dd_kernels::rng::Key;
use dd_kernels::{EtEdges, RadialFilter, Result, RowIndex, Segments};

use super::device::{device, normal_tensor};

/// Molecules of the given sizes, every atom connected to every atom of its molecule, itself included.
pub(crate) struct Batch {
    sources: RowIndex,
    by_target: Segments,
    pub(crate) pairs: Option<RowIndex>,
    pub(crate) num_heads: usize,
    with_key_filter: bool,
    with_value_filter: bool,
    /// Queries, keys, values, vectors, basis, cutoffs, directions; then weights and biases of the filters.
    pub(crate) tensors: Vec<Tensor>,
}

impl Batch {
    pub(crate) fn new(
        sizes: &[usize],
        num_heads: usize,
        channels: usize,
        basis: usize,
        filters: [bool; 2],
    ) -> Result<Self> {
        let (mut sources, mut degrees, mut first) = (Vec::new(), Vec::new(), 0);
        for &size in sizes {
            for _ in 0..size {
                sources.extend((first..first + size).map(|atom| atom as u32));
                degrees.push(size);
            }
            first += size;
        }
        let (n, e, f) = (first, sources.len(), num_heads * channels);
        let mut shapes: Vec<Vec<usize>> = vec![
            vec![n, f],
            vec![n, f],
            vec![n, 3 * f],
            vec![n, 3, f],
            vec![e, basis],
            vec![e],
            vec![e, 3],
        ];
        for (rows, present) in [(f, filters[0]), (3 * f, filters[1])] {
            if present {
                shapes.extend([vec![rows, basis], vec![rows]]);
            }
        }
        let key = Key::from_seed(21);
        let tensors = shapes
            .iter()
            .enumerate()
            .map(|(i, shape)| normal_tensor(key.with(i as u64), shape));
        Ok(Self {
            sources: RowIndex::new(sources, n, &device())?,
            by_target: Segments::from_lengths(&degrees, &device())?,
            pairs: None,
            num_heads,
            with_key_filter: filters[0],
            with_value_filter: filters[1],
            tensors: tensors.collect::<Result<_>>()?,
        })
    }

    /// With both directions of a pair of atoms as one pair, in the order of their first edges.
    pub(crate) fn paired(mut self) -> Result<Self> {
        let ends = self.sources.rows().iter().zip(self.by_target.row_segment());
        let mut numbers = std::collections::HashMap::new();
        let mut pairs = Vec::new();
        for (&source, &target) in ends {
            let next = numbers.len() as u32;
            let ends = (source.min(target), source.max(target));
            pairs.push(*numbers.entry(ends).or_insert(next));
        }
        let count = numbers.len();
        for geometry in [4, 5] {
            self.tensors[geometry] = self.tensors[geometry].narrow(0, 0, count)?.contiguous()?;
        }
        self.pairs = Some(RowIndex::new(pairs, count, &device())?);
        Ok(self)
    }

    /// The edges, with basis, cutoffs, directions and filters in the order of `tensors`.
    pub(crate) fn edges<'a>(&'a self, x: &'a [Tensor]) -> EtEdges<'a> {
        let filter = |at: usize| RadialFilter {
            weight: &x[at],
            bias: &x[at + 1],
        };
        let value_at = if self.with_key_filter { 5 } else { 3 };
        EtEdges {
            basis: &x[0],
            grid: None,
            cutoffs: &x[1],
            directions: &x[2],
            key_filter: self.with_key_filter.then(|| filter(3)),
            value_filter: self.with_value_filter.then(|| filter(value_at)),
            sources: &self.sources,
            by_target: &self.by_target,
            pairs: self.pairs.as_ref(),
            num_heads: self.num_heads,
        }
    }
}
