//! Sums of rows that are indexed to the same row.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use crate::cpu::block::{fill_rows, zeros};
use crate::cpu::reduce::add_row;
use crate::cpu::slice::{for_real, has_kernel, numbers, row_width, stored};
use crate::error::Result;
use crate::real::Real;
use crate::{RowIndex, check, cuda, gather, reference};

/// Sums rows into the rows they are indexed to: `y_s = sum over p with index(p) = s of x_p`.
///
/// Brings messages from edges to their target nodes. A row that nothing is indexed to gives zeros. The gradient is
/// [`gather`](crate::gather).
///
/// # Shapes
/// `x: [R, ...]` and an index of length `R` into `S` rows give `[S, ...]`.
///
/// # Errors
/// When `x` has not one row per entry of the index.
///
/// # Complexity
/// One pass over `R` rows. Each output row is summed by one thread, in ascending order of `p`: deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{RowIndex, scatter_sum};
/// let x = Tensor::new(&[[1.0_f32], [2.0], [4.0]], &Device::Cpu)?;
/// let index = RowIndex::new(vec![2, 0, 2], 3, &Device::Cpu)?;
/// assert_eq!(scatter_sum(&x, &index)?.to_vec2::<f32>()?, [[2.0], [0.0], [5.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scatter_sum(x: &Tensor, index: &RowIndex) -> Result<Tensor> {
    check::rows("scatter_sum: x", x, index.len())?;
    if cuda::takes(x) {
        return cuda::rows::scatter_sum(x, index);
    }
    if !has_kernel(x) {
        return reference::scatter_sum(x, index);
    }
    Ok(x.contiguous()?.apply_op1(ScatterSum(index.clone()))?)
}

struct ScatterSum(RowIndex);

impl CustomOp1 for ScatterSum {
    fn name(&self) -> &'static str {
        "scatter_sum"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = check::with_rows(layout.dims(), self.0.num_sources());
        for_real!("scatter_sum", x, T => {
            let width = row_width(layout.dims());
            Ok(stored(sum_rows::<T>(numbers("scatter_sum: x", x, layout)?, &self.0, width, 1), shape))
        })
    }

    fn bwd(&self, _x: &Tensor, _y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(gather(grad, &self.0)?))
    }
}

/// Sums, for every row of the index's table, the rows `p / columns` of `x` over the positions `p` that name it.
pub(crate) fn sum_rows<T: Real>(x: &[T], index: &RowIndex, width: usize, columns: usize) -> Vec<T> {
    let mut y = zeros(index.num_sources() * width);
    fill_rows(&mut y, width, |row, y| {
        for &position in index.positions_of(row) {
            let source = position as usize / columns * width;
            add_row(y, &x[source..source + width]);
        }
    });
    y
}
