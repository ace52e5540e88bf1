//! What an optimiser does to its numbers: updates in place, one pass over memory each, no allocation, the same bits
//! whatever the number of threads.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, InplaceOp3, Layout, Tensor, Var};
use rayon::prelude::*;

use crate::check;
use crate::cpu::slice::numbers;
use crate::cuda::emulator;
use crate::cuda::launch::{Argument, Gpu, Launch, View, walking_blocks};
use crate::error::{KernelError, Result};
use crate::real::Real;

/// A moving average: `d <- d + weight (scale s - d)`.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use dd_kernels::Lerp;
/// let average = Var::new(&[1.0_f64], &Device::Cpu)?;
/// let lerp = Lerp { weight: 0.25, scale: 2.0 };
/// lerp.apply(&average, &Tensor::new(&[2.5_f64], &Device::Cpu)?)?;
/// assert_eq!(average.to_vec1::<f64>()?, [2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Lerp {
    /// Share of the new value.
    pub weight: f64,
    /// What the new value is multiplied by first.
    pub scale: f64,
}

/// A moving average of squares: `d <- keep d + (1 - keep) (scale s)^2`.
#[derive(Debug, Clone, Copy)]
pub struct LerpSquare {
    /// Share of the old value.
    pub keep: f64,
    /// What the new value is multiplied by before it is squared.
    pub scale: f64,
}

/// A step of Adam (Kingma and Ba, ICLR 2015): `p <- keep p - size m / (sqrt(v) / correction + epsilon)`.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// What decay leaves of the parameter.
    pub keep: f64,
    /// The learning rate over the first moment's correction.
    pub size: f64,
    /// Square root of the second moment's correction.
    pub correction: f64,
    /// Added to the denominator.
    pub epsilon: f64,
}

impl Lerp {
    /// Moves the average towards `source`.
    ///
    /// # Errors
    /// When the shapes differ, or the numbers are neither all f32 nor all f64 (on a GPU also bf16).
    pub fn apply(&self, target: &Var, source: &Tensor) -> Result<()> {
        apply(self, target, [source, source])
    }
}

impl LerpSquare {
    /// Moves the average towards the square of `source`.
    ///
    /// # Errors
    /// As [`Lerp::apply`].
    pub fn apply(&self, target: &Var, source: &Tensor) -> Result<()> {
        apply(self, target, [source, source])
    }
}

impl AdamStep {
    /// Moves a parameter, given the moving averages of its gradient and of the gradient's square.
    ///
    /// # Errors
    /// As [`Lerp::apply`].
    pub fn apply(&self, parameter: &Var, mean: &Tensor, square: &Tensor) -> Result<()> {
        apply(self, parameter, [mean, square])
    }
}

/// The new value of each number, from the old one and from two others.
trait Update: Sync {
    /// Name of the CUDA kernel.
    const KERNEL: &'static str;

    /// The kernel's constants.
    fn constants(&self) -> Vec<f64>;

    fn update<T: Real>(&self) -> impl Fn(T, T, T) -> T + Sync;

    /// The same by candle's operations.
    fn composed(&self, old: &Tensor, others: [&Tensor; 2]) -> candle_core::Result<Tensor>;
}

impl Update for Lerp {
    const KERNEL: &'static str = "lerp";

    fn constants(&self) -> Vec<f64> {
        vec![self.weight, self.scale]
    }

    fn update<T: Real>(&self) -> impl Fn(T, T, T) -> T + Sync {
        let [weight, scale] = [self.weight, self.scale].map(T::from_f64);
        move |d, s, _| d + weight * (scale * s - d)
    }

    fn composed(&self, old: &Tensor, [source, _]: [&Tensor; 2]) -> candle_core::Result<Tensor> {
        let moved = ((source * self.scale)? - old)?;
        old + (moved * self.weight)?
    }
}

impl Update for LerpSquare {
    const KERNEL: &'static str = "lerp_square";

    fn constants(&self) -> Vec<f64> {
        vec![self.keep, self.scale]
    }

    fn update<T: Real>(&self) -> impl Fn(T, T, T) -> T + Sync {
        let [keep, rest, scale] = [self.keep, 1.0 - self.keep, self.scale].map(T::from_f64);
        move |d, s, _| {
            let s = scale * s;
            keep * d + rest * s * s
        }
    }

    fn composed(&self, old: &Tensor, [source, _]: [&Tensor; 2]) -> candle_core::Result<Tensor> {
        let square = ((source * self.scale)?.sqr()? * (1.0 - self.keep))?;
        (old * self.keep)? + square
    }
}

