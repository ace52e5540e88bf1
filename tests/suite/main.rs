//! The integration suite: what must hold across crates.
//!
//! The folder of reference data beside the workspace is read when it is there; without it the suite runs on the embedded
//! data and on its own fixtures, and says so.

#![allow(clippy::unwrap_used)]

mod balance;
mod baselines;
mod begin_with;
mod documents;
mod evaluation;
mod geometry;
mod gradients;
mod how_to;
mod learning;
mod molecules;
mod outside;
mod parity;
mod published;
mod resume;
mod shipped;
mod tasks;
mod teacher_cache;
