//! The node itself. Node spec 1.16.

use std::sync::Arc;

use axum::extract::State;

use super::{answer::Answer, extract::QueryPairs};
use crate::{refusal::Refusal, state::NodeState};

pub(super) async fn health(
    State(node): State<Arc<NodeState>>,
    query: QueryPairs,
) -> Result<Answer, Refusal> {
    let detailed = query.one("detailed")?.unwrap_or(false);
    Ok(Answer::json(200, node.health(detailed)?))
}
