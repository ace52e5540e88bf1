//! Gradients of the messages: the filters of a block of pairs are computed again, used, and replaced by their gradients.

use rayon::prelude::*;

use super::filters::each_row;
use super::forward::{
    Block, LANES, Numbers, blocks, lanes, part, replace, score, split_parts, sum,
};
use super::plan::{BLOCK_PAIRS, Group, Plan, Sizes};
use super::records::{AtomGradients, each_arrival};
use super::table::Filters;
use crate::cpu::block::{split_at_offsets, zeros};
use crate::cpu::matmul::{View, matmul};
use crate::cpu::reduce::add_row;
use crate::cpu::vectorized;
use crate::real::Real;
use crate::silu::silu_derivative;

/// Gradients in the shapes of the inputs.
pub(super) struct Gradients<T> {
    /// Of queries, keys and values, `[N, 5 F]`.
    pub(super) projected: Vec<T>,
    /// Of vectors, `[N, 3 F]`.
    pub(super) vectors: Vec<T>,
    /// Of basis, cutoffs and directions; empty when not wanted.
    pub(super) geometry: [Vec<T>; 3],
    /// Of the key filter's weight and bias, and the value filter's.
    pub(super) filters: [Vec<T>; 4],
}

/// A group's share of the outputs.
struct Share<'a, T> {
    atoms: AtomGradients<'a, T>,
    basis: &'a mut [T],
    cutoffs: &'a mut [T],
    directions: &'a mut [T],
}

/// Gradients, given that of what arrives.
pub(super) fn backward<T: Real>(
    plan: &Plan,
    numbers: Numbers<'_, T>,
    filters: &Filters<T>,
    grad: &[T],
    with_geometry: bool,
) -> Gradients<T> {
    let sizes = plan.sizes;
    let (n, f) = (sizes.num_atoms, sizes.features());
    let [mut projected, mut vectors] = [5, 3].map(|widths| zeros(n * widths * f));
    let count = |len: usize| if with_geometry { len } else { 0 };
    let (p, e) = (plan.num_pairs(), plan.num_edges());
    let mut geometry = [p * sizes.basis_size, p, 3 * e].map(|len| zeros(count(len)));

    let atom_ends = plan.offsets(|group| group.atoms.end);
    let pair_ends = plan.offsets(|group| group.pairs.end);
    let edge_ends = plan.offsets(|group| plan.edges(group).end);
    let [basis, cutoffs, directions] = geometry.each_mut();
    let shares: Vec<Share<'_, T>> = split_at_offsets(&mut projected, &atom_ends, 5 * f)
        .into_iter()
        .zip(split_at_offsets(&mut vectors, &atom_ends, 3 * f))
        .zip(split_at_offsets(basis, &pair_ends, count(sizes.basis_size)))
        .zip(split_at_offsets(cutoffs, &pair_ends, count(1)))
        .zip(split_at_offsets(directions, &edge_ends, count(3)))
        .map(
            |((((projected, vectors), basis), cutoffs), directions)| Share {
                atoms: AtomGradients { projected, vectors },
                basis,
                cutoffs,
                directions,
            },
        )
        .collect();
    let inputs = Inputs {
        plan,
        numbers,
        filters,
        grad,
    };
    let partial: Vec<FilterGradient<T>> = shares
        .into_par_iter()
        .zip(&plan.groups)
        .map(|(share, group)| inputs.backward(group, share))
        .collect();
    Gradients {
        filters: sum_filters(sizes, &partial),
        projected,
        vectors,
        geometry,
    }
}

/// Gradients of a group's filters, padded: `[heads, filters, K]` and `[heads, filters]`.
struct FilterGradient<T> {
    weight: Vec<T>,
    bias: Vec<T>,
}

/// Sums over groups in order, without the padding.
fn sum_filters<T: Real>(sizes: Sizes, partial: &[FilterGradient<T>]) -> [Vec<T>; 4] {
    let k = sizes.basis_size;
    let rows = sizes.num_heads * sizes.filters();
    let mut weight = vec![T::ZERO; rows * k];
    let chunk = 16 * k.max(1);
    weight
        .par_chunks_mut(chunk)
        .enumerate()
        .for_each(|(number, sum)| {
            for partial in partial {
                add_row(sum, &partial.weight[number * chunk..]);
            }
        });
    let mut bias = vec![T::ZERO; rows];
    for partial in partial {
        add_row(&mut bias, &partial.bias);
    }
    let f = sizes.features();
    let mut sums = [f * k, f, 3 * f * k, 3 * f].map(|len| vec![T::ZERO; len]);
    let [key_weight, key_bias, value_weight, value_bias] = sums.each_mut();
    each_row(sizes, |padded, is_key, row| {
        let (to, to_bias) = if is_key {
            (&mut *key_weight, &mut *key_bias)
        } else {
            (&mut *value_weight, &mut *value_bias)
        };
        to[row * k..][..k].copy_from_slice(&weight[padded * k..][..k]);
        to_bias[row] = bias[padded];
    });
    sums
}

