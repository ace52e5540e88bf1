//! Every operation with its reference, on batches of a wanted shape.

#![allow(dead_code, reason = "not every suite uses all")]

use candle_core::Tensor;
use dd_kernels::rng::Key;
use dd_kernels::{
    AttentionDropout, BatchNormInputs, EtFields, FilteredEdges, GinEdges, Result, RowIndex,
    Segments, reference,
};

use super::device::{device, normal_tensor};

pub(crate) type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor> + Sync>;

/// One operation on one batch: the kernel, its reference, and inputs in double precision.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) kernel: Operation,
    pub(crate) reference: Operation,
    /// How often numbers are rounded to their type between inputs and results.
    pub(crate) roundings: u8,
}

pub(crate) fn case(
    name: &'static str,
    shapes: &[&[usize]],
    kernel: impl Fn(&[Tensor]) -> Result<Tensor> + Sync + 'static,
    reference: impl Fn(&[Tensor]) -> Result<Tensor> + Sync + 'static,
) -> Result<Case> {
    let key = Key::from_seed(11).named(name);
    let inputs = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| normal_tensor(key.with(i as u64), shape));
    let inputs = inputs.collect::<Result<_>>()?;
    Ok(Case {
        name,
        inputs,
        kernel: Box::new(kernel),
        reference: Box::new(reference),
        roundings: 1,
    })
}

#[allow(clippy::too_many_lines, reason = "one list of all operations")]
/// All operations on segments of the given lengths and an index of `num_rows` entries drawn from `key`.
pub(crate) fn cases(lengths: &[usize], num_sources: usize, key: Key) -> Result<Vec<Case>> {
    let device = device();
    let segments = Segments::from_lengths(lengths, &device)?;
    let n = segments.num_rows();
    let rows = |len: usize| {
        (0..len)
            .map(|i| key.below(i as u64, num_sources) as u32)
            .collect()
    };
    let index = RowIndex::new(rows(n), num_sources, &device)?;
    let features = RowIndex::new(rows(3 * n), num_sources, &device)?;
    let dropout = Some(AttentionDropout { rate: 0.3, key });
    macro_rules! with {
        ($value:ident, $call:expr) => {{
            let $value = $value.clone();
            move |x: &[Tensor]| $call(x, &$value)
        }};
    }
    let mut all = vec![
        case(
            "gather",
            &[&[num_sources, 5, 2]],
            with!(index, |x: &[Tensor], i| dd_kernels::gather(&x[0], i)),
            with!(index, |x: &[Tensor], i| reference::gather(&x[0], i)),
        )?,
        case(
            "scatter_sum",
            &[&[n, 37]],
            with!(index, |x: &[Tensor], i| dd_kernels::scatter_sum(&x[0], i)),
            with!(index, |x: &[Tensor], i| reference::scatter_sum(&x[0], i)),
        )?,
        case(
            "segment_sum",
            &[&[n, 3, 7]],
            with!(segments, |x: &[Tensor], s| dd_kernels::segment_sum(
                &x[0], s
            )),
            with!(segments, |x: &[Tensor], s| reference::segment_sum(&x[0], s)),
        )?,
        case(
            "segment_mean",
            &[&[n, 40]],
            with!(segments, |x: &[Tensor], s| dd_kernels::segment_mean(
                &x[0], s
            )),
            with!(segments, |x: &[Tensor], s| reference::segment_mean(
                &x[0], s
            )),
        )?,
        case(
            "segment_max",
            &[&[n, 9]],
            with!(segments, |x: &[Tensor], s| dd_kernels::segment_max(
                &x[0], s
            )),
            with!(segments, |x: &[Tensor], s| reference::segment_max(&x[0], s)),
        )?,
        case(
            "segment_softmax",
            &[&[n, 4]],
            with!(segments, |x: &[Tensor], s| dd_kernels::segment_softmax(
                &x[0], s
            )),
            with!(segments, |x: &[Tensor], s| reference::segment_softmax(
                &x[0], s
            )),
        )?,
        case(
            "embedding_sum",
            &[&[num_sources, 33]],
            with!(features, |x: &[Tensor], i| dd_kernels::embedding_sum(
                &x[0], i, 3
            )),
            with!(features, |x: &[Tensor], i| reference::embedding_sum(
                &x[0], i, 3
            )),
        )?,
        case(
            "layer_norm",
            &[&[n, 2, 35], &[35], &[35]],
            |x| dd_kernels::layer_norm(&x[0], &x[1], &x[2], 1e-5),
            |x| reference::layer_norm(&x[0], &x[1], &x[2], 1e-5),
        )?,
        case(
            "gelu",
            &[&[n, 67]],
            |x| dd_kernels::gelu(&x[0]),
            |x| reference::gelu(&x[0]),
        )?,
        case(
            "silu",
            &[&[n, 67]],
            |x| dd_kernels::silu(&x[0]),
            |x| reference::silu(&x[0]),
        )?,
        case(
            "safe_norm",
            &[&[n, 3, 10]],
            |x| dd_kernels::safe_norm(&x[0], 1),
            |x| reference::safe_norm(&x[0], 1),
        )?,
        case(
            "segment_attention",
            &[&[n, 12], &[n, 12], &[n, 12]],
            with!(segments, |x: &[Tensor], s| dd_kernels::segment_attention(
                &x[0], &x[1], &x[2], s, 3, None
            )),
            with!(segments, |x: &[Tensor], s| reference::segment_attention(
                &x[0], &x[1], &x[2], s, 3, None
            )),
        )?,
        case(
            "segment_attention with dropout",
            &[&[n, 12], &[n, 12], &[n, 12]],
            with!(segments, move |x: &[Tensor], s| {
                dd_kernels::segment_attention(&x[0], &x[1], &x[2], s, 3, dropout)
            }),
            with!(segments, move |x: &[Tensor], s| {
                reference::segment_attention(&x[0], &x[1], &x[2], s, 3, dropout)
            }),
        )?,
    ];
    all.extend(along_edges(&segments, &index, key)?);
    if n > 0 {
        all.push(batch_norm(n)?);
    }
    Ok(all)
}

