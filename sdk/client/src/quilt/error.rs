//! Why a quilt cannot be stored or read. Client spec 1.12.

use walrus_core::{
    BlobId,
    quilt::{IdentifierError, LayoutError, PatchColumns, QuiltError, TagsError},
};

/// What is wrong with a quilt, or with what is asked of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuiltProblem {
    /// A name that no patch may have.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Tags that no patch may have.
    #[error("the patch \"{identifier}\": {source}")]
    Tags {
        /// Name of the patch.
        identifier: String,
        /// Why.
        source: TagsError,
    },
    /// Patches that make no quilt.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A blob that cannot be read as a quilt, or not that part of it.
    #[error("blob {quilt_id} as a quilt: {source}")]
    Unreadable {
        /// The blob.
        quilt_id: BlobId,
        /// Why.
        source: QuiltError,
    },
    /// No patch of this name.
    #[error("the quilt {quilt_id} has no patch \"{identifier}\"")]
    NoSuchIdentifier {
        /// The quilt.
        quilt_id: BlobId,
        /// The name.
        identifier: String,
    },
    /// No patch in these columns.
    #[error("the quilt {quilt_id} has no patch in columns {columns}")]
    NoSuchPatch {
        /// The quilt.
        quilt_id: BlobId,
        /// The columns.
        columns: PatchColumns,
    },
    /// An index of more bytes than the client takes.
    #[error("the index of quilt {quilt_id} has up to {bytes} bytes: at most {max} are read")]
    IndexTooLarge {
        /// The quilt.
        quilt_id: BlobId,
        /// Its columns, in bytes.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// A patch of more bytes than the caller takes.
    #[error("the patch \"{identifier}\" has {size} bytes; at most {max} are read")]
    PatchTooLarge {
        /// Name of the patch.
        identifier: String,
        /// Bytes of it.
        size: u64,
        /// The limit.
        max: u64,
    },
}
