//! Linear models equal those of scikit-learn.

use dd_baselines::{Baseline, LinearModel, Logistic, Ridge, Scaling};
use ndarray::{Array1, Array2};
use serde_json::Value;

const CASES: &str = include_str!("fixtures/linear.json");

fn numbers(value: &Value) -> Vec<f64> {
    let number = |v: &Value| v.as_f64().expect("a number");
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(number)
        .collect()
}

/// Largest difference, relative to the largest number.
fn difference(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.iter().all(|x| x.is_finite()));
    let largest = theirs.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let pairs = ours.iter().zip(theirs);
    pairs.fold(0.0, |most: f64, (a, b)| most.max((a - b).abs())) / largest
}

struct Table {
    features: Array2<f32>,
    labels: Array1<f32>,
}

/// The model, its predictions and its leave-one-out error.
fn fitted(
    ridge: bool,
    table: &Table,
    penalty: f64,
    scaling: Scaling,
) -> (LinearModel, Vec<f64>, f64) {
    let (features, labels) = (table.features.view(), table.labels.view());
    let (model, error, baseline): (_, _, Box<dyn Baseline>) = if ridge {
        let ridge = Ridge {
            alphas: vec![penalty],
            scaling,
        };
        let mut steps = ridge.fit_path(features, labels).expect("solved");
        let step = steps.remove(0);
        (step.model, step.leave_one_out, Box::new(ridge))
    } else {
        let logistic = Logistic {
            penalty,
            scaling,
            tolerance: 1e-12,
            ..Logistic::default()
        };
        let model = logistic.fit_logits(features, labels).expect("converged");
        (model, 0.0, Box::new(logistic))
    };
    let fitted = baseline.fit(features, labels, 0).expect("fitted");
    (model, fitted.predict(features).expect("rows"), error)
}

#[test]
fn linear_models_are_those_of_scikit_learn() {
    let cases: Value = serde_json::from_str(CASES).expect("JSON");
    let mut compared = 0;
    for case in cases.as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let rows: Vec<Vec<f64>> = case["x"]
            .as_array()
            .expect("rows")
            .iter()
            .map(numbers)
            .collect();
        let table = Table {
            features: Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| {
                rows[i][j] as f32
            }),
            labels: numbers(&case["y"]).into_iter().map(|y| y as f32).collect(),
        };
        let scaling: Scaling = serde_json::from_value(case["scaling"].clone()).expect("a scaling");
        for expected in case["models"].as_array().expect("models") {
            let penalty = expected["penalty"].as_f64().expect("a penalty");
            let ridge = name.starts_with("ridge");
            let (model, predictions, error) = fitted(ridge, &table, penalty, scaling);
            let weights = difference(&model.weights, &numbers(&expected["weights"]));
            let predicted = difference(&predictions, &numbers(&expected["predictions"]));
            let limit = if ridge { 1e-11 } else { 1e-9 };
            assert!(
                weights < limit,
                "{name}, {penalty}: weights differ by {weights}"
            );
            assert!(
                predicted < limit,
                "{name}, {penalty}: predictions differ by {predicted}"
            );
            if let Some(expected) = expected["leave_one_out"].as_f64() {
                assert!(
                    (error / expected - 1.0).abs() < 1e-9,
                    "{name}, {penalty}: {error} {expected}"
                );
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 24);
}
