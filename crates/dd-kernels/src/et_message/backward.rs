//! Gradients of the messages: the filters of a block of edges are computed again, used, and overwritten by their
//! gradients.

use rayon::prelude::*;

use super::forward::{Edge, filters_before_activation};
use super::lanes::Lanes;
use super::plan::{BLOCK_EDGES, Ends, Group, Plan, Sizes};
use crate::cpu::block::split_at_offsets;
use crate::cpu::matmul::{View, matmul};
use crate::cpu::reduce::add_row;
use crate::cpu::vectorized;
use crate::real::Real;
use crate::silu::silu_derivative;

/// Gradients in the packed layouts of the inputs.
pub(super) struct Gradients<T> {
    pub(super) atoms: Vec<T>,
    /// Empty when not wanted.
    pub(super) edges: Vec<T>,
    pub(super) filters: Vec<T>,
}

/// Gradients, given that of what arrives.
pub(super) fn backward<T: Real>(
    plan: &Plan,
    atoms: &[T],
    edges: &[T],
    filters: &[T],
    grad: &[T],
    with_edges: bool,
) -> Gradients<T> {
    let mut atoms_grad = vec![T::ZERO; atoms.len()];
    let mut edges_grad = vec![T::ZERO; if with_edges { edges.len() } else { 0 }];
    let atom_parts = split_at_offsets(
        &mut atoms_grad,
        &plan.atom_offsets(),
        plan.sizes.atom_width(),
    );
    let edge_width = if with_edges {
        plan.sizes.edge_width()
    } else {
        0
    };
    let edge_parts = split_at_offsets(&mut edges_grad, &plan.edge_offsets(), edge_width);
    let partial: Vec<Vec<T>> = atom_parts
        .into_par_iter()
        .zip(edge_parts)
        .zip(&plan.groups)
        .map(|((atoms_grad, edges_grad), group)| {
            let inputs = Inputs {
                plan,
                group,
                atoms,
                edges,
                filters,
                grad,
            };
            inputs.backward(atoms_grad, edges_grad)
        })
        .collect();
    let mut filters_grad = vec![T::ZERO; filters.len()];
    filters_grad
        .par_chunks_mut(4096)
        .enumerate()
        .for_each(|(chunk, sum)| {
            for partial in &partial {
                add_row(sum, &partial[chunk * 4096..]);
            }
        });
    Gradients {
        atoms: atoms_grad,
        edges: edges_grad,
        filters: filters_grad,
    }
}

/// One group and the packed inputs of all.
struct Inputs<'a, T> {
    plan: &'a Plan,
    group: &'a Group,
    atoms: &'a [T],
    edges: &'a [T],
    filters: &'a [T],
    grad: &'a [T],
}

/// Memory for one block of edges.
struct Scratch<T> {
    /// Filters.
    filter: Vec<T>,
    /// Derivatives of the activation, then gradients of what is activated.
    slope: Vec<T>,
    /// Gradients of the basis, `[edges, K]`.
    basis: Vec<T>,
}

impl<T: Real> Inputs<'_, T> {
    /// Fills the group's rows; returns its share of the filters' gradient.
    fn backward(&self, atoms_grad: &mut [T], edges_grad: &mut [T]) -> Vec<T> {
        let sizes = self.plan.sizes;
        let atoms = &self.atoms[self.group.atoms.start * sizes.atom_width()..];
        let edges = &self.edges[self.group.edges.start * sizes.edge_width()..];
        let grad = &self.grad[self.group.atoms.start * 4 * sizes.features()..];
        let mut filters_grad = vec![T::ZERO; self.filters.len()];
        let mut scratch = Scratch {
            filter: vec![T::ZERO; BLOCK_EDGES * sizes.filters()],
            slope: vec![T::ZERO; BLOCK_EDGES * sizes.filters()],
            basis: vec![T::ZERO; BLOCK_EDGES * sizes.basis_size],
        };
        for (block, ends) in self.plan.ends(self.group).chunks(BLOCK_EDGES).enumerate() {
            let first = block * BLOCK_EDGES * sizes.edge_width();
            let edges = &edges[first..];
            let edges_grad = edges_grad.get_mut(first..).unwrap_or_default();
            for head in 0..sizes.num_heads {
                let Scratch { filter, slope, .. } = &mut scratch;
                filters_before_activation(sizes, head, edges, self.filters, ends.len(), slope);
                return_messages(
                    sizes, head, ends, atoms, edges, grad, filter, slope, atoms_grad, edges_grad,
                );
                self.filters_backward(
                    head,
                    ends.len(),
                    edges,
                    &mut scratch,
                    &mut filters_grad,
                    !edges_grad.is_empty(),
                );
            }
            if !edges_grad.is_empty() && sizes.filters() > 0 {
                let rows = edges_grad.chunks_exact_mut(sizes.edge_width());
                for (row, basis) in rows
                    .zip(scratch.basis.chunks_exact(sizes.basis_size))
                    .take(ends.len())
                {
                    row[..sizes.basis_size].copy_from_slice(basis);
                }
            }
        }
        filters_grad
    }

    /// Through the dense layers of one head: gradients of weights and bias, and of the basis (summed over heads).
    fn filters_backward(
        &self,
        head: usize,
        num_edges: usize,
        edges: &[T],
        scratch: &mut Scratch<T>,
        filters_grad: &mut [T],
        with_edges: bool,
    ) {
        let sizes = self.plan.sizes;
        let (rows, columns) = (sizes.filters(), sizes.basis_size + 1);
        if rows == 0 {
            return;
        }
        let slope = View::rows(&scratch.slope, rows);
        let edges = View::rows(edges, sizes.edge_width());
        matmul(
            &mut filters_grad[head * rows * columns..],
            [rows, num_edges, columns],
            slope.t(),
            edges,
            true,
        );
        if with_edges {
            let weight = View::rows(&self.filters[head * rows * columns..], columns);
            matmul(
                &mut scratch.basis,
                [num_edges, rows, sizes.basis_size],
                slope,
                weight,
                head > 0,
            );
        }
    }
}

