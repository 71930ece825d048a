//! Responses: envelopes and bytes. Node spec 1.2.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use walrus_node_client::SuccessEnvelope;

use super::refusal::Refusal;

/// A complete answer.
pub(super) struct Answer(Response);

impl Answer {
    /// JSON in the success envelope.
    pub(super) fn json<T: Serialize>(code: u16, data: T) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self((status, Json(SuccessEnvelope::new(code, data))).into_response())
    }

    /// BCS bytes.
    pub(super) fn binary(bytes: Vec<u8>) -> Self {
        let media_type = [(header::CONTENT_TYPE, "application/octet-stream")];
        Self((media_type, bytes).into_response())
    }

    /// The BCS of a value.
    pub(super) fn bcs<T: Serialize>(value: &T) -> Result<Self, Refusal> {
        bcs::to_bytes(value)
            .map(Self::binary)
            .map_err(Refusal::internal)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.reason().http_status();
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self((status, Json(refusal.envelope())).into_response())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Answer::from(self).0
    }
}
