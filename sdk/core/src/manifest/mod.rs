//! Manifests: one body in several blobs, since a blob of a network cannot be arbitrarily large (manifest spec 1).
//!
//! A *manifest* is a blob like any other, whose bytes name the blobs that are the *parts* of a body, in order, with the length of each, and the
//! digest of the whole. Whatever reads a blob and finds a manifest gives the body in its place.
//!
//! * Writing: [`PartPlan`] says where the parts of a body end, [`Manifest::new`] joins what became of them.
//! * Reading: [`Manifest::can_have_length`] tells by its length alone that a blob is none, [`Manifest::from_bytes`] decides;
//!   [`Manifest::pieces`] says which bytes of which parts a range is.
//!
//! Bytes either are a manifest, to the last of them, or they are a plain blob. Parts are never looked into: one that is a manifest itself is
//! its bytes, so nothing nests, and nothing can name itself.

mod digest;
mod format;
mod plan;

pub use digest::BodyDigest;
pub use format::{Manifest, ManifestError, Part, Piece};
pub use plan::{PartPlan, USUAL_PART_LENGTH, max_body_length};

/// First bytes of a manifest. No text begins so.
pub const MAGIC: [u8; 16] = *b"\x93walrus-manifest";
/// The only format.
pub const FORMAT: u32 = 1;
/// Bytes before the parts.
pub const HEAD_BYTES: usize = 64;
/// Bytes of each part's entry: blob ID and length.
pub const PART_BYTES: usize = 40;
/// Fewest parts: what fits one blob is one.
pub const MIN_PARTS: usize = 2;
/// Most parts.
pub const MAX_PARTS: usize = 16_384;
/// Longest body, in bytes: what a double counts exactly, which is what browsers count with.
pub const MAX_BODY_LENGTH: u64 = (1 << 53) - 1;
/// Longest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = HEAD_BYTES + MAX_PARTS * PART_BYTES;
