//! How far the teacher's vectors of an element lie apart, so that rare and quiet elements count in a loss over atoms.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use dd_kernels::RowIndex;

use crate::error::{DistillError, Result};
use crate::loss::check_rows;

/// Atoms of an element that weigh as much as what all elements say of its spread.
const PRIOR_ATOMS: f64 = 100.0;
/// Least variance of an element, as a share of that of all.
const LEAST_SHARE: f64 = 0.01;
/// Rows of the table: one for each atomic number.
const NUM_ELEMENTS: usize = u8::MAX as usize + 1;

/// Standard deviations of the teacher's vectors around their mean, by element and channel.
///
/// Both sides of a loss over atoms are divided by them, `L = mean over atoms and channels of ((f2D(G) - f3D(C)) / sigma)^2`
/// for D&D-Node: then 1 is what knowing the element leaves, for every element and channel alike, and the student still
/// learns to give the teacher's vectors themselves.
///
/// `sigma^2` of an element of `n` atoms is drawn towards the variance within elements of all atoms, as if 100 atoms of that
/// had been seen, and is at least a hundredth of it; an element that was not seen has it.
///
/// # Differences from the original
/// The paper weighs all atoms and channels alike; this is ours.
#[derive(Debug, Clone)]
pub struct ElementSpread {
    /// `1 / sigma`, `[NUM_ELEMENTS, H]`.
    inverse: Tensor,
}

/// Sums over the teacher's vectors from which an [`ElementSpread`] is made.
#[derive(Debug, Clone, Default)]
pub struct SpreadCount {
    elements: BTreeMap<u8, Moments>,
}

#[derive(Debug, Clone, Default)]
struct Moments {
    atoms: f64,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl SpreadCount {
    /// Counts an atom's vector.
    ///
    /// # Panics
    /// When the vector is not as long as the others of its element.
    pub fn add(&mut self, atomic_number: u8, vector: impl ExactSizeIterator<Item = f64>) {
        let moments = self.elements.entry(atomic_number).or_default();
        if moments.atoms == 0.0 {
            moments.sums = vec![0.0; vector.len()];
            moments.squares = vec![0.0; vector.len()];
        }
        assert_eq!(vector.len(), moments.sums.len(), "vectors of one length");
        moments.atoms += 1.0;
        let sums = moments.sums.iter_mut().zip(&mut moments.squares);
        for ((sum, square), x) in sums.zip(vector) {
            *sum += x;
            *square += x * x;
        }
    }

    /// The spread, for vectors of this element type on this device.
    ///
    /// # Errors
    /// When no atom was counted, or vectors of two elements differ in length.
    pub fn spread(&self, dtype: DType, device: &Device) -> Result<ElementSpread> {
        let width = self.elements.values().next().map(|of| of.sums.len());
        let width = width.ok_or(DistillError::Empty)?;
        let mut within = vec![0.0; width];
        let mut atoms = 0.0;
        for moments in self.elements.values() {
            check_length(width, moments.sums.len())?;
            atoms += moments.atoms;
            for (total, deviation) in within.iter_mut().zip(moments.deviations()) {
                *total += deviation;
            }
        }
        let pooled: Vec<f64> = within.iter().map(|total| total / atoms).collect();
        let mut inverse = Vec::with_capacity(NUM_ELEMENTS * width);
        for element in 0..=u8::MAX {
            let row = match self.elements.get(&element) {
                Some(moments) => moments.variances(&pooled),
                None => pooled.clone(),
            };
            // A channel that never moves has nothing to be divided by.
            inverse.extend(
                row.iter()
                    .map(|&v| if v > 0.0 { 1.0 / v.sqrt() } else { 1.0 }),
            );
        }
        let inverse = Tensor::from_vec(inverse, (NUM_ELEMENTS, width), device)?;
        Ok(ElementSpread {
            inverse: inverse.to_dtype(dtype)?,
        })
    }
}

impl Moments {
    /// Sums of squared deviations from the mean, by channel.
    fn deviations(&self) -> impl Iterator<Item = f64> + '_ {
        let sums = self.sums.iter().zip(&self.squares);
        sums.map(|(sum, square)| (square - sum * sum / self.atoms).max(0.0))
    }

