//! What holds for every baseline on every table.

use dd_baselines::{Baseline, BaselineError, Forest, Logistic, Ridge, Scaling, fit_columns};
use ndarray::{Array1, Array2, Axis, s, stack};
use proptest::prelude::*;

fn baselines() -> Vec<Box<dyn Baseline>> {
    let forest = Forest {
        trees: 8,
        ..Forest::default()
    };
    let standard = Ridge {
        scaling: Scaling::Standard,
        ..Ridge::default()
    };
    vec![
        Box::new(forest),
        Box::new(Ridge::default()),
        Box::new(standard),
        Box::new(Logistic::default()),
    ]
}

/// Rows of bits and numbers, and labels of both classes, some missing.
fn tables() -> impl Strategy<Value = (Array2<f32>, Array1<f32>)> {
    (6_usize..30, 1_usize..12).prop_flat_map(|(rows, width)| {
        let features = proptest::collection::vec(-3_i8..4, rows * width);
        let labels = proptest::collection::vec(0_u8..3, rows);
        (features, labels).prop_map(move |(features, labels)| {
            let cell = |(row, column): (usize, usize)| {
                let value = f32::from(features[row * width + column]);
                // Every other column is a bit.
                if column % 2 == 0 {
                    f32::from(u8::from(value > 0.0))
                } else {
                    value / 2.0
                }
            };
            let features = Array2::from_shape_fn((rows, width), cell);
            let label = |label: u8| {
                if label == 2 {
                    f32::NAN
                } else {
                    f32::from(label)
                }
            };
            let mut labels: Array1<f32> = labels.into_iter().map(label).collect();
            labels[0] = 0.0;
            labels[1] = 1.0;
            (features, labels)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_without_labels_change_nothing((features, labels) in tables(), seed: u64) {
        let present: Vec<usize> = (0..labels.len()).filter(|row| !labels[*row].is_nan()).collect();
        let kept = (features.select(Axis(0), &present), labels.select(Axis(0), &present));
        for baseline in baselines() {
            let all = baseline.fit(features.view(), labels.view(), seed)?;
            let some = baseline.fit(kept.0.view(), kept.1.view(), seed)?;
            prop_assert_eq!(all.predict(features.view())?, some.predict(features.view())?);
        }
    }

    #[test]
    fn predictions_are_finite_and_belong_to_their_row((features, labels) in tables(), seed: u64) {
        for baseline in baselines() {
            let fitted = baseline.fit(features.view(), labels.view(), seed)?;
            let together = fitted.predict(features.view())?;
            prop_assert!(together.iter().all(|p| p.is_finite()));
            if baseline.name() != "ridge" {
                prop_assert!(together.iter().all(|p| (0.0..=1.0).contains(p)));
            }
            for (row, expected) in together.iter().enumerate() {
                let alone = fitted.predict(features.slice(s![row..=row, ..]))?;
                prop_assert_eq!(alone, vec![*expected]);
            }
        }
    }

    #[test]
    fn units_do_not_matter_to_forests((features, labels) in tables(), seed: u64) {
        // Exact in single precision, as are the midpoints.
        let moved = features.mapv(|x| 8.0 * x + 64.0);
        let forest = Forest { trees: 8, ..Forest::default() };
        let a = forest.fit(features.view(), labels.view(), seed)?.predict(features.view())?;
        let b = forest.fit(moved.view(), labels.view(), seed)?.predict(moved.view())?;
        prop_assert_eq!(a, b);
    }

    #[test]
    fn shifts_and_units_do_not_matter_to_scaled_models((features, labels) in tables()) {
        let moved = features.mapv(|x| 4.0 * x + 16.0);
        let ridge = Ridge { alphas: vec![2.0], scaling: Scaling::Standard };
        let logistic = Logistic { scaling: Scaling::Standard, ..Logistic::default() };
        for baseline in [&ridge as &dyn Baseline, &logistic] {
            let a = baseline.fit(features.view(), labels.view(), 0)?.predict(features.view())?;
            let b = baseline.fit(moved.view(), labels.view(), 0)?.predict(moved.view())?;
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
            }
        }
    }
}

#[test]
fn a_target_without_labels_does_not_stop_the_others() {
    let features = Array2::from_shape_fn((6, 2), |(row, column)| (row * (column + 1) % 5) as f32);
    let present = Array1::from_vec(vec![0.0, 1.0, 0.0, 1.0, f32::NAN, 1.0]);
    let missing = Array1::from_elem(6, f32::NAN);
    let labels = stack![Axis(1), missing, present];
    for baseline in baselines() {
        let mut fitted = fit_columns(baseline.as_ref(), features.view(), labels.view(), 3);
        assert!(matches!(
            fitted[0],
            Err(BaselineError::TooFew { got: 0, .. })
        ));
        let alone = baseline
            .fit(features.view(), present.view(), 3)
            .expect("labels");
        let column = fitted.remove(1).expect("labels");
        assert_eq!(
            column.predict(features.view()).expect("rows"),
            alone.predict(features.view()).expect("rows"),
            "{}",
            baseline.name()
        );
    }
}
