//! Four numbers in registers: the recurrence of the QL method is written once, for plain numbers and for vector registers.
//!
//! The compiler makes good vector instructions of [`Lanes::of`] where rows are read and written, but not where numbers come
//! one by one from a recurrence and neighbours change places.

use std::ops::{Add, Div, Mul, Sub};

use super::lanes::{LANES, Lanes};

/// Every operation is rounded as that on single numbers is.
pub(super) trait Quad:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + From<Lanes>
    + Into<Lanes>
{
    /// Four numbers that were computed one by one.
    fn of(numbers: [f64; LANES]) -> Self;

    /// The smaller numbers. Neither side holds NaN.
    fn min(self, other: Self) -> Self;

    /// Square roots.
    fn sqrt(self) -> Self;

    /// Magnitudes of these numbers, signs of the others.
    fn copysign(self, signs: Self) -> Self;

    /// The numbers but the first, and the first of `next`.
    fn followed_by(self, next: Self) -> Self;

    #[inline(always)]
    fn splat(x: f64) -> Self {
        Self::from(Lanes([x; LANES]))
    }

    /// `row[i..i + 4]`.
    #[inline(always)]
    fn load(row: &[f64], i: usize) -> Self {
        Self::from(Lanes(
            row[i..i + LANES].try_into().expect("as many as lanes"),
        ))
    }

    /// Writes `row[i..i + 4]`.
    #[inline(always)]
    fn store(self, row: &mut [f64], i: usize) {
        let numbers: Lanes = self.into();
        row[i..i + LANES].copy_from_slice(&numbers.0);
    }

    /// The first number.
    #[inline(always)]
    fn first(self) -> f64 {
        self.into().0[0]
    }
}

macro_rules! lane_by_lane {
    ($($name:ident $operation:ident $sign:tt),*) => {$(
        impl $name for Lanes {
            type Output = Self;

            #[inline(always)]
            fn $operation(self, other: Self) -> Self {
                Self::of(|l| self.0[l] $sign other.0[l])
            }
        }
    )*};
}

lane_by_lane!(Add add +, Sub sub -, Mul mul *, Div div /);

impl Quad for Lanes {
    #[inline(always)]
    fn of(numbers: [f64; LANES]) -> Self {
        Self(numbers)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self::of(|l| {
            if self.0[l] < other.0[l] {
                self.0[l]
            } else {
                other.0[l]
            }
        })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self::of(|l| self.0[l].sqrt())
    }

    #[inline(always)]
    fn copysign(self, signs: Self) -> Self {
        Self::of(|l| self.0[l].copysign(signs.0[l]))
    }

    #[inline(always)]
    fn followed_by(self, next: Self) -> Self {
        Self([self.0[1], self.0[2], self.0[3], next.0[0]])
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use avx::Avx;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m256d, _mm256_add_pd, _mm256_and_pd, _mm256_andnot_pd, _mm256_blend_pd, _mm256_div_pd,
        _mm256_loadu_pd, _mm256_min_pd, _mm256_mul_pd, _mm256_or_pd, _mm256_permute4x64_pd,
        _mm256_set_pd, _mm256_set1_pd, _mm256_sqrt_pd, _mm256_storeu_pd, _mm256_sub_pd,
    };
    use std::ops::{Add, Div, Mul, Sub};

    use super::{LANES, Lanes, Quad};

    /// A register of AVX. Only functions that are compiled for AVX2, and called where it is, use this type.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx(__m256d);

    macro_rules! with_instruction {
        ($($name:ident $operation:ident $instruction:ident),*) => {$(
            impl $name for Avx {
                type Output = Self;

                #[inline(always)]
                fn $operation(self, other: Self) -> Self {
                    // SAFETY: the type is used where AVX is.
                    Self(unsafe { $instruction(self.0, other.0) })
                }
            }
        )*};
    }

    with_instruction!(Add add _mm256_add_pd, Sub sub _mm256_sub_pd, Mul mul _mm256_mul_pd, Div div _mm256_div_pd);

    impl From<Lanes> for Avx {
        #[inline(always)]
        fn from(numbers: Lanes) -> Self {
            // SAFETY: as above; four numbers are read.
            Self(unsafe { _mm256_loadu_pd(numbers.0.as_ptr()) })
        }
    }

    impl From<Avx> for Lanes {
        #[inline(always)]
        fn from(numbers: Avx) -> Self {
            let mut lanes = Self::ZERO;
            // SAFETY: as above; four numbers are written.
            unsafe { _mm256_storeu_pd(lanes.0.as_mut_ptr(), numbers.0) };
            lanes
        }
    }

    impl Quad for Avx {
        #[inline(always)]
        fn of(numbers: [f64; LANES]) -> Self {
            let [a, b, c, d] = numbers;
            // SAFETY: as above.
            Self(unsafe { _mm256_set_pd(apart(d), apart(c), apart(b), apart(a)) })
        }

        #[inline(always)]
        fn min(self, other: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_min_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn sqrt(self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm256_sqrt_pd(self.0) })
        }

        #[inline(always)]
        fn copysign(self, signs: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe {
                let sign = _mm256_set1_pd(-0.0);
                _mm256_or_pd(_mm256_andnot_pd(sign, self.0), _mm256_and_pd(sign, signs.0))
            })
        }

        #[inline(always)]
        fn followed_by(self, next: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe {
                let mixed = _mm256_blend_pd::<0b0001>(self.0, next.0);
                _mm256_permute4x64_pd::<0b00_11_10_01>(mixed)
            })
        }
    }

    /// Hides from the compiler where the number comes from: it would go on with the recurrence from the finished vector, and
    /// the next row would have to wait for that.
    #[inline(always)]
    fn apart(mut x: f64) -> f64 {
        // SAFETY: no instruction.
        unsafe {
            asm!("/* {0} */", inout(xmm_reg) x, options(pure, nomem, nostack, preserves_flags));
        };
        x
    }
}
