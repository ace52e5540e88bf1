//! Which atoms see each other: directed pairs within a cutoff, inside each molecule.
//!
//! The radius graph of TorchMD-NET: an edge `j -> i` when `lower <= |r_j - r_i| < upper`, self loops (distance zero)
//! among them unless the lower cutoff is positive. Edges are grouped by target, targets ascending; inside a target the
//! sources ascend, so that the list is a function of the positions alone.
//!
//! The search is over all pairs of a molecule, in f64: O(n²) time per molecule and O(edges) memory.

use candle_core::{DType, Device};
use dd_kernels::{RowIndex, Segments};
use serde::{Deserialize, Serialize};

use crate::PointBatch;
use crate::error::{GraphError, Result};

/// Distances at which atoms see each other, in angstrom: `lower <= r < upper`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoff {
    /// Inclusive lower bound in angstrom. A positive one removes the self loops.
    pub lower: f64,
    /// Exclusive upper bound in angstrom.
    pub upper: f64,
}

/// Which edges survive when a target has more sources than a network wants, self loop included.
///
/// As in the original, the cap acts on the pairs below the upper cutoff, before the lower cutoff removes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum NeighborCap {
    /// Keep all.
    None,
    /// Keep the sources with the lowest numbers, as the CUDA kernel of torch_cluster 1.6 does. It can drop the self loop.
    LowestSource(usize),
    /// Keep the nearest sources; of equally near ones those with lower numbers.
    Nearest(usize),
}

/// Directed edges between the atoms of a batch, grouped by target.
#[derive(Debug, Clone)]
pub struct NeighborList {
    /// Source atom of each edge (batch-wide numbers), `[E]` into `N`.
    pub sources: RowIndex,
    /// Target atom of each edge (batch-wide numbers, ascending), `[E]` into `N`.
    pub targets: RowIndex,
    /// Edges to targets: `E` rows in `N` segments.
    pub by_target: Segments,
    /// Pair of each edge, `[E]` into `P`: `j -> i` and `i -> j` are one pair, a self loop is one. Pairs are numbered in the
    /// order of their first edges.
    pub pairs: RowIndex,
    /// Source atom of each pair's first edge, `[P]` into `N`.
    pub pair_sources: RowIndex,
    /// Target atom of each pair's first edge, `[P]` into `N`.
    pub pair_targets: RowIndex,
}

impl NeighborList {
    /// Finds the pairs of a batch. Positions may be f32 or f64, on any device; they are read to the host.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch, PointCloud};
    ///
    /// let hydrogen = PointCloud {
    ///     atomic_numbers: vec![1, 1],
    ///     positions: vec![[0.0, 0.0, 0.0], [0.74, 0.0, 0.0]],
    ///     atom_index: vec![0, 1],
    ///     record: 0,
    /// };
    /// let batch = PointBatch::collate(&[hydrogen], DType::F32, &Device::Cpu)?;
    /// let cutoff = Cutoff { lower: 0.0, upper: 5.0 };
    /// let list = NeighborList::within(&batch, cutoff, NeighborCap::LowestSource(32))?;
    /// assert_eq!(list.sources.rows(), [0, 1, 0, 1]);
    /// assert_eq!(list.targets.rows(), [0, 0, 1, 1]);
    /// # Ok::<(), dd_graph::GraphError>(())
    /// ```
    ///
    /// # Errors
    /// When a position is not finite, or the cutoff is not an interval above zero.
    pub fn within(batch: &PointBatch, cutoff: Cutoff, cap: NeighborCap) -> Result<Self> {
        let in_order =
            cutoff.lower >= 0.0 && cutoff.lower < cutoff.upper && cutoff.upper.is_finite();
        if !in_order {
            return Err(GraphError::Cutoff {
                lower: cutoff.lower,
                upper: cutoff.upper,
            });
        }
        let device = batch.positions.device();
        let positions = host_positions(batch)?;
        let mut sources = Vec::new();
        let mut degrees = Vec::with_capacity(positions.len());
        let mut found = Vec::new();
        for range in batch.atoms.ranges() {
            let molecule = &positions[range.clone()];
            for target in molecule {
                found.clear();
                for (source, position) in molecule.iter().enumerate() {
                    let squared = squared_distance(position, target);
                    if squared < cutoff.upper * cutoff.upper {
                        found.push((squared, (range.start + source) as u32));
                    }
                }
                keep(&mut found, cap);
                let before = sources.len();
                let kept = found
                    .iter()
                    .filter(|(squared, _)| *squared >= cutoff.lower * cutoff.lower);
                sources.extend(kept.map(|(_, source)| *source));
                degrees.push(sources.len() - before);
            }
        }
        Self::grouped(sources, &degrees, device)
    }

