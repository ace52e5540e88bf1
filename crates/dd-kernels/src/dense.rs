//! The dense layer.

use candle_core::{Shape, Tensor};

use crate::cpu::dense::{Dense, column_sums};
use crate::cpu::matmul::bf16::has_instructions;
use crate::cpu::slice::has_kernel;
use crate::error::{KernelError, Result};
use crate::operation::{self, Backward, Operation, Outcome};
use crate::real::Real;
use crate::{check, reference};

/// How dense layers multiply on the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatmulPrecision {
    /// In the element type of the tensors.
    #[default]
    Full,
    /// Both factors are rounded to bf16, which has 8 significant bits, and products are summed in single precision: for
    /// tensors in single precision, which all other operations keep. Processors with AVX-512 BF16 do this twice as fast;
    /// others compute the same, up to the order of two sums, and slower than in full.
    Bf16,
}

impl MatmulPrecision {
    /// Whether this processor has instructions that make it worth while.
    ///
    /// ```
    /// assert!(dd_kernels::MatmulPrecision::Full.is_fast());
    /// ```
    pub fn is_fast(self) -> bool {
        self == Self::Full || has_instructions()
    }
}

/// A dense layer: `y = x W^T + b`.
///
/// # Shapes
/// `x: [..., in]`, `weight: [out, in]`, `bias: [out]` give `[..., out]`.
///
/// # Errors
/// When the shapes do not fit.
///
/// # Complexity
/// `2 R in out` operations for `R` rows, twice that backward. Rows (backward: rows, and columns of the weight) are
/// divided over threads in blocks of fixed size, and each number is summed by one thread in order: deterministic. A
/// row's result has the same bits whatever rows stand beside it.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[1.0_f64, 2.0]], &Device::Cpu)?;
/// let weight = Tensor::new(&[[3.0_f64, 4.0], [5.0, 6.0], [0.0, 1.0]], &Device::Cpu)?;
/// let bias = Tensor::new(&[0.0_f64, 0.5, 1.0], &Device::Cpu)?;
/// assert_eq!(dd_kernels::dense(&x, &weight, Some(&bias))?.to_vec2::<f64>()?, [[11.0, 17.5, 3.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dense(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    dense_in(x, weight, bias, MatmulPrecision::Full)
}

/// [`dense`] with products in a precision of choice, forward and backward.
///
/// # Errors
/// As [`dense`], and for products in bf16 when the tensors are not on the CPU in single precision.
pub fn dense_in(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    precision: MatmulPrecision,
) -> Result<Tensor> {
    check::precision("dense", x, precision)?;
    let [output, input] = *weight.dims() else {
        return Err(KernelError::Shape {
            name: "dense: weight",
            expected: "[out, in]".to_string(),
            got: weight.dims().to_vec(),
        });
    };
    if output == 0 {
        return Err(KernelError::Shape {
            name: "dense: weight",
            expected: "[out, in] with at least one output".to_string(),
            got: weight.dims().to_vec(),
        });
    }
    if x.dims().last() != Some(&input) || input == 0 {
        return Err(KernelError::Shape {
            name: "dense: x",
            expected: format!("[..., {input}]"),
            got: x.dims().to_vec(),
        });
    }
    if let Some(bias) = bias {
        check::shape("dense: bias", bias, &[output])?;
    }
    if !has_kernel(x) {
        check::real("dense", x)?;
        return reference::dense(x, weight, bias);
    }
    let mut shape = x.dims().to_vec();
    shape[x.rank() - 1] = output;
    let layer = DenseLayer {
        input,
        output,
        shape: Shape::from(shape),
        precision,
    };
    let inputs: Vec<&Tensor> = [x, weight].into_iter().chain(bias).collect();
    operation::apply(layer, &inputs)
}

struct DenseLayer {
    input: usize,
    output: usize,
    shape: Shape,
    precision: MatmulPrecision,
}

impl DenseLayer {
    fn layer<'a, T>(&self, inputs: &[&'a [T]]) -> Dense<'a, T> {
        Dense {
            weight: inputs[1],
            bias: inputs.get(2).copied(),
            input: self.input,
            output: self.output,
            precision: self.precision,
        }
    }
}

impl Operation for DenseLayer {
    const NAME: &'static str = "dense";

    fn shape(&self) -> Shape {
        self.shape.clone()
    }

    fn forward<T: Real>(&self, inputs: &[&[T]]) -> Outcome<T> {
        Outcome {
            output: self.layer(inputs).forward(inputs[0]),
            kept: Vec::new(),
        }
    }

    fn backward<T: Real>(&self, seen: &Backward<'_, T>) -> Vec<Option<Vec<T>>> {
        let layer = self.layer(seen.inputs);
        let wants = |input: usize| seen.wanted.get(input) == Some(&true);
        vec![
            wants(0).then(|| layer.input_gradient(seen.grad)),
            wants(1).then(|| layer.weight_gradient(seen.inputs[0], seen.grad)),
            wants(2).then(|| column_sums(seen.grad, self.output)),
        ]
    }
}
