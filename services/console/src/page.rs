//! Router of the page: its files, what it has to know of the network, and headers that let it do nothing else.

use axum::{
    Json, Router,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    routing::get,
};
use serde::Serialize;
use walrus_service::envelope::{unknown_route, wrong_method};

use crate::assets::{ASSETS, Asset};

/// What the page has to know of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Origin of the aggregator, such as `http://127.0.0.1:31415`.
    pub aggregator_url: String,
    /// Origin of the publisher.
    pub publisher_url: String,
    /// Number of shards: blob IDs depend on it.
    pub n_shards: u16,
    /// Epochs ahead that storage can be bought for.
    pub max_epochs: u32,
}

/// Origins that the page talks to may not be more than that: they stand in a policy.
fn is_origin(url: &str) -> bool {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|host| {
        let of_hosts = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(of_hosts)
    })
}

/// What the page may load and whom it may ask: its own files, the aggregator and the publisher. No script of anybody else's runs, and
/// nobody frames it.
fn policy(settings: &Settings) -> Result<HeaderValue, InvalidOrigin> {
    let Settings {
        aggregator_url: aggregator,
        publisher_url: publisher,
        ..
    } = settings;
    for url in [aggregator, publisher] {
        if !is_origin(url) {
            return Err(InvalidOrigin(url.clone()));
        }
    }
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src data: {aggregator}; \
         media-src {aggregator}; connect-src 'self' {aggregator} {publisher}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).map_err(|_| InvalidOrigin(policy))
}

/// A URL in the settings is more, or less, than an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidOrigin(String);

impl std::fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:?} is not the origin of a service: scheme, host and port, such as http://127.0.0.1:31415",
            self.0
        )
    }
}

impl std::error::Error for InvalidOrigin {}

fn headers(policy: HeaderValue) -> HeaderMap {
    let pairs: [(HeaderName, &'static str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The program may be another one tomorrow, behind the same address.
        (header::CACHE_CONTROL, "no-cache"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let pairs = pairs.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let policy = (header::CONTENT_SECURITY_POLICY, policy);
    pairs.into_iter().chain([policy]).collect()
}

/// The routes of the console.
///
/// # Errors
/// `InvalidOrigin` if a URL is none.
pub fn router(settings: &Settings) -> Result<Router, InvalidOrigin> {
    let headers = headers(policy(settings)?);
    let mut router = Router::new();
    for &Asset {
        path,
        media_type,
        bytes,
    } in ASSETS
    {
        let answer = move || async move { ([(header::CONTENT_TYPE, media_type)], bytes) };
        router = router.route(path, get(answer));
    }
    let settings = settings.clone();
    let settings = move || std::future::ready(Json(settings.clone()));
    let add = move |mut response: axum::response::Response| {
        let headers = headers.clone();
        async move {
            response.headers_mut().extend(headers);
            response
        }
    };
    Ok(router
        .route("/settings.json", get(settings))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::map_response(add)))
}
