//! Updates in place: moving averages and Adam's step.

use candle_core::{DType, Tensor, Var};
use dd_kernels::rng::Key;
use dd_kernels::testing::assert_close;
use dd_kernels::{AdamStep, Lerp, LerpSquare, Result};

mod device;

use device::normal_tensor;

const SHAPE: [usize; 2] = [37, 11];

fn tensors() -> Result<[Tensor; 3]> {
    let tensor = |i| normal_tensor(Key::from_seed(8).with(i), &SHAPE);
    Ok([tensor(0)?, tensor(1)?, tensor(2)?.sqr()?])
}

/// What an update leaves, in a number type.
fn updated(old: &Tensor, dtype: DType, update: impl FnOnce(&Var) -> Result<()>) -> Result<Tensor> {
    let target = Var::from_tensor(&old.to_dtype(dtype)?)?;
    update(&target)?;
    Ok(target.as_detached_tensor().to_dtype(DType::F64)?)
}

#[test]
fn updates_follow_their_formulas() -> Result<()> {
    let [d, s, v] = tensors()?;
    let lerp = Lerp {
        weight: 0.1,
        scale: 0.5,
    };
    let squares = LerpSquare {
        keep: 0.9,
        scale: 0.5,
    };
    let adam = AdamStep {
        keep: 0.99,
        size: 0.01,
        correction: 0.3,
        epsilon: 1e-3,
    };
    let expected = [
        ((&d * 0.9)? + (&s * 0.05)?)?,
        ((&d * 0.9)? + (s.sqr()? * 0.025)?)?,
        ((&d * 0.99)? - ((&s / ((v.sqrt()? / 0.3)? + 1e-3)?)? * 0.01)?)?,
    ];
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-6)] {
        let [s, v] = [s.to_dtype(dtype)?, v.to_dtype(dtype)?];
        let got = [
            updated(&d, dtype, |d| lerp.apply(d, &s))?,
            updated(&d, dtype, |d| squares.apply(d, &s))?,
            updated(&d, dtype, |d| adam.apply(d, &s, &v))?,
        ];
        for (got, expected) in got.iter().zip(&expected) {
            assert_close(got, expected, tolerance);
        }
    }
    Ok(())
}

#[test]
fn other_shapes_and_types_are_refused() -> Result<()> {
    let [d, s, _] = tensors()?;
    let lerp = Lerp {
        weight: 0.1,
        scale: 1.0,
    };
    let refused = |s: &Tensor| updated(&d, DType::F64, |d| lerp.apply(d, s)).expect_err("refused");
    let error = refused(&s.narrow(0, 0, 3)?);
    assert_eq!(
        error.to_string(),
        "lerp: expected shape [37, 11], got [3, 11]"
    );
    let error = refused(&s.to_dtype(DType::F32)?);
    assert!(error.to_string().contains("F32"), "{error}");
    Ok(())
}
