//! Laplacian eigenvectors: node identifiers that depend on the graph alone.
//!
//! The convention of TokenGT (`jw9730/tokengt`, commit bb76758; Kim et al., "Pure Transformers are Powerful Graph
//! Learners", NeurIPS 2022): eigenvectors of `L = I - D^-1/2 A D^-1/2` with degrees clipped at 1 from below, by ascending
//! eigenvalue, the trivial ones included, the first `k` columns, zeros where a graph has fewer than `k` nodes.
//!
//! # Differences from the original
//! The original keeps whatever signs its solver returns. Here the entry of largest magnitude of each eigenvector is
//! positive (of entries equal within one part in 10⁹, the first), so that evaluation does not depend on a solver.
//! Inside a degenerate eigenspace any orthonormal basis is right, and which one comes out depends on the atom order, not on
//! the machine. Fragments are decomposed one by one: a vector lives on one fragment, and of equal eigenvalues (within one
//! part in 10¹²) those of the fragment that begins first come first.

use dd_kernels::{Spectrum, SymmetricMatrix};
use ndarray::Array2;

use crate::error::{GraphError, Result};

/// Largest graph to decompose: the dense solver needs O(n²) memory and O(n³) time.
pub const MAX_LAPLACIAN_NODES: usize = 2048;

/// Entries of an eigenvector within this factor of the largest count as equally large.
const TIE: f64 = 1.0 - 1e-9;
/// Eigenvalues of fragments on this grid count as equal.
const GRID: f64 = 1e12;

/// Eigenvalues and eigenvectors of a normalised Laplacian.
#[derive(Debug, Clone, PartialEq)]
pub struct LaplacianEigen {
    /// Eigenvalues, ascending, `[N]`.
    pub values: Vec<f64>,
    /// Eigenvectors as rows, in the order of the values, `[N, N]`.
    pub vectors: Array2<f64>,
}

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
/// # Complexity
/// O(n³ + n² k) time and O(n²) memory in the nodes of the largest fragment.
///
/// # Errors
/// When an edge names a node that does not exist, or the graph or `k` is larger than [`MAX_LAPLACIAN_NODES`].
pub fn laplacian_eigenvectors(
    num_nodes: usize,
    sources: &[u32],
    targets: &[u32],
    k: usize,
) -> Result<Array2<f32>> {
    if k > MAX_LAPLACIAN_NODES {
        return Err(GraphError::LaplacianColumns {
            columns: k,
            limit: MAX_LAPLACIAN_NODES,
        });
    }
    let smallest = smallest(num_nodes, sources, targets, k)?;
    let mut table = vec![0.0; num_nodes * k];
    smallest.write(&mut table, k, |x| x as f32);
    Ok(Array2::from_shape_vec((num_nodes, k), table).expect("k numbers per node"))
}

/// All eigenvalues and eigenvectors (as rows, signs fixed) of the normalised Laplacian, in f64.
///
/// # Errors
/// As [`laplacian_eigenvectors`].
pub fn laplacian_eigen(
    num_nodes: usize,
    sources: &[u32],
    targets: &[u32],
) -> Result<LaplacianEigen> {
    let smallest = smallest(num_nodes, sources, targets, num_nodes)?;
    let mut table = vec![0.0; num_nodes * num_nodes];
    smallest.write(&mut table, num_nodes, |x| x);
    let table = Array2::from_shape_vec((num_nodes, num_nodes), table).expect("a column per node");
    Ok(LaplacianEigen {
        values: smallest.values(),
        vectors: table.reversed_axes().as_standard_layout().into_owned(),
    })
}

/// The eigenvectors of the smallest eigenvalues, fragment by fragment.
struct Smallest {
    fragments: Fragments,
    /// What each fragment has, with the signs of the convention.
    spectra: Vec<Spectrum>,
    /// How the spectra of several fragments lie in the whole one.
    merged: Option<Merged>,
}

impl Smallest {
    /// All eigenvalues, ascending.
    fn values(&self) -> Vec<f64> {
        match (&self.merged, &self.spectra[..]) {
            (Some(merged), _) => merged.values.clone(),
            (None, [spectrum]) => spectrum.values().to_vec(),
            (None, _) => Vec::new(),
        }
    }

    /// Writes the row of each node, `stride` places apart. Places without an entry are left as they are.
    fn write<T>(&self, table: &mut [T], stride: usize, entry: impl Fn(f64) -> T) {
        if stride == 0 {
            return;
        }
        let rows = table.chunks_exact_mut(stride);
        for (row, &[fragment, place]) in rows.zip(&self.fragments.places) {
            let components = self.spectra[fragment as usize].components(place as usize);
            match &self.merged {
                None => {
                    for (to, x) in row.iter_mut().zip(components) {
                        *to = entry(x);
                    }
                }
                Some(merged) => {
                    for (&column, x) in merged.columns(fragment as usize).iter().zip(components) {
                        row[column] = entry(x);
                    }
                }
            }
        }
    }
}

