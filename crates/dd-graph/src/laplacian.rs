//! Laplacian eigenvectors: node identifiers that depend on the graph alone.
//!
//! The convention of TokenGT (`jw9730/tokengt`, commit bb76758; Kim et al., "Pure Transformers are Powerful Graph
//! Learners", NeurIPS 2022): eigenvectors of `L = I - D^-1/2 A D^-1/2` with degrees clipped at 1 from below, by ascending
//! eigenvalue, the trivial ones included, the first `k` columns, zeros where a graph has fewer than `k` nodes.
//!
//! # Differences from the original
//! The original keeps whatever signs its solver returns. Here the entry of largest magnitude of each eigenvector is
//! positive (of entries equal within one part in 10⁹, the first), so that evaluation does not depend on a solver.
//! Inside a degenerate eigenspace any orthonormal basis is right, and which one comes out depends on the atom order.

use ndarray::Array2;

use crate::error::{GraphError, Result};
use crate::symmetric_eigen::{SymmetricEigen, symmetric_eigen};

/// Largest graph to decompose: the dense solver needs O(n²) memory and O(n³) time.
pub const MAX_LAPLACIAN_NODES: usize = 2048;

/// Entries of an eigenvector within this factor of the largest count as equally large.
const TIE: f64 = 1.0 - 1e-9;

/// The first `k` Laplacian eigenvectors, `[N, k]`, zero-padded.
///
/// `sources` and `targets` are the directed edges of the graph (each bond in both directions).
///
/// ```
/// // Two atoms, one bond: the eigenvectors are the sum and the difference.
/// let p = dd_graph::laplacian_eigenvectors(2, &[0, 1], &[1, 0], 3)?;
/// let h = 0.5_f32.sqrt();
/// assert!((p[[0, 0]] - h).abs() < 1e-6 && (p[[1, 0]] - h).abs() < 1e-6);
/// assert!((p[[0, 1]] + p[[1, 1]]).abs() < 1e-6);
/// assert_eq!(p[[0, 2]], 0.0);
/// # Ok::<(), dd_graph::GraphError>(())
/// ```
///
/// # Errors
/// When an edge names a node that does not exist or the graph is larger than [`MAX_LAPLACIAN_NODES`].
pub fn laplacian_eigenvectors(
    num_nodes: usize,
    sources: &[u32],
    targets: &[u32],
    k: usize,
) -> Result<Array2<f32>> {
    let eigen = laplacian_eigen(num_nodes, sources, targets)?;
    let mut columns = Array2::zeros((num_nodes, k));
    for (vector, mut column) in eigen.vectors.rows().into_iter().zip(columns.columns_mut()) {
        column.zip_mut_with(&vector, |x, v| *x = *v as f32);
    }
    Ok(columns)
}

/// All eigenvalues and eigenvectors (as rows, signs fixed) of the normalised Laplacian, in f64.
///
/// # Errors
/// As [`laplacian_eigenvectors`].
pub fn laplacian_eigen(
    num_nodes: usize,
    sources: &[u32],
    targets: &[u32],
) -> Result<SymmetricEigen> {
    if num_nodes > MAX_LAPLACIAN_NODES {
        return Err(GraphError::LaplacianSize {
            num_nodes,
            limit: MAX_LAPLACIAN_NODES,
        });
    }
    let mut matrix = vec![0.0; num_nodes * num_nodes];
    for (&source, &target) in sources.iter().zip(targets) {
        let (source, target) = (source as usize, target as usize);
        if source.max(target) >= num_nodes {
            return Err(GraphError::EdgeOutOfRange {
                graph: 0,
                node: source.max(target) as u32,
                num_nodes: num_nodes as u32,
            });
        }
        matrix[source * num_nodes + target] = 1.0;
        matrix[target * num_nodes + source] = 1.0;
    }
    // L = I - D^-1/2 A D^-1/2
    let inverse_roots: Vec<f64> = matrix
        .chunks_exact(num_nodes.max(1))
        .map(|row| row.iter().sum::<f64>().max(1.0).sqrt().recip())
        .collect();
    for (i, row) in matrix.chunks_exact_mut(num_nodes.max(1)).enumerate() {
        for (j, entry) in row.iter_mut().enumerate() {
            *entry = f64::from(u8::from(i == j)) - inverse_roots[i] * *entry * inverse_roots[j];
        }
    }
    let mut eigen = symmetric_eigen(matrix, num_nodes)?;
    for mut vector in eigen.vectors.rows_mut() {
        let largest = vector.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let leading = vector.iter().find(|x| x.abs() >= largest * TIE);
        if leading.is_some_and(|&x| x < 0.0) {
            vector.mapv_inplace(|x| -x);
        }
    }
    Ok(eigen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(n: u32) -> (Vec<u32>, Vec<u32>) {
        let bonds = (0..n).flat_map(|i| [(i, (i + 1) % n), ((i + 1) % n, i)]);
        bonds.unzip()
    }

    #[test]
    fn a_ring_has_the_spectrum_of_the_cycle() {
        // 1 - cos(2 pi j / n) for j = 0..n: Chung, "Spectral Graph Theory", example 1.5.
        let (sources, targets) = ring(6);
        let eigen = laplacian_eigen(6, &sources, &targets).expect("a small graph");
        for (value, expected) in eigen.values.iter().zip([0.0, 0.5, 0.5, 1.5, 1.5, 2.0]) {
            assert!((value - expected).abs() < 1e-14, "{value} {expected}");
        }
    }

    #[test]
    fn an_isolated_atom_has_eigenvalue_one() {
        let eigen = laplacian_eigen(1, &[], &[]).expect("one node");
        assert_eq!(eigen.values, [1.0]);
        assert_eq!(eigen.vectors[[0, 0]], 1.0);
        let padded = laplacian_eigenvectors(1, &[], &[], 3).expect("one node");
        assert_eq!(padded.as_slice(), Some(&[1.0_f32, 0.0, 0.0][..]));
    }

    #[test]
    fn the_largest_entry_is_positive() {
        let (sources, targets) = ([0, 1, 1, 2, 2, 3, 1, 4], [1, 0, 2, 1, 3, 2, 4, 1]);
        let eigen = laplacian_eigen(5, &sources, &targets).expect("a small graph");
        for vector in eigen.vectors.rows() {
            let largest = vector.iter().copied().fold(0.0, |a: f64, x| {
                if x.abs() > a.abs() * (1.0 + 1e-9) {
                    x
                } else {
                    a
                }
            });
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn impossible_graphs_are_errors() {
        assert!(laplacian_eigen(2, &[0], &[2]).is_err());
        let error = laplacian_eigen(MAX_LAPLACIAN_NODES + 1, &[], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Laplacian eigenvectors: 2049 nodes exceed the limit of 2048"
        );
        assert!(
            laplacian_eigenvectors(0, &[], &[], 4)
                .expect("empty")
                .is_empty()
        );
    }
}
