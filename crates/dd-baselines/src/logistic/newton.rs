//! Newton's method for the logistic loss, with conjugate gradients for the steps.

use ndarray::{Array1, Array2, s};

use crate::BaselineError;

/// Share of the predicted decrease that a step must bring (Armijo's rule).
const LEAST_SHARE: f64 = 1e-4;
/// Most halvings of a step.
const MOST_HALVINGS: usize = 40;
/// Most conjugate gradients per step.
const MOST_GRADIENTS: usize = 1000;

/// What is minimised, over the weights and, as the last parameter, the intercept.
pub(super) struct Problem<'a> {
    /// `[rows, width]`, centred.
    pub(super) rows: &'a Array2<f64>,
    /// 0 or 1.
    pub(super) labels: &'a Array1<f64>,
    pub(super) penalty: f64,
}

/// The logistic function, without overflow.
pub(super) fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let e = logit.exp();
        e / (1.0 + e)
    }
}

/// `log(1 + exp(x))`, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Problem<'_> {
    /// Weights and intercept of the minimum.
    pub(super) fn minimize(
        &self,
        tolerance: f64,
        max_iterations: usize,
    ) -> Result<(Array1<f64>, f64), BaselineError> {
        let width = self.rows.ncols();
        let count = self.labels.len() as f64;
        let share = self.labels.sum() / count;
        let mut parameters = Array1::zeros(width + 1);
        parameters[width] = (share / (1.0 - share)).ln();
        let mut logits = Array1::from_elem(self.labels.len(), parameters[width]);
        let mut gradient = self.gradient(&parameters, &logits);
        let first = largest(&gradient);
        let limit = tolerance * (first / count).max(1.0);
        for _ in 0..max_iterations {
            let size = largest(&gradient) / count;
            if size.is_nan() || size <= limit {
                break;
            }
            // The nearer the end, the more exact the steps.
            let exactness = (largest(&gradient) / first).sqrt().min(0.1);
            let step = self.newton_step(&logits, &gradient, exactness);
            let along = self.values(&step);
            let length = self.step_length(&parameters, &logits, &step, &along, &gradient);
            parameters.scaled_add(length, &step);
            logits.scaled_add(length, &along);
            gradient = self.gradient(&parameters, &logits);
        }
        let reached = largest(&gradient) / count;
        if reached.is_nan() || reached > limit {
            return Err(BaselineError::NotConverged {
                iterations: max_iterations,
                gradient: reached,
                tolerance: limit,
            });
        }
        Ok((parameters.slice(s![..width]).to_owned(), parameters[width]))
    }

    /// `w·x + b` of every row.
    fn values(&self, parameters: &Array1<f64>) -> Array1<f64> {
        let width = self.rows.ncols();
        self.rows.dot(&parameters.slice(s![..width])) + parameters[width]
    }

    fn loss(&self, parameters: &Array1<f64>, logits: &Array1<f64>) -> f64 {
        let pairs = logits.iter().zip(self.labels);
        let losses = pairs.map(|(&z, &y)| softplus(if y > 0.5 { -z } else { z }));
        let weights = parameters.slice(s![..self.rows.ncols()]);
        losses.sum::<f64>() + 0.5 * self.penalty * weights.dot(&weights)
    }

    fn gradient(&self, parameters: &Array1<f64>, logits: &Array1<f64>) -> Array1<f64> {
        let width = self.rows.ncols();
        let errors = logits.mapv(sigmoid) - self.labels;
        let mut gradient = self.sum_of_rows(&errors);
        gradient
            .slice_mut(s![..width])
            .scaled_add(self.penalty, &parameters.slice(s![..width]));
        gradient
    }

    /// `Σ factor · (x, 1)` over the rows.
    fn sum_of_rows(&self, factors: &Array1<f64>) -> Array1<f64> {
        let width = self.rows.ncols();
        let mut sum = Array1::zeros(width + 1);
        for (row, &factor) in self.rows.rows().into_iter().zip(factors) {
            sum.slice_mut(s![..width]).scaled_add(factor, &row);
            sum[width] += factor;
        }
        sum
    }

    /// An approximate solution of `H step = -gradient`: conjugate gradients, preconditioned
    /// by the diagonal of the Hessian `H`.
    fn newton_step(
        &self,
        logits: &Array1<f64>,
        gradient: &Array1<f64>,
        exactness: f64,
    ) -> Array1<f64> {
        let curvatures = logits.mapv(|z| sigmoid(z) * sigmoid(-z));
        let diagonal = self.diagonal(&curvatures);
        let mut step = Array1::zeros(gradient.len());
        let mut rest = -gradient;
        let goal = exactness * norm(&rest);
        let mut scaled = &rest / &diagonal;
        let mut direction = scaled.clone();
        let mut progress = rest.dot(&scaled);
        for _ in 0..MOST_GRADIENTS {
            let image = self.hessian_times(&curvatures, &direction);
            let length = progress / direction.dot(&image);
            step.scaled_add(length, &direction);
            rest.scaled_add(-length, &image);
            if norm(&rest) <= goal {
                break;
            }
            scaled.assign(&rest);
            scaled /= &diagonal;
            let next = rest.dot(&scaled);
            direction *= next / progress;
            direction += &scaled;
            progress = next;
        }
        step
    }

    fn hessian_times(&self, curvatures: &Array1<f64>, direction: &Array1<f64>) -> Array1<f64> {
        let width = self.rows.ncols();
        let weights = direction.slice(s![..width]);
        let mut image = Array1::zeros(width + 1);
        // One pass: a row is used twice while it is in the cache.
        for (row, &curvature) in self.rows.rows().into_iter().zip(curvatures) {
            let factor = curvature * (row.dot(&weights) + direction[width]);
            image.slice_mut(s![..width]).scaled_add(factor, &row);
            image[width] += factor;
        }
        image
            .slice_mut(s![..width])
            .scaled_add(self.penalty, &weights);
        image
    }

    fn diagonal(&self, curvatures: &Array1<f64>) -> Array1<f64> {
        let width = self.rows.ncols();
        let mut diagonal = Array1::from_elem(width + 1, self.penalty);
        diagonal[width] = curvatures.sum().max(f64::MIN_POSITIVE);
        for (row, &curvature) in self.rows.rows().into_iter().zip(curvatures) {
            diagonal
                .slice_mut(s![..width])
                .zip_mut_with(&row, |sum, x| *sum += curvature * x * x);
        }
        diagonal
    }

    /// The largest of 1, 1/2, 1/4, … by which the step lowers the loss enough.
    fn step_length(
        &self,
        parameters: &Array1<f64>,
        logits: &Array1<f64>,
        step: &Array1<f64>,
        along: &Array1<f64>,
        gradient: &Array1<f64>,
    ) -> f64 {
        let before = self.loss(parameters, logits);
        let slope = gradient.dot(step);
        // Close to the minimum the decrease drowns in the rounding of the loss.
        let rounding = 1e-14 * before.abs();
        let mut length = 1.0;
        for _ in 0..MOST_HALVINGS {
            let after = self.loss(
                &(parameters + &(step * length)),
                &(logits + &(along * length)),
            );
            if after <= before + LEAST_SHARE * length * slope + rounding {
                break;
            }
            length *= 0.5;
        }
        length
    }
}

/// The largest magnitude; NaN when there is one.
fn largest(vector: &Array1<f64>) -> f64 {
    let larger = |most: f64, x: &f64| {
        if x.is_nan() || x.abs() > most {
            x.abs()
        } else {
            most
        }
    };
    vector.fold(0.0, larger)
}

fn norm(vector: &Array1<f64>) -> f64 {
    vector.dot(vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_never_the_end() {
        assert_eq!(largest(&ndarray::array![1.0, -3.0, 2.0]), 3.0);
        for gradient in [[f64::NAN, 1.0, 2.0], [1.0, f64::NAN, 0.0]] {
            assert!(largest(&Array1::from(gradient.to_vec())).is_nan());
        }
    }

    #[test]
    fn extreme_logits_do_not_overflow() {
        assert_eq!(sigmoid(800.0), 1.0);
        assert_eq!(sigmoid(-800.0), 0.0);
        assert_eq!(softplus(800.0), 800.0);
        assert_eq!(softplus(-800.0), 0.0);
        assert!((softplus(0.0) - 2.0_f64.ln()).abs() < 1e-16);
    }
}
