//! Operations on any number of tensors.
//!
//! candle's custom operations take at most three tensors and keep nothing but their inputs and their result. Here an
//! operation holds its inputs itself, and what it wants to keep from forward to backward. To candle's graph of gradients
//! it is tied by handles: one number each, the result of a custom operation on up to three inputs, whose backward pass
//! hands over the gradients that the operation's own backward pass has left for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor,
};

use crate::cpu::slice::{for_real, numbers};
use crate::error::KernelError;
use crate::real::Real;

/// What a forward pass gives.
pub(crate) struct Outcome<T> {
    /// The result.
    pub(crate) output: Vec<T>,
    /// What the backward pass will want to see again.
    pub(crate) kept: Vec<Vec<T>>,
}

/// What a backward pass sees.
pub(crate) struct Backward<'a, T> {
    /// The inputs of the forward pass.
    pub(crate) inputs: &'a [&'a [T]],
    /// What the forward pass kept.
    pub(crate) kept: &'a [&'a [T]],
    /// The gradient of the result.
    pub(crate) grad: &'a [T],
    /// Which inputs' gradients are asked for.
    pub(crate) wanted: &'a [bool],
}

/// A function of contiguous CPU tensors of one type, with its gradient.
pub(crate) trait Operation: Send + Sync + 'static {
    const NAME: &'static str;

    /// Shape of the result.
    fn shape(&self) -> Shape;

    /// The result.
    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T>;

    /// Gradients of the inputs, in order. Those that are not wanted may be `None`.
    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>>;
}

/// Applies an operation to tensors that the CPU kernels take.
pub(crate) fn apply<O: Operation>(operation: O, inputs: &[&Tensor]) -> crate::Result<Tensor> {
    let inputs = inputs
        .iter()
        .map(|input| input.contiguous())
        .collect::<Result<Vec<_>>>()?;
    let left = Gradients(Arc::new(Mutex::new(vec![None; inputs.len()])));
    let handle = handle(&inputs, &left)?;
    let operation = Tied {
        operation,
        inputs,
        kept: Mutex::new(None),
        left,
    };
    Ok(handle.apply_op1(operation)?)
}

/// Gradients on their way from an operation to its inputs.
#[derive(Clone)]
struct Gradients(Arc<Mutex<Vec<Option<Tensor>>>>);

impl Gradients {
    fn leave(&self, gradients: Vec<Option<Tensor>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gradients;
    }

    fn take(&self, input: usize) -> Option<Tensor> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left.get_mut(input).and_then(Option::take)
    }
}

/// One number that depends on all inputs.
fn handle(inputs: &[Tensor], left: &Gradients) -> Result<Tensor> {
    let mut handles = Vec::new();
    for (group, tensors) in inputs.chunks(3).enumerate() {
        let ends = Ends {
            first: Some((3 * group, left.clone())),
            len: tensors.len(),
        };
        handles.push(ends.tie(tensors)?);
    }
    while handles.len() > 1 {
        handles = handles
            .chunks(3)
            .map(|tensors| {
                let ends = Ends {
                    first: None,
                    len: tensors.len(),
                };
                ends.tie(tensors)
            })
            .collect::<Result<_>>()?;
    }
    handles
        .pop()
        .ok_or_else(|| candle_core::Error::Msg("an operation needs an input".to_string()))
}

/// A handle's operation, on inputs (with the number of the first) or on other handles.
struct Ends {
    first: Option<(usize, Gradients)>,
    len: usize,
}

impl Ends {
    fn tie(self, tensors: &[Tensor]) -> Result<Tensor> {
        // A missing second or third tensor is filled up with the first; it gets no gradient.
        let at = |i: usize| tensors.get(i).unwrap_or(&tensors[0]);
        at(0).apply_op3(at(1), at(2), self)
    }
}

impl CustomOp3 for Ends {
    fn name(&self) -> &'static str {
        "handle"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(1)))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = |i: usize, tensor: &Tensor| -> Result<Option<Tensor>> {
            if i >= self.len || !tensor.track_op() {
                return Ok(None);
            }
            match &self.first {
                Some((first, left)) => Ok(left.take(first + i)),
                None => tensor.zeros_like().map(Some),
            }
        };
        Ok((gradient(0, a)?, gradient(1, b)?, gradient(2, c)?))
    }
}

/// The operation itself, with its inputs.
struct Tied<O> {
    operation: O,
    inputs: Vec<Tensor>,
    /// What the forward pass kept, until the backward pass takes it: a layer's memory is free when its gradients are known.
    /// A second backward pass runs the forward pass again.
    kept: Mutex<Option<Vec<CpuStorage>>>,
    left: Gradients,
}

impl<O: Operation> Tied<O> {
    fn dtype(&self) -> DType {
        self.inputs[0].dtype()
    }

