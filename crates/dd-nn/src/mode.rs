//! Training or evaluation.

use dd_kernels::rng::Key;

/// How a model runs. `Eval` is deterministic; `Train` carries the stream from which the step draws its randomness.
///
/// A layer derives its own stream by name and number: `mode.named("layers").with(3).named("dropout")`.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// No dropout, no augmentation.
    Eval,
    /// Dropout and augmentation drawn from this stream.
    Train(Key),
}

impl Mode {
    /// The mode of a part of the model: the same, with the stream named after the part.
    #[must_use]
    pub fn named(self, part: &str) -> Self {
        match self {
            Self::Eval => Self::Eval,
            Self::Train(key) => Self::Train(key.named(part)),
        }
    }

    /// The mode of a numbered part: a layer.
    #[must_use]
    pub fn with(self, number: usize) -> Self {
        match self {
            Self::Eval => Self::Eval,
            Self::Train(key) => Self::Train(key.with(number as u64)),
        }
    }

    /// The stream when training.
    pub fn key(self) -> Option<Key> {
        match self {
            Self::Eval => None,
            Self::Train(key) => Some(key),
        }
    }
}
