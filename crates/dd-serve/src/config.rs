//! What a server allows, and how it batches.

use std::time::Duration;

/// Bounds of a request, so that none can take what the others need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's body; more are refused with 413.
    pub body_bytes: usize,
    /// Rows of a request; more are refused with 413.
    pub rows: usize,
    /// Atoms of a molecule, hydrogens that are written included; a row with more is answered with its error.
    pub atoms: usize,
    /// Molecules of one model that wait or run; a request that does not fit is refused with 503.
    pub queue: usize,
    /// Time from the head of a request to its answer; later the answer is 504. A connection whose answer is not read for so
    /// long is closed.
    pub time: Duration,
}

impl Default for Limits {
    /// 1 MiB, 1024 rows, 500 atoms, 8192 molecules, 30 seconds.
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            rows: 1024,
            atoms: 500,
            queue: 8192,
            time: Duration::from_secs(30),
        }
    }
}

/// When the molecules that wait for a model become a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Nodes and directed edges of a batch. A molecule with more is a batch of its own.
    pub tokens: usize,
    /// Longest time that the first molecule waits for others while the model is idle.
    pub wait: Duration,
}

impl Default for Batching {
    /// 8192 tokens (about a hundred drug-like molecules), 2 milliseconds.
    fn default() -> Self {
        Self {
            tokens: 8192,
            wait: Duration::from_millis(2),
        }
    }
}

/// A server's configuration: how it runs, never what it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServeConfig {
    /// Bounds of a request.
    pub limits: Limits,
    /// Batches.
    pub batching: Batching,
}
