//! Why a body in several blobs cannot be stored or read.

use walrus_core::BlobId;

use crate::ClientError;

/// What is wrong with a body in several blobs. Parts are numbered from 1 on, as people count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestProblem {
    /// Some of the parts are stored, and no more.
    #[error(
        "{stored} of {parts} parts are stored: {source}\nstore it again to go on with what was paid"
    )]
    NotStored {
        /// Parts that are stored.
        stored: usize,
        /// All parts.
        parts: usize,
        /// Why the next ones, or the manifest, are not.
        #[source]
        source: Box<ClientError>,
    },
    /// A part cannot be read.
    #[error("part {number} of {parts} of {manifest} cannot be read: {source}")]
    PartUnreadable {
        /// The manifest.
        manifest: BlobId,
        /// Which part.
        number: usize,
        /// How many there are.
        parts: usize,
        /// Why.
        #[source]
        source: Box<ClientError>,
    },
    /// A part has another length than the manifest says.
    #[error(
        "part {number} of {manifest}, blob {blob_id}, has {actual} bytes, not {stated} as the manifest says: the manifest is wrong"
    )]
    WrongPartLength {
        /// The manifest.
        manifest: BlobId,
        /// Which part.
        number: usize,
        /// The blob that is the part.
        blob_id: BlobId,
        /// Bytes it has.
        actual: u64,
        /// Bytes that the manifest says it has.
        stated: u64,
    },
    /// The parts are not what the manifest was made of.
    #[error("the parts of {manifest} do not have its digest: the manifest is wrong")]
    WrongDigest {
        /// The manifest.
        manifest: BlobId,
    },
}
