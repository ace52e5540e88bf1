//! Node identifiers: eigenvectors, orthogonal random features, random numbers.
//!
//! In training all randomness is a function of the mode's stream and the graph's record number, so that a graph's
//! identifiers do not depend on its batch mates.
//!
//! # Differences from the original
//! The original redraws orthogonal and random identifiers in evaluation too, as large as the largest graph of the batch;
//! here evaluation draws them from a fixed stream and the graph's own size, so that results repeat. They are equivariant
//! in distribution only.

use dd_graph::{GraphBatch, orthonormal_identifiers, random_identifiers};
use dd_kernels::rng::Key;
use dd_nn::Mode;
use ndarray::{Array2, ArrayViewMut2, Axis, s};

use super::config::NodeIdentifiers;
use crate::error::{EncoderError, Result};

/// Seed of the stream that evaluation draws from.
const EVALUATION_SEED: u64 = 0;

/// The identifiers `[N, columns]` of a batch's nodes; none when the model has none.
///
/// # Errors
/// When eigenvectors are asked for and the batch has none or too few.
pub fn draw_identifiers(
    kind: &NodeIdentifiers,
    batch: &GraphBatch,
    mode: Mode,
) -> Result<Option<Array2<f32>>> {
    match *kind {
        NodeIdentifiers::Laplacian {
            columns,
            sign_flip,
            eigen_dropout,
        } => {
            let mut vectors = eigenvectors(batch, columns)?;
            if let Some(key) = mode.key() {
                if sign_flip {
                    each_graph(&mut vectors, batch, |rows, graph| {
                        flip_signs(rows, key.named("sign_flip").with(batch.records[graph]));
                    });
                }
                if eigen_dropout > 0.0 {
                    each_graph(&mut vectors, batch, |rows, graph| {
                        let key = key.named("eigen_dropout").with(batch.records[graph]);
                        drop_entries(rows, key, eigen_dropout);
                    });
                }
            }
            Ok(Some(vectors))
        }
        NodeIdentifiers::Orthogonal { columns } => {
            let stream = stream_of(batch, mode, "orthogonal");
            Ok(Some(drawn(batch, columns, |graph, num_nodes| {
                orthonormal_identifiers(num_nodes, columns, stream(graph))
            })))
        }
        NodeIdentifiers::Random { columns } => {
            let stream = stream_of(batch, mode, "random");
            Ok(Some(drawn(batch, columns, |graph, num_nodes| {
                random_identifiers(num_nodes, columns, stream(graph))
            })))
        }
        NodeIdentifiers::None => Ok(None),
    }
}

/// The stream of each graph: by record in training, by size in evaluation.
fn stream_of(batch: &GraphBatch, mode: Mode, purpose: &str) -> impl Fn(usize) -> Key {
    let fixed = Key::from_seed(EVALUATION_SEED).named(purpose);
    let drawn = mode.key().map(|key| key.named(purpose));
    move |graph| match drawn {
        Some(key) => key.with(batch.records[graph]),
        None => fixed.with(batch.nodes.range(graph).len() as u64),
    }
}

fn drawn(
    batch: &GraphBatch,
    columns: usize,
    draw: impl Fn(usize, usize) -> Array2<f32>,
) -> Array2<f32> {
    let mut rows = Array2::zeros((batch.num_nodes(), columns));
    each_graph(&mut rows, batch, |mut rows, graph| {
        let identifiers = draw(graph, rows.nrows());
        rows.assign(&identifiers);
    });
    rows
}

fn each_graph(
    rows: &mut Array2<f32>,
    batch: &GraphBatch,
    fill: impl Fn(ArrayViewMut2<f32>, usize),
) {
    for (graph, range) in batch.nodes.ranges().enumerate() {
        fill(rows.slice_mut(s![range, ..]), graph);
    }
}

/// The first `columns` eigenvectors of each graph, padded with zeros where the graph has fewer nodes.
fn eigenvectors(batch: &GraphBatch, columns: usize) -> Result<Array2<f32>> {
    let given = batch.laplacian.as_ref().ok_or(EncoderError::Lacking {
        what: "Laplacian eigenvectors",
        remedy: "let the featurizer compute them",
    })?;
    let largest = batch.nodes.lengths().max().unwrap_or(0);
    if given.ncols() < columns.min(largest) {
        return Err(EncoderError::Columns {
            name: "laplacian",
            expected: columns,
            got: given.ncols(),
        });
    }
    let kept = columns.min(given.ncols());
    let mut vectors = Array2::zeros((batch.num_nodes(), columns));
    vectors
        .slice_mut(s![.., ..kept])
        .assign(&given.slice(s![.., ..kept]));
    Ok(vectors)
}

/// One sign for each eigenvector.
fn flip_signs(mut rows: ArrayViewMut2<f32>, key: Key) {
    for (column, mut vector) in rows.axis_iter_mut(Axis(1)).enumerate() {
        if key.bits(column as u64) & 1 == 1 {
            vector.mapv_inplace(|x| -x);
        }
    }
}

/// Drops single entries and scales the others, so that the mean stays.
fn drop_entries(mut rows: ArrayViewMut2<f32>, key: Key, rate: f64) {
    let kept = (1.0 / (1.0 - rate)) as f32;
    for (position, x) in rows.iter_mut().enumerate() {
        *x *= if key.uniform(position as u64) < rate {
            0.0
        } else {
            kept
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_entries_keep_the_mean() {
        let mut rows = Array2::ones((500, 16));
        drop_entries(rows.view_mut(), Key::from_seed(5), 0.2);
        let mean = rows.mean().unwrap();
        assert!((mean - 1.0).abs() < 0.02, "mean {mean}");
        assert!(rows.iter().all(|&x| x == 0.0 || (x - 1.25).abs() < 1e-6));
    }
}
