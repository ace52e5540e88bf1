//! What all targets share: an allocator that refuses more memory than an input accounts
//! for, so that an allocation which believes a number in the input is a finding.

use std::alloc::System;
use std::panic;

use cap::Cap;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Lifts the limit on a panic, whose report needs memory. Called once, before the first input.
pub fn prepare() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        unlimited();
        report(panic);
    }));
}

/// From here on no more than `bytes` beside what is in use.
pub fn limit(bytes: usize) {
    let limit = MEMORY.allocated().saturating_add(bytes);
    MEMORY
        .set_limit(limit)
        .expect("the limit is above what is in use");
}

/// Ends a [`limit`].
pub fn unlimited() {
    MEMORY
        .set_limit(usize::MAX)
        .expect("nothing is above the largest number");
}
