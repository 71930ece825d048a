//! Routes about the node: health, readiness, and the API for people. Node spec 1.16 and 6.5.

use std::sync::Arc;

use axum::{extract::State, response::Html};
use walrus_node_client::Reason;
use walrus_service::{
    envelope::{Answer, Refusal},
    request::QueryPairs,
};

use crate::health::Health;

pub(super) async fn health(
    State(health): State<Arc<Health>>,
    query: QueryPairs,
) -> Result<Answer, Refusal> {
    let detailed = query.one("detailed")?.unwrap_or(false);
    Ok(Answer::json(200, health.document(detailed)?))
}

/// For load balancers: whether requests are to be sent here.
pub(super) async fn ready(State(health): State<Arc<Health>>) -> Result<Answer, Refusal> {
    match health.unready()? {
        None => Ok(Answer::json(200, "ready")),
        Some(why) => Err(Refusal::new(Reason::Unavailable, why.to_string())),
    }
}

/// Which routes there are.
pub(super) async fn api() -> Html<&'static str> {
    Html(include_str!("api.html"))
}
