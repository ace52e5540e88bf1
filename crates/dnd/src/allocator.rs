//! The program's allocator: one that keeps for a minute what was freed.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the binding does not name: the sixteenth of `mi_option_e` in mimalloc's header.
const PURGE_DELAY: mi_option_t = 15;
/// Milliseconds. When they are over, mimalloc returns all that is free at that moment, though the next layer and the next
/// step want it again: with its own delay of one second the system clears pages for a tenth of a teacher's step.
const DELAY: c_long = 60_000;

/// Gives freed memory back later, unless the variable `MIMALLOC_PURGE_DELAY` says when.
pub(crate) fn keep_freed_memory() {
    // SAFETY: the option exists in the version that is linked, and setting one writes a number that purging reads.
    #[allow(unsafe_code)]
    unsafe {
        mi_option_set_default(PURGE_DELAY, DELAY);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_option_is_that_of_the_delay() {
        // SAFETY: reads a number.
        #[allow(unsafe_code)]
        let delay = || unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
        assert_eq!(delay(), 1000, "mimalloc's own, which no other option has");
        super::keep_freed_memory();
        assert_eq!(delay(), super::DELAY);
    }
}
