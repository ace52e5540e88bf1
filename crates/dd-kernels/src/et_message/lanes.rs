//! Eight channels at a time, in registers.

use std::ops::{Add, Mul};

use crate::real::Real;

/// Channels handled together.
pub(super) const WIDTH: usize = 8;

/// Up to eight consecutive channels; what lies beyond the slice they were loaded from is zero.
#[derive(Clone, Copy)]
pub(super) struct Lanes<T>([T; WIDTH]);

impl<T: Real> Lanes<T> {
    #[inline(always)]
    pub(super) fn splat(x: T) -> Self {
        Self([x; WIDTH])
    }

    #[inline(always)]
    pub(super) fn load(x: &[T]) -> Self {
        if let Some(x) = x.first_chunk::<WIDTH>() {
            return Self(*x);
        }
        let mut lanes = [T::ZERO; WIDTH];
        lanes[..x.len()].copy_from_slice(x);
        Self(lanes)
    }

    #[inline(always)]
    pub(super) fn store(self, out: &mut [T]) {
        if let Some(out) = out.first_chunk_mut::<WIDTH>() {
            *out = self.0;
        } else {
            let len = out.len();
            out.copy_from_slice(&self.0[..len]);
        }
    }

    /// `out += self`.
    #[inline(always)]
    pub(super) fn add_to(self, out: &mut [T]) {
        (Self::load(out) + self).store(out);
    }

    /// `self * a + b`, rounded once.
    #[inline(always)]
    pub(super) fn mul_add(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].mul_add(a.0[i], b.0[i])))
    }

    /// Sum of the lanes.
    #[inline(always)]
    pub(super) fn sum(self) -> T {
        let [a, b, c, d, e, f, g, h] = self.0;
        ((a + e) + (c + g)) + ((b + f) + (d + h))
    }
}

impl<T: Real> Add for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl<T: Real> Mul for Lanes<T> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
    }
}
