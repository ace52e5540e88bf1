//! Random node identifiers of TokenGT: orthonormal and plain.
//!
//! Source: `jw9730/tokengt`, commit bb76758 (`--orf-node-id`, `--rand-node-id`). The stream decides everything: key it by
//! record and step in training, by the graph's size in evaluation.
//!
//! # Differences from the original
//! The original draws one matrix per batch, as large as the batch's largest graph, anew at every call. Here a graph's
//! identifiers have the size of that graph, so that they do not depend on its batch mates.

use dd_kernels::rng::Key;
use ndarray::Array2;

/// Orthogonal random features, `[N, width]`: the first `width` columns of the orthogonal factor of an `N x N` Gaussian
/// matrix (QR with a positive diagonal, so uniformly distributed), zero-padded when `N < width`, rows of unit length.
///
/// Rows are orthonormal when `N <= width`.
///
/// # Complexity
/// O(N · min(N, width)²).
pub fn orthonormal_identifiers(num_nodes: usize, width: usize, key: Key) -> Array2<f32> {
    let rank = num_nodes.min(width);
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(rank);
    for column in 0..rank {
        let first = column * num_nodes;
        let mut v: Vec<f64> = (first..first + num_nodes)
            .map(|position| key.normal(position as u64))
            .collect();
        // Gram and Schmidt, twice: once leaves rounding of the size of the loss of digits, twice none.
        for _ in 0..2 {
            for previous in &columns {
                let along: f64 = previous.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut()
                    .zip(previous)
                    .for_each(|(x, a)| *x -= along * a);
            }
        }
        normalize(&mut v);
        columns.push(v);
    }
    let mut identifiers = Array2::zeros((num_nodes, width));
    for (node, mut row) in identifiers.rows_mut().into_iter().enumerate() {
        let mut entries: Vec<f64> = columns.iter().map(|column| column[node]).collect();
        normalize(&mut entries);
        row.iter_mut()
            .zip(entries)
            .for_each(|(x, entry)| *x = entry as f32);
    }
    identifiers
}

/// Uniform numbers in `[0, 1)`, `[N, width]`, rows of unit length.
pub fn random_identifiers(num_nodes: usize, width: usize, key: Key) -> Array2<f32> {
    let mut identifiers = Array2::zeros((num_nodes, width));
    for (node, mut row) in identifiers.rows_mut().into_iter().enumerate() {
        let mut entries: Vec<f64> = (node * width..(node + 1) * width)
            .map(|position| key.uniform(position as u64))
            .collect();
        normalize(&mut entries);
        row.iter_mut()
            .zip(entries)
            .for_each(|(x, entry)| *x = entry as f32);
    }
    identifiers
}

fn normalize(v: &mut [f64]) {
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        for x in v {
            *x /= norm;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthonormal_when_the_graph_is_not_larger_than_the_width() {
        for (n, width) in [(1, 4), (7, 16), (16, 16)] {
            let p = orthonormal_identifiers(n, width, Key::from_seed(1));
            let gram = p.dot(&p.t());
            for ((i, j), value) in gram.indexed_iter() {
                let expected = f32::from(u8::from(i == j));
                assert!(
                    (value - expected).abs() < 1e-6,
                    "n = {n}: ({i}, {j}) {value}"
                );
            }
            assert!(
                p.columns()
                    .into_iter()
                    .skip(n)
                    .all(|c| c.iter().all(|&x| x == 0.0))
            );
        }
    }

    #[test]
    fn larger_graphs_have_rows_of_unit_length() {
        for p in [
            orthonormal_identifiers(50, 8, Key::from_seed(1)),
            random_identifiers(50, 8, Key::from_seed(1)),
        ] {
            assert!(
                p.rows()
                    .into_iter()
                    .all(|row| (row.dot(&row) - 1.0).abs() < 1e-5)
            );
        }
        assert_ne!(
            orthonormal_identifiers(3, 3, Key::from_seed(1)),
            orthonormal_identifiers(3, 3, Key::from_seed(2))
        );
    }
}
