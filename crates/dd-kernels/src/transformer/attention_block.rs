//! Attention with its norm, projections and residual.

use std::borrow::Cow;
use std::ops::Range;

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use super::{
    DenseWeights, NORM_EPSILON, NormWeights, add, add_residual, branch_gradient, check_factors,
    composed, normalized, scale,
};
use crate::attention::PackedHeads;
use crate::cpu::dense::{Dense, column_sums, rows_per_task};
use crate::cpu::slice::has_kernel;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{AttentionDropout, MatmulPrecision, RowIndex, Segments, check, layer_norm};

/// Parameters and choices of [`attention_block`] on rows of `H` numbers.
#[derive(Debug, Clone, Copy)]
pub struct AttentionBlock<'a> {
    /// Norm before the projections.
    pub norm: NormWeights<'a>,
    /// To queries, `[H, H]`.
    pub query: DenseWeights<'a>,
    /// To keys, `[H, H]`.
    pub key: DenseWeights<'a>,
    /// To values, `[H, H]`.
    pub value: DenseWeights<'a>,
    /// From the heads' results, `[H, H]`.
    pub output: DenseWeights<'a>,
    /// Rows that attend to each other.
    pub segments: &'a Segments,
    /// Number of heads.
    pub num_heads: usize,
    /// Dropout of attention probabilities.
    pub dropout: Option<AttentionDropout>,
    /// Stochastic depth: what each segment's branch is multiplied by.
    pub factors: Option<&'a [f64]>,
    /// The rows that read, if not all: the others are only read from, and have no result.
    pub readers: Option<Readers<'a>>,
    /// How the projections multiply; heads do so in full, as products of theirs are too small to gain.
    pub precision: MatmulPrecision,
}

/// Some rows of segments, segment by segment.
#[derive(Debug, Clone, Copy)]
pub struct Readers<'a> {
    /// `[R]` into `N`.
    pub rows: &'a RowIndex,
    /// Of which segment they are: `R` rows in as many segments as there are.
    pub segments: &'a Segments,
}

/// `y = x + f (W_o attention(q, k, v) + b_o)` with `h = LN(x)`, `q = (W_q h + b_q) / sqrt(C)`, `k = W_k h + b_k`,
/// `v = W_v h + b_v`: the first half of a pre-norm transformer layer. `C` is the width of a head, `f` the branch factor.
///
/// # Shapes
/// `x: [N, H]` gives `[N, H]`, or `[R, H]` for `R` readers.
///
/// # Errors
/// When a shape does not fit, a reader is not of its segment, the heads do not divide the width, or the dropout rate is no rate.
///
/// # Complexity
/// `8 N H^2` operations and those of the attention; twice that backward. Kept for backward: queries, keys, values and the
/// heads' results, `4 N H` numbers. Deterministic.
pub fn attention_block(x: &Tensor, block: &AttentionBlock<'_>) -> Result<Tensor> {
    let rows = block.segments.num_rows();
    let width = match *x.dims() {
        [n, width]
            if n == rows
                && width > 0
                && block.num_heads > 0
                && width.is_multiple_of(block.num_heads) =>
        {
            width
        }
        _ => {
            return Err(KernelError::Shape {
                name: "attention_block: x",
                expected: format!("[{rows}, a multiple of {} heads]", block.num_heads),
                got: x.dims().to_vec(),
            });
        }
    };
    check::shape("attention_block: norm", block.norm.weight, &[width])?;
    check::shape("attention_block: norm", block.norm.bias, &[width])?;
    let layers = [block.query, block.key, block.value, block.output];
    for layer in layers {
        check::shape("attention_block: weight", layer.weight, &[width, width])?;
        check::shape("attention_block: bias", layer.bias, &[width])?;
    }
    check_factors("attention_block: factors", block.factors, block.segments)?;
    if let Some(readers) = block.readers {
        check_readers(readers, block.segments)?;
    }
    if let Some(dropout) = block.dropout {
        dropout.check()?;
    }
    check::precision("attention_block", x, block.precision)?;
    if !has_kernel(x) {
        return composed::attention_block(x, block);
    }
    let mut inputs = vec![x, block.norm.weight, block.norm.bias];
    inputs.extend(layers.iter().flat_map(|layer| [layer.weight, layer.bias]));
    let operation = Attend {
        segments: block.segments.clone(),
        readers: block
            .readers
            .map(|readers| (readers.rows.clone(), readers.segments.clone())),
        num_heads: block.num_heads,
        width,
        dropout: block.dropout.filter(|dropout| dropout.rate > 0.0),
        factors: block.factors.map(<[f64]>::to_vec),
        precision: block.precision,
        differentiable: inputs.iter().any(|input| input.track_op()),
    };
    operation::apply(operation, &inputs)
}

fn check_readers(readers: Readers<'_>, segments: &Segments) -> Result<()> {
    let Readers { rows, segments: of } = readers;
    check::count("attention_block: readers", of.len(), segments.len())?;
    check::count("attention_block: readers", rows.len(), of.num_rows())?;
    check::count(
        "attention_block: readers",
        rows.num_sources(),
        segments.num_rows(),
    )?;
    let mut pairs = rows.rows().iter().zip(of.row_segment());
    match pairs.find(|&(&row, segment)| segments.row_segment()[row as usize] != *segment) {
        None => Ok(()),
        Some((&row, _)) => Err(KernelError::Shape {
            name: "attention_block: readers",
            expected: "rows of their segments".to_string(),
            got: vec![row as usize],
        }),
    }
}

