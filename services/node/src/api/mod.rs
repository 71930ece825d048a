//! REST API. Node spec 1.
//!
//! Routes and their answers. Each handler is given the deed that it is about, and nothing else; what a deed refuses becomes HTTP
//! in `refusal.rs` alone.

mod blobs;
mod extract;
mod refusal;
mod symbols;
mod system;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, Request, State},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use tower_http::cors::{Any, CorsLayer};
use tracing::Instrument as _;
use walrus_node_client::routes;
use walrus_service::envelope::{unknown_route, wrong_method};

use crate::{
    blobs::{Confirmations, Inconsistencies, Reads, Symbols, Uploads},
    health::Health,
    metrics::Metrics,
};

/// What the routes are about.
#[derive(Debug, Clone)]
pub struct Deeds {
    /// Of metadata, slivers and status.
    pub reads: Arc<Reads>,
    /// Of metadata and slivers.
    pub uploads: Arc<Uploads>,
    /// Of storage.
    pub confirmations: Arc<Confirmations>,
    /// For recovery.
    pub symbols: Arc<Symbols>,
    /// That somebody proves.
    pub inconsistencies: Arc<Inconsistencies>,
    /// Of the node.
    pub health: Arc<Health>,
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
    confirmations: Confirmations,
    symbols: Symbols,
    inconsistencies: Inconsistencies,
    health: Health,
}

/// Every route of a node, with JSON errors and CORS headers on each of them.
pub fn router(deeds: Deeds) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(Any)
        .expose_headers(Any);
    Router::new()
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
        .route(routes::HEALTH, get(system::health))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        // Each handler bounds its own body.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&deeds.metrics),
            count,
        ))
        .layer(cors)
        .with_state(deeds)
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let span =
        tracing::debug_span!("request", method = %request.method(), path = request.uri().path());
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics.answers.with_label_values(&[&status]).inc();
    response
}
