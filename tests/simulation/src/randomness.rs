//! Randomness of the machine: seeded on the threads of a simulation.
//!
//! Keys of hash maps, the order in which `tokio::select!` looks at its branches, jitter of back-offs, shuffled peers, nonces: all of
//! it begins with `getrandom(2)`. This program has a function of that name, which takes the place of libc's (the standard library and
//! the crate `getrandom` look for it by name, so that it can be interposed): it answers a thread of a simulation out of its seed,
//! and hands every other one to the system.
// The symbol, and the memory that its callers hand over.
#![allow(unsafe_code)]

use std::{
    cell::RefCell,
    ffi::{c_uint, c_void},
    mem::MaybeUninit,
};

use rand::{RngCore as _, SeedableRng as _, rngs::StdRng};
use rustix::rand::GetRandomFlags;

thread_local! {
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// Has everything random on this thread follow from `seed` from now on; what was drawn before stays drawn, so it is for threads
/// that begin.
pub(crate) fn seed_this_thread(seed: u64) {
    SEEDED.with(|seeded| *seeded.borrow_mut() = Some(StdRng::seed_from_u64(seed)));
}

/// In place of libc's: see there.
///
/// # Safety
/// `length` bytes can be written at `buffer`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn getrandom(
    buffer: *mut c_void,
    length: usize,
    flags: c_uint,
) -> isize {
    // SAFETY: the caller lends so many bytes; none of them is read.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), length) };
    let seeded = SEEDED.try_with(|seeded| {
        let mut seeded = seeded.try_borrow_mut().ok()?;
        let random = seeded.as_mut()?;
        for byte in &mut *bytes {
            byte.write(random.next_u32().to_le_bytes()[0]);
        }
        Some(())
    });
    let written = match seeded {
        Ok(Some(())) => Ok(length),
        // Another thread, or one that ends.
        _ => rustix::rand::getrandom(bytes, GetRandomFlags::from_bits_retain(flags))
            .map(|(written, _)| written.len()),
    };
    // Callers fall back to other sources if it fails; the number of the error is theirs to find.
    written.map_or(-1, |written| isize::try_from(written).unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What depends on randomness in three ways.
    fn drawn(seed: Option<u64>) -> (Vec<u16>, u64, [u8; 16]) {
        let thread = std::thread::spawn(move || {
            if let Some(seed) = seed {
                seed_this_thread(seed);
            }
            let order: HashSet<u16> = (0..100).collect();
            (order.into_iter().collect(), rand::random(), rand::random())
        });
        thread.join().unwrap()
    }

    #[test]
    fn a_seeded_thread_draws_the_same_again_and_no_other_does() {
        assert_eq!(drawn(Some(7)), drawn(Some(7)));
        assert_ne!(drawn(Some(7)), drawn(Some(8)));
        assert_ne!(drawn(None), drawn(None));
    }
}
