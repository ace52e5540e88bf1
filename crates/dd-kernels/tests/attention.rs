//! Attention: dropout and weights.

use candle_core::{DType, Tensor};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, max_difference};
use dd_kernels::{AttentionDropout, Result, Segments};

mod device;

use device::{device, normal_tensor};

#[test]
fn attention_dropout_follows_the_record_not_the_batch() -> Result<()> {
    let x = normal_tensor(Key::from_seed(2), &[9, 8])?;
    let dropout = Some(AttentionDropout {
        rate: 0.5,
        key: Key::from_seed(4),
    });
    let attend = |x: &Tensor, lengths: &[usize], ids: &[u64]| -> Result<Tensor> {
        let segments = Segments::from_lengths(lengths, &device())?.with_ids(ids.to_vec())?;
        dd_kernels::segment_attention(x, x, x, &segments, 2, dropout)
    };
    let together = attend(&x, &[4, 5], &[70, 80])?;
    let alone = attend(&x.narrow(0, 4, 5)?, &[5], &[80])?;
    assert_eq!(max_difference(&together.narrow(0, 4, 5)?, &alone)?, 0.0);
    let renamed = attend(&x.narrow(0, 4, 5)?, &[5], &[81])?;
    assert!(
        max_difference(&renamed, &alone)? > 0.01,
        "another record, another mask"
    );
    Ok(())
}

#[test]
fn attention_dropout_keeps_the_expected_share() -> Result<()> {
    // With v = 1 and equal scores the result is the mean of the factors, whose expectation is 1.
    let segments = Segments::from_lengths(&[300], &device())?;
    let zeros = Tensor::zeros((300, 4), DType::F32, &device())?;
    let dropout = Some(AttentionDropout {
        rate: 0.25,
        key: Key::from_seed(6),
    });
    let y =
        dd_kernels::segment_attention(&zeros, &zeros, &zeros.ones_like()?, &segments, 2, dropout)?;
    let mean = y.mean_all()?.to_scalar::<f32>()?;
    assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
    Ok(())
}

#[test]
fn a_score_that_is_no_number_spoils_its_row_alone() -> Result<()> {
    let segments = Segments::from_lengths(&[20], &device())?;
    for (place, dtype) in [(0, DType::F32), (13, DType::F32), (19, DType::F64)] {
        let mut numbers = vec![0.5_f64; 20];
        numbers[place] = f64::NAN;
        let q = Tensor::new(numbers, &device())?
            .reshape((20, 1))?
            .to_dtype(dtype)?;
        let ones = q.zeros_like()?.affine(0.0, 1.0)?;
        let y = dd_kernels::segment_attention(&q, &ones, &ones, &segments, 1, None)?;
        let y: Vec<f64> = y.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        for (row, y) in y.iter().enumerate() {
            assert!(y.is_nan() == (row == place) && (row == place || (y - 1.0).abs() < 1e-6));
        }
        // A key that is none is in every row's sum.
        let y = dd_kernels::segment_attention(&ones, &q, &ones, &segments, 1, None)?;
        let y: Vec<f64> = y.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        assert!(y.iter().all(|y| y.is_nan()), "key {place}");
    }
    Ok(())
}

#[test]
fn attention_weights_are_what_attention_applies() -> Result<()> {
    let [q, k, v] = [1, 2, 3].map(|seed| normal_tensor(Key::from_seed(seed), &[5, 4]));
    let (q, k, v) = (q?, k?, v?);
    let segments = Segments::from_lengths(&[5], &device())?;
    let weights = &dd_kernels::attention_weights(&q, &k, &segments, 1)?[0];
    let expected = weights.squeeze(0)?.matmul(&v)?;
    assert_close(
        &dd_kernels::segment_attention(&q, &k, &v, &segments, 1, None)?,
        &expected,
        1e-13,
    );
    let scores = &dd_kernels::attention_scores(&q, &k, &segments, 1)?[0];
    assert_close(&scores.squeeze(0)?, &q.matmul(&k.t()?)?, 1e-13);
    Ok(())
}
