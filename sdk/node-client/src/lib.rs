#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod client;
mod envelope;
mod error;
mod extensions;
mod guard;
mod health;
mod introduction;
mod limits;
mod pieces;
mod pool;
mod reason;
pub mod routes;
mod shard_sync;
mod snapshot;
mod status;
mod tls;
mod transport;
mod whole;

pub use client::{NodeClient, NodeClientOptions, Stored};
pub use envelope::{
    ErrorBody, ErrorDetail, ErrorEnvelope, STORAGE_DOMAIN, SuccessBody, SuccessEnvelope,
    TransportStatus,
};
pub use error::NodeError;
pub use extensions::{EXTENSIONS, Extensions};
pub use guard::{Addresses, ForbiddenAddress, is_public};
pub use health::{
    EventProgress, HealthInfo, OwnedShardStatus, ShardDetail, ShardHealth, ShardStatus,
    ShardSummary, Uptime, WorkerHealth,
};
pub use introduction::{INTRODUCTION, INTRODUCTION_LIFETIME, Introduction, IntroductionError};
pub use limits::{MAX_JSON_BYTES, METADATA_HEADROOM_BYTES};
pub use pieces::{
    PIECE_HEADER_BYTES, PieceError, PieceHasher, PieceHeader, PieceName, PieceReader, coalesced,
    payload_parts,
};
pub use pool::{Endpoint, MAX_POOLED_NODES, NodePool};
pub use reason::Reason;
pub use shard_sync::{ShardAnswer, SyncedSliver};
pub use snapshot::{SnapshotAnswer, SnapshotInfo};
pub use status::{BlobStatus, DeletableCounts, EventId, EventIdError, StoredOnNodeStatus};
pub use tls::{PinnedKeyVerifier, client_tls_config, generated_server_name};
pub use transport::{Transport, TransportError};
pub use whole::{Held, SliverReader};
