//! Rows of a table by number.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use crate::cpu::block::{fill_rows, zeros};
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::error::Result;
use crate::{RowIndex, check, cuda, reference, scatter_sum};

/// Rows of `x` by number: `y_p = x_{index(p)}`.
///
/// Reads the end points of edges in message passing. The gradient is [`scatter_sum`](crate::scatter_sum).
///
/// # Shapes
/// `x: [S, ...]` and an index of length `R` into `S` rows give `[R, ...]`.
///
/// # Errors
/// When `x` has not as many rows as the index was built for.
///
/// # Complexity
/// One copy of `R` rows, forward; one sum of `R` rows, backward. Deterministic: see the [crate documentation](crate).
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{RowIndex, gather};
/// let x = Tensor::new(&[[1.0_f32, 2.0], [3.0, 4.0]], &Device::Cpu)?;
/// let index = RowIndex::new(vec![1, 1, 0], 2, &Device::Cpu)?;
/// assert_eq!(gather(&x, &index)?.to_vec2::<f32>()?, [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gather(x: &Tensor, index: &RowIndex) -> Result<Tensor> {
    check::rows("gather: x", x, index.num_sources())?;
    if cuda::takes(x) {
        return cuda::rows::gather_sum(x, index, 1);
    }
    if !has_kernel(x) {
        return reference::gather(x, index);
    }
    Ok(x.contiguous()?.apply_op1(Gather(index.clone()))?)
}

struct Gather(RowIndex);

impl CustomOp1 for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = check::with_rows(layout.dims(), self.0.len());
        for_real!("gather", x, T => {
            let y = gather_rows::<T>(numbers("gather: x", x, layout)?, self.0.rows(), row_width(layout.dims()));
            Ok(stored(y, shape))
        })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(scatter_sum(grad, &self.0)?))
    }
}

fn gather_rows<T: crate::real::Real>(x: &[T], rows: &[u32], width: usize) -> Vec<T> {
    let mut y = zeros(rows.len() * width);
    fill_rows(&mut y, width, |position, y| {
        let source = rows[position] as usize * width;
        y.copy_from_slice(&x[source..source + width]);
    });
    y
}