impl Update for AdamStep {
    const KERNEL: &'static str = "adam_step";

    fn constants(&self) -> Vec<f64> {
        vec![self.keep, self.size, self.correction, self.epsilon]
    }

    fn update<T: Real>(&self) -> impl Fn(T, T, T) -> T + Sync {
        let [keep, size] = [self.keep, self.size].map(T::from_f64);
        let [correction, epsilon] = [self.correction, self.epsilon].map(T::from_f64);
        move |p, m, v| keep * p - size * (m / (Real::sqrt(v) / correction + epsilon))
    }

    fn composed(&self, old: &Tensor, [mean, square]: [&Tensor; 2]) -> candle_core::Result<Tensor> {
        let root = ((square.sqrt()? / self.correction)? + self.epsilon)?;
        (old * self.keep)? - ((mean / root)? * self.size)?
    }
}

fn apply<U: Update>(update: &U, target: &Var, others: [&Tensor; 2]) -> Result<()> {
    for other in others {
        check::shape(U::KERNEL, other, target.dims())?;
        if other.dtype() != target.dtype() {
            return Err(KernelError::DType {
                name: U::KERNEL,
                dtype: other.dtype(),
            });
        }
    }
    if target.device().is_cpu() || cfg!(feature = "cuda") && target.device().is_cuda() {
        let [a, b] = others.map(Tensor::contiguous);
        return Ok(target.inplace_op3(&a?, &b?, &InPlace(update))?);
    }
    Ok(target.set(&update.composed(target.as_tensor(), others)?)?)
}

/// An update as candle's operation.
struct InPlace<'a, U>(&'a U);

/// Numbers that one task works on.
const CHUNK: usize = 1 << 14;

impl<U: Update> InPlace<'_, U> {
    fn run<T: Real>(
        &self,
        (target, layout): (&mut [T], &Layout),
        others: [(&CpuStorage, &Layout); 2],
    ) -> candle_core::Result<()> {
        let [a, b] = others.map(|(storage, layout)| numbers::<T>(U::KERNEL, storage, layout));
        let (a, b) = (a?, b?);
        let (start, end) = range::<U>(layout)?;
        let update = self.0.update::<T>();
        target[start..end]
            .par_chunks_mut(CHUNK)
            .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
            .for_each(|(target, (a, b))| {
                for (d, (&a, &b)) in target.iter_mut().zip(a.iter().zip(b)) {
                    *d = update(*d, a, b);
                }
            });
        Ok(())
    }

    fn launch<S: Gpu>(
        &self,
        (target, layout): (&mut S, &Layout),
        others: [(&S, &Layout); 2],
    ) -> candle_core::Result<()> {
        let (0, count) = range::<U>(layout)? else {
            candle_core::bail!("{}: a parameter that begins inside its storage", U::KERNEL);
        };
        let device = target.device().clone();
        let number = crate::cuda::launch::number_of(U::KERNEL, target.dtype())?;
        let mut arguments = vec![Argument::Write(target)];
        for (storage, layout) in others {
            arguments.push(Argument::Read(View::new(U::KERNEL, storage, layout)?));
        }
        arguments.push(Argument::Word(count as u64));
        arguments.extend(self.0.constants().into_iter().map(Argument::Real));
        let launch = Launch::new(U::KERNEL, number, walking_blocks(count), arguments);
        S::launch(&device, launch)
    }
}

fn range<U: Update>(layout: &Layout) -> Result<(usize, usize)> {
    layout
        .contiguous_offsets()
        .ok_or_else(|| KernelError::Shape {
            name: U::KERNEL,
            expected: "contiguous".to_string(),
            got: layout.dims().to_vec(),
        })
}

impl<U: Update> InplaceOp3 for InPlace<'_, U> {
    fn name(&self) -> &'static str {
        U::KERNEL
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        layout: &Layout,
        a: &CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> candle_core::Result<()> {
        let others = [(a, a_layout), (b, b_layout)];
        if emulator::is_on() {
            return self.launch((target, layout), others);
        }
        match target {
            CpuStorage::F32(target) => self.run((target, layout), others),
            CpuStorage::F64(target) => self.run((target, layout), others),
            other => Err(KernelError::DType {
                name: U::KERNEL,
                dtype: other.dtype(),
            }
            .into()),
        }
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        target: &mut CudaStorage,
        layout: &Layout,
        a: &CudaStorage,
        a_layout: &Layout,
        b: &CudaStorage,
        b_layout: &Layout,
    ) -> candle_core::Result<()> {
        self.launch((target, layout), [(a, a_layout), (b, b_layout)])
    }
}
