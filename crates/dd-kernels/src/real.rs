//! The two number types of the CPU kernels and the functions they need in inner loops.
//!
//! The single-precision functions are branch-free, so that a loop over them becomes vector instructions, and accurate to
//! a few units in the last place. The double-precision functions are the standard library's: double precision is for
//! checking. NaN stays NaN in both.

use candle_core::WithDType;
use candle_core::cpu::erf::erf_f64;

/// `f32` or `f64`.
pub(crate) trait Real: WithDType + std::ops::Neg<Output = Self> + std::iter::Sum {
    const ZERO: Self;
    const ONE: Self;
    /// e to the power of `self`; saturates (to about 1e-38 and 1e38 in single precision).
    fn exp(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The normal distribution's cumulative probability and density at `self`.
    fn normal(self) -> (Self, Self);

    /// The numbers as single precision, if they are.
    fn singles(x: &[Self]) -> Option<&[f32]>;
    /// The numbers as single precision, if they are.
    fn singles_mut(x: &mut [Self]) -> Option<&mut [f32]>;

    /// `1 / (1 + exp(-self))`.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }
}

const INV_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn exp(self) -> Self {
        exp_f32(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        f32::mul_add(self, a, b)
    }

    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let z = self.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let bell = exp_f32(-z * z);
        let tail = 0.5 * bell * scaled_erfc_f32(z);
        let cumulative = if self < 0.0 { tail } else { 1.0 - tail };
        (cumulative, bell * INV_SQRT_TAU as f32)
    }

    fn singles(x: &[Self]) -> Option<&[f32]> {
        Some(x)
    }

    fn singles_mut(x: &mut [Self]) -> Option<&mut [f32]> {
        Some(x)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        f64::mul_add(self, a, b)
    }

    #[inline(always)]
    fn normal(self) -> (Self, Self) {
        let cumulative = 0.5 * (1.0 + erf_f64(self * std::f64::consts::FRAC_1_SQRT_2));
        (cumulative, (-0.5 * self * self).exp() * INV_SQRT_TAU)
    }

    fn singles(_: &[Self]) -> Option<&[f32]> {
        None
    }

    fn singles_mut(_: &mut [Self]) -> Option<&mut [f32]> {
        None
    }
}

/// `exp(x) = 2^n exp(r)` with `|r| <= ln(2) / 2`, where the Taylor series of degree 7 is exact to 5e-9.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "`clamp` and `min` lose NaN or branch")]
fn exp_f32(x: f32) -> f32 {
    /// Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.3 { -87.3 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = f32::mul_add(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = f32::mul_add(n, -LN_2_LOW, f32::mul_add(n, -LN_2_HIGH, x));
    let mut series = f32::mul_add(r, 1.0 / 5040.0, 1.0 / 720.0);
    for coefficient in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = f32::mul_add(series, r, coefficient);
    }
    let power_of_two = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    series * power_of_two
}

/// `exp(z^2) erfc(z)` for `z >= 0`: a polynomial in `1 / (1 + 0.55 z)`, fitted by reweighted least squares at Chebyshev
/// points of `0 <= z <= 10` to a relative error of 7e-9 (3e-7 as evaluated in single precision).
#[inline(always)]
fn scaled_erfc_f32(z: f32) -> f32 {
    const COEFFICIENTS: [f32; 9] = [
        -0.336_661,
        0.781_255,
        -0.853_439_75,
        0.363_968_58,
        -0.094_997_86,
        0.202_051_5,
        0.258_819_85,
        0.310_663_55,
        0.310_292_1,
    ];
    let t = 1.0 / f32::mul_add(z, 0.55, 1.0);
    let mut polynomial = 0.058_048_047;
    for coefficient in COEFFICIENTS {
        polynomial = f32::mul_add(polynomial, t, coefficient);
    }
    polynomial * t
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(low: f64, high: f64) -> impl Iterator<Item = f32> {
        (0..=20_000).map(move |i| (low + (high - low) * f64::from(i) / 20_000.0) as f32)
    }

    #[test]
    fn exponential_is_accurate_to_two_units_in_the_last_place() {
        for x in grid(-87.0, 88.0) {
            let exact = f64::from(x).exp();
            let error = (f64::from(exp_f32(x)) - exact).abs() / exact;
            assert!(error < 2.5e-7, "exp({x}): relative error {error:e}");
        }
        assert_eq!(exp_f32(0.0), 1.0);
        assert!(exp_f32(f32::NAN).is_nan());
        assert!(exp_f32(f32::NEG_INFINITY) < 2e-38);
        assert!(exp_f32(f32::INFINITY) > 1e38);
    }

    #[test]
    fn normal_distribution_agrees_with_double_precision() {
        for x in grid(-12.0, 12.0) {
            let (cumulative, density) = Real::normal(x);
            let (exact, exact_density) = Real::normal(f64::from(x));
            assert!(
                (f64::from(cumulative) - exact).abs() < 1.2e-7,
                "cumulative at {x}"
            );
            assert!(
                (f64::from(density) - exact_density).abs() < 1e-7,
                "density at {x}"
            );
        }
        assert!(Real::normal(f32::NAN).0.is_nan());
        assert!(Real::sigmoid(f32::NAN).is_nan());
        assert_eq!(Real::sigmoid(0.0_f32), 0.5);
    }
}
