//! `GET /v1/limits`: what is refused, before it is sent.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    aggregator::AggregatorOptions,
    api::{AnyRefusals, LimitsAnswer},
    limits,
    publisher::PublisherOptions,
    relay::RelayOptions,
};

/// The limits of the services that a gateway has.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LimitsPage {
    /// Bytes of a body.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_body_size: Option<u64>,
    /// Bytes of a form that makes a quilt.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_quilt_body_size: Option<u64>,
    /// Bytes of an upload in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_upload_size: Option<u64>,
    /// Seconds that an upload lives without a new byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_lifetime_seconds: Option<u64>,
    /// Bytes of a blob that is relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_relayed_size: Option<u64>,
    /// Bytes of a blob that is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_blob_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ranges: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_wait_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concatenated_blobs: Option<usize>,
}

/// What is refused, before it is sent.
#[utoipa::path(
    get,
    path = "/v1/limits",
    operation_id = "limits",
    tag = "gateway",
    responses(LimitsAnswer, AnyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$PUBLISHER/v1/limits\""}]))),
)]
pub(crate) async fn show(State(page): State<LimitsPage>) -> Json<LimitsPage> {
    Json(page)
}

/// The route, described.
pub(crate) fn described() -> OpenApiRouter<LimitsPage> {
    OpenApiRouter::default().routes(routes!(show))
}

impl LimitsPage {
    pub(crate) fn add_aggregator(&mut self, options: &AggregatorOptions) {
        self.max_blob_size = options.max_blob_size;
        self.max_ranges = Some(limits::RANGES);
        self.max_wait_seconds = Some(limits::WAIT_SECONDS);
        self.max_concatenated_blobs = Some(limits::CONCAT_BLOBS);
    }

    pub(crate) fn add_relay(&mut self, options: &RelayOptions) {
        self.max_relayed_size = Some(options.max_body_size);
    }

    pub(crate) fn add_publisher(&mut self, options: &PublisherOptions) {
        self.max_body_size = Some(options.max_body_size);
        self.max_quilt_body_size = Some(options.max_quilt_body_size);
        self.max_upload_size = Some(options.max_upload_size);
        self.upload_lifetime_seconds = Some(options.upload_lifetime.as_secs());
    }
}
