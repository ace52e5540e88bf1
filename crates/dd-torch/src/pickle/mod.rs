//! Pickles: what they say, without doing it.
//!
//! Source: the opcodes of Python's `pickletools`, protocols 0 to 5.

mod bytes;
mod machine;
mod rebuild;
mod value;

pub(crate) use machine::{Pickle, read};
pub(crate) use value::{Id, Value, Values, View};
