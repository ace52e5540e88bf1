//! Why a server does not start.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A server without a model.
    #[error("there is no model to serve")]
    NoModel,
    /// Two models of one name.
    #[error("two models are called {0:?}: rename a folder")]
    SameName(String),
    /// A limit that refuses everything.
    #[error("{name} is {value}: {reason}")]
    Limit {
        /// The limit.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An index whose vectors none of the models made.
    #[error(
        "the index was made by the model {made_by:?} ({fingerprint}), which is not served here"
    )]
    Index {
        /// Name of the model that made it.
        made_by: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// A model that cannot be loaded.
    #[error(transparent)]
    Model(#[from] dd_encoder2d::EncoderError),
    /// A socket or thread that the system does not give.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, ServeError>;