    fn outcome<T: Real>(&self) -> Result<Outcome<T>> {
        with_all::<T, _>(O::NAME, &self.inputs, |x| self.operation.forward(x))
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<CpuStorage>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T: Real>(&self) -> Result<CpuStorage> {
        let outcome = self.outcome::<T>()?;
        if self.inputs.iter().any(Tensor::track_op) {
            *self.kept() = Some(stored(outcome.kept));
        }
        Ok(T::to_cpu_storage_owned(outcome.output))
    }

    fn run_back<T: Real>(&self, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let wanted: Vec<bool> = self.inputs.iter().map(Tensor::track_op).collect();
        let kept = self.kept().take();
        let kept = match kept {
            Some(kept) => kept,
            None => stored(self.outcome::<T>()?.kept),
        };
        let kept = kept
            .iter()
            .map(CpuStorage::as_slice::<T>)
            .collect::<Result<Vec<_>>>()?;
        let gradients = with_all::<T, _>(O::NAME, &self.inputs, |inputs| {
            with_all::<T, _>(O::NAME, std::slice::from_ref(grad), |grad| {
                self.operation.backward(&Backward {
                    inputs,
                    kept: &kept,
                    grad: grad[0],
                    wanted: &wanted,
                })
            })
        })??;
        let tensors = gradients.into_iter().zip(&self.inputs);
        tensors
            .map(|(gradient, input)| {
                gradient
                    .map(|gradient| Tensor::from_vec(gradient, input.shape(), input.device()))
                    .transpose()
            })
            .collect()
    }
}

impl<O: Operation> CustomOp1 for Tied<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let output = for_real!(O::NAME, self, T => self.run::<T>())?;
        Ok((output, self.operation.shape()))
    }

    fn bwd(&self, handle: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let gradients = for_real!(O::NAME, self, T => self.run_back::<T>(&grad))?;
        self.left.leave(gradients);
        handle.zeros_like().map(Some)
    }
}

fn stored<T: Real>(kept: Vec<Vec<T>>) -> Vec<CpuStorage> {
    kept.into_iter().map(T::to_cpu_storage_owned).collect()
}

/// Lends the numbers of contiguous CPU tensors.
fn with_all<T: Real, R>(
    name: &'static str,
    tensors: &[Tensor],
    f: impl FnOnce(&[&[T]]) -> R,
) -> Result<R> {
    let storages: Vec<_> = tensors.iter().map(Tensor::storage_and_layout).collect();
    let slices = storages
        .iter()
        .map(|(storage, layout)| match &**storage {
            Storage::Cpu(storage) => numbers::<T>(name, storage, layout),
            _ => Err(KernelError::Device { name }),
        })
        .collect::<crate::Result<Vec<_>>>()?;
    Ok(f(&slices))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// `sum over i of (i + 1) x_i`, for numbers `x_i`; keeps the first. Counts its forward passes.
    struct Weighted;

    thread_local! {
        static FORWARD_PASSES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }

    impl Operation for Weighted {
        const NAME: &'static str = "weighted";

        fn shape(&self) -> Shape {
            Shape::from(1)
        }

        fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
            FORWARD_PASSES.set(FORWARD_PASSES.get() + 1);
            let terms = inputs.iter().zip(1..);
            let terms = terms.map(|(x, i)| x[0] * T::from_f64(f64::from(i)));
            Outcome {
                output: vec![terms.sum()],
                kept: vec![inputs[0].to_vec()],
            }
        }

        fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
            assert!(
                seen.kept[0] == seen.inputs[0],
                "kept until the backward pass"
            );
            let weight = |i: usize| T::from_f64((i + 1) as f64) * seen.grad[0];
            (0..seen.inputs.len())
                .map(|i| seen.wanted[i].then(|| vec![weight(i)]))
                .collect()
        }
    }

    #[test]
    fn every_input_gets_its_gradient() -> crate::Result<()> {
        for count in [1, 2, 3, 4, 9, 10, 28] {
            let variables = (0..count)
                .map(|i| Var::new(&[i as f64], &Device::Cpu))
                .collect::<Result<Vec<_>>>()?;
            let tensors: Vec<&Tensor> = variables.iter().map(Var::as_tensor).collect();
            let y = apply(Weighted, &tensors)?;
            let expected: usize = (0..count).map(|i| i * (i + 1)).sum();
            assert_eq!(y.to_vec1::<f64>()?, [expected as f64]);
            FORWARD_PASSES.set(0);
            // What was kept serves one backward pass, and is free then: the next one makes it again.
            for again in 0..2 {
                let gradients = y.affine(2.0, 0.0)?.backward()?;
                for (i, variable) in variables.iter().enumerate() {
                    let gradient = gradients.get(variable).expect("an input");
                    assert_eq!(gradient.to_vec1::<f64>()?, [2.0 * (i + 1) as f64]);
                }
                assert_eq!(FORWARD_PASSES.get(), again);
            }
        }
        Ok(())
    }

    #[test]
    fn constants_and_repeated_inputs() -> crate::Result<()> {
        let (x, c) = (
            Var::new(&[1.0_f64], &Device::Cpu)?,
            Tensor::new(&[5.0_f64], &Device::Cpu)?,
        );
        assert!(!apply(Weighted, &[&c, &c])?.track_op());
        let y = apply(Weighted, &[&c, &x, &c, &c, &x])?;
        let gradients = y.backward()?;
        let gradient = gradients.get(&x).expect("the variable's");
        assert_eq!(gradient.to_vec1::<f64>()?, [7.0]);
        assert!(gradients.get(&c).is_none());
        Ok(())
    }
}
