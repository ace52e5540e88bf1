//! Conformal intervals around a real model's predictions cover what they promise, on the embedded molecules.

#![allow(clippy::unwrap_used)]

use dd_baselines::{Baseline, Ridge};
use dd_data::{Dataset, embedded};
use dd_eval::conformal::{coverage, residuals, threshold};
use dd_kernels::rng::Key;
use dd_mol::fingerprint::{MorganConfig, morgan};
use ndarray::{Array1, Array2, s};

/// Molecules that the model learns from, and that it is asked about.
const PARTS: (usize, usize) = (200, 700);

#[test]
fn intervals_of_a_fitted_model_cover_what_they_promise() {
    let dataset = embedded::small_organics_smiles(&[embedded::GAP_EV]).unwrap();
    let order = Key::from_seed(3).permutation(dataset.len());
    let count = PARTS.0 + PARTS.1;
    let config = MorganConfig {
        radius: 2,
        bits: 256,
    };
    let mut features = Array2::zeros((count, config.bits));
    let mut labels = Array1::zeros(count);
    for (place, &row) in order[..count].iter().enumerate() {
        let record = dataset.get(row).unwrap();
        let print = morgan(&record.molecule, &config);
        print.write_to(features.row_mut(place).as_slice_mut().unwrap());
        labels[place] = record.targets[0] as f32;
    }
    let (fit, ask) = (s![..PARTS.0], s![PARTS.0..]);
    let ridge = Ridge::default();
    let fitted = ridge.fit(features.slice(s![..PARTS.0, ..]), labels.slice(fit), 0);
    let predictions = fitted
        .unwrap()
        .predict(features.slice(s![PARTS.0.., ..]))
        .unwrap();
    let labels: Vec<f64> = labels.slice(ask).iter().map(|&y| f64::from(y)).collect();

    let divisions = 300;
    for level in [0.8, 0.9, 0.95] {
        let mut sum = 0.0;
        for division in 0..divisions {
            let order = Key::from_seed(division).permutation(labels.len());
            let (calibration, test) = order.split_at(100);
            let part = |rows: &[usize], values: &[f64]| -> Vec<f64> {
                rows.iter().map(|&row| values[row]).collect()
            };
            let known = (part(calibration, &labels), part(calibration, &predictions));
            let half_width = threshold(&residuals(&known.0, &known.1).unwrap(), level).unwrap();
            let asked = (part(test, &labels), part(test, &predictions));
            sum += coverage(&asked.0, &asked.1, half_width).unwrap();
        }
        let mean = sum / divisions as f64;
        assert!((mean - level).abs() < 0.02, "{level}: {mean}");
    }
}
