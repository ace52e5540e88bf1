//! The allocator of programs that train: one that keeps what was freed for a while.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay`, which the binding does not name: the sixteenth of `mi_option_e` in mimalloc's header.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Milliseconds; arenas, in which large tensors are, wait ten times as long. A step frees tensors that the next layer and the
/// next step want again: with mimalloc's own 10 ms the system clears their pages anew, a tenth of the teacher's step.
const DELAY: std::ffi::c_long = 1000;

/// Gives freed memory back later.
pub(crate) fn keep_freed_memory() {
    // SAFETY: the option exists in the version that is linked, and setting one writes a number that purging reads.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_option_set(PURGE_DELAY, DELAY);
    }
}
