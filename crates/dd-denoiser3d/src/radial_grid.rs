//! A grid of distances between which the radial basis can be interpolated.
//!
//! The filters of a layer are functions of the distance alone. In single precision they are computed at the points of the
//! grid and interpolated, which costs a fifth as much as computing them for every pair.

use candle_core::{Result, Tensor};

/// Number of grid points. With it, interpolation by polynomials of degree five is off by at most 4e-8 in the published
/// basis (64 functions, 5 angstrom; tested below), less than single precision rounds.
const POINTS: usize = 640;
/// Points below distance zero, and beyond the upper cutoff one more, that the polynomials of the outermost intervals need.
const MARGIN: f64 = 2.0;
/// The spacing grows as `r + SOFTENING` (angstrom): the basis functions are narrow near zero.
const SOFTENING: f64 = 0.5;

/// Grid coordinates from 2 (distance 0) to `POINTS - 4` (the upper cutoff), equally spaced in `ln(1 + r / SOFTENING)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RadialGrid {
    /// Upper cutoff in angstrom.
    pub(crate) upper: f64,
}

impl RadialGrid {
    /// Grid points per unit of `ln(1 + r / SOFTENING)`.
    fn scale(self) -> f64 {
        (POINTS as f64 - 6.0) / (1.0 + self.upper / SOFTENING).ln()
    }

    /// Distances of the grid points in angstrom; the first two are below zero.
    pub(crate) fn radii(self) -> impl ExactSizeIterator<Item = f64> {
        let scale = self.scale();
        (0..POINTS).map(move |point| SOFTENING * ((point as f64 - MARGIN) / scale).exp_m1())
    }

    /// Coordinates of distances `[P]` in angstrom.
    pub(crate) fn coordinates(self, distances: &Tensor) -> Result<Tensor> {
        let stretched = distances.affine(1.0 / SOFTENING, 1.0)?.log()?;
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

    #[test]
    fn interpolation_is_off_by_less_than_single_precision_rounds() {
        let store = ParamStore::new(0, DType::F64, &Device::Cpu);
        let basis = RadialBasis::new(&EtConfig::pcqm4mv2(), &store.root()).expect("a basis");
        let (grid, at_points) = basis.on_grid().expect("numbers").expect("a grid");
        let at_points = at_points
            .t()
            .and_then(|x| x.to_vec2::<f64>())
            .expect("rows");
        let radii: Vec<f64> = (0..5000).map(|i| f64::from(i) * 0.001).collect();
        let radii = Tensor::new(radii, &Device::Cpu).expect("numbers");
        let exact = basis.forward(&radii).and_then(|x| x.t()?.to_vec2::<f64>());
        let places = grid.coordinates(&radii).and_then(|x| x.to_vec1::<f64>());
        let (exact, places) = (exact.expect("rows"), places.expect("numbers"));
        let mut worst = 0.0_f64;
        for (values, exact) in at_points.iter().zip(&exact) {
            for (place, exact) in places.iter().zip(exact) {
                let first = *place as usize - 2;
                let got = interpolate(&values[first..first + 6], place.fract());
                worst = worst.max((got - exact).abs());
            }
        }
        assert!(worst < 4e-8, "off by {worst:e}");
    }
}
