//! Encoding errors: why an encoding ended without a result.

use crate::{
    codec::CodecError, io_failure::IoFailure, metadata::MetadataError, parameters::ParameterError,
    sliver::SliverId, work::Cancelled,
};

/// Encoding failed or was cancelled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The code refused its input; for a blob that fits it does not.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The metadata does not fit the parameters.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The blob does not fit the parameters.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// The blob cannot be read.
    #[error("reading the blob at byte {offset}: {error}")]
    Read {
        /// Where in the blob, in bytes.
        offset: u64,
        /// What the system said.
        error: IoFailure,
    },
    /// The blob is shorter than it was at the start.
    #[error("the blob ends before byte {end} of {length}: it was truncated while being read")]
    Truncated {
        /// End of the range that could not be read, in bytes.
        end: u64,
        /// Length of the blob at the start, in bytes.
        length: u64,
    },
    /// The blob changed while it was read.
    #[error("the blob changed while being read: {error}")]
    Changed {
        /// What is different.
        error: IoFailure,
    },
    /// A sink did not take a sliver.
    #[error("writing {sliver_type} sliver {index}: {error}", sliver_type = .sliver.sliver_type(), index = .sliver.index())]
    Sink {
        /// The sliver.
        sliver: SliverId,
        /// What the sink said.
        error: IoFailure,
    },
    /// The blob has no such sliver, or not one that was asked for as bytes of the blob.
    #[error("there is no {sliver_type} sliver {index} to be had so", sliver_type = .sliver.sliver_type(), index = .sliver.index())]
    NoSuchSliver {
        /// The sliver.
        sliver: SliverId,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl From<Cancelled> for EncodeError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
