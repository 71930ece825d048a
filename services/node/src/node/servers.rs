//! Servers of a node: of the REST API, and of the metrics.

use std::{net::TcpListener, sync::Arc};

use anyhow::Context;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use walrus_core::network_key::NetworkPublicKey;
use walrus_service::server::{Limits, NoPeers, Server, Transport};

use crate::{
    api::{self, CommitteePeers},
    config::NodeConfig,
    metrics::Scrape,
    parts::Parts,
};

/// Serves the REST API; `own` is the network key of the node itself.
pub(super) fn rest_server(
    config: &NodeConfig,
    parts: &Parts,
    listener: TcpListener,
    transport: Transport,
    own: NetworkPublicKey,
) -> anyhow::Result<Server> {
    let router = api::router(parts.deeds.clone());
    let peers = CommitteePeers::new(Arc::clone(&parts.committees), own);
    Server::start_on(listener, router, transport, limits(config), Arc::new(peers))
        .context("cannot serve the REST API")
}

/// Serves `GET /metrics`, if there is a listener or an address for it.
pub(super) fn metrics_server(
    config: &NodeConfig,
    listener: Option<TcpListener>,
    scrape: Scrape,
) -> anyhow::Result<Option<Server>> {
    let listener = match (listener, config.metrics_address) {
        (Some(listener), _) => listener,
        (None, Some(address)) => TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} for metrics (metrics_address)"))?,
        (None, None) => return Ok(None),
    };
    let text = |State(scrape): State<Scrape>| async move {
        let text = tokio::task::spawn_blocking(move || scrape.text());
        text.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    };
    let router = Router::new()
        .route("/metrics", get(text))
        .with_state(scrape);
    let server = Server::start_on(
        listener,
        router,
        Transport::Plain,
        limits(config),
        Arc::new(NoPeers),
    )
    .context("cannot serve the metrics")?;
    Ok(Some(server))
}

fn limits(config: &NodeConfig) -> Limits {
    let rest = &config.rest_server;
    Limits {
        connections: rest.max_connections,
        connections_per_address: rest.max_connections_per_address,
        peer_connections: rest.max_peer_connections,
        streams: rest.http2_max_concurrent_streams,
        requests: rest.max_requests,
        requests_per_address: rest.max_requests_per_address,
        ..Limits::default()
    }
}
