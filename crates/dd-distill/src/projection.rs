//! A linear map from the student's width to the teacher's.

use candle_core::Module;
use dd_nn::{Init, Linear, Params, Representation};

use crate::error::Result;

/// `z = W x + b`, applied to nodes and graphs alike; it serves distillation only and is dropped afterwards.
///
/// A mean over atoms and a linear map commute, so one map suffices for both losses.
///
/// # Differences from the original
/// The paper names no projection: its student has the teacher's width. Use this when it has not.
#[derive(Debug, Clone)]
pub struct Projection {
    linear: Linear,
}

impl Projection {
    /// Parameters `weight [teacher_width, student_width]` (Glorot and Bengio's uniform) and `bias` (zero).
    ///
    /// # Errors
    /// When parameters of these names exist with another shape.
    pub fn new(student_width: usize, teacher_width: usize, params: &Params) -> Result<Self> {
        let linear = Linear::new(student_width, teacher_width, Init::XavierUniform, params)?;
        Ok(Self { linear })
    }

    /// The representation at the teacher's width.
    ///
    /// # Errors
    /// When the width is not that of the map.
    pub fn project(&self, student: &Representation) -> Result<Representation> {
        Ok(Representation {
            nodes: self.linear.forward(&student.nodes)?,
            graphs: self.linear.forward(&student.graphs)?,
        })
    }
}