    /// A list made elsewhere: `sources[e] -> targets[e]`, batch-wide numbers. Edges are ordered by target; edges of one
    /// target keep the order given.
    ///
    /// # Errors
    /// When the lists differ in length or an edge does not stay inside one molecule of `atoms`.
    pub fn from_edges(
        sources: &[u32],
        targets: &[u32],
        atoms: &Segments,
        device: &Device,
    ) -> Result<Self> {
        if sources.len() != targets.len() {
            return Err(GraphError::Columns {
                name: "edge targets",
                expected: sources.len(),
                got: targets.len(),
            });
        }
        let molecule_of = |atom: u32| atoms.row_segment().get(atom as usize);
        let stray = sources.iter().zip(targets).position(|(&source, &target)| {
            molecule_of(source).is_none() || molecule_of(source) != molecule_of(target)
        });
        if let Some(edge) = stray {
            return Err(GraphError::EdgeBetweenMolecules {
                edge,
                source_atom: sources[edge],
                target_atom: targets[edge],
            });
        }
        let mut degrees = vec![0; atoms.num_rows()];
        for &target in targets {
            degrees[target as usize] += 1;
        }
        let mut order: Vec<usize> = (0..targets.len()).collect();
        order.sort_by_key(|&edge| targets[edge]);
        let sources = order.into_iter().map(|edge| sources[edge]).collect();
        Self::grouped(sources, &degrees, device)
    }

    /// Number of edges, `E`.
    pub fn num_edges(&self) -> usize {
        self.sources.len()
    }

    /// Number of pairs, `P`.
    pub fn num_pairs(&self) -> usize {
        self.pair_sources.len()
    }

    /// Of each edge whether it runs as its pair's first edge does (and not against it), `[E]`.
    pub fn runs_forward(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        let edges = self.sources.rows().iter().zip(self.pairs.rows());
        edges.map(|(source, &pair)| *source == self.pair_sources.rows()[pair as usize])
    }

    /// Number of atoms, `N`.
    pub fn num_atoms(&self) -> usize {
        self.by_target.len()
    }

    /// True for the edges from an atom to itself, `[E]`.
    pub fn self_loops(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        let ends = self.sources.rows().iter().zip(self.targets.rows());
        ends.map(|(source, target)| source == target)
    }

    fn grouped(sources: Vec<u32>, degrees: &[usize], device: &Device) -> Result<Self> {
        let by_target = Segments::from_lengths(degrees, device)?;
        let (pairs, [pair_sources, pair_targets]) = pair_up(&sources, &by_target);
        let num_pairs = pair_sources.len();
        Ok(Self {
            pairs: RowIndex::new(pairs, num_pairs, device)?,
            pair_sources: RowIndex::new(pair_sources, degrees.len(), device)?,
            pair_targets: RowIndex::new(pair_targets, degrees.len(), device)?,
            sources: RowIndex::new(sources, degrees.len(), device)?,
            targets: RowIndex::new(by_target.row_segment().to_vec(), degrees.len(), device)?,
            by_target,
        })
    }
}

/// Pair of each edge, and the ends of each pair's first edge.
///
/// Edges stand by target, targets ascending: of two opposite edges the one to the lower atom comes first. Its pair is
/// found again among the pairs that the lower atom began.
fn pair_up(sources: &[u32], by_target: &Segments) -> (Vec<u32>, [Vec<u32>; 2]) {
    let mut pairs = Vec::with_capacity(sources.len());
    let [mut first_sources, mut first_targets] = [(); 2].map(|()| Vec::new());
    let mut begun = Vec::with_capacity(by_target.len()); // of each target, the pairs that it began
    for (target, edges) in by_target.ranges().enumerate() {
        let start = first_sources.len();
        for &source in &sources[edges] {
            let known = begun.get(source as usize).cloned();
            let known = known.and_then(|mut of_source: std::ops::Range<usize>| {
                of_source.find(|&pair| first_sources[pair] == target as u32)
            });
            pairs.push(known.unwrap_or(first_sources.len()) as u32);
            if known.is_none() {
                first_sources.push(source);
                first_targets.push(target as u32);
            }
        }
        begun.push(start..first_sources.len());
    }
    (pairs, [first_sources, first_targets])
}

/// Cuts the sources of one target; `found` is ascending in the source number before and after.
fn keep(found: &mut Vec<(f64, u32)>, cap: NeighborCap) {
    match cap {
        NeighborCap::None => {}
        NeighborCap::LowestSource(limit) => found.truncate(limit),
        NeighborCap::Nearest(limit) => {
            if found.len() > limit {
                found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                found.truncate(limit);
                found.sort_unstable_by_key(|&(_, source)| source);
            }
        }
    }
}