type Filtered = fn(&Tensor, &Tensor, FilteredEdges<'_>) -> Result<Tensor>;
type Message = fn(&Tensor, &Tensor, &Tensor, &GinEdges) -> Result<Tensor>;
type Update = fn(&Tensor, &Tensor, &Tensor, &EtFields) -> Result<EtFields>;
type Norm = fn(&Tensor, &BatchNormInputs<'_>) -> Result<Tensor>;

/// Operations on the edges into atoms, the segments; `pairs` are the edges' rows in a table.
fn along_edges(atoms: &Segments, pairs: &RowIndex, key: Key) -> Result<[Case; 3]> {
    let device = device();
    let (n, e, m) = (atoms.len(), atoms.num_rows(), pairs.num_sources());
    let drawn = |name, len: usize, bound: usize| {
        let key = key.named(name);
        let rows = (0..len).map(|i| key.below(i as u64, bound) as u32);
        RowIndex::new(rows.collect(), bound, &device)
    };
    let sources = drawn("sources", e, n)?;
    let edges = GinEdges {
        atoms: drawn("atoms", n, m)?,
        sources: pairs.clone(),
        bonds: drawn("bonds", e, 3)?,
        targets: RowIndex::new(atoms.row_segment().to_vec(), n, &device)?,
    };
    let filtered = |f: Filtered| {
        let (sources, pairs, by_target) = (sources.clone(), pairs.clone(), atoms.clone());
        move |x: &[Tensor]| {
            let edges = FilteredEdges {
                sources: &sources,
                pairs: &pairs,
                by_target: &by_target,
            };
            f(&x[0], &x[1], edges)
        }
    };
    let message = |f: Message| {
        let edges = edges.clone();
        move |x: &[Tensor]| f(&x[0], &x[1], &x[2], &edges)
    };
    let update = |f: Update| {
        move |x: &[Tensor]| {
            let arrived = EtFields::new(x[3].clone())?;
            Ok(f(&x[0], &x[1], &x[2], &arrived)?.joined().clone())
        }
    };
    Ok([
        case(
            "filtered_sum",
            &[&[n, 36], &[m, 36]],
            filtered(dd_kernels::filtered_sum),
            filtered(reference::filtered_sum),
        )?,
        case(
            "gin_message",
            &[&[m, 37], &[3, 37], &[1]],
            message(dd_kernels::gin_message),
            message(reference::gin_message),
        )?,
        Case {
            roundings: 5, // the projected vectors are a tensor of their own, and a factor twice
            ..case(
                "et_update",
                &[&[n, 3, 5], &[15, 5], &[n, 15], &[n, 4, 5]],
                update(dd_kernels::et_update),
                update(reference::et_update),
            )?
        },
    ])
}

/// The norm of a batch of `rows` rows, with its own moments.
fn batch_norm(rows: usize) -> Result<Case> {
    let norm = |f: Norm| {
        move |x: &[Tensor]| {
            let (mean, variance) = dd_kernels::batch_moments(&x[0], None)?;
            let inputs = BatchNormInputs {
                weight: &x[1],
                bias: &x[2],
                mean: &mean,
                variance: &variance,
                epsilon: 1e-2,
                of_batch: true,
                relu: true,
                copies: None,
            };
            f(&x[0], &inputs)
        }
    };
    case(
        "batch_norm",
        &[&[rows, 35], &[35], &[35]],
        norm(dd_kernels::batch_norm),
        norm(reference::batch_norm),
    )
}
