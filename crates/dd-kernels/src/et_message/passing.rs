//! Messages as a step of an operation: [`et_message`](super::et_message()) is this step alone, a layer has others around it.

use candle_core::Tensor;

use super::filters::FilterWeights;
use super::forward::{self, Numbers};
use super::plan::Plan;
use super::records::Atoms;
use super::table::{Filters, Table};
use super::{EtEdges, backward};
use crate::RowIndex;
use crate::error::Result;
use crate::real::Real;

/// Everything about a batch's messages but the numbers.
pub(crate) struct Messages {
    plan: Plan,
    on_grid: bool,
}

/// What the backward pass of messages gives.
pub(crate) struct MessageGradients<T> {
    /// Of queries, keys and values, `[N, 5 F]`.
    pub(crate) projected: Vec<T>,
    /// Of vectors, `[N, 3 F]`.
    pub(crate) vectors: Vec<T>,
    /// Of the tensors of the edges, in their order.
    pub(crate) edges: Vec<Option<Vec<T>>>,
}

impl EtEdges<'_> {
    /// The tensors that [`Messages`] reads, in its order: basis, cutoffs, directions, weight and bias of each filter, the
    /// grid.
    pub(crate) fn tensors(&self) -> Vec<Tensor> {
        let mut tensors = [self.basis, self.cutoffs, self.directions]
            .map(Tensor::clone)
            .to_vec();
        for filter in [self.key_filter, self.value_filter].into_iter().flatten() {
            tensors.extend([filter.weight.clone(), filter.bias.clone()]);
        }
        if let Some(grid) = self.grid {
            tensors.extend([grid.basis.detach(), grid.coordinates.detach()]);
        }
        tensors
    }

    /// Each edge as a pair of its own.
    fn every_edge(&self) -> Result<RowIndex> {
        let num_edges = self.sources.len();
        let device = self.basis.device();
        RowIndex::new((0..num_edges as u32).collect(), num_edges, device)
    }
}

impl Messages {
    /// Between `n` atoms of `f` features.
    ///
    /// # Errors
    /// When a shape does not fit, or pairs are not numbered in the order of the molecules of their edges.
    pub(crate) fn new(edges: &EtEdges<'_>, n: usize, f: usize) -> Result<Self> {
        let sizes = edges.check(n, f)?;
        let pairs = match edges.pairs {
            Some(pairs) => pairs.clone(),
            None => edges.every_edge()?,
        };
        Ok(Self {
            plan: Plan::new(sizes, edges.sources, edges.by_target, pairs)?,
            on_grid: edges.grid.is_some(),
        })
    }

    /// `N`.
    pub(crate) fn num_atoms(&self) -> usize {
        self.plan.sizes.num_atoms
    }

    /// `F`.
    pub(crate) fn features(&self) -> usize {
        self.plan.sizes.features()
    }

    /// What arrives, `[N, 4 F]`: `m`, then `w`.
    pub(crate) fn forward<T: Real>(&self, atoms: Atoms<'_, T>, edges: &[&[T]]) -> Vec<T> {
        let filters = self.filters(edges, false);
        forward::forward(&self.plan, numbers(atoms, edges), &filters)
    }

    /// Gradients, given that of what arrives; those of basis, cutoffs and directions only `with_geometry`.
    pub(crate) fn backward<T: Real>(
        &self,
        atoms: Atoms<'_, T>,
        edges: &[&[T]],
        grad: &[T],
        with_geometry: bool,
    ) -> MessageGradients<T> {
        let filters = self.filters(edges, true);
        let numbers = numbers(atoms, edges);
        let gradients = backward::backward(&self.plan, numbers, &filters, grad, with_geometry);
        let geometry = gradients.geometry.map(|x| with_geometry.then_some(x));
        let mut edges = geometry.to_vec();
        let sizes = self.plan.sizes;
        let [key_weight, key_bias, value_weight, value_bias] = gradients.filters.map(Some);
        if sizes.has_key_filter {
            edges.extend([key_weight, key_bias]);
        }
        if sizes.has_value_filter {
            edges.extend([value_weight, value_bias]);
        }
        if self.on_grid {
            edges.extend([None, None]);
        }
        MessageGradients {
            projected: gradients.projected,
            vectors: gradients.vectors,
            edges,
        }
    }

    fn filters<T: Real>(&self, edges: &[&[T]], with_slopes: bool) -> Filters<T> {
        let sizes = self.plan.sizes;
        let mut layers = edges[3..].chunks_exact(2);
        let mut layer = |present: bool| {
            let layer = present.then(|| layers.next()).flatten()?;
            Some((layer[0], layer[1]))
        };
        let key = layer(sizes.has_key_filter);
        let weights = FilterWeights::new(sizes, key, layer(sizes.has_value_filter));
        let table = match edges {
            [.., basis, coordinates] if self.on_grid => {
                Some(Table::new(sizes, &weights, basis, coordinates, with_slopes))
            }
            _ => None,
        };
        Filters { weights, table }
    }
}

fn numbers<'a, T>(atoms: Atoms<'a, T>, edges: &[&'a [T]]) -> Numbers<'a, T> {
    Numbers {
        atoms,
        basis: edges[0],
        cutoffs: edges[1],
        directions: edges[2],
    }
}
