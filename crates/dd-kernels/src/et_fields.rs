//! Scalar and vector features of atoms.

use candle_core::Tensor;

use crate::error::{KernelError, Result};

/// Scalar features `[N, F]` and vector features `[N, 3, F]` in one tensor `[N, 4, F]`: what the operations of the
/// equivariant transformer give.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use dd_kernels::EtFields;
/// let joined = Tensor::new(&[[[1.0_f32], [2.0], [3.0], [4.0]]], &Device::Cpu)?;
/// let fields = EtFields::new(joined)?;
/// assert_eq!(fields.scalars()?.to_vec2::<f32>()?, [[1.0]]);
/// assert_eq!(fields.vectors()?.to_vec3::<f32>()?, [[[2.0], [3.0], [4.0]]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EtFields {
    joined: Tensor,
}

impl EtFields {
    /// Takes a tensor apart into scalars (the first of its second dimension) and vectors (the other three).
    ///
    /// # Errors
    /// When the shape is not `[N, 4, F]`.
    pub fn new(joined: Tensor) -> Result<Self> {
        match *joined.dims() {
            [_, 4, _] => Ok(Self { joined }),
            _ => Err(KernelError::Shape {
                name: "scalars and vectors",
                expected: "[N, 4, F]".to_string(),
                got: joined.dims().to_vec(),
            }),
        }
    }

    /// Joins scalars `[N, F]` and vectors `[N, 3, F]`.
    ///
    /// # Errors
    /// When the shapes do not fit each other.
    pub fn join(scalars: &Tensor, vectors: &Tensor) -> Result<Self> {
        Self::new(Tensor::cat(&[&scalars.unsqueeze(1)?, vectors], 1)?)
    }

    /// `[N, 4, F]`.
    pub fn joined(&self) -> &Tensor {
        &self.joined
    }

    /// `[N, F]`.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn scalars(&self) -> Result<Tensor> {
        Ok(self.joined.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?)
    }

    /// `[N, 3, F]`.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn vectors(&self) -> Result<Tensor> {
        Ok(self.joined.narrow(1, 1, 3)?.contiguous()?)
    }

    /// Sum with other fields of the same shape.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn plus(&self, other: &Self) -> Result<Self> {
        Self::new((&self.joined + &other.joined)?)
    }
}
