//! Decoding errors: why a decoding ended without a blob.

use crate::{
    blob_id::BlobId, codec::CodecError, encoder::EncodeError, index::SliverIndex,
    io_failure::IoFailure, parameters::ParameterError, sliver::SliverId, sliver_type::SliverType,
    work::Cancelled,
};

/// No blob, or not the right one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Too few usable slivers.
    #[error("decoding unsuccessful: {have} usable {sliver_type} slivers, {need} needed")]
    NotEnoughSlivers {
        /// Usable slivers.
        have: usize,
        /// Slivers needed.
        need: usize,
        /// Their type.
        sliver_type: SliverType,
    },
    /// The default check failed.
    #[error("inconsistent blob: primary sliver {index} of the decoded data has another hash")]
    Inconsistent {
        /// Index of the first sliver found to differ.
        index: SliverIndex,
    },
    /// The strict check failed.
    #[error("inconsistent blob: the decoded data has blob ID {computed}, not {expected}")]
    BlobIdMismatch {
        /// ID of the decoded data.
        computed: BlobId,
        /// ID asked for.
        expected: BlobId,
    },
    /// The data has another length than the metadata says.
    #[error("{length} bytes of data, the metadata says {expected}")]
    LengthMismatch {
        /// Bytes there.
        length: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// A sliver cannot be read.
    #[error("reading {sliver_type} sliver {index}: {error}", sliver_type = .sliver.sliver_type(), index = .sliver.index())]
    Read {
        /// The sliver.
        sliver: SliverId,
        /// What the source said.
        error: IoFailure,
    },
    /// The blob cannot be written.
    #[error("writing the blob: {error}")]
    Write {
        /// What the system said.
        error: IoFailure,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The code refused its input.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// Encoding for the strict check failed.
    #[error(transparent)]
    Encode(EncodeError),
    /// There can be no such blob.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
}

impl From<EncodeError> for DecodeError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Cancelled => Self::Cancelled,
            error => Self::Encode(error),
        }
    }
}

impl From<Cancelled> for DecodeError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
