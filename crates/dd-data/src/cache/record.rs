//! One example as bytes.
//!
//! Row (u64), name (u32 length, UTF-8), targets (u32 count, f64 each), then graph and cloud, each after a byte that is 1 when
//! it is there. Graph: record (u64), N, F, E, Fe, k, R (u32 each; `k` and `R` are `2³² - 1` without eigenvectors and without
//! real features), node features (u16, N·F), edge features (u16, E·Fe), sources, targets (u32, E), atom index (u32, N),
//! eigenvectors (f32, N·k), real features (f32, N·R). Cloud: record (u64), N (u32), atomic numbers (u8, N), positions (f32,
//! 3·N), atom index (u32, N).

use dd_graph::{MolGraph, PointCloud};
use ndarray::Array2;

use crate::example::Example;

const ABSENT: u32 = u32::MAX;

pub(super) fn encode(example: &Example) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, [example.row], u64::to_le_bytes);
    put(&mut out, [example.id.len() as u32], u32::to_le_bytes);
    out.extend_from_slice(example.id.as_bytes());
    put(&mut out, [example.targets.len() as u32], u32::to_le_bytes);
    put(&mut out, example.targets.iter().copied(), f64::to_le_bytes);
    out.push(u8::from(example.graph.is_some()));
    if let Some(graph) = &example.graph {
        put(&mut out, [graph.record], u64::to_le_bytes);
        let (k, reals) = (graph.laplacian.as_ref(), graph.node_reals.as_ref());
        let columns = |table: Option<&Array2<f32>>| table.map_or(ABSENT, |t| t.ncols() as u32);
        let sizes = [
            graph.num_nodes() as u32,
            graph.node_features.ncols() as u32,
            graph.num_edges() as u32,
            graph.edge_features.ncols() as u32,
            columns(k),
            columns(reals),
        ];
        put(&mut out, sizes, u32::to_le_bytes);
        put(
            &mut out,
            graph.node_features.iter().copied(),
            u16::to_le_bytes,
        );
        put(
            &mut out,
            graph.edge_features.iter().copied(),
            u16::to_le_bytes,
        );
        put(
            &mut out,
            graph.edge_sources.iter().copied(),
            u32::to_le_bytes,
        );
        put(
            &mut out,
            graph.edge_targets.iter().copied(),
            u32::to_le_bytes,
        );
        put(&mut out, graph.atom_index.iter().copied(), u32::to_le_bytes);
        for table in [k, reals].into_iter().flatten() {
            put(&mut out, table.iter().copied(), f32::to_le_bytes);
        }
    }
    out.push(u8::from(example.cloud.is_some()));
    if let Some(cloud) = &example.cloud {
        put(&mut out, [cloud.record], u64::to_le_bytes);
        put(&mut out, [cloud.num_atoms() as u32], u32::to_le_bytes);
        out.extend_from_slice(&cloud.atomic_numbers);
        put(
            &mut out,
            cloud.positions.iter().flatten().copied(),
            f32::to_le_bytes,
        );
        put(&mut out, cloud.atom_index.iter().copied(), u32::to_le_bytes);
    }
    out
}

/// `None` when the bytes are no example.
pub(super) fn decode(bytes: &[u8]) -> Option<Example> {
    let mut rest = bytes;
    let row = u64::from_le_bytes(array(&mut rest)?);
    let id_length = u32::from_le_bytes(array(&mut rest)?) as usize;
    let id = String::from_utf8(take(&mut rest, id_length)?.to_vec()).ok()?;
    let num_targets = u32::from_le_bytes(array(&mut rest)?) as usize;
    let targets = numbers(&mut rest, num_targets, f64::from_le_bytes)?;
    let graph = match array::<1>(&mut rest)? {
        [0] => None,
        [1] => Some(graph(&mut rest)?),
        _ => return None,
    };
    let cloud = match array::<1>(&mut rest)? {
        [0] => None,
        [1] => Some(cloud(&mut rest)?),
        _ => return None,
    };
    rest.is_empty().then_some(Example {
        graph,
        cloud,
        targets,
        id,
        row,
    })
}

fn graph(rest: &mut &[u8]) -> Option<MolGraph> {
    let record = u64::from_le_bytes(array(rest)?);
    let sizes = numbers(rest, 6, u32::from_le_bytes)?;
    let [n, f, e, fe] = [0, 1, 2, 3].map(|i| sizes[i] as usize);
    let node_features = table(rest, n, f, u16::from_le_bytes)?;
    let edge_features = table(rest, e, fe, u16::from_le_bytes)?;
    let edge_sources = numbers(rest, e, u32::from_le_bytes)?;
    let edge_targets = numbers(rest, e, u32::from_le_bytes)?;
    let inside = |ends: &[u32]| ends.iter().all(|&end| (end as usize) < n);
    if !inside(&edge_sources) || !inside(&edge_targets) {
        return None;
    }
    let atom_index = numbers(rest, n, u32::from_le_bytes)?;
    let mut reals = |columns: u32| match columns {
        ABSENT => Some(None),
        columns => table(rest, n, columns as usize, f32::from_le_bytes).map(Some),
    };
    let (laplacian, node_reals) = (reals(sizes[4])?, reals(sizes[5])?);
    Some(MolGraph {
        node_features,
        edge_features,
        edge_sources,
        edge_targets,
        atom_index,
        laplacian,
        node_reals,
        record,
    })
}

fn cloud(rest: &mut &[u8]) -> Option<PointCloud> {
    let record = u64::from_le_bytes(array(rest)?);
    let n = u32::from_le_bytes(array(rest)?) as usize;
    let atomic_numbers = take(rest, n)?.to_vec();
    let flat = numbers(rest, n.checked_mul(3)?, f32::from_le_bytes)?;
    let positions = flat.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
    Some(PointCloud {
        atomic_numbers,
        positions,
        atom_index: numbers(rest, n, u32::from_le_bytes)?,
        record,
    })
}

fn put<T, const W: usize>(
    out: &mut Vec<u8>,
    values: impl IntoIterator<Item = T>,
    bytes: fn(T) -> [u8; W],
) {
    values
        .into_iter()
        .for_each(|value| out.extend_from_slice(&bytes(value)));
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(count)?;
    *rest = tail;
    Some(head)
}

fn array<const W: usize>(rest: &mut &[u8]) -> Option<[u8; W]> {
    take(rest, W)?.try_into().ok()
}

/// `count` numbers; the bytes are there before anything is allocated for them.
fn numbers<T, const W: usize>(
    rest: &mut &[u8],
    count: usize,
    number: fn([u8; W]) -> T,
) -> Option<Vec<T>> {
    let bytes = take(rest, count.checked_mul(W)?)?;
    let chunks = bytes.chunks_exact(W);
    Some(
        chunks
            .map(|chunk| number(chunk.try_into().expect("chunks of W bytes")))
            .collect(),
    )
}

fn table<T, const W: usize>(
    rest: &mut &[u8],
    rows: usize,
    columns: usize,
    number: fn([u8; W]) -> T,
) -> Option<Array2<T>> {
    let values = numbers(rest, rows.checked_mul(columns)?, number)?;
    Array2::from_shape_vec((rows, columns), values).ok()
}
