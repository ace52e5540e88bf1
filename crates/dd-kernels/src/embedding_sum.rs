//! Sums of embeddings of several categorical features.

use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use crate::cpu::block::{fill_rows, zeros};
use crate::cpu::reduce::add_row;
use crate::cpu::slice::{for_real, has_kernel, numbers, stored};
use crate::error::{KernelError, Result};
use crate::scatter_sum::sum_rows;
use crate::{RowIndex, check, cuda, reference};

/// Sum of `columns` consecutive rows of a table: `y_r = sum over c of table_{index(r * columns + c)}`.
///
/// The atom and bond encoders of OGB and TokenGT: each of 9 atom (3 bond) features names one row. Nothing of size
/// `[R, columns, H]` is stored.
///
/// # Shapes
/// `table: [S, H]` and an index of length `R * columns` into `S` rows give `[R, H]`.
///
/// # Errors
/// When the table has another number of rows than the index was built for, or the index's length is not a multiple of
/// `columns`.
///
/// # Complexity
/// `R * columns` row additions, forward and backward; each row is summed by one thread in ascending order:
/// deterministic.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::{RowIndex, embedding_sum};
/// let table = Tensor::new(&[[1.0_f32], [10.0], [100.0]], &Device::Cpu)?;
/// let features = RowIndex::new(vec![0, 2, 1, 1], 3, &Device::Cpu)?; // two nodes, two features each
/// assert_eq!(embedding_sum(&table, &features, 2)?.to_vec2::<f32>()?, [[101.0], [20.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn embedding_sum(table: &Tensor, index: &RowIndex, columns: usize) -> Result<Tensor> {
    check::rows("embedding_sum: table", table, index.num_sources())?;
    if table.rank() != 2 || columns == 0 || !index.len().is_multiple_of(columns) {
        return Err(KernelError::Shape {
            name: "embedding_sum",
            expected: format!(
                "a table of two dimensions and a multiple of {columns} indices ({})",
                index.len()
            ),
            got: table.dims().to_vec(),
        });
    }
    if cuda::takes(table) {
        return cuda::rows::gather_sum(table, index, columns);
    }
    if !has_kernel(table) {
        return reference::embedding_sum(table, index, columns);
    }
    Ok(table.contiguous()?.apply_op1(EmbeddingSum {
        index: index.clone(),
        columns,
    })?)
}

struct EmbeddingSum {
    index: RowIndex,
    columns: usize,
}

impl CustomOp1 for EmbeddingSum {
    fn name(&self) -> &'static str {
        "embedding_sum"
    }

    fn cpu_fwd(
        &self,
        table: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (width, rows) = (layout.dims()[1], self.index.len() / self.columns);
        for_real!("embedding_sum", table, T => {
            let table = numbers::<T>("embedding_sum: table", table, layout)?;
            let mut y = zeros(rows * width);
            fill_rows(&mut y, width, |row, y| {
                for &source in &self.index.rows()[row * self.columns..(row + 1) * self.columns] {
                    let source = source as usize * width;
                    add_row(y, &table[source..source + width]);
                }
            });
            Ok(stored(y, (rows, width)))
        })
    }

    fn bwd(
        &self,
        _table: &Tensor,
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let backward = TableGradient {
            index: self.index.clone(),
            columns: self.columns,
        };
        Ok(Some(grad.contiguous()?.apply_op1(backward)?))
    }
}

struct TableGradient {
    index: RowIndex,
    columns: usize,
}

impl CustomOp1 for TableGradient {
    fn name(&self) -> &'static str {
        "embedding_sum backward"
    }

    fn cpu_fwd(
        &self,
        grad: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let width = layout.dims()[1];
        for_real!("embedding_sum", grad, T => {
            let grad = numbers::<T>("embedding_sum: gradient", grad, layout)?;
            let table = sum_rows(grad, &self.index, width, self.columns);
            Ok(stored(table, (self.index.num_sources(), width)))
        })
    }
}
