//! Aggregator: reads over HTTP. Client spec 3.3 and 3.4, with the improvements of 8.2.

mod answer;
mod archive;
mod blobs;
mod concat;
mod headers;
mod proof;
mod quilts;

use std::{convert::Infallible, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts, middleware};
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_service::server::Caller;

use self::headers::AllowedHeaders;
use crate::{
    http::shedding::{Places, shed},
    limits,
    store::Store,
};

/// How an aggregator serves. Client spec 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregatorOptions {
    /// Attributes of blob objects that become headers, by name; anything else is left out.
    pub allowed_headers: Vec<String>,
    /// Whether all tags of patches become headers, and not only those names.
    pub all_tags: bool,
    /// Serves blobs of at most so many bytes.
    pub max_blob_size: Option<u64>,
    /// Requests in work at the same time.
    pub max_concurrent_requests: usize,
    /// Requests that wait for that.
    pub max_buffer_size: usize,
}

impl Default for AggregatorOptions {
    fn default() -> Self {
        let allowed = [
            "content-type",
            "authorization",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-location",
            "link",
        ];
        Self {
            allowed_headers: allowed.map(str::to_owned).into(),
            all_tags: false,
            max_blob_size: None,
            max_concurrent_requests: limits::AGGREGATOR_REQUESTS,
            max_buffer_size: limits::AGGREGATOR_QUEUE,
        }
    }
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Aggregator {
    store: Arc<dyn Store>,
    allowed: Arc<AllowedHeaders>,
    all_tags: bool,
    max_blob_size: Option<u64>,
}

/// The aggregator as it serves one caller, whose reads have a share of what all have together.
pub(crate) struct ForCaller(Aggregator);

impl FromRequestParts<Aggregator> for ForCaller {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        aggregator: &Aggregator,
    ) -> Result<Self, Infallible> {
        let mut aggregator = aggregator.clone();
        let caller = parts.extensions.get::<Caller>();
        if let Some(store) = caller.and_then(|caller| aggregator.store.for_caller(*caller)) {
            aggregator.store = store;
        }
        Ok(Self(aggregator))
    }
}

/// The routes, described.
pub(crate) fn described() -> OpenApiRouter<Aggregator> {
    OpenApiRouter::default()
        .routes(routes!(blobs::by_blob_id))
        .routes(routes!(blobs::byte_range))
        .routes(routes!(blobs::by_object_id))
        .routes(routes!(quilts::by_patch_id))
        .routes(routes!(quilts::by_identifier))
        .routes(routes!(quilts::patches))
        .routes(routes!(archive::archive))
        .routes(routes!(blobs::stream))
        .routes(routes!(concat::by_query, concat::by_body))
}

/// The routes of an aggregator, without what all services of a gateway share.
pub(crate) fn routes(store: Arc<dyn Store>, options: &AggregatorOptions) -> OpenApiRouter {
    let places = Places::new(
        "aggregator",
        options.max_concurrent_requests,
        options.max_buffer_size,
    )
    .shared_by(limits::ADDRESSES);
    let aggregator = Aggregator {
        store,
        allowed: Arc::new(AllowedHeaders::new(&options.allowed_headers)),
        all_tags: options.all_tags,
        max_blob_size: options.max_blob_size,
    };
    described()
        .with_state(aggregator)
        .route_layer(middleware::from_fn_with_state(places, shed))
}
