//! Shared inputs of the benches.

pub mod chemistry;
pub mod models;