/// The inputs of all groups.
struct Inputs<'a, T> {
    plan: &'a Plan,
    numbers: Numbers<'a, T>,
    filters: &'a Filters<T>,
    grad: &'a [T],
}

impl<T: Real> Inputs<'_, T> {
    /// Fills the group's share; returns its part of the filters' gradient.
    fn backward(&self, group: &Group, mut share: Share<'_, T>) -> FilterGradient<T> {
        let sizes = self.plan.sizes;
        let (k, width, num_atoms) = (sizes.basis_size, sizes.filters(), group.atoms.len());
        let (offsets, links) = self.plan.links(group);
        let first_edge = self.plan.edges(group).start;
        let grad = &self.grad[group.atoms.start * 4 * sizes.features()..];
        let zeros = |len: usize| vec![T::ZERO; len];
        let mut total = FilterGradient {
            weight: zeros(sizes.num_heads * width * k),
            bias: zeros(sizes.num_heads * width),
        };
        let mut records = zeros(num_atoms * sizes.record());
        let mut record_grads = zeros(num_atoms * sizes.record());
        let mut arrival_grads = zeros(num_atoms * sizes.arrival());
        let [mut filter, mut slope] = [(); 2].map(|()| zeros(BLOCK_PAIRS * width));
        for head in 0..sizes.num_heads {
            self.numbers.atoms.gather(sizes, group, head, &mut records);
            record_grads.fill(T::ZERO);
            each_arrival(sizes, num_atoms, head, |row, arrival| {
                arrival_grads[arrival].copy_from_slice(&grad[row]);
            });
            for pairs in blocks(group) {
                let basis = &self.numbers.basis[pairs.start * k..pairs.end * k];
                let (value, slopes) = (&mut filter[..], Some(&mut slope[..]));
                let all = self.numbers.basis;
                self.filters
                    .of(sizes, head, pairs.clone(), all, value, slopes);
                let first = pairs.start - group.pairs.start;
                let block = Block {
                    padded: sizes.padded(),
                    offsets: &offsets[first..=first + pairs.len()],
                    links: &links,
                    cutoffs: &self.numbers.cutoffs[pairs.clone()],
                    directions: self.numbers.directions,
                    records: &records,
                    filter: &filter,
                };
                let mut geometry = Geometry {
                    cutoffs: share.cutoffs.get_mut(first..).unwrap_or_default(),
                    directions: share.directions,
                    first_edge,
                };
                return_messages(
                    &block,
                    &arrival_grads,
                    &mut slope,
                    &mut record_grads,
                    &mut geometry,
                );
                let slope = &slope[..pairs.len() * width];
                let weight_grad = &mut total.weight[head * width * k..][..width * k];
                let rows = View::rows(slope, width);
                matmul(
                    weight_grad,
                    [width, pairs.len(), k],
                    rows.t(),
                    View::rows(basis, k),
                    true,
                );
                for row in slope.chunks_exact(width) {
                    add_row(&mut total.bias[head * width..][..width], row);
                }
                if !share.basis.is_empty() {
                    let weight = View::rows(&self.filters.weights.weight[head * width * k..], k);
                    let basis_grad = &mut share.basis[first * k..][..pairs.len() * k];
                    matmul(basis_grad, [pairs.len(), width, k], rows, weight, head > 0);
                }
            }
            share.atoms.scatter(sizes, head, &record_grads);
        }
        total
    }
}

/// Where the gradients of a block's geometry go; empty when not wanted.
struct Geometry<'a, T> {
    /// Of the block's pairs.
    cutoffs: &'a mut [T],
    /// Of the group's edges.
    directions: &'a mut [T],
    first_edge: usize,
}

vectorized! {
    /// Returns the gradients along the edges of a block's pairs. `slope` holds the derivatives of the filters and receives
    /// the gradients of what they are computed from.
    fn return_messages<T: Real>(
        block: &Block<'_, T>,
        arrival_grads: &[T],
        slope: &mut [T],
        record_grads: &mut [T],
        geometry: &mut Geometry<'_, T>,
    ) {
        let padded = block.padded;
        let mut filter_grad = vec![T::ZERO; 4 * padded];
        for pair in 0..block.cutoffs.len() {
            filter_grad.fill(T::ZERO);
            for &link in &block.links[block.offsets[pair]..block.offsets[pair + 1]] {
                let arrival = &arrival_grads[link.target * 4 * padded..(link.target + 1) * 4 * padded];
                if let Some(sum) = geometry.cutoffs.get_mut(pair) {
                    let (cutoff, direction) = return_along::<T, true>(
                        block, pair, link, arrival, record_grads, &mut filter_grad,
                    );
                    *sum += cutoff;
                    let edge = 3 * (link.edge - geometry.first_edge);
                    add_row(&mut geometry.directions[edge..edge + 3], &direction);
                } else {
                    return_along::<T, false>(
                        block, pair, link, arrival, record_grads, &mut filter_grad,
                    );
                }
            }
            let slope = &mut slope[pair * 4 * padded..(pair + 1) * 4 * padded];
            for (slope, &grad) in slope.iter_mut().zip(&filter_grad) {
                *slope *= grad;
            }
        }
    }
}

