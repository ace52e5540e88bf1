//! The feed-forward network with its norm and residual.

use candle_core::{Shape, Tensor};
use rayon::prelude::*;

use super::{
    DenseWeights, NORM_EPSILON, NormWeights, add, add_residual, branch_gradient, check_factors,
    composed, normalized, scale_rows,
};
use crate::cpu::block::zeros;
use crate::cpu::dense::{Dense, column_sums, rows_per_task};
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{MatmulPrecision, RowDropout, Segments, check, layer_norm};

/// Parameters and choices of [`feed_forward_block`] on rows of `H` numbers, with `F` hidden ones.
#[derive(Debug, Clone, Copy)]
pub struct FeedForwardBlock<'a> {
    /// Norm before the first layer.
    pub norm: NormWeights<'a>,
    /// First layer, `[F, H]`.
    pub first: DenseWeights<'a>,
    /// Second layer, `[H, F]`.
    pub last: DenseWeights<'a>,
    /// Rows that belong together, for the random numbers.
    pub segments: &'a Segments,
    /// Dropout after the activation.
    pub dropout: Option<RowDropout>,
    /// Stochastic depth: what each segment's branch is multiplied by.
    pub factors: Option<&'a [f64]>,
    /// How the layers multiply.
    pub precision: MatmulPrecision,
}

/// `y = x + f (W_2 d(gelu(W_1 LN(x) + b_1)) + b_2)`: the second half of a pre-norm transformer layer, with dropout `d` and
/// branch factor `f`.
///
/// # Shapes
/// `x: [N, H]` gives `[N, H]`.
///
/// # Errors
/// When a shape does not fit or the dropout rate is no rate.
///
/// # Complexity
/// `4 N H F` operations, twice that backward. Kept for backward: what the activation was applied to, `N F` numbers.
/// Deterministic.
pub fn feed_forward_block(x: &Tensor, block: &FeedForwardBlock<'_>) -> Result<Tensor> {
    let rows = block.segments.num_rows();
    let width = match *x.dims() {
        [n, width] if n == rows && width > 0 => width,
        _ => {
            return Err(KernelError::Shape {
                name: "feed_forward_block: x",
                expected: format!("[{rows}, H]"),
                got: x.dims().to_vec(),
            });
        }
    };
    let hidden = block.first.bias.elem_count();
    if hidden == 0 {
        return Err(KernelError::Shape {
            name: "feed_forward_block: bias",
            expected: "[F], F above zero".to_string(),
            got: block.first.bias.dims().to_vec(),
        });
    }
    check::shape("feed_forward_block: norm", block.norm.weight, &[width])?;
    check::shape("feed_forward_block: norm", block.norm.bias, &[width])?;
    let layers = [(block.first, hidden, width), (block.last, width, hidden)];
    for (layer, output, input) in layers {
        check::shape("feed_forward_block: weight", layer.weight, &[output, input])?;
        check::shape("feed_forward_block: bias", layer.bias, &[output])?;
    }
    check_factors("feed_forward_block: factors", block.factors, block.segments)?;
    if let Some(dropout) = block.dropout {
        dropout.check()?;
    }
    check::precision("feed_forward_block", x, block.precision)?;
    if !has_kernel(x) {
        return composed::feed_forward_block(x, block);
    }
    let mut inputs = vec![x, block.norm.weight, block.norm.bias];
    inputs.extend(
        layers
            .iter()
            .flat_map(|(layer, ..)| [layer.weight, layer.bias]),
    );
    let operation = FeedForward {
        segments: block.segments.clone(),
        width,
        hidden,
        dropout: block.dropout.filter(|dropout| dropout.rate > 0.0),
        factors: block.factors.map(<[f64]>::to_vec),
        precision: block.precision,
        differentiable: inputs.iter().any(|input| input.track_op()),
    };
    operation::apply(operation, &inputs)
}

struct FeedForward {
    segments: Segments,
    width: usize,
    hidden: usize,
    dropout: Option<RowDropout>,
    factors: Option<Vec<f64>>,
    precision: MatmulPrecision,
    /// Whether there will be a backward pass.
    differentiable: bool,
}

impl FeedForward {
    fn layers<'a, T: Real>(&self, inputs: &[&'a [T]]) -> [Dense<'a, T>; 2] {
        [
            Dense::new(inputs[3], inputs[4], self.width).with_precision(self.precision),
            Dense::new(inputs[5], inputs[6], self.hidden).with_precision(self.precision),
        ]
    }

    fn rows(&self) -> usize {
        rows_per_task(self.segments.num_rows())
    }

    fn drop<T: Real>(&self, block: usize, rows: &mut [T]) {
        if let Some(dropout) = self.dropout {
            dropout.apply(&self.segments, block * self.rows(), self.hidden, rows);
        }
    }
}