    fn variances(&self, pooled: &[f64]) -> Vec<f64> {
        let towards = |(deviation, pooled): (f64, &f64)| {
            let variance = (deviation + PRIOR_ATOMS * pooled) / (self.atoms + PRIOR_ATOMS);
            variance.max(LEAST_SHARE * pooled)
        };
        self.deviations().zip(pooled).map(towards).collect()
    }
}

impl ElementSpread {
    /// `nodes / sigma`, row by row; `atomic_numbers` are those of the rows. Gradients flow to `nodes`.
    ///
    /// # Errors
    /// When there are not as many numbers as rows, or the width is another.
    pub fn divide(&self, nodes: &Tensor, atomic_numbers: &[u8]) -> Result<Tensor> {
        check_rows("nodes", nodes, atomic_numbers.len())?;
        check_length(self.inverse.dim(1)?, nodes.dim(1)?)?;
        let rows = atomic_numbers.iter().map(|&number| u32::from(number));
        let rows = RowIndex::new(rows.collect(), NUM_ELEMENTS, nodes.device())?;
        let inverse = self.inverse.index_select(rows.rows_tensor(), 0)?; // [N, H]
        Ok((nodes * inverse)?)
    }
}

fn check_length(expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(DistillError::Width {
        student: got,
        teacher: expected,
    })
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    /// Carbon varies by 1 in both channels, chlorine by 0.2 in the first and not at all in the second.
    fn counted(atoms: usize) -> SpreadCount {
        let mut count = SpreadCount::default();
        for i in 0..atoms {
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            count.add(6, [5.0 + sign, sign].into_iter());
            count.add(17, [3.0 + 0.2 * sign, 7.0].into_iter());
        }
        count
    }

    #[test]
    fn every_element_is_measured_by_itself() {
        let spread = counted(100_000).spread(DType::F64, &Device::Cpu).unwrap();
        let ones = Tensor::ones((3, 2), DType::F64, &Device::Cpu).unwrap();
        let divided = spread.divide(&ones, &[6, 17, 53]).unwrap();
        let divided = divided.to_vec2::<f64>().unwrap();
        let near = |got: f64, expected: f64| (got / expected - 1.0).abs() < 0.01;
        assert!(
            near(divided[0][0], 1.0) && near(divided[0][1], 1.0),
            "{divided:?}"
        );
        // The second channel of chlorine is at the least share of the pooled variance, 1/2.
        assert!(
            near(divided[1][0], 5.0) && near(divided[1][1], 200.0_f64.sqrt()),
            "{divided:?}"
        );
        // Iodine was not seen.
        assert!(near(divided[2][1], 2.0_f64.sqrt()), "{divided:?}");
    }

    #[test]
    fn a_rare_element_counts_like_all() {
        let mut count = counted(10_000);
        count.add(35, [1.0, 1.0].into_iter());
        let spread = count.spread(DType::F64, &Device::Cpu).unwrap();
        let ones = Tensor::ones((2, 2), DType::F64, &Device::Cpu).unwrap();
        let divided = spread
            .divide(&ones, &[35, 9])
            .unwrap()
            .to_vec2::<f64>()
            .unwrap();
        assert!(
            (divided[0][1] / divided[1][1] - 1.0).abs() < 0.01,
            "{divided:?}"
        );
    }

    #[test]
    fn the_gradient_is_divided_too() {
        let spread = counted(1000).spread(DType::F64, &Device::Cpu).unwrap();
        let nodes = Var::ones((1, 2), DType::F64, &Device::Cpu).unwrap();
        let divided = spread.divide(&nodes, &[17]).unwrap();
        let gradients = divided.sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&nodes).unwrap().to_vec2::<f64>().unwrap();
        assert_eq!(gradient, divided.to_vec2::<f64>().unwrap());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(
            SpreadCount::default()
                .spread(DType::F64, &Device::Cpu)
                .is_err()
        );
        let spread = counted(2).spread(DType::F64, &Device::Cpu).unwrap();
        let nodes = Tensor::ones((1, 2), DType::F64, &Device::Cpu).unwrap();
        assert!(spread.divide(&nodes, &[6, 6]).is_err());
        let wide = Tensor::ones((1, 3), DType::F64, &Device::Cpu).unwrap();
        assert!(spread.divide(&wide, &[6]).is_err());
    }
}
