//! Message passing of the graph isomorphism network.

use candle_core::{Shape, Tensor};

use crate::cpu::block::fill_rows;
use crate::cpu::slice::has_kernel;
use crate::cpu::vectorized;
use crate::error::Result;
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{RowIndex, check, reference};

/// `y_v = (1 + eps) h_v + sum over the edges u -> v of max(0, h_u + b_uv)` (Hu et al., "Strategies for pre-training graph
/// neural networks", ICLR 2020, with bonds as in OGB).
///
/// # Shapes
/// `h: [N, W]`, `bonds: [E, W]`, `eps: [1]`, `sources` and `targets`: `[E]` into `N`, give `[N, W]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// # Complexity
/// `3 E W` operations forward, twice that backward; nothing is written per edge but the bonds' gradient, and nothing kept.
/// Sums run in the order of the edges: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{RowIndex, gin_message};
/// let device = Device::Cpu;
/// let (h, bonds) = (Tensor::new(&[[1.0_f64], [2.0]], &device)?, Tensor::new(&[[10.0_f64], [-5.0]], &device)?);
/// let (sources, targets) = (RowIndex::new(vec![1, 0], 2, &device)?, RowIndex::new(vec![0, 1], 2, &device)?);
/// let y = gin_message(&h, &bonds, &Tensor::new(&[0.5_f64], &device)?, &sources, &targets)?;
/// assert_eq!(y.to_vec2::<f64>()?, [[13.5], [3.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gin_message(
    h: &Tensor,
    bonds: &Tensor,
    eps: &Tensor,
    sources: &RowIndex,
    targets: &RowIndex,
) -> Result<Tensor> {
    let width = h.dims().last().copied().unwrap_or_default();
    check::shape("gin_message: h", h, &[sources.num_sources(), width])?;
    check::shape("gin_message: bonds", bonds, &[sources.len(), width])?;
    check::shape("gin_message: eps", eps, &[1])?;
    check::count("gin_message: targets", targets.len(), sources.len())?;
    check::count(
        "gin_message: atoms",
        targets.num_sources(),
        sources.num_sources(),
    )?;
    if !has_kernel(h) {
        return reference::gin_message(h, bonds, eps, sources, targets);
    }
    let operation = GinMessage {
        sources: sources.clone(),
        targets: targets.clone(),
        width,
    };
    operation::apply(operation, &[h, bonds, eps])
}

struct GinMessage {
    sources: RowIndex,
    targets: RowIndex,
    width: usize,
}

impl GinMessage {
    fn row<'a, T>(&self, rows: &'a [T], number: usize) -> &'a [T] {
        &rows[number * self.width..(number + 1) * self.width]
    }

    fn source(&self, edge: usize) -> usize {
        self.sources.rows()[edge] as usize
    }

    fn target(&self, edge: usize) -> usize {
        self.targets.rows()[edge] as usize
    }
}

impl Operation for GinMessage {
    const NAME: &'static str = "gin_message";

    fn shape(&self) -> Shape {
        Shape::from((self.targets.num_sources(), self.width))
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        let (h, bonds, own) = (inputs[0], inputs[1], T::ONE + inputs[2][0]);
        let mut y = vec![T::ZERO; h.len()];
        fill_rows(&mut y, self.width, |atom, y| {
            add_scaled(y, own, self.row(h, atom));
            for &edge in self.targets.positions_of(atom) {
                let edge = edge as usize;
                add_rectified(y, self.row(h, self.source(edge)), self.row(bonds, edge));
            }
        });
        Outcome {
            output: y,
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let (h, bonds, own) = (seen.inputs[0], seen.inputs[1], T::ONE + seen.inputs[2][0]);
        let grad = seen.grad;
        let mut dbonds = vec![T::ZERO; bonds.len()];
        fill_rows(&mut dbonds, self.width, |edge, dbond| {
            let (source, target) = (self.source(edge), self.target(edge));
            let (h, bond) = (self.row(h, source), self.row(bonds, edge));
            add_where_positive(dbond, h, bond, self.row(grad, target));
        });
        let mut dh = vec![T::ZERO; h.len()];
        fill_rows(&mut dh, self.width, |atom, dh| {
            add_scaled(dh, own, self.row(grad, atom));
            for &edge in self.sources.positions_of(atom) {
                add_scaled(dh, T::ONE, self.row(&dbonds, edge as usize));
            }
        });
        let deps = h.iter().zip(grad).map(|(&h, &grad)| (h * grad).to_f64());
        let deps = T::from_f64(deps.sum());
        vec![Some(dh), Some(dbonds), Some(vec![deps])]
    }
}

vectorized! {
    /// `sum += factor x`.
    fn add_scaled<T: Real>(sum: &mut [T], factor: T, x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum = factor.mul_add(x, *sum);
        }
    }
}

vectorized! {
    /// `sum += max(0, a + b)`.
    fn add_rectified<T: Real>(sum: &mut [T], a: &[T], b: &[T]) {
        for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
            let x = a + b;
            *sum += if x > T::ZERO { x } else { T::ZERO };
        }
    }
}

vectorized! {
    /// `sum += g` where `a + b > 0`.
    fn add_where_positive<T: Real>(sum: &mut [T], a: &[T], b: &[T], g: &[T]) {
        for (((sum, &a), &b), &g) in sum.iter_mut().zip(a).zip(b).zip(g) {
            *sum += if a + b > T::ZERO { g } else { T::ZERO };
        }
    }
}
