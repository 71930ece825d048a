//! REST API. Node spec 1.
//!
//! Routes and their answers. Each handler is given the deed that it is about, and nothing else; what a deed refuses becomes HTTP
//! in `refusal.rs` alone.

mod blobs;
mod extract;
mod measured;
mod peers;
mod pieces;
mod refusal;
mod shards;
mod snapshots;
mod symbols;
mod system;

use std::sync::Arc;

pub use self::peers::CommitteePeers;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    http::HeaderValue,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use tower_http::cors::{Any, CorsLayer};
use walrus_node_client::{EXTENSIONS, Extensions, routes};
use walrus_service::{
    envelope::{unknown_route, wrong_method},
    memory::{Bounds, Budget},
};

use crate::{
    blobs::{Confirmations, Inconsistencies, Intake, Reads, Symbols, Uploads},
    config::RestServerConfig,
    health::Health,
    limits::PEERS_SHARE_OF_MEMORY,
    metrics::Metrics,
    shards::ShardSource,
    snapshots::Snapshots,
};

/// What the routes are about.
#[derive(Debug, Clone)]
pub struct Deeds {
    /// Of metadata, slivers and status.
    pub reads: Arc<Reads>,
    /// Of metadata and slivers.
    pub uploads: Arc<Uploads>,
    /// Of everything of a blob at once.
    pub intake: Arc<Intake>,
    /// Of storage.
    pub confirmations: Arc<Confirmations>,
    /// For recovery.
    pub symbols: Arc<Symbols>,
    /// That somebody proves.
    pub inconsistencies: Arc<Inconsistencies>,
    /// For the next owners of shards.
    pub shard_source: Arc<ShardSource>,
    /// For nodes that join.
    pub(crate) snapshots: Arc<Snapshots>,
    /// Of the node.
    pub health: Arc<Health>,
    /// What requests may take of it.
    pub memory: Memory,
    /// What is offered beyond the API that all nodes have.
    pub extensions: Extensions,
    /// Where answers are counted.
    pub metrics: Arc<Metrics>,
}

/// Gives handlers the deed that they ask for.
macro_rules! handed_out {
    ($($field:ident: $deed:ty,)*) => {
        $(impl FromRef<Deeds> for Arc<$deed> {
            fn from_ref(deeds: &Deeds) -> Self {
                Arc::clone(&deeds.$field)
            }
        })*
    };
}

handed_out! {
    reads: Reads,
    uploads: Uploads,
    intake: Intake,
    confirmations: Confirmations,
    symbols: Symbols,
    inconsistencies: Inconsistencies,
    shard_source: ShardSource,
    snapshots: Snapshots,
    health: Health,
    metrics: Metrics,
}

/// Memory for what comes in and what goes out.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Bodies that are being read, until they are stored.
    pub uploads: Budget,
    /// Answers, until they are taken.
    pub answers: Budget,
}

impl Memory {
    /// What the configuration allows.
    pub fn new(config: &RestServerConfig) -> Self {
        let budget = |total: usize| {
            Budget::new(Bounds {
                total,
                for_peers: total / PEERS_SHARE_OF_MEMORY,
                per_caller: config.max_bytes_in_flight_per_address,
            })
        };
        Self {
            uploads: budget(config.max_upload_bytes_in_flight),
            answers: budget(config.max_answer_bytes_in_flight),
        }
    }
}

impl FromRef<Deeds> for Memory {
    fn from_ref(deeds: &Deeds) -> Self {
        deeds.memory.clone()
    }
}

/// Every route of a node, with JSON errors and CORS headers on each of them.
pub fn router(deeds: Deeds) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any);
    let extended = extensions(deeds.extensions);
    let offered = HeaderValue::from_str(&deeds.extensions.to_text()).ok();
    let offered = offered.filter(|offered| !offered.is_empty());
    Router::new()
        .merge(extended)
        .route(
            routes::METADATA,
            get(blobs::get_metadata).put(blobs::put_metadata),
        )
        .route(routes::METADATA_STATUS, get(blobs::metadata_status))
        .route(
            routes::SLIVER,
            get(blobs::get_sliver).put(blobs::put_sliver),
        )
        .route(routes::SLIVER_STATUS, get(blobs::sliver_status))
        .route(
            routes::PERMANENT_CONFIRMATION,
            get(blobs::permanent_confirmation),
        )
        .route(
            routes::DELETABLE_CONFIRMATION,
            get(blobs::deletable_confirmation),
        )
        .route(routes::BLOB_STATUS, get(blobs::blob_status))
        .route(routes::RECOVERY_SYMBOLS, get(symbols::recovery_symbols))
        .route(routes::DECODING_SYMBOLS, get(symbols::decoding_symbols))
        .route(
            routes::INCONSISTENCY_PROOF,
            post(symbols::inconsistency_proof),
        )
        .route(routes::SYNC_SHARD, post(shards::sync_shard))
        .route(routes::SNAPSHOT, get(snapshots::info))
        .route(routes::SNAPSHOT_BYTES, get(snapshots::bytes))
        .route(routes::HEALTH, get(system::health))
        .route(routes::READY, get(system::ready))
        .route(routes::API, get(system::api))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        // Each handler bounds its own body.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&deeds.metrics),
            measured::measure,
        ))
        .layer(middleware::from_fn_with_state(offered, announce))
        .layer(cors)
        .with_state(deeds)
}

/// The routes that not every node has, and the header that names them on every answer.
fn extensions(offered: Extensions) -> Router<Deeds> {
    let mut router = Router::new();
    if offered.upload {
        router = router
            .route(routes::UPLOAD, post(pieces::upload))
            .route(routes::HAVE, get(pieces::have));
    }
    if offered.slivers {
        router = router.route(routes::SLIVERS, get(pieces::slivers));
    }
    router
}

async fn announce(
    State(offered): State<Option<HeaderValue>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(offered) = offered {
        response.headers_mut().insert(EXTENSIONS, offered);
    }
    response
}
