//! Body digest: SHA-256 of the parts one after the other (manifest spec 2).

use sha2::{Digest as _, Sha256};

/// The digest of a body while its bytes come.
#[derive(Debug, Clone, Default)]
pub struct BodyDigest(Sha256);

impl BodyDigest {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