vectorized! {
    #[allow(clippy::too_many_arguments, reason = "the arrays of one pass over a block")]
    /// Activates the filters of one head for a block of edges and returns the gradients along them.
    fn return_messages<T: Real>(
        sizes: Sizes,
        head: usize,
        ends: &[Ends],
        atoms: &[T],
        edges: &[T],
        grad: &[T],
        filter: &mut [T],
        slope: &mut [T],
        atoms_grad: &mut [T],
        edges_grad: &mut [T],
    ) {
        activate(&mut slope[..ends.len() * sizes.filters()], filter);
        for (number, &ends) in ends.iter().enumerate() {
            let edge = Edge::new(sizes, head, ends, number, atoms, edges, filter);
            let slope = &mut slope[number * sizes.filters()..(number + 1) * sizes.filters()];
            let grad = &grad[ends.target * 4 * sizes.features()..];
            let geometry = return_along(&edge, head, ends, grad, atoms_grad, slope);
            if !edges_grad.is_empty() {
                let row = &mut edges_grad[number * sizes.edge_width() + sizes.basis_size + 1..];
                add_row(row, &geometry);
            }
        }
    }
}

/// Turns `x` into the derivative of `SiLU` there, and writes `SiLU(x)` to `value`.
#[inline(always)]
fn activate<T: Real>(x: &mut [T], value: &mut [T]) {
    for (x, value) in x.iter_mut().zip(value) {
        let sigmoid = x.sigmoid();
        *value = *x * sigmoid;
        *x = silu_derivative(*x, sigmoid);
    }
}

/// Sends the gradient of one head of one edge to its ends and filters; returns the gradients of `phi` and `d`.
///
/// `grad` begins with the target's row. `slope` holds the derivatives of the edge's filters and receives the gradients of
/// what they are computed from.
#[inline(always)]
fn return_along<T: Real>(
    edge: &Edge<'_, T>,
    head: usize,
    ends: Ends,
    grad: &[T],
    atoms_grad: &mut [T],
    slope: &mut [T],
) -> [T; 4] {
    let sizes = edge.sizes;
    let score = edge.score();
    let sigmoid = score.sigmoid();
    let attention = Lanes::splat(score * sigmoid * edge.cutoff);
    let [query_column, key_column, value_column] = sizes.atom_columns(head);
    let vector_columns = sizes.vector_columns(head);
    let arrived = sizes.arrived_columns(head);
    let source = ends.source * sizes.atom_width();
    let target = ends.target * sizes.atom_width();

    let mut attention_grad = Lanes::splat(T::ZERO);
    let mut direction_grad = [Lanes::splat(T::ZERO); 3];
    for c in edge.channels() {
        let [dm, dx, dy, dz] =
            arrived.map(|column| Lanes::load(&grad[column + c.start..column + c.end]));
        let dw = [dx, dy, dz];
        let u = [0, 1, 2].map(|part| edge.value_part(part, c.clone()));
        let dv = [0, 1, 2].map(|part| edge.value_filter(part, c.clone()));
        let (a, b) = (u[1] * dv[1], u[2] * dv[2]);

        let mut carried = Lanes::splat(T::ZERO); // gradient of a
        let mut created = Lanes::splat(T::ZERO); // gradient of b
        for axis in 0..3 {
            let vector = Lanes::load(&edge.vector[axis][c.clone()]);
            carried = dw[axis].mul_add(vector, carried);
            created = dw[axis].mul_add(Lanes::splat(edge.direction[axis]), created);
            direction_grad[axis] = dw[axis].mul_add(b, direction_grad[axis]);
            let column = source + vector_columns[axis];
            (dw[axis] * a).add_to(&mut atoms_grad[column + c.start..column + c.end]);
        }
        attention_grad = dm.mul_add(u[0] * dv[0], attention_grad);

        for (part, part_grad) in [attention * dm, carried, created].into_iter().enumerate() {
            let channels = edge.part(part, c.clone());
            let column = source + value_column;
            (part_grad * dv[part])
                .add_to(&mut atoms_grad[column + channels.start..column + channels.end]);
            if sizes.has_value_filter {
                let slope = &mut slope[sizes.value_filters()..][channels];
                (part_grad * u[part] * Lanes::load(slope)).store(slope);
            }
        }
    }

    let attention_grad = attention_grad.sum();
    let score_grad = Lanes::splat(attention_grad * edge.cutoff * silu_derivative(score, sigmoid));
    for c in edge.channels() {
        let (q, k) = (
            Lanes::load(&edge.query[c.clone()]),
            Lanes::load(&edge.key[c.clone()]),
        );
        let dk = edge.key_filter(c.clone());
        let (query, key) = (target + query_column, source + key_column);
        (score_grad * k * dk).add_to(&mut atoms_grad[query + c.start..query + c.end]);
        (score_grad * q * dk).add_to(&mut atoms_grad[key + c.start..key + c.end]);
        if sizes.has_key_filter {
            let slope = &mut slope[c];
            (score_grad * q * k * Lanes::load(slope)).store(slope);
        }
    }
    let [x, y, z] = direction_grad.map(Lanes::sum);
    [attention_grad * score * sigmoid, x, y, z]
}
