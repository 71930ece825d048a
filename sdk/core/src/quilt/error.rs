//! Reading errors: bytes that are no quilt, or not the part of one that they should be.

use crate::{
    bounded_bcs::BcsError, index::SliverIndex, io_failure::IoFailure, quilt::patch_id::PatchColumns,
};

/// Bytes that cannot be read as a quilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuiltError {
    /// No quilt has this length.
    #[error(
        "a blob of {length} bytes is no quilt: its length is no multiple of {symbols} even symbols"
    )]
    WrongLength {
        /// Length in bytes.
        length: u64,
        /// Symbols of any quilt.
        symbols: u64,
    },
    /// Another version.
    #[error("the {part} has version {version}, only 1 is known: it is no quilt, or a newer one")]
    Version {
        /// What was read: the index or a patch.
        part: &'static str,
        /// Version found.
        version: u8,
    },
    /// A column of another length than the others.
    #[error("a column of {length} bytes, expected {expected}")]
    ColumnLength {
        /// Bytes found.
        length: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The index says that it is longer than an index can be.
    #[error("an index of {length} bytes: at most {max} fit")]
    IndexTooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The index is no BCS of one.
    #[error("the index: {0}")]
    Index(#[source] BcsError),
    /// More patches than columns.
    #[error("an index of {count} patches: at most {max} fit")]
    TooManyPatches {
        /// Patches found.
        count: usize,
        /// Patches allowed.
        max: u16,
    },
    /// Patches that overlap, have no column or lie outside.
    #[error("patch {position} of the index is in columns {columns} of {available}")]
    Columns {
        /// Which patch of the index.
        position: usize,
        /// Its columns.
        columns: PatchColumns,
        /// Number of columns.
        available: u16,
    },
    /// A patch ID that does not go with the quilt.
    #[error("there are no columns {columns}: the quilt has {available}")]
    NoSuchColumns {
        /// The columns asked for.
        columns: PatchColumns,
        /// Number of columns.
        available: u16,
    },
    /// A column is missing.
    #[error("column {0} is missing")]
    MissingColumn(SliverIndex),
    /// The patch says that it is longer than its columns.
    #[error("a patch of {length} bytes in columns of {available}")]
    PatchTooLong {
        /// Bytes announced, header included.
        length: u64,
        /// Bytes of its columns.
        available: u64,
    },
    /// Identifier or tags are not what their length says.
    #[error("the {part} of the patch: {error}")]
    PatchHead {
        /// Identifier or tags.
        part: &'static str,
        /// What is wrong.
        #[source]
        error: BcsError,
    },
    /// Identifier and tags are longer than the patch.
    #[error("the {part} of the patch ends at byte {end} of {length}")]
    PatchHeadTooLong {
        /// Identifier or tags.
        part: &'static str,
        /// Where it would end, in bytes after the header.
        end: u64,
        /// Bytes of the patch after the header.
        length: u64,
    },
    /// The blob cannot be read.
    #[error("reading the quilt at byte {offset}: {error}")]
    Read {
        /// Where in the blob, in bytes.
        offset: u64,
        /// What the system said.
        error: IoFailure,
    },
}
