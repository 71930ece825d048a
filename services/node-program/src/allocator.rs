//! Memory allocator: how many heaps this process has.
//!
//! The allocator of glibc gives threads heaps of their own, up to eight for each core. What one of them had for answers and bodies is used
//! again by the threads of that heap alone, and seldom given back: a node whose bounds allow 72 MiB of answers to strangers grew to 1.1 GiB,
//! some 70 MiB in each of sixteen heaps.

/// Bounds the heaps of this process, which is to have no other threads yet. Does nothing where the allocator is another one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn bound_heaps() {
    use std::{ffi::c_int, num::NonZero, thread};

    /// As in `malloc.h`.
    const ARENA_MAX: c_int = -8;
    const LEAST: usize = 2;
    const MOST: usize = 8;

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    let cores = thread::available_parallelism().map_or(LEAST, NonZero::get);
    let heaps = cores.div_ceil(2).clamp(LEAST, MOST);
    let heaps = c_int::try_from(heaps).unwrap_or(c_int::MAX);
    // SAFETY: it takes two numbers, and nobody else calls it: there is one thread. A parameter that it does not know it ignores.
    unsafe {
        mallopt(ARENA_MAX, heaps);
    }
}

/// Does nothing: the allocator is another one.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn bound_heaps() {}
