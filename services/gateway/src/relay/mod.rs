//! Upload relay: encodes and sends a blob that somebody else has registered and will certify. Client spec 4.
//!
//! It signs nothing and pays nothing. If it wants a tip, a transaction has to have paid it, and to name the blob by its digest; the
//! same transaction is good for the same blob until it is too old, so that a client may try again.

mod answer;
mod network;
mod tip;
mod upload;

use std::{sync::Arc, time::Duration};

use axum::{extract::DefaultBodyLimit, middleware};
use futures::future::BoxFuture;
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_core::messages::BlobPersistence;
use walrus_sdk::{BlobData, BlobId, ClientError, Digest, Spool, UploadCertificate};
use walrus_sui::chain::{ChainError, Payment};

pub(crate) use self::answer::refusals;
pub use self::network::RelayOfNetwork;
use crate::{
    blocklist::BlocklistFile,
    http::shedding::{Places, shed},
    limits,
    spool::{self, SliverMemory},
};
pub use walrus_sdk::relay::{Tip, TipConfig, TipKind};

/// What a relay does its work with. The network is one ([`RelayOfNetwork`]); tests have others.
pub trait RelayBackend: Send + Sync + 'static {
    /// Bytes in storage of a blob of so many, with the metadata of all shards: what a tip is for.
    ///
    /// # Errors
    /// [`ClientError::BlobTooLarge`] and others.
    fn encoded_length(&self, length: u64) -> BoxFuture<'_, Result<u64, ClientError>>;

    /// A transaction.
    ///
    /// # Errors
    /// [`ChainError`].
    fn payment(&self, digest: Digest) -> BoxFuture<'_, Result<Payment, ChainError>>;

    /// Sends a blob to the nodes.
    ///
    /// # Errors
    /// [`ClientError`].
    fn upload(
        &self,
        data: BlobData,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> BoxFuture<'_, Result<UploadCertificate, ClientError>>;
}

/// How a relay serves. Client spec 4.1 and 4.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayOptions {
    /// What it wants for it.
    pub tip: TipConfig,
    /// How old a transaction may be that pays a tip.
    pub freshness: Duration,
    /// How far ahead of this machine's clock it may be.
    pub max_future: Duration,
    /// Bytes of the largest blob that is taken.
    pub max_body_size: u64,
    /// Requests in work at the same time.
    pub max_concurrent_requests: usize,
    /// Requests that wait for that.
    pub max_buffer_size: usize,
    /// Where bodies are until the nodes have them.
    pub spool: Spool,
}

impl RelayOptions {
    /// The usual bounds, with this tip.
    pub fn new(tip: TipConfig) -> Self {
        Self {
            tip,
            freshness: Duration::from_secs(36_000),
            max_future: Duration::from_secs(30),
            max_body_size: limits::RELAY_BODY,
            max_concurrent_requests: limits::RELAY_REQUESTS,
            max_buffer_size: limits::RELAY_QUEUE,
            spool: Spool::default(),
        }
    }
}

impl RelayOptions {
    /// Where a client that uploads for this relay has slivers: uploads at the same time share the memory for them.
    pub fn spool_of_uploads(&self) -> Spool {
        spool::of_one(&self.spool)
    }
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Relay {
    backend: Arc<dyn RelayBackend>,
    options: Arc<RelayOptions>,
    memory: SliverMemory,
    blocklist: Option<BlocklistFile>,
}

/// The routes of uploads, described.
fn uploads() -> OpenApiRouter<Relay> {
    OpenApiRouter::default().routes(routes!(upload::blob))
}

/// Those that cost nothing.
fn free() -> OpenApiRouter<Relay> {
    OpenApiRouter::default().routes(routes!(upload::tip_config))
}

/// The routes, described.
pub(crate) fn described() -> OpenApiRouter<Relay> {
    uploads().merge(free())
}

/// The routes of a relay, without what all services of a gateway share.
pub(crate) fn routes(
    backend: Arc<dyn RelayBackend>,
    options: &RelayOptions,
    blocklist: Option<BlocklistFile>,
) -> OpenApiRouter {
    let places = Places::new(
        "upload relay",
        options.max_concurrent_requests,
        options.max_buffer_size,
    )
    .shared_by(limits::ADDRESSES);
    let relay = Relay {
        backend,
        options: Arc::new(options.clone()),
        memory: SliverMemory::new(),
        blocklist,
    };
    uploads()
        .route_layer(middleware::from_fn_with_state(places, shed))
        .merge(free())
        .with_state(relay)
        // The handler has a limit of its own, and says which.
        .layer(DefaultBodyLimit::disable())
}
