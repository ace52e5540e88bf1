//! NT-Xent between two encoders: the contrastive objective that the paper compares itself with.

use candle_core::{D, Tensor};

use crate::error::{DistillError, Result};
use crate::loss::check_rows;

/// `L = - mean_i log( exp(s_ii / t) / sum over j != i of exp(s_ij / t) )`, `s_ij` the cosine of row `i` of `views` and row `j`
/// of `others`, both `[B, H]` (3DInfomax, Stärk et al. 2022; `HannesStark/3DInfomax`, commit 5cd3262, class `NTXent`, which
/// leaves the pair itself out of the denominator). The usual temperature `t` is 0.1.
///
/// Unlike a [`DistillLoss`](crate::DistillLoss) it has no teacher: gradients flow to both sides. `B` must be at least 2.
///
/// # Errors
/// When the shapes disagree, there are fewer than two rows, or the temperature is not positive.
pub fn nt_xent(views: &Tensor, others: &Tensor, temperature: f64) -> Result<Tensor> {
    let (rows, _) = views.dims2()?;
    check_rows("other views", others, rows)?;
    if rows < 2 {
        return Err(DistillError::TooFewRows { rows });
    }
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(DistillError::Temperature { got: temperature });
    }
    let cosines = unit(views)?.matmul(&unit(others)?.t()?)?; // [B, B]
    let scores = (cosines / temperature)?;
    let pairs = Tensor::eye(rows, scores.dtype(), scores.device())?;
    // Cosines are at least -1 and at most 1: no pair stays the largest of its row.
    let apart = (&scores - (&pairs * (3.0 / temperature))?)?;
    let largest = apart.max_keepdim(D::Minus1)?.detach(); // [B, 1]
    let exponentials = apart.broadcast_sub(&largest)?.exp()?;
    let negatives = (exponentials * (1.0 - &pairs)?)?.sum(D::Minus1)?; // [B]
    let negatives = (negatives.log()? + largest.squeeze(D::Minus1)?)?;
    let positives = (scores * pairs)?.sum(D::Minus1)?;
    Ok((negatives - positives)?.mean_all()?)
}

/// Rows of length one; the small term keeps the gradient of a zero row finite.
fn unit(rows: &Tensor) -> Result<Tensor> {
    let length = (rows.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
    Ok(rows.broadcast_div(&length)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{DistillError, nt_xent};

    #[test]
    fn agrees_with_the_formula_by_hand() {
        let views = Tensor::new(&[[1.0f64, 0.0], [0.0, 2.0], [3.0, 3.0]], &Device::Cpu).unwrap();
        let others = Tensor::new(&[[1.0f64, 1.0], [0.0, 1.0], [1.0, 0.0]], &Device::Cpu).unwrap();
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let cosines = [[half, 0.0, 1.0], [half, 1.0, 0.0], [1.0, half, half]];
        let mut expected = 0.0;
        for (i, row) in cosines.iter().enumerate() {
            let others = row.iter().enumerate().filter(|(j, _)| *j != i);
            let sum: f64 = others.map(|(_, s)| (s / 0.1).exp()).sum();
            expected -= (row[i] / 0.1 - sum.ln()) / 3.0;
        }
        let loss = nt_xent(&views, &others, 0.1).unwrap();
        assert!((loss.to_scalar::<f64>().unwrap() - expected).abs() < 1e-9);
    }

    #[test]
    fn low_temperatures_lose_nothing() {
        let rows = Tensor::new(
            &[[1.0f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            &Device::Cpu,
        );
        let rows = rows.unwrap();
        for temperature in [0.1f64, 0.01, 0.001] {
            let loss = nt_xent(&rows, &rows, temperature).unwrap();
            let expected = 2f64.ln() - 1.0 / temperature;
            let loss = f64::from(loss.to_scalar::<f32>().unwrap());
            assert!((loss / expected - 1.0).abs() < 1e-6, "{loss} {expected}");
        }
    }

    #[test]
    fn both_sides_are_pulled() {
        let views = candle_core::Var::new(&[[1.0f64, 0.2], [0.3, 2.0]], &Device::Cpu).unwrap();
        let others = candle_core::Var::new(&[[0.9f64, 0.1], [0.0, 0.0]], &Device::Cpu).unwrap();
        let gradients = nt_xent(&views, &others, 0.1).unwrap().backward().unwrap();
        for var in [&views, &others] {
            let gradient = gradients.get(var).unwrap().flatten_all().unwrap();
            let gradient = gradient.to_vec1::<f64>().unwrap();
            assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
            assert!(gradient.iter().any(|g| *g != 0.0));
        }
        let first = |rows: &Tensor| rows.narrow(0, 0, 1).unwrap();
        let error = nt_xent(&first(&views), &first(&others), 0.1).unwrap_err();
        assert!(matches!(error, DistillError::TooFewRows { rows: 1 }));
        let error = nt_xent(&views, &others, 0.0).unwrap_err();
        assert!(matches!(error, DistillError::Temperature { .. }));
    }
}
