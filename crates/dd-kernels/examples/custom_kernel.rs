//! An own operation in one file, with its gradient, checked against finite differences and used in training:
//! `cargo run --release -p dd-kernels --example custom_kernel`.
//!
//! `y = log(1 + exp(x))`, smooth where a rectifier has its corner. The formula is stable for all `x`, and the backward pass
//! keeps nothing but `x`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, Var, bail};
use dd_kernels::rng::Key;
use dd_kernels::testing::{assert_close, gradient_error, normal_tensor};
use rayon::prelude::*;

/// Numbers that one task works through: enough to be worth a task, few enough to share out.
const CHUNK: usize = 4096;

/// `y = log(1 + exp(x))`, any shape, `f32` and `f64` on the CPU.
pub(crate) fn softplus(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Softplus)
}

struct Softplus;

/// `log(1 + exp(x))` without overflow.
fn value(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn each<T: Copy + Send + Sync>(x: &[T], f: impl Fn(T) -> T + Sync) -> Vec<T> {
    let mut y = x.to_vec();
    y.par_chunks_mut(CHUNK)
        .for_each(|chunk| chunk.iter_mut().for_each(|one| *one = f(*one)));
    y
}

impl CustomOp1 for Softplus {
    fn name(&self) -> &'static str {
        "softplus"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("softplus: x is not contiguous")
        };
        let y = match storage {
            CpuStorage::F32(x) => {
                CpuStorage::F32(each(&x[start..end], |x| value(f64::from(x)) as f32))
            }
            CpuStorage::F64(x) => CpuStorage::F64(each(&x[start..end], value)),
            _ => bail!("softplus: f32 and f64 only"),
        };
        Ok((y, layout.shape().clone()))
    }

    // dy/dx = 1 / (1 + exp(-x)). Written in candle's own operations, so that second derivatives exist too.
    fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let sigmoid = ((x.neg()?.exp()? + 1.0)?).recip()?;
        Ok(Some((grad * sigmoid)?))
    }
}

pub(crate) fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    // The value against candle's own operations, and where these would overflow.
    let x = normal_tensor(Key::from_seed(1), &[7, 1001])?;
    assert_close(&softplus(&x)?, &(x.exp()? + 1.0)?.log()?, 1e-14);
    let far = softplus(&Tensor::new(&[-800.0_f64, 800.0], &Device::Cpu)?)?;
    assert_eq!(far.to_vec1::<f64>()?, [0.0, 800.0]);

    // The gradient against finite differences.
    let error = gradient_error(std::slice::from_ref(&x), |x| Ok(softplus(&x[0])?))?;
    println!("gradient: relative error {error:.1e}");
    assert!(error < 1e-7);

    // The same bits whatever the number of threads.
    let single = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let alone = single.install(|| softplus(&x))?;
    assert_eq!(
        alone.flatten_all()?.to_vec1::<f64>()?,
        softplus(&x)?.flatten_all()?.to_vec1::<f64>()?
    );

    // In training: a scale that makes the curve pass through (0, 3 log 2).
    let scale = Var::zeros((), DType::F64, &Device::Cpu)?;
    for _ in 0..200 {
        let y = softplus(&Tensor::zeros(1, DType::F64, &Device::Cpu)?)?
            .broadcast_mul(&softplus(&scale)?)?;
        let loss = (y - 3.0 * 2.0_f64.ln())?.sqr()?.sum_all()?;
        let gradients = loss.backward()?;
        let step = (gradients.get(&scale).ok_or("no gradient")? * 0.3)?;
        scale.set(&(scale.as_tensor() - step)?)?;
    }
    let found = softplus(&scale)?.to_scalar::<f64>()?;
    println!("learnt factor {found:.4}, expected 3");
    assert!((found - 3.0).abs() < 1e-3);
    Ok(())
}
