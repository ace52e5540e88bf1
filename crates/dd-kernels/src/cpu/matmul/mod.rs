//! Single-threaded matrix products on parts of slices, through the `gemm` crate.

pub(crate) mod bf16;

use crate::MatmulPrecision;
use crate::real::Real;
use bf16::RightFactor;

/// A matrix inside a slice: element `(i, j)` stands at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> View<'a, T> {
    /// Rows of consecutive elements, `row_stride` apart.
    pub(crate) fn rows(data: &'a [T], row_stride: usize) -> Self {
        Self {
            data,
            row_stride,
            column_stride: 1,
        }
    }

    /// The transpose.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// The leading `len` entries of a row of consecutive elements.
    pub(crate) fn row(self, row: usize, len: usize) -> &'a [T] {
        assert_eq!(self.column_stride, 1, "rows are in one piece");
        &self.data[row * self.row_stride..][..len]
    }

    /// Without the columns before `first`.
    pub(crate) fn skip_columns(self, first: usize) -> Self {
        Self {
            data: &self.data[first * self.column_stride..],
            ..self
        }
    }

    /// Without the rows before `first`.
    fn skip_rows(self, first: usize) -> Self {
        self.t().skip_columns(first).t()
    }

    fn singles(self) -> Option<View<'a, f32>>
    where
        T: Real,
    {
        Some(View {
            data: T::singles(self.data)?,
            row_stride: self.row_stride,
            column_stride: self.column_stride,
        })
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row_stride + (columns - 1) * self.column_stride < self.data.len()
    }
}

/// `out = a b` (`add`: `out += a b`) for `a: [m, k]`, `b: [k, n]` and `out: [m, n]` with consecutive rows.
///
/// Runs on the calling thread; the order of additions depends on the shape only.
pub(crate) fn matmul<T: Real>(
    out: &mut [T],
    [m, k, n]: [usize; 3],
    a: View<'_, T>,
    b: View<'_, T>,
    add: bool,
) {
    matmul_into(out, n, [m, k, n], a, b, add);
}

/// As [`matmul`], into rows that stand `stride` apart.
pub(crate) fn matmul_into<T: Real>(
    out: &mut [T],
    stride: usize,
    [m, k, n]: [usize; 3],
    a: View<'_, T>,
    b: View<'_, T>,
    add: bool,
) {
    assert!(
        View::rows(out, stride).holds(m, n) && stride >= n && a.holds(m, k) && b.holds(k, n),
        "a matrix ends beyond its slice"
    );
    let beta = T::ONE;
    let alpha = if add { T::ONE } else { T::ZERO };
    // SAFETY: the assertion above shows that every element of the three views, as described by dimensions and strides,
    // lies in its slice; `out` is borrowed exclusively, so it overlaps neither `a` nor `b`.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride as isize,
            add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            alpha,
            beta,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The right factor `b: [k, n]` of products that may be in bf16.
pub(crate) enum RightMatrix<'a, T> {
    /// As it stands, with its sizes.
    Full(View<'a, T>, [usize; 2]),
    /// Laid out for products in bf16.
    Bf16(RightFactor),
}

impl<'a, T: Real> RightMatrix<'a, T> {
    /// Lays out the factor, in parallel, if products are to be in bf16: not to be called while other threads wait for it.
    ///
    /// Double precision stays what it is.
    pub(crate) fn new(b: View<'a, T>, sizes: [usize; 2], precision: MatmulPrecision) -> Self {
        match (precision, b.singles()) {
            (MatmulPrecision::Bf16, Some(b)) => Self::Bf16(RightFactor::new(b, sizes)),
            _ => Self::Full(b, sizes),
        }
    }

    /// `out = a b` (`add`: `out += a b`) for `a: [m, k]`, into rows that stand `stride` apart, on the calling thread.
    pub(crate) fn multiplied(
        &self,
        out: &mut [T],
        stride: usize,
        m: usize,
        a: View<'_, T>,
        add: bool,
    ) {
        match self {
            Self::Full(b, [k, n]) => matmul_into(out, stride, [m, *k, *n], a, *b, add),
            Self::Bf16(b) => {
                let singles = T::singles_mut(out).zip(a.singles());
                let (out, a) = singles.expect("bf16 factors are made from single precision");
                bf16::matmul_into(out, stride, m, a, b, add);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_and_transposes() {
        let a = [1.0, 2.0, 9.0, 3.0, 4.0, 9.0]; // [[1, 2], [3, 4]] in rows of three
        let b = [5.0, 7.0, 6.0, 8.0]; // the transpose of [[5, 6], [7, 8]]
        let mut out = [f64::NAN; 4];
        matmul(
            &mut out,
            [2, 2, 2],
            View::rows(&a, 3),
            View::rows(&b, 2).t(),
            false,
        );
        assert_eq!(out, [19.0, 22.0, 43.0, 50.0]);
        matmul(
            &mut out,
            [2, 2, 2],
            View::rows(&a, 3).t(),
            View::rows(&b, 2),
            true,
        );
        assert_eq!(out, [19.0 + 23.0, 22.0 + 31.0, 43.0 + 34.0, 50.0 + 46.0]);
    }

    #[test]
    #[should_panic(expected = "beyond its slice")]
    fn short_slices_are_refused() {
        let a = [0.0_f32; 4];
        matmul(
            &mut [0.0; 6],
            [2, 2, 3],
            View::rows(&a, 2),
            View::rows(&a, 3),
            false,
        );
    }
}
