//! The suites of the operations once more, with the CUDA kernels in the place of the CPU's: the same launches that a GPU
//! gets, the same kernel sources, run by a program that imitates a GPU (`emulator/emulate.h`).

#![allow(
    clippy::duplicate_mod,
    reason = "each suite declares its device, as it does where it is a program of its own"
)]

#[path = "attention.rs"]
mod attention;
#[path = "dense.rs"]
mod dense;
#[path = "equivariant.rs"]
mod equivariant;
#[path = "et_layer.rs"]
mod et_layer;
#[path = "et_message.rs"]
mod et_message;
#[path = "isomorphism.rs"]
mod isomorphism;
#[path = "operations.rs"]
mod operations;
#[path = "optimizer.rs"]
mod optimizer;
