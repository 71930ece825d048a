//! Health route. Node spec 1.16.

use std::sync::Arc;

use axum::extract::State;
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
