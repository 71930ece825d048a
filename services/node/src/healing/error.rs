//! Why a blob could not be completed. It stays in the queue and is tried again.

use walrus_core::{
    BlobId, SliverIndex, SliverPairIndex, SliverType, bounded_bcs::BcsError,
    certificate::CertificateError, decoder::DecodeError, encoder::EncodeError,
    messages::MessageError, metadata::MetadataError, parameters::ParameterError,
    recovery::RecoveryError, sliver::SliverError,
};
use walrus_node_client::NodeError;

use crate::{blobs::AttestationError, storage::StorageError, work::WorkError};

impl HealingError {
    /// Whether nobody in a network of `n_shards` shards has what is needed: those that were not heard of would be too few.
    pub(super) fn is_hopeless(&self, n_shards: u16) -> bool {
        match self {
            Self::NoMetadata { asked, absent } => *asked > 0 && asked == absent,
            Self::TooFewSymbols { needed, absent, .. } => {
                usize::from(n_shards).saturating_sub(*absent) < *needed
            }
            _ => false,
        }
    }
}

/// Why a blob could not be completed.
#[derive(Debug, thiserror::Error)]
pub enum HealingError {
    /// No node sent metadata that is the blob's.
    #[error(
        "{asked} nodes were asked for the metadata; {absent} do not have it, the others did not answer as asked"
    )]
    NoMetadata {
        /// How many were asked.
        asked: usize,
        /// How many said that they do not have it.
        absent: usize,
    },
    /// A node sent metadata that is not the blob's.
    #[error("the metadata does not verify: {0}")]
    BadMetadata(#[from] MetadataError),
    /// Too few nodes sent symbols that verify.
    #[error(
        "{found} of the {needed} symbols for {target_type} sliver {target} were found; {absent} shards do not have theirs, the \
         nodes of the others did not answer as asked"
    )]
    TooFewSymbols {
        /// Symbols found.
        found: usize,
        /// Symbols needed.
        needed: usize,
        /// Shards whose nodes said that they have none.
        absent: usize,
        /// the type of the sliver.
        target_type: SliverType,
        /// The sliver.
        target: SliverIndex,
    },
    /// The symbols could not be decoded.
    #[error("the sliver cannot be recovered: {0}")]
    Recovery(#[from] RecoveryError),
    /// Slivers that were verified do not decode.
    #[error("the blob cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    /// A blob that was decoded cannot be encoded again.
    #[error("the blob cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The blob has no encoding.
    #[error("the blob has no encoding: {0}")]
    Parameters(#[from] ParameterError),
    /// A node sent bytes that are no sliver.
    #[error("another node sent no sliver: {0}")]
    MalformedSliver(#[from] BcsError),
    /// A node sent a sliver that is not the blob's.
    #[error("another node sent a sliver that does not verify: {0}")]
    BadSliver(#[from] SliverError),
    /// A node sent another sliver than it was asked for.
    #[error("another node sent {sliver_type} sliver {found} for pair {pair}")]
    AnotherSliver {
        /// The pair that was asked for.
        pair: SliverPairIndex,
        /// Its type.
        sliver_type: SliverType,
        /// The sliver that came.
        found: SliverIndex,
    },
    /// Too few nodes attested that the blob is inconsistent.
    #[error("{weight} of the {needed} shards attested that blob {blob_id} is invalid")]
    TooFewAttestations {
        /// Shards of those who did.
        weight: usize,
        /// Shards of a quorum.
        needed: usize,
        /// The blob.
        blob_id: BlobId,
    },
    /// A member of the committee cannot be asked.
    #[error("the BLS key, the network key or the address of {0} is unusable")]
    UnusableMember(String),
    /// This node does not see the inconsistency itself.
    #[error("this node does not attest it: {0}")]
    OwnAttestation(#[from] AttestationError),
    /// A node signed something else.
    #[error("the attestation does not verify: {0}")]
    BadAttestation(#[from] MessageError),
    /// The attestations make no certificate.
    #[error("the attestations make no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The certificate did not get on chain.
    #[error("cannot report the inconsistent blob: {0:#}")]
    Report(anyhow::Error),
    /// A node did not answer as asked.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A node did not answer in time.
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The recovery itself is at fault.
    #[error("the recovery panicked: {0}")]
    Panicked(String),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}
