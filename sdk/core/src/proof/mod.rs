//! Range proofs: that bytes are those of a range of a blob, for whoever knows nothing but its ID and the number of shards (proof spec 1).
//!
//! The source primary slivers are the blob, and the blob ID commits to each of their symbols. A proof has what is missing on the way from the
//! bytes to the blob ID: the rest of the first and of the last symbol, the neighbours in the Merkle trees of the rows, the hashes of the
//! secondary slivers, the neighbours in the tree of the pairs. Nothing in it needs a length: all counts follow from the range, so there is
//! one form only.
//!
//! * [`RangeProver`] makes one from the source slivers that cover the range.
//! * [`RangeProof`] is one, [`RangeVerifier`] takes the bytes as they come. Neither encodes anything: verifying is hashing.
//! * [`BodyProof`] is what is handed around: of a blob, or of the body of a manifest.

mod body;
mod geometry;
mod prover;
mod range_proof;
mod siblings;
mod verifier;

pub use body::{BodyProof, BodyVerifier};
pub use prover::{ProveError, RangeProver};
pub use range_proof::{MAX_RANGE_PROOF_BYTES, ProofError, RangeProof};
pub use verifier::RangeVerifier;

/// First bytes of a proof.
pub const MAGIC: [u8; 16] = *b"\x93walrus-rangeprf";
/// The only format.
pub const FORMAT: u32 = 1;