/// Sends the gradient of one edge to its ends and its pair's filters; returns the gradients of the cutoff and of the
/// direction, if they are wanted.
#[inline(always)]
fn return_along<T: Real, const WITH_GEOMETRY: bool>(
    block: &Block<'_, T>,
    pair: usize,
    link: super::plan::Link,
    arrival: &[T],
    record_grads: &mut [T],
    filter_grad: &mut [T],
) -> (T, [T; 3]) {
    let padded = block.padded;
    let cutoff = block.cutoffs[pair];
    let (target, source) = (block.record(link.target), block.record(link.source));
    let filter = block.filter_of(pair);
    let score = score(padded, target, source, filter);
    let sigmoid = score.sigmoid();
    let attention = score * sigmoid * cutoff;
    let d = block.direction(link.edge);

    let mut attention_grad = [T::ZERO; LANES];
    let mut direction_grad = [[T::ZERO; LANES]; 3];
    let width = 8 * padded;
    let [fk, fs, fa, fb] = split_parts(filter_grad, padded);
    {
        let [dm, dwx, dwy, dwz] = [0, 1, 2, 3].map(|i| part(arrival, padded, i));
        let [s, a, b] = [2, 3, 4].map(|i| part(source, padded, i));
        let [vx, vy, vz] = [5, 6, 7].map(|i| part(source, padded, i));
        let [ds, da, db] = [1, 2, 3].map(|i| part(filter, padded, i));
        let own = &mut record_grads[link.source * width + 2 * padded..];
        let [gs, ga, gb, gx, gy, gz] = split_parts(own, padded);
        for i in 0..padded / LANES {
            let [dm, dwx, dwy, dwz] = [dm[i], dwx[i], dwy[i], dwz[i]];
            let [s, a, b, vx, vy, vz] = [s[i], a[i], b[i], vx[i], vy[i], vz[i]];
            let [ds, da, db] = [ds[i], da[i], db[i]];
            let weighted = lanes(|l| attention * dm[l]);
            let carry = lanes(|l| dwx[l].mul_add(vx[l], dwy[l].mul_add(vy[l], dwz[l] * vz[l])));
            let create = lanes(|l| dwx[l].mul_add(d[0], dwy[l].mul_add(d[1], dwz[l] * d[2])));
            let carried = lanes(|l| a[l] * da[l]);
            replace(&mut attention_grad, |l, g| dm[l].mul_add(s[l] * ds[l], g));
            if WITH_GEOMETRY {
                let created = lanes(|l| b[l] * db[l]);
                for (grad, dw) in direction_grad.iter_mut().zip([dwx, dwy, dwz]) {
                    replace(grad, |l, g| dw[l].mul_add(created[l], g));
                }
            }
            replace(&mut gs[i], |l, g| weighted[l].mul_add(ds[l], g));
            replace(&mut ga[i], |l, g| carry[l].mul_add(da[l], g));
            replace(&mut gb[i], |l, g| create[l].mul_add(db[l], g));
            replace(&mut gx[i], |l, g| dwx[l].mul_add(carried[l], g));
            replace(&mut gy[i], |l, g| dwy[l].mul_add(carried[l], g));
            replace(&mut gz[i], |l, g| dwz[l].mul_add(carried[l], g));
            replace(&mut fs[i], |l, g| weighted[l].mul_add(s[l], g));
            replace(&mut fa[i], |l, g| carry[l].mul_add(a[l], g));
            replace(&mut fb[i], |l, g| create[l].mul_add(b[l], g));
        }
    }
    let attention_grad = sum(attention_grad);
    let score_grad = attention_grad * cutoff * silu_derivative(score, sigmoid);
    let [q, k, dk] = [
        part(target, padded, 0),
        part(source, padded, 1),
        part(filter, padded, 0),
    ];
    let [query_grad] = split_parts(&mut record_grads[link.target * width..], padded);
    for (i, grad) in query_grad.iter_mut().enumerate() {
        let (k, dk) = (k[i], dk[i]);
        replace(grad, |l, g| score_grad.mul_add(k[l] * dk[l], g));
    }
    let [key_grad] = split_parts(&mut record_grads[link.source * width + padded..], padded);
    for (i, grad) in key_grad.iter_mut().enumerate() {
        let (q, k, dk) = (q[i], k[i], dk[i]);
        replace(grad, |l, g| score_grad.mul_add(q[l] * dk[l], g));
        replace(&mut fk[i], |l, g| score_grad.mul_add(q[l] * k[l], g));
    }
    (attention_grad * score * sigmoid, direction_grad.map(sum))
}
