//! Whether the inputs of messages fit each other.

use candle_core::Tensor;

use super::plan::Sizes;
use super::{EtEdges, EtMessageInputs, FilterGrid, RadialFilter, table};
use crate::error::{KernelError, Result};
use crate::{RowIndex, check};

impl EtMessageInputs<'_> {
    pub(super) fn check(&self) -> Result<()> {
        let [n, f] = *self.queries.dims() else {
            return Err(shape_error("et_message: queries", "[N, F]", self.queries));
        };
        check::shape("et_message: keys", self.keys, &[n, f])?;
        check::shape("et_message: values", self.values, &[n, 3 * f])?;
        check::shape("et_message: vectors", self.vectors, &[n, 3, f])?;
        self.edges.check(n, f)?;
        Ok(())
    }
}

impl EtEdges<'_> {
    /// For `n` atoms of `f` features.
    pub(super) fn check(&self, n: usize, f: usize) -> Result<Sizes> {
        let h = self.num_heads;
        if h == 0 || f == 0 || !f.is_multiple_of(h) {
            return Err(KernelError::Shape {
                name: "et_message: features",
                expected: format!("a multiple of {h} heads"),
                got: vec![f],
            });
        }
        let e = self.sources.len();
        let p = self.pairs.map_or(e, RowIndex::num_sources);
        let k = match *self.basis.dims() {
            [rows, k] if rows == p && k > 0 => k,
            _ => {
                let expected = format!("[{p}, K]");
                return Err(shape_error("et_message: basis", &expected, self.basis));
            }
        };
        if let Some(FilterGrid { basis, coordinates }) = self.grid {
            let points = basis.dims().first().map_or(0, |&g| g.max(table::POINTS));
            check::shape("et_message: grid", basis, &[points, k])?;
            check::shape("et_message: coordinates", coordinates, &[p])?;
        }
        check::shape("et_message: cutoffs", self.cutoffs, &[p])?;
        check::shape("et_message: directions", self.directions, &[e, 3])?;
        let filters = [
            ("et_message: key filter", self.key_filter, f),
            ("et_message: value filter", self.value_filter, 3 * f),
        ];
        for (name, filter, rows) in filters {
            if let Some(RadialFilter { weight, bias }) = filter {
                check::shape(name, weight, &[rows, k])?;
                check::shape(name, bias, &[rows])?;
            }
        }
        if self.sources.num_sources() != n
            || self.by_target.len() != n
            || self.by_target.num_rows() != e
            || self.pairs.is_some_and(|pairs| pairs.len() != e)
        {
            return Err(KernelError::Shape {
                name: "et_message: edges",
                expected: format!("sources among {n} atoms and {n} segments of {e} edges"),
                got: vec![
                    self.sources.num_sources(),
                    self.by_target.len(),
                    self.by_target.num_rows(),
                ],
            });
        }
        Ok(Sizes {
            num_atoms: n,
            num_heads: h,
            channels: f / h,
            basis_size: k,
            has_key_filter: self.key_filter.is_some(),
            has_value_filter: self.value_filter.is_some(),
        })
    }
}

fn shape_error(name: &'static str, expected: &str, x: &Tensor) -> KernelError {
    KernelError::Shape {
        name,
        expected: expected.to_string(),
        got: x.dims().to_vec(),
    }
}