pub(super) struct Attend {
    pub(super) segments: Segments,
    readers: Option<(RowIndex, Segments)>,
    num_heads: usize,
    pub(super) width: usize,
    dropout: Option<AttentionDropout>,
    pub(super) factors: Option<Vec<f64>>,
    precision: MatmulPrecision,
    /// Whether there will be a backward pass.
    pub(super) differentiable: bool,
}

/// The layers among the inputs.
pub(super) struct Layers<'a, T> {
    pub(super) query: Dense<'a, T>,
    pub(super) key: Dense<'a, T>,
    pub(super) value: Dense<'a, T>,
    pub(super) output: Dense<'a, T>,
}

impl Attend {
    pub(super) fn layers<'a, T: Real>(&self, inputs: &[&'a [T]]) -> Layers<'a, T> {
        let layer = |at: usize| {
            Dense::new(inputs[at], inputs[at + 1], self.width).with_precision(self.precision)
        };
        Layers {
            query: layer(3),
            key: layer(5),
            value: layer(7),
            output: layer(9),
        }
    }

    /// Segments of the rows that read.
    pub(super) fn reading(&self) -> &Segments {
        self.readers.as_ref().map_or(&self.segments, |(_, of)| of)
    }

    /// The rows that read among the rows of some segments.
    pub(super) fn rows_that_read<'x, T: Real>(
        &self,
        rows: &'x [T],
        segments: &Range<usize>,
    ) -> Cow<'x, [T]> {
        let Some((index, reading)) = &self.readers else {
            return Cow::Borrowed(rows);
        };
        let of = |offsets: &[u32]| offsets[segments.start] as usize..offsets[segments.end] as usize;
        let first = of(self.segments.offsets()).start;
        let row = |&row: &u32| &rows[(row as usize - first) * self.width..][..self.width];
        let readers = &index.rows()[of(reading.offsets())];
        Cow::Owned(readers.iter().map(row).collect::<Vec<_>>().concat())
    }

    /// Adds rows of the readers to their places among all rows.
    fn add_to_readers<T: Real>(&self, all: &mut [T], rows: &[T]) {
        match &self.readers {
            None => add_residual(all, rows),
            Some((index, _)) => {
                for (&row, added) in index.rows().iter().zip(rows.chunks_exact(self.width)) {
                    add(&mut all[row as usize * self.width..][..self.width], added);
                }
            }
        }
    }

    pub(super) fn heads(&self) -> PackedHeads<'_> {
        PackedHeads {
            queries: self.reading(),
            segments: &self.segments,
            num_heads: self.num_heads,
            width: self.width,
            dropout: self.dropout,
        }
    }

    /// `1 / sqrt(C)`.
    pub(super) fn query_scale<T: Real>(&self) -> T {
        T::from_f64(1.0 / ((self.width / self.num_heads) as f64).sqrt())
    }
}

impl Operation for Attend {
    const NAME: &'static str = "attention_block";

    fn shape(&self) -> Shape {
        Shape::from((self.reading().num_rows(), self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        self.forward_in_groups(inputs)
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (x, weight, bias) = (seen.inputs[0], seen.inputs[1], seen.inputs[2]);
        let Layers {
            query,
            key,
            value,
            output,
        } = self.layers(seen.inputs);
        let (q, k, v, message) = (seen.kept[0], seen.kept[1], seen.kept[2], seen.kept[3]);
        let factors = self.factors.as_deref();
        let scaled = branch_gradient(seen.grad, self.width, self.reading(), factors);
        let dy = scaled.as_deref().unwrap_or(seen.grad);

        let output_weight = output.weight_gradient(message, dy);
        let output_bias = column_sums(dy, self.width);
        let dmessage = output.input_gradient(dy);
        drop(scaled);
        let [mut dq, dk, dv] = self.heads().backward(q, k, v, &dmessage);
        drop(dmessage);
        dq.par_chunks_mut(1 << 14)
            .for_each(|dq| scale(dq, self.query_scale()));
        let h = normalized(x, weight, bias);
        let dquery = projection_gradients(
            &query,
            &self.rows_that_read(&h, &(0..self.segments.len())),
            &dq,
        );
        let dkey = projection_gradients(&key, &h, &dk);
        let dvalue = projection_gradients(&value, &h, &dv);
        let mut dh = h; // its memory, for what comes next
        let [key, value] = [key, value].map(Dense::backward_pass);
        let block = rows_per_task(self.segments.num_rows()) * self.width;
        dh.par_chunks_mut(block)
            .zip(dk.par_chunks(block))
            .zip(dv.par_chunks(block))
            .for_each(|((dh, dk), dv)| {
                key.block(dk, dh, false);
                value.block(dv, dh, true);
            });
        self.add_to_readers(&mut dh, &query.input_gradient(&dq));
        let [mut dx, dweight, dbias] =
            layer_norm::backward(x, weight, &dh, T::from_f64(NORM_EPSILON));
        self.add_to_readers(&mut dx, seen.grad);
        let mut gradients = vec![Some(dx), Some(dweight), Some(dbias)];
        gradients.extend(dquery.into_iter().chain(dkey).chain(dvalue));
        gradients.extend([Some(output_weight), Some(output_bias)]);
        gradients
    }
}

/// Gradients of a projection's weight and bias.
fn projection_gradients<T: Real>(layer: &Dense<'_, T>, h: &[T], dy: &[T]) -> [Option<Vec<T>>; 2] {
    [
        Some(layer.weight_gradient(h, dy)),
        Some(column_sums(dy, layer.output)),
    ]
}
