//! The program's allocator: mimalloc, told to keep freed memory for the next step.

use std::ffi::{c_int, c_long};

/// `mi_option_purge_delay` of mimalloc 3, for which its crate has no name.
const PURGE_DELAY: c_int = libmimalloc_sys::mi_option_use_numa_nodes - 1;
/// Ten times the usual delay, which a step of a large network outlasts: pages that were given back in the meantime have to
/// be cleared anew, a sixth of such a step.
const MILLISECONDS: c_long = 10_000;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keeps freed memory for ten seconds before it is given back, unless `MIMALLOC_PURGE_DELAY` says otherwise.
#[allow(unsafe_code)]
pub(crate) fn keep_freed() {
    // SAFETY: the function writes one number of mimalloc's own, and is called before there are other threads.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, MILLISECONDS) };
}

#[cfg(test)]
mod tests {
    /// The number of the option is a guess from its neighbour's: what it holds at first tells whether it is right.
    #[test]
    #[allow(unsafe_code)]
    fn the_option_is_the_delay_of_a_second() {
        // SAFETY: reads one number of mimalloc's own.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(super::PURGE_DELAY) };
        assert_eq!(delay(), 1_000);
        super::keep_freed();
        assert_eq!(delay(), super::MILLISECONDS);
    }
}