impl Operation for FeedForward {
    const NAME: &'static str = "feed_forward_block";

    fn shape(&self) -> Shape {
        Shape::from((self.segments.num_rows(), self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let (x, weight, bias) = (inputs[0], inputs[1], inputs[2]);
        let [first, last] = self.layers(inputs).map(Dense::forward_pass);
        let mut y = zeros(x.len());
        let rows = x.len() / self.width;
        let mut z = Vec::new();
        if self.differentiable {
            z = zeros(rows * self.hidden);
        }
        let mut rooms: Vec<_> = z.chunks_mut(self.rows() * self.hidden).map(Some).collect();
        rooms.resize_with(rows.div_ceil(self.rows()), || None);
        y.par_chunks_mut(self.rows() * self.width)
            .zip(rooms)
            .zip(x.par_chunks(self.rows() * self.width))
            .enumerate()
            .for_each(|(block, ((y, room), x))| {
                layer_norm::normalize_rows(x, weight, bias, T::from_f64(NORM_EPSILON), y);
                let mut g = vec![T::ZERO; y.len() / self.width * self.hidden];
                match room {
                    Some(z) => {
                        first.block(y, z);
                        gelu_rows(z, &mut g);
                    }
                    None => {
                        first.block(y, &mut g);
                        gelu_in_place(&mut g);
                    }
                }
                self.drop(block, &mut g);
                last.block(&g, y);
                let start = block * self.rows();
                scale_rows(
                    y,
                    self.width,
                    start,
                    &self.segments,
                    self.factors.as_deref(),
                );
                add(y, x);
            });
        Outcome {
            output: y,
            kept: vec![z],
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (x, weight, bias) = (seen.inputs[0], seen.inputs[1], seen.inputs[2]);
        let [first, last] = self.layers(seen.inputs);
        let z = seen.kept[0];
        let factors = self.factors.as_deref();
        let scaled = branch_gradient(seen.grad, self.width, &self.segments, factors);
        let dy = scaled.as_deref().unwrap_or(seen.grad);

        let [mut g, mut dz] = [(); 2].map(|()| zeros(z.len()));
        let mut dh = zeros(x.len());
        let [to_dz, to_dh] = [last, first].map(Dense::backward_pass);
        let (wide, narrow) = (self.rows() * self.hidden, self.rows() * self.width);
        dh.par_chunks_mut(narrow)
            .zip(g.par_chunks_mut(wide).zip(dz.par_chunks_mut(wide)))
            .zip(z.par_chunks(wide).zip(dy.par_chunks(narrow)))
            .enumerate()
            .for_each(|(block, ((dh, (g, dz)), (z, dy)))| {
                to_dz.block(dy, dz, false);
                self.drop(block, dz);
                gelu_rows_back(z, g, dz);
                self.drop(block, g);
                to_dh.block(dz, dh, false);
            });
        let dlast = [last.weight_gradient(&g, dy), column_sums(dy, self.width)];
        drop((g, scaled));
        let h = normalized(x, weight, bias);
        let dfirst = [
            first.weight_gradient(&h, &dz),
            column_sums(&dz, self.hidden),
        ];
        drop((h, dz));
        let [mut dx, dweight, dbias] =
            layer_norm::backward(x, weight, &dh, T::from_f64(NORM_EPSILON));
        add_residual(&mut dx, seen.grad);
        let gradients = [dx, dweight, dbias].into_iter().chain(dfirst).chain(dlast);
        gradients.map(Some).collect()
    }
}

vectorized! {
    /// `g = gelu(z)`.
    fn gelu_rows<T: Real>(z: &[T], g: &mut [T]) {
        for (g, &z) in g.iter_mut().zip(z) {
            *g = z * z.normal().0;
        }
    }
}

vectorized! {
    /// `z = gelu(z)`.
    fn gelu_in_place<T: Real>(z: &mut [T]) {
        for z in z {
            *z *= z.normal().0;
        }
    }
}

vectorized! {
    /// `g = gelu(z)` and `dz *= gelu'(z)`.
    fn gelu_rows_back<T: Real>(z: &[T], g: &mut [T], dz: &mut [T]) {
        for ((g, dz), &z) in g.iter_mut().zip(dz).zip(z) {
            let (cumulative, density) = z.normal();
            *g = z * cumulative;
            *dz *= z.mul_add(density, cumulative);
        }
    }
}
