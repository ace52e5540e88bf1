//! Results on standard output.

use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes a result. A reader that has seen enough, such as `head`, is no failure.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::work),
    }
}