/// The spectra of fragments as one.
struct Merged {
    /// All eigenvalues, ascending.
    values: Vec<f64>,
    /// The columns of the vectors, those of one fragment together and ascending.
    columns: Vec<usize>,
    /// Where the columns of each fragment start.
    starts: Vec<usize>,
}

impl Merged {
    /// With columns for the smallest `width` eigenvalues.
    fn new(spectra: &[Spectrum], width: usize) -> Self {
        // Fragment and value of each place in the whole spectrum.
        let mut order = Vec::new();
        for (fragment, spectrum) in spectra.iter().enumerate() {
            order.extend(spectrum.values().iter().map(|&value| (fragment, value)));
        }
        // Adding zero makes -0 equal to 0.
        let key = |(_, value): &(usize, f64)| (value * GRID).round() + 0.0;
        order.sort_by(|a, b| key(a).total_cmp(&key(b)));
        let mut columns: Vec<usize> = (0..width).collect();
        columns.sort_by_key(|&column| order[column].0);
        let first = |fragment| columns.partition_point(|&column| order[column].0 < fragment);
        Self {
            starts: (0..=spectra.len()).map(first).collect(),
            values: order.iter().map(|&(_, value)| value).collect(),
            columns,
        }
    }

    fn columns(&self, fragment: usize) -> &[usize] {
        &self.columns[self.starts[fragment]..self.starts[fragment + 1]]
    }
}

/// The eigenvectors of the smallest `k` eigenvalues.
fn smallest(num_nodes: usize, sources: &[u32], targets: &[u32], k: usize) -> Result<Smallest> {
    if num_nodes > MAX_LAPLACIAN_NODES {
        return Err(GraphError::LaplacianSize {
            num_nodes,
            limit: MAX_LAPLACIAN_NODES,
        });
    }
    let out_of_range = sources.iter().zip(targets).map(|(s, t)| *s.max(t));
    if let Some(node) = out_of_range
        .max()
        .filter(|&node| node as usize >= num_nodes)
    {
        return Err(GraphError::EdgeOutOfRange {
            graph: 0,
            node,
            num_nodes: num_nodes as u32,
        });
    }
    let width = k.min(num_nodes);
    let fragments = Fragments::new(num_nodes, sources, targets);
    let mut spectra = fragments
        .laplacians(sources, targets)
        .into_iter()
        .map(|laplacian| laplacian.spectrum(width))
        .collect::<std::result::Result<Vec<_>, _>>()?;
    { spectra.iter_mut() }.for_each(|spectrum| spectrum.make_largest_positive(TIE));
    Ok(Smallest {
        merged: (spectra.len() > 1).then(|| Merged::new(&spectra, width)),
        fragments,
        spectra,
    })
}

/// The connected parts of a graph, in the order of their first nodes.
struct Fragments {
    /// Fragment of each node, and its place there.
    places: Vec<[u32; 2]>,
    /// Nodes of each fragment.
    sizes: Vec<u32>,
}

impl Fragments {
    fn new(num_nodes: usize, sources: &[u32], targets: &[u32]) -> Self {
        if are_joined_in_order(num_nodes, sources, targets) {
            let num_nodes = num_nodes as u32;
            return Self {
                places: (0..num_nodes).map(|node| [0, node]).collect(),
                sizes: vec![num_nodes],
            };
        }
        // Union and find; the root of a tree is its smallest node. The second number is the parent, until the fragments
        // are known.
        let mut places: Vec<[u32; 2]> = (0..num_nodes as u32).map(|node| [0, node]).collect();
        let root = |places: &mut [[u32; 2]], mut node: u32| {
            loop {
                let parent = places[node as usize][1];
                if parent == node {
                    return node;
                }
                let above = places[parent as usize][1];
                places[node as usize][1] = above;
                node = above;
            }
        };
        for (&source, &target) in sources.iter().zip(targets) {
            let a = root(&mut places, source);
            let b = root(&mut places, target);
            places[a.max(b) as usize][1] = a.min(b);
        }
        for node in 0..num_nodes {
            // Parents are smaller and point at their roots by now.
            let parent = places[node][1] as usize;
            places[node][1] = places[parent][1];
        }
        let mut sizes: Vec<u32> = Vec::with_capacity(1);
        for node in 0..num_nodes {
            let root = places[node][1] as usize;
            let fragment = if root == node {
                sizes.push(0);
                sizes.len() - 1
            } else {
                places[root][0] as usize
            };
            places[node] = [fragment as u32, sizes[fragment]];
            sizes[fragment] += 1;
        }
        Self { places, sizes }
    }

