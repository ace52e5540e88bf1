//! The cosine cutoff, which lets interactions fade out smoothly (TorchMD-NET).

use std::f64::consts::PI;

use candle_core::{Result, Tensor};

/// `phi(r) = (cos(pi r / r_c) + 1) / 2` below `r_c`, zero beyond; with a positive lower bound a bump between both bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CosineCutoff {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl CosineCutoff {
    /// The factors of a cutoff from zero, continued smoothly beyond its upper bound.
    pub(crate) fn continued(self, distance: &Tensor) -> Result<Tensor> {
        (distance * (PI / self.upper))?.cos()?.affine(0.5, 0.5)
    }

    /// Distances in angstrom, any shape, to factors in `0..=1`.
    pub(crate) fn apply(self, distance: &Tensor) -> Result<Tensor> {
        let dtype = distance.dtype();
        let inside = distance.lt(self.upper)?.to_dtype(dtype)?;
        if self.lower > 0.0 {
            let turns = 2.0 * PI / (self.upper - self.lower);
            let phase = distance.affine(turns, PI - turns * self.lower)?;
            let above = distance.gt(self.lower)?.to_dtype(dtype)?;
            phase.cos()?.affine(0.5, 0.5)? * (inside * above)?
        } else {
            let phase = (distance * (PI / self.upper))?;
            phase.cos()?.affine(0.5, 0.5)? * inside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn check(cutoff: CosineCutoff, distance: f64, expected: f64) {
        let r = Tensor::new(&[distance], &Device::Cpu).expect("a vector");
        let phi = cutoff.apply(&r).expect("same shape").to_vec1::<f64>();
        let phi = phi.expect("f64")[0];
        assert!((phi - expected).abs() < 1e-12, "phi({distance}) = {phi}");
    }

    #[test]
    fn values() {
        let plain = CosineCutoff {
            lower: 0.0,
            upper: 5.0,
        };
        check(plain, 0.0, 1.0);
        check(plain, 2.5, 0.5);
        check(plain, 5.0, 0.0);
        check(plain, 7.0, 0.0);
        let bump = CosineCutoff {
            lower: 1.0,
            upper: 5.0,
        };
        check(bump, 0.0, 0.0);
        check(bump, 1.0, 0.0);
        check(bump, 2.0, 0.5);
        check(bump, 3.0, 1.0);
        check(bump, 5.0, 0.0);
    }
}
