//! Checks for the tests of tensor code: closeness of tensors, and gradients against finite differences.

use candle_core::{DType, Device, Tensor, Var};

use crate::error::{KernelError, Result};
use crate::rng::Key;

/// Runs the CUDA kernels on CPU tensors from now on, in a program that imitates a GPU, which `build` makes when none runs
/// yet. `tests/emulated.rs` does.
///
/// # Errors
/// When the program cannot be started.
pub fn emulate_cuda(build: impl FnOnce() -> std::path::PathBuf) -> std::io::Result<()> {
    crate::cuda::emulator::turn_on(build)
}

/// True after [`emulate_cuda`].
pub fn emulates_cuda() -> bool {
    crate::cuda::emulator::is_on()
}

/// A reproducible tensor of normal numbers in double precision.
pub fn normal_tensor(key: Key, shape: &[usize]) -> Result<Tensor> {
    let numbers: Vec<f64> = (0..shape.iter().product::<usize>())
        .map(|i| key.normal(i as u64))
        .collect();
    Ok(Tensor::from_vec(numbers, shape, &Device::Cpu)?)
}

/// Largest absolute difference of two tensors of one shape; NaN when either holds NaN.
///
/// # Errors
/// When the shapes differ.
pub fn max_difference(actual: &Tensor, expected: &Tensor) -> Result<f64> {
    if actual.dims() != expected.dims() {
        return Err(KernelError::Shape {
            name: "actual",
            expected: format!("{:?}", expected.dims()),
            got: actual.dims().to_vec(),
        });
    }
    let (actual, expected) = (numbers(actual)?, numbers(expected)?);
    let differences = actual
        .iter()
        .zip(&expected)
        .map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() });
    Ok(differences.fold(0.0, |largest: f64, d| {
        if d <= largest || largest.is_nan() {
            largest
        } else {
            d
        }
    }))
}

/// Asserts `|actual - expected| <= tolerance * max(1, largest |expected|)` for every element.
///
/// # Panics
/// When the shapes differ, an element is further off, or one is NaN.
#[track_caller]
pub fn assert_close(actual: &Tensor, expected: &Tensor, tolerance: f64) {
    let outcome = max_difference(actual, expected).and_then(|difference| {
        let scale = numbers(expected)?
            .into_iter()
            .fold(1.0, |scale: f64, x| scale.max(x.abs()));
        Ok((difference, scale))
    });
    match outcome {
        Ok((difference, scale)) => assert!(
            difference <= tolerance * scale,
            "tensors {:?} differ by {difference:e}, allowed is {tolerance:e} times {scale}",
            actual.dims(),
        ),
        Err(error) => panic!("tensors cannot be compared: {error}"),
    }
}

/// Largest relative error of the gradients of `f` at `inputs` (taken to double precision) against central differences.
///
/// The scalar that is differentiated is a weighted sum of all entries of `f`'s result, with fixed normal weights, so
/// that no entry's gradient hides behind another's. Of each input, at most 40 entries, evenly spread, are moved. An error
/// is measured relative to the largest gradient entry of its input, or to 1 if that is smaller.
///
/// A correct operation on numbers of order one stays below 1e-7.
///
/// # Errors
/// When `f` fails, or an input receives no gradient.
///
/// ```
/// use dd_kernels::{rng::Key, testing::{gradient_error, normal_tensor}};
/// let x = normal_tensor(Key::from_seed(1), &[3, 2])?;
/// assert!(gradient_error(&[x], |x| Ok(x[0].sqr()?))? < 1e-7);
/// # Ok::<(), dd_kernels::KernelError>(())
/// ```
pub fn gradient_error(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<f64> {
    const STEP: f64 = 1e-5;
    const ENTRIES: usize = 40;
    let scalar = |inputs: &[Tensor]| -> Result<Tensor> {
        let y = f(inputs)?;
        let weights = normal_tensor(Key::from_seed(0).named("gradient_error"), y.dims())?;
        Ok((&y * weights.to_device(y.device())?)?.sum_all()?)
    };
    let inputs = inputs
        .iter()
        .map(|x| x.to_dtype(DType::F64))
        .collect::<candle_core::Result<Vec<_>>>()?;
    let variables = inputs
        .iter()
        .map(Var::from_tensor)
        .collect::<candle_core::Result<Vec<_>>>()?;
    let tracked: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let gradients = scalar(&tracked)?.backward()?;

    let mut worst = 0.0_f64;
    for (number, variable) in variables.iter().enumerate() {
        let gradient = gradients.get(variable).ok_or_else(|| {
            candle_core::Error::Msg(format!("input {number} receives no gradient"))
        })?;
        let (gradient, start) = (numbers(gradient)?, numbers(variable)?);
        let scale = gradient.iter().fold(1.0_f64, |scale, g| scale.max(g.abs()));
        let moved = |entry: usize, step: f64| -> Result<f64> {
            let mut values = start.clone();
            values[entry] += step;
            let mut inputs = inputs.clone();
            inputs[number] = Tensor::from_vec(values, variable.shape(), variable.device())?;
            Ok(scalar(&inputs)?.to_scalar::<f64>()?)
        };
        for i in 0..start.len().min(ENTRIES) {
            let entry = i * start.len() / start.len().min(ENTRIES);
            let difference = (moved(entry, STEP)? - moved(entry, -STEP)?) / (2.0 * STEP);
            let error = (gradient[entry] - difference).abs() / scale;
            worst = if error <= worst { worst } else { error };
            if worst.is_nan() {
                return Ok(worst);
            }
        }
    }
    Ok(worst)
}

fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    Ok(x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_gradient_is_found() -> Result<()> {
        let x = normal_tensor(Key::from_seed(3), &[4])?;
        let halved =
            |x: &[Tensor]| -> Result<Tensor> { Ok(((&x[0] + x[0].detach())? * 0.5)?.sqr()?) };
        assert!(gradient_error(std::slice::from_ref(&x), halved)? > 0.1);
        assert!(gradient_error(&[x], |x| Ok(x[0].exp()?))? < 1e-8);
        Ok(())
    }

    #[test]
    fn nan_is_a_difference() -> Result<()> {
        let one = Tensor::new(&[1.0_f64, 1.0], &Device::Cpu)?;
        for nan in [[1.0, f64::NAN], [f64::NAN, 1.0]] {
            let nan = Tensor::new(&nan, &Device::Cpu)?;
            assert!(max_difference(&nan, &one)?.is_nan());
        }
        assert_eq!(max_difference(&one, &one)?, 0.0);
        Ok(())
    }
}
