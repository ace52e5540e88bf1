//! A grid of distances between which the radial basis can be interpolated.
//!
//! The filters of a layer are functions of the distance alone. A frozen network in single precision
//! computes them at the points of the grid and interpolates, which costs a fifth as much as computing them for every pair.

use candle_core::{Result, Tensor};

/// Grid points for each function of the basis. With them, interpolation by polynomials of degree five is off by at most
/// 4e-8 (tested below), less than single precision rounds.
const POINTS_PER_FUNCTION: usize = 12;
/// Grid points besides.
const MORE_POINTS: usize = 32;
/// Points below distance zero, and beyond the upper cutoff one more, that the polynomials of the outermost intervals need.
const MARGIN: f64 = 2.0;
/// The spacing grows as `r + SOFTENING upper`: the basis functions are narrow near zero.
const SOFTENING: f64 = 0.1;

/// Grid coordinates from 2 (distance 0) to `points - 4` (the upper cutoff), equally spaced in
/// `ln(1 + r / (SOFTENING upper))`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RadialGrid {
    upper: f64,
    points: usize,
}

impl RadialGrid {
    /// A grid up to a cutoff in angstrom for a basis of `functions` functions.
    pub(crate) fn new(upper: f64, functions: usize) -> Self {
        Self {
            upper,
            points: POINTS_PER_FUNCTION * functions + MORE_POINTS,
        }
    }

    /// Grid points per unit of the logarithm.
    fn scale(self) -> f64 {
        (self.points as f64 - 6.0) / (1.0 + 1.0 / SOFTENING).ln()
    }

    /// Distances of the grid points in angstrom; the first two are below zero.
    pub(crate) fn radii(self) -> impl ExactSizeIterator<Item = f64> {
        let (scale, unit) = (self.scale(), SOFTENING * self.upper);
        (0..self.points).map(move |point| unit * ((point as f64 - MARGIN) / scale).exp_m1())
    }

    /// Coordinates of distances `[P]` in angstrom. Beyond the upper cutoff the basis is zero, as at the cutoff itself.
    pub(crate) fn coordinates(self, distances: &Tensor) -> Result<Tensor> {
        let stretched = distances
            .minimum(self.upper)?
            .affine(1.0 / (SOFTENING * self.upper), 1.0)?
            .log()?;
        stretched.affine(self.scale(), MARGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use dd_nn::ParamStore;

    use crate::EtConfig;
    use crate::radial::RadialBasis;

    /// Lagrange's polynomial through the points -2 to 3.
    fn interpolate(values: &[f64], t: f64) -> f64 {
        let node = |i: usize| i as f64 - 2.0;
        let term = |i: usize| {
            let others = (0..6).filter(|&j| j != i);
            let weight: f64 = others
                .map(|j| (t - node(j)) / (node(i) - node(j)))
                .product();
            weight * values[i]
        };
        (0..6).map(term).sum()
    }

    /// Largest error over all functions and 5,000 distances below the cutoff.
    fn worst(config: &EtConfig) -> f64 {
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let basis = RadialBasis::new(config, &store.root()).expect("a basis");
        let (grid, at_points) = basis.on_grid().expect("numbers").expect("a grid");
        let columns = |x: Tensor| x.t().and_then(|x| x.to_vec2::<f64>()).expect("rows");
        let radii: Vec<f64> = (0..5000)
            .map(|i| f64::from(i) * config.cutoff_upper / 5000.0)
            .collect();
        let radii = Tensor::new(radii, &Device::Cpu).expect("numbers");
        let exact = columns(basis.forward(&radii).expect("features"));
        let places = grid.coordinates(&radii).and_then(|x| x.to_vec1::<f64>());
        let places = places.expect("numbers");
        let mut worst = 0.0_f64;
        for (values, exact) in columns(at_points).iter().zip(&exact) {
            for (place, exact) in places.iter().zip(exact) {
                let first = *place as usize - 2;
                let got = interpolate(&values[first..first + 6], place.fract());
                assert!(got.is_finite(), "at {place}");
                worst = worst.max((got - exact).abs());
            }
        }
        worst
    }

    #[test]
    fn interpolation_is_off_by_less_than_single_precision_rounds() {
        for (num_rbf, cutoff_upper) in [(64, 5.0), (32, 5.0), (128, 5.0), (50, 10.0), (8, 3.0)] {
            let worst = worst(&EtConfig {
                num_rbf,
                cutoff_upper,
                ..EtConfig::pcqm4mv2()
            });
            assert!(
                worst < 4e-8,
                "{num_rbf} functions to {cutoff_upper}: off by {worst:e}"
            );
        }
    }
}