fn host_positions(batch: &PointBatch) -> Result<Vec<[f64; 3]>> {
    let flat = batch
        .positions
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F64)?
        .flatten_all()?
        .to_vec1::<f64>()?;
    if flat.len() != 3 * batch.num_atoms() {
        return Err(GraphError::Shape {
            name: "positions",
            expected: format!("[N, 3] with N = {}", batch.num_atoms()),
            got: batch.positions.dims().to_vec(),
        });
    }
    let bad = flat.iter().position(|x| !x.is_finite());
    if let Some(element) = bad {
        let atom = element / 3;
        let molecule = batch.atoms.row_segment()[atom] as usize;
        return Err(GraphError::NonFinitePosition {
            molecule,
            atom: atom - batch.atoms.range(molecule).start,
        });
    }
    Ok(flat
        .chunks_exact(3)
        .map(|xyz| [xyz[0], xyz[1], xyz[2]])
        .collect())
}

fn squared_distance(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PointCloud;

    fn line(record: u64, xs: &[f32]) -> PointCloud {
        PointCloud {
            atomic_numbers: vec![6; xs.len()],
            positions: xs.iter().map(|&x| [x, 0.0, 0.0]).collect(),
            atom_index: (0..xs.len() as u32).collect(),
            record,
        }
    }

    fn edges(clouds: &[PointCloud], lower: f64, upper: f64, cap: NeighborCap) -> Vec<(u32, u32)> {
        let batch =
            PointBatch::collate(clouds, DType::F64, &Device::Cpu).expect("the clouds are finite");
        let list =
            NeighborList::within(&batch, Cutoff { lower, upper }, cap).expect("finite positions");
        let ends = list.sources.rows().iter().zip(list.targets.rows());
        ends.map(|(&j, &i)| (j, i)).collect()
    }

    #[test]
    fn pairs_stay_inside_molecules_and_below_the_cutoff() {
        let found = edges(
            &[line(0, &[0.0, 1.0, 2.0]), line(1, &[0.0])],
            0.0,
            2.0,
            NeighborCap::None,
        );
        let expected = [
            (0, 0),
            (1, 0),
            (0, 1),
            (1, 1),
            (2, 1),
            (1, 2),
            (2, 2),
            (3, 3),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_positive_lower_cutoff_drops_self_loops_and_coincident_atoms() {
        let clouds = [line(0, &[0.0, 0.0, 1.5])];
        assert_eq!(
            edges(&clouds, 0.5, 2.0, NeighborCap::None),
            [(2, 0), (2, 1), (0, 2), (1, 2)]
        );
        assert_eq!(edges(&clouds, 0.0, 2.0, NeighborCap::None).len(), 9);
    }

    #[test]
    fn caps_keep_the_lowest_numbers_or_the_nearest() {
        let clouds = [line(0, &[0.0, 1.0, 2.0, 2.5])];
        let last = |cap| -> Vec<u32> {
            let found = edges(&clouds, 0.0, 5.0, cap);
            found
                .iter()
                .filter(|(_, i)| *i == 3)
                .map(|(j, _)| *j)
                .collect()
        };
        assert_eq!(last(NeighborCap::LowestSource(2)), [0, 1]);
        assert_eq!(last(NeighborCap::Nearest(2)), [2, 3]);
        assert_eq!(last(NeighborCap::None), [0, 1, 2, 3]);
    }

    #[test]
    fn explicit_edges_keep_their_order_inside_a_target() {
        let atoms = Segments::from_lengths(&[2, 1], &Device::Cpu).expect("small");
        let list = NeighborList::from_edges(&[0, 1, 0], &[1, 1, 0], &atoms, &Device::Cpu)
            .expect("edges inside one molecule");
        assert_eq!(list.sources.rows(), [0, 0, 1]);
        assert_eq!(list.targets.rows(), [0, 1, 1]);
        assert!(list.self_loops().eq([true, false, true]));
        let error = NeighborList::from_edges(&[0], &[2], &atoms, &Device::Cpu).unwrap_err();
        assert_eq!(
            error.to_string(),
            "edge 0 (atom 0 to atom 2) does not stay inside one molecule of the batch"
        );
    }

    #[test]
    fn positions_that_are_not_numbers_are_named() {
        let batch = PointBatch::collate(
            &[line(0, &[0.0]), line(1, &[0.0, 1.0])],
            DType::F32,
            &Device::Cpu,
        )
        .expect("finite");
        let nan = candle_core::Tensor::new(&[[0_f32; 3], [0.0; 3], [f32::NAN; 3]], &Device::Cpu)
            .expect("a small tensor");
        let cutoff = Cutoff {
            lower: 0.0,
            upper: 5.0,
        };
        let error = NeighborList::within(&batch.with_positions(nan), cutoff, NeighborCap::None)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "molecule 1: the position of atom 1 is not finite"
        );
    }
}
