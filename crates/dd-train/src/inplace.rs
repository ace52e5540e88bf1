//! Elementwise updates in place: one pass over memory each, no allocation, the same bits whatever the number of threads.

use std::ops::{Add, Div, Mul, Range, Sub};

use candle_core::{CpuStorage, Error, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var};
use rayon::prelude::*;

/// Entries that one task works on.
const CHUNK: usize = 1 << 14;

/// `d <- d + weight (scale s - d)`: a moving average.
pub(crate) struct Lerp {
    pub(crate) weight: f64,
    pub(crate) scale: f64,
}

/// `d <- keep d + (1 - keep) (scale s)^2`: a moving average of squares.
pub(crate) struct LerpSquare {
    pub(crate) keep: f64,
    pub(crate) scale: f64,
}

/// `p <- keep p - size m / (sqrt(v) / correction + epsilon)`.
pub(crate) struct AdamStep {
    pub(crate) keep: f64,
    pub(crate) size: f64,
    pub(crate) correction: f64,
    pub(crate) epsilon: f64,
}

impl Lerp {
    pub(crate) fn apply(&self, target: &Var, source: &Tensor) -> Result<()> {
        if target.device().is_cpu() {
            return target.inplace_op2(&source.contiguous()?, self);
        }
        let moved = ((source * self.scale)? - target.as_tensor())?;
        target.set(&(target.as_tensor() + (moved * self.weight)?)?)
    }
}

impl LerpSquare {
    pub(crate) fn apply(&self, target: &Var, source: &Tensor) -> Result<()> {
        if target.device().is_cpu() {
            return target.inplace_op2(&source.contiguous()?, self);
        }
        let square = ((source * self.scale)?.sqr()? * (1.0 - self.keep))?;
        target.set(&((target.as_tensor() * self.keep)? + square)?)
    }
}

impl AdamStep {
    pub(crate) fn apply(&self, parameter: &Var, mean: &Var, square: &Var) -> Result<()> {
        if parameter.device().is_cpu() {
            return parameter.inplace_op3(mean, square, self);
        }
        let root = ((square.sqrt()? / self.correction)? + self.epsilon)?;
        let kept = (parameter.as_tensor() * self.keep)?;
        parameter.set(&(kept - ((mean.as_tensor() / root)? * self.size)?)?)
    }
}

impl InplaceOp2 for Lerp {
    fn name(&self) -> &'static str {
        "moving average"
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        target_layout: &Layout,
        source: &CpuStorage,
        source_layout: &Layout,
    ) -> Result<()> {
        let (to, from) = (range(target_layout)?, range(source_layout)?);
        match (target, source) {
            (CpuStorage::F32(t), CpuStorage::F32(s)) => {
                pairwise(&mut t[to], &s[from], self.update::<f32>())
            }
            (CpuStorage::F64(t), CpuStorage::F64(s)) => {
                pairwise(&mut t[to], &s[from], self.update::<f64>())
            }
            _ => Err(unsupported()),
        }
    }
}

impl Lerp {
    fn update<F: Float>(&self) -> impl Fn(&mut F, F) + Sync + use<F> {
        let (weight, scale) = (F::of(self.weight), F::of(self.scale));
        move |d, s| *d = *d + weight * (scale * s - *d)
    }
}

impl InplaceOp2 for LerpSquare {
    fn name(&self) -> &'static str {
        "moving average of squares"
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        target_layout: &Layout,
        source: &CpuStorage,
        source_layout: &Layout,
    ) -> Result<()> {
        let (to, from) = (range(target_layout)?, range(source_layout)?);
        match (target, source) {
            (CpuStorage::F32(t), CpuStorage::F32(s)) => {
                pairwise(&mut t[to], &s[from], self.update::<f32>())
            }
            (CpuStorage::F64(t), CpuStorage::F64(s)) => {
                pairwise(&mut t[to], &s[from], self.update::<f64>())
            }
            _ => Err(unsupported()),
        }
    }
}

impl LerpSquare {
    fn update<F: Float>(&self) -> impl Fn(&mut F, F) + Sync + use<F> {
        let (keep, rest) = (F::of(self.keep), F::of(1.0 - self.keep));
        let scale = F::of(self.scale);
        move |d, s| {
            let s = scale * s;
            *d = keep * *d + rest * s * s;
        }
    }
}

impl InplaceOp3 for AdamStep {
    fn name(&self) -> &'static str {
        "Adam step"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        parameter_layout: &Layout,
        mean: &CpuStorage,
        mean_layout: &Layout,
        square: &CpuStorage,
        square_layout: &Layout,
    ) -> Result<()> {
        let to = range(parameter_layout)?;
        let from = (range(mean_layout)?, range(square_layout)?);
        match (parameter, mean, square) {
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(v)) => {
                self.run(&mut p[to], &m[from.0], &v[from.1])
            }
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(v)) => {
                self.run(&mut p[to], &m[from.0], &v[from.1])
            }
            _ => Err(unsupported()),
        }
    }
}

impl AdamStep {
    fn run<F: Float>(&self, parameter: &mut [F], mean: &[F], square: &[F]) -> Result<()> {
        same_length(parameter.len(), mean.len())?;
        same_length(parameter.len(), square.len())?;
        let (keep, size) = (F::of(self.keep), F::of(self.size));
        let (correction, epsilon) = (F::of(self.correction), F::of(self.epsilon));
        parameter
            .par_chunks_mut(CHUNK)
            .zip(mean.par_chunks(CHUNK).zip(square.par_chunks(CHUNK)))
            .for_each(|(parameter, (mean, square))| {
                for (p, (&m, &v)) in parameter.iter_mut().zip(mean.iter().zip(square)) {
                    *p = keep * *p - size * (m / (v.root() / correction + epsilon));
                }
            });
        Ok(())
    }
}

/// The two element types that are trained.
trait Float:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    fn of(value: f64) -> Self;
    fn root(self) -> Self;
}

impl Float for f32 {
    fn of(value: f64) -> Self {
        value as f32
    }

    fn root(self) -> Self {
        self.sqrt()
    }
}

impl Float for f64 {
    fn of(value: f64) -> Self {
        value
    }

    fn root(self) -> Self {
        self.sqrt()
    }
}

fn pairwise<F: Float>(
    target: &mut [F],
    source: &[F],
    update: impl Fn(&mut F, F) + Sync,
) -> Result<()> {
    same_length(target.len(), source.len())?;
    target
        .par_chunks_mut(CHUNK)
        .zip(source.par_chunks(CHUNK))
        .for_each(|(target, source)| {
            for (d, &s) in target.iter_mut().zip(source) {
                update(d, s);
            }
        });
    Ok(())
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::Msg("in-place update: expected a contiguous tensor".into()))?;
    Ok(start..end)
}

fn same_length(target: usize, source: usize) -> Result<()> {
    if target == source {
        return Ok(());
    }
    Err(Error::Msg(format!(
        "in-place update: expected {target} entries, got {source}"
    )))
}

fn unsupported() -> Error {
    Error::Msg("in-place update: expected f32 or f64 throughout".into())
}