    /// The Laplacian of each fragment.
    fn laplacians(&self, sources: &[u32], targets: &[u32]) -> Vec<SymmetricMatrix> {
        if let [size] = self.sizes[..] {
            return vec![laplacian(size as usize, sources, targets)];
        }
        // Sources and targets by their places.
        let mut edges = vec![(Vec::new(), Vec::new()); self.sizes.len()];
        for (&source, &target) in sources.iter().zip(targets) {
            let [fragment, i] = self.places[source as usize];
            let [_, j] = self.places[target as usize];
            let (sources, targets) = &mut edges[fragment as usize];
            sources.push(i);
            targets.push(j);
        }
        let fragments = self.sizes.iter().zip(&edges);
        fragments
            .map(|(&size, (sources, targets))| laplacian(size as usize, sources, targets))
            .collect()
    }
}

/// `I - D^-1/2 A D^-1/2`. An edge counts once, however often it is listed.
fn laplacian(num_nodes: usize, sources: &[u32], targets: &[u32]) -> SymmetricMatrix {
    let mut matrix = SymmetricMatrix::zeros(num_nodes);
    let ends = |(&source, &target): (&u32, &u32)| (source as usize, target as usize);
    // First degrees, then their inverse roots.
    let mut scales = vec![0.0_f64; num_nodes];
    for (i, j) in sources.iter().zip(targets).map(ends) {
        if matrix.get(i, j) == 0.0 {
            matrix.set(i, j, 1.0);
            scales[i] += 1.0;
            scales[j] += f64::from(u8::from(i != j));
        }
    }
    for (i, scale) in scales.iter_mut().enumerate() {
        *scale = 1.0 / scale.max(1.0).sqrt();
        matrix.set(i, i, 1.0);
    }
    for (i, j) in sources.iter().zip(targets).map(ends) {
        // An edge that was not met before.
        if matrix.get(i, j) == 1.0 {
            let identity = f64::from(u8::from(i == j));
            matrix.set(i, j, identity - scales[i] * scales[j]);
        }
    }
    matrix
}

/// Whether every node but the first has an edge to an earlier one, as atoms in the order of a SMILES have: then there is one
/// fragment.
fn are_joined_in_order(num_nodes: usize, sources: &[u32], targets: &[u32]) -> bool {
    let mut joined = vec![false; num_nodes];
    for (source, target) in sources.iter().zip(targets) {
        joined[*source.max(target) as usize] |= source != target;
    }
    num_nodes > 0 && joined[1..].iter().all(|joined| *joined)
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
    fn fragments_are_decomposed_one_by_one() {
        // A triangle, an isolated node, and another triangle whose nodes stand among the others.
        let bonds = [(0, 2), (2, 4), (0, 4), (3, 5), (5, 6), (3, 6)];
        let ends = bonds.iter().flat_map(|&(a, b)| [(a, b), (b, a)]);
        let (sources, targets): (Vec<u32>, Vec<u32>) = ends.unzip();
        let eigen = laplacian_eigen(7, &sources, &targets).expect("a small graph");
        let expected = [0.0, 0.0, 1.0, 1.5, 1.5, 1.5, 1.5];
        for (value, expected) in eigen.values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-14, "{value} {expected}");
        }
        let third = 1.0 / 3.0_f64.sqrt();
        let zeros = [
            [third, 0.0, third, 0.0, third, 0.0, 0.0],
            [0.0, 0.0, 0.0, third, 0.0, third, third],
            [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ];
        for (vector, expected) in eigen.vectors.rows().into_iter().zip(zeros) {
            for (x, expected) in vector.iter().zip(expected) {
                assert!((x - expected).abs() < 1e-14, "{vector}");
            }
        }
        // The first triangle's vectors are those of a triangle alone.
        let alone = laplacian_eigen(3, &[0, 1, 0], &[1, 2, 2]).expect("a small graph");
        assert_eq!(eigen.vectors[[3, 4]], alone.vectors[[1, 2]]);
        assert_eq!(eigen.vectors[[5, 1]], 0.0);
    }

    #[test]
    fn an_edge_counts_once() {
        let once = laplacian_eigen(3, &[0, 1], &[1, 2]).expect("a path");
        let often = laplacian_eigen(3, &[0, 1, 1, 2, 0], &[1, 0, 2, 1, 1]).expect("a path");
        assert_eq!(once, often);
    }

    #[test]
    fn impossible_graphs_are_errors() {
        assert!(laplacian_eigen(2, &[0], &[2]).is_err());
        let error = laplacian_eigen(MAX_LAPLACIAN_NODES + 1, &[], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Laplacian eigenvectors: 2049 nodes exceed the limit of 2048"
        );
        let error = laplacian_eigenvectors(1, &[], &[], usize::MAX).unwrap_err();
        assert!(error.to_string().ends_with("exceed the limit of 2048"));
        assert!(
            laplacian_eigenvectors(0, &[], &[], 4)
                .expect("empty")
                .is_empty()
        );
    }
}
