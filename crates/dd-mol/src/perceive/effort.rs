//! A budget for the parts of perception that can take more than linear time.
//!
//! Rings, Kekulé forms and aromatic sets of real molecules take little; of tangles that no
//! chemistry makes they could take for ever. Steps are counted where the work is done.

use crate::error::PerceptionError;

/// What is left of [`Sanitize::max_ring_steps`](crate::Sanitize::max_ring_steps).
#[derive(Debug)]
pub(crate) struct Effort {
    left: u64,
    limit: u64,
}

impl Effort {
    pub(crate) fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// Takes some steps from what is left.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), PerceptionError> {
        match self.left.checked_sub(steps as u64) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(PerceptionError::TooManyRingSteps { limit: self.limit }),
        }
    }
}
