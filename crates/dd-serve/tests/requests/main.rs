//! What is wrong with a request is said, with its place; limits hold; nothing is lost on the way down.

#![allow(clippy::unwrap_used)]

#[path = "../client/mod.rs"]
mod client;
mod counter;
mod faults;
mod limits;
mod pictures;
#[path = "../served/mod.rs"]
mod served;
mod stopping;
