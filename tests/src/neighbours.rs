//! Golden cases of kind `neighbours`: the neighbour lists of the original, compared as sets of sources per target.
//!
//! Three lists: all pairs within the cutoff, those that the CUDA kernel of torch_cluster keeps (the lowest source numbers),
//! and those that its CPU build keeps. The last choice is an accident of a kd-tree walk; it is fed in as explicit edges,
//! which must come back unchanged and be a part of all pairs with the right number per target.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::{DType, Device};
use dd_graph::{Cutoff, NeighborCap, NeighborList, PointBatch, PointCloud};

use crate::golden::Golden;
use crate::{ParityError, Row};

/// Cutoff of the original's configuration, in angstrom (stated in the description's words only).
const CUTOFF: Cutoff = Cutoff {
    lower: 0.0,
    upper: 5.0,
};
/// Cap of the original, self loop included.
const CAP: usize = 32;

type Edges = BTreeSet<(u32, u32)>;

/// Checks one case.
///
/// # Errors
/// When the case cannot be read or run.
pub fn check(case: &Path) -> Result<Vec<Row>, ParityError> {
    let golden = Golden::open(case)?;
    let clouds = clouds(&golden)?;
    let mut rows = Vec::new();
    for dtype in [DType::F32, DType::F64] {
        let batch =
            PointBatch::collate(&clouds, dtype, &Device::Cpu).map_err(ParityError::failed)?;
        let found = |cap| {
            let list = NeighborList::within(&batch, CUTOFF, cap).map_err(ParityError::failed)?;
            Ok::<_, ParityError>(edges(&list))
        };
        let all = stated(&golden, "all.edge_index")?;
        let mine = found(NeighborCap::None)?;
        rows.push(row(
            &golden,
            &format!("all pairs, {dtype:?}"),
            differences(&mine, &all),
        ));
        let lowest = stated(&golden, "max32_lowest_source_index.edge_index")?;
        let mine = found(NeighborCap::LowestSource(CAP))?;
        rows.push(row(
            &golden,
            &format!("lowest sources, {dtype:?}"),
            differences(&mine, &lowest),
        ));
    }
    rows.push(explicit(&golden, &clouds)?);
    // Directions and distances are compared with the cases of the transformer.
    rows.push(golden.nothing_unread(&["all.edge_", "max32.edge_"]));
    Ok(rows)
}

fn explicit(golden: &Golden, clouds: &[PointCloud]) -> Result<Row, ParityError> {
    let batch =
        PointBatch::collate(clouds, DType::F32, &Device::Cpu).map_err(ParityError::failed)?;
    let (sources, targets) = ends(golden, "max32.edge_index")?;
    let list = NeighborList::from_edges(&sources, &targets, &batch.atoms, &Device::Cpu)
        .map_err(ParityError::failed)?;
    let all = stated(golden, "all.edge_index")?;
    let mut wrong = usize::from(list.sources.rows() != sources || list.targets.rows() != targets);
    wrong += edges(&list).difference(&all).count();
    for atom in 0..batch.num_atoms() as u32 {
        let sources_of = all.range((atom, 0)..=(atom, u32::MAX)).count();
        let kept = list.targets.positions_of(atom as usize).len();
        wrong += usize::from(kept != sources_of.min(CAP));
    }
    Ok(row(golden, "explicit edges", wrong))
}

/// `(target, source)` of every edge.
fn edges(list: &NeighborList) -> Edges {
    let ends = list.targets.rows().iter().zip(list.sources.rows());
    ends.map(|(&target, &source)| (target, source)).collect()
}

fn stated(golden: &Golden, name: &str) -> Result<Edges, ParityError> {
    let (sources, targets) = ends(golden, name)?;
    Ok(targets.into_iter().zip(sources).collect())
}

fn ends(golden: &Golden, name: &str) -> Result<(Vec<u32>, Vec<u32>), ParityError> {
    let flat: Vec<u32> = golden
        .integers(name)?
        .into_iter()
        .map(|x| x as u32)
        .collect();
    let (sources, targets) = flat.split_at(flat.len() / 2);
    Ok((sources.to_vec(), targets.to_vec()))
}

fn clouds(golden: &Golden) -> Result<Vec<PointCloud>, ParityError> {
    let molecules = golden.integers("input.batch")?;
    let numbers = golden.integers("input.z")?;
    let positions = golden.values("input.pos")?;
    let count = molecules.iter().max().map_or(0, |last| *last as usize + 1);
    let mut clouds: Vec<PointCloud> = (0..count as u64)
        .map(|record| PointCloud {
            atomic_numbers: Vec::new(),
            positions: Vec::new(),
            atom_index: Vec::new(),
            record,
        })
        .collect();
    for (atom, &molecule) in molecules.iter().enumerate() {
        let cloud = &mut clouds[molecule as usize];
        cloud.atom_index.push(cloud.atomic_numbers.len() as u32);
        cloud.atomic_numbers.push(numbers[atom] as u8);
        let p = &positions[3 * atom..3 * atom + 3];
        cloud
            .positions
            .push([p[0] as f32, p[1] as f32, p[2] as f32]);
    }
    Ok(clouds)
}

fn differences(a: &Edges, b: &Edges) -> usize {
    a.symmetric_difference(b).count()
}

fn row(golden: &Golden, quantity: &str, wrong: usize) -> Row {
    Row::exact(&golden.name, quantity, wrong == 0).with_note(format!("{wrong} differences"))
}
