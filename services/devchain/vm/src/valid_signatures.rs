//! Memory of signature checks: which signatures were found valid lately.
//!
//! A client has a transaction simulated for its gas before it sends it, so every certificate is checked twice within a moment, and a
//! check is a pairing: more than all the rest of the transaction. What is remembered is the digest of scheme, key, message and
//! signature, so nothing else can be taken for it. Only what is valid is remembered, and gas is counted as if nothing were.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// How many are remembered; the oldest is forgotten first.
const REMEMBERED: usize = 256;

type Digest = [u8; 32];

/// Signatures that were found valid.
#[derive(Debug, Default)]
pub(crate) struct ValidSignatures(Mutex<VecDeque<Digest>>);

impl ValidSignatures {
    /// Whether a signature is valid: as it is remembered, or as `verify` finds. `check` is all that the answer depends on.
    pub(crate) fn check(&self, check: [&[u8]; 4], verify: impl FnOnce() -> bool) -> bool {
        let digest = digest(check);
        if self.recall(&digest) {
            return true;
        }
        let valid = verify();
        if valid {
            self.remember(digest);
        }
        valid
    }

    fn recall(&self, digest: &Digest) -> bool {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.contains(digest)
    }

    fn remember(&self, digest: Digest) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(digest);
    }
}

/// Of the parts and their lengths, so that none can pass for the end of another.
fn digest(check: [&[u8]; 4]) -> Digest {
    let mut hasher = blake2b_simd::Params::new().hash_length(32).to_state();
    for part in check {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(hasher.finalize().as_bytes());
    digest
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, ValidSignatures};

    #[test]
    fn only_what_was_valid_is_remembered_and_nothing_else_passes_for_it() {
        let known = ValidSignatures::default();
        let parts: [&[u8]; 4] = [b"scheme", b"key", b"message", b"signature"];
        assert!(!known.check(parts, || false));
        assert!(known.check(parts, || true));
        assert!(known.check(parts, || unreachable!("it is remembered")));
        let others: [[&[u8]; 4]; 3] = [
            [b"scheme", b"key", b"message", b"signaturE"],
            [b"scheme", b"keym", b"essage", b"signature"],
            [b"other", b"key", b"message", b"signature"],
        ];
        for other in others {
            assert!(!known.check(other, || false));
        }
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let known = ValidSignatures::default();
        for number in 0..=REMEMBERED {
            let bytes = number.to_le_bytes();
            assert!(known.check([&bytes, b"", b"", b""], || true));
        }
        assert!(!known.check([&0usize.to_le_bytes(), b"", b"", b""], || false));
        assert!(known.check([&1usize.to_le_bytes(), b"", b"", b""], || false));
    }
}
