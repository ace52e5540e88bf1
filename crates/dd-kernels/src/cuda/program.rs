//! From kernel launches to differentiable operations of candle.

#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Shape, Tensor};

use super::launch::{Gpu, Held, View};
use crate::error::Result;

/// One operation: launches, and which program computes its gradients.
pub(crate) trait Program: Send + Sync + 'static {
    /// As in error messages.
    const NAME: &'static str;

    /// Starts the kernels on contiguous inputs.
    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)>;

    /// Gradients of the inputs, given that of the result. Operations that are themselves gradients have none.
    fn backward(
        &self,
        _inputs: &[&Tensor],
        _result: &Tensor,
        _grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        Err(candle_core::Error::BackwardNotSupported { op: Self::NAME })
    }
}

/// One input of a program.
#[derive(Debug)]
pub(crate) struct Input<'a, S> {
    pub(crate) view: View<'a, S>,
    pub(crate) dims: &'a [usize],
}

impl<S> Clone for Input<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Input<'_, S> {}

/// Runs a program as a differentiable operation on one to three tensors.
pub(crate) fn apply<P: Program>(program: P, inputs: &[&Tensor]) -> Result<Tensor> {
    let others = Vec::new();
    let operation = Operation { program, others };
    Ok(match inputs {
        [a] => a.contiguous()?.apply_op1(operation)?,
        [a, b] => a.contiguous()?.apply_op2(&b.contiguous()?, operation)?,
        [a, b, c] => {
            let (b, c) = (b.contiguous()?, c.contiguous()?);
            a.contiguous()?.apply_op3(&b, &c, operation)?
        }
        _ => unreachable!("operations take one to three tensors"),
    })
}

/// Runs a program on any number of tensors; nothing is recorded for gradients.
pub(crate) fn run<P: Program>(program: P, inputs: &[&Tensor]) -> candle_core::Result<Tensor> {
    let (first, others) = inputs.split_first().expect("a program has inputs");
    let others = others
        .iter()
        .map(|x| x.contiguous())
        .collect::<candle_core::Result<_>>()?;
    let first = first.detach().contiguous()?;
    first.apply_op1(Operation { program, others })
}

/// A program as candle's custom operation, with further inputs that need no gradient.
struct Operation<P> {
    program: P,
    others: Vec<Tensor>,
}

impl<P: Program> Operation<P> {
    fn forward<S: Gpu>(&self, inputs: &[(&S, &Layout)]) -> candle_core::Result<(S, Shape)> {
        let dtype = inputs[0].0.dtype();
        let others = self.others.iter().map(Tensor::dtype);
        let mut dtypes = inputs
            .iter()
            .map(|(storage, _)| storage.dtype())
            .chain(others);
        // A kernel is of one type and would read every pointer as that.
        if let Some(rhs) = dtypes.find(|&other| other != dtype) {
            let (lhs, op) = (dtype, P::NAME);
            return Err(candle_core::Error::DTypeMismatchBinaryOp { lhs, rhs, op }.bt());
        }
        let held: Vec<Held<'_>> = self.others.iter().map(|x| Held::new(P::NAME, x)).collect();
        let mut all = Vec::with_capacity(inputs.len() + held.len());
        for &(storage, layout) in inputs {
            let view = View::new(P::NAME, storage, layout)?;
            all.push(Input {
                view,
                dims: layout.dims(),
            });
        }
        let device = inputs[0].0.device();
        for (held, tensor) in held.iter().zip(&self.others) {
            all.push(Input {
                view: held.view(device)?,
                dims: tensor.dims(),
            });
        }
        self.program.run(&all, device)
    }
}

/// The two forward functions of a custom operation, by its storages.
macro_rules! forward {
    ($($storage:ident $layout:ident),+) => {
        fn name(&self) -> &'static str {
            P::NAME
        }

        fn cpu_fwd(
            &self,
            $($storage: &CpuStorage, $layout: &Layout),+
        ) -> candle_core::Result<(CpuStorage, Shape)> {
            self.forward(&[$(($storage, $layout)),+])
        }

        #[cfg(feature = "cuda")]
        fn cuda_fwd(
            &self,
            $($storage: &CudaStorage, $layout: &Layout),+
        ) -> candle_core::Result<(CudaStorage, Shape)> {
            self.forward(&[$(($storage, $layout)),+])
        }
    };
}

impl<P: Program> CustomOp1 for Operation<P> {
    forward!(a a_layout);

    fn bwd(&self, a: &Tensor, y: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let mut grads = self.program.backward(&[a], y, &grad.contiguous()?)?;
        Ok(grads.pop().flatten())
    }
}

impl<P: Program> CustomOp2 for Operation<P> {
    forward!(a a_layout, b b_layout);

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.program.backward(&[a, b], y, &grad.contiguous()?)?;
        let b = grads.pop().flatten();
        Ok((grads.pop().flatten(), b))
    }
}

impl<P: Program> CustomOp3 for Operation<P> {
    forward!(a a_layout, b b_layout, c c_layout);

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.program.backward(&[a, b, c], y, &grad.contiguous()?)?;
        let c = grads.pop().flatten();
        let b = grads.pop().flatten();
        Ok((grads.pop().flatten(), b, c))
    }
}
