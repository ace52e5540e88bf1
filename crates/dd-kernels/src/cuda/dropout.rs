//! Dropout of entries of packed rows.

use candle_core::{Shape, Tensor};

use super::launch::{Argument, Gpu, Held, Launch, walking_blocks};
use super::program::{Input, Program, apply, run};
use super::rows::row_width;
use crate::Segments;
use crate::dropout::{RowDropout, threshold};
use crate::error::Result;

/// [`crate::dropout()`] at a rate above 0.
pub(crate) fn dropout(x: &Tensor, segments: &Segments, dropout: RowDropout) -> Result<Tensor> {
    let segments = segments.clone();
    apply(Dropout { segments, dropout }, &[x])
}

struct Dropout {
    segments: Segments,
    dropout: RowDropout,
}

impl Program for Dropout {
    const NAME: &'static str = "dropout";

    fn run<S: Gpu>(
        &self,
        inputs: &[Input<'_, S>],
        device: &S::Device,
    ) -> candle_core::Result<(S, Shape)> {
        let Input { view: x, dims } = inputs[0];
        let offsets = Held::new(Self::NAME, self.segments.offsets_tensor());
        let row_segment = Held::new(Self::NAME, self.segments.row_segment_tensor());
        let ids = self.segments.ids_tensor()?;
        let ids = ids.map(|ids| Held::new(Self::NAME, ids));
        let ids = ids.as_ref().map(|held| held.view(device)).transpose()?;
        let mut y = S::uninitialised(device, x.storage.dtype(), x.len)?;
        let launch = Launch::new(
            "dropout",
            x.number(Self::NAME)?,
            walking_blocks(x.len),
            vec![
                Argument::Read(x),
                Argument::Read(offsets.view(device)?),
                Argument::Read(row_segment.view(device)?),
                Argument::optional(ids),
                Argument::Write(&mut y),
                Argument::Word(x.len as u64),
                Argument::Size(row_width(dims)),
                Argument::Word(self.dropout.key.state()),
                Argument::Size(threshold(self.dropout.rate) as usize),
                Argument::Real(1.0 / (1.0 - self.dropout.rate)),
            ],
        );
        S::launch(device, launch)?;
        Ok((y, dims.into()))
    }

    fn backward(
        &self,
        _inputs: &[&Tensor],
        _y: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<Vec<Option<Tensor>>> {
        let (segments, dropout) = (self.segments.clone(), self.dropout);
        Ok(vec![Some(run(Dropout { segments, dropout }, &[grad])?)])
    }
}
