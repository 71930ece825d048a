//! OpenAPI: the document of the routes, made from their handlers, and the page that shows it. Client spec 3.3.
//!
//! Path and method of a route stand in the annotation of its handler and nowhere else, so that the document cannot name another. What a
//! route refuses is listed by reason (`refusals`), and its status is the one that the reason has.

mod answers;
mod page;
mod parameters;
mod refusals;
mod schemas;

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Info, License, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::{answers::*, parameters::*, refusals::*};

/// What the document is called.
const TITLE: &str = "Walrus over HTTP";

/// What is said of all routes.
const ABOUT: &str = include_str!("about.md");

/// The document of the routes of a gateway, and the page. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Document(Arc<Texts>);

struct Texts {
    json: Bytes,
    page: Bytes,
    /// What the page may do in a browser.
    policy: HeaderValue,
}

impl Document {
    /// The document of these routes.
    pub(crate) fn new(api: OpenApi) -> Self {
        let document = with_schemas(api);
        let mut json = serde_json::to_vec_pretty(&document).unwrap_or_default();
        json.push(b'\n');
        let page = page::render(&document);
        Self(Arc::new(Texts {
            json: json.into(),
            page: page.html.into(),
            policy: HeaderValue::try_from(page.policy)
                .unwrap_or(HeaderValue::from_static("sandbox")),
        }))
    }

    /// In JSON.
    pub(crate) fn json(&self) -> &Bytes {
        &self.0.json
    }
}

/// The routes of the document itself.
pub(crate) fn described() -> OpenApiRouter<Document> {
    OpenApiRouter::default()
        .routes(routes!(page))
        .routes(routes!(document))
}

/// A page that describes all routes.
///
/// It is one file without scripts, in an origin of its own: nothing that is stored can act through it.
#[utoipa::path(
    get,
    path = "/v1/api",
    operation_id = "api_page",
    tag = "gateway",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html; charset=utf-8"), AnyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl \"$AGGREGATOR/v1/api\""}]))),
)]
async fn page(State(Document(texts)): State<Document>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, texts.policy.clone()),
    ];
    (headers, texts.page.clone()).into_response()
}

/// The same as an OpenAPI document.
#[utoipa::path(
    get,
    path = "/v1/api/openapi.json",
    operation_id = "api_document",
    tag = "gateway",
    responses((status = 200, description = "The document, OpenAPI 3.1.", body = Object, content_type = "application/json"), AnyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl \"$AGGREGATOR/v1/api/openapi.json\""}]))),
)]
async fn document(State(Document(texts)): State<Document>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        texts.json.clone(),
    )
}

/// The document with what no route adds: its title, and the schemas that answers refer to.
fn with_schemas(mut api: OpenApi) -> Value {
    let mut info = Info::new(TITLE, env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some(License::new(env!("CARGO_PKG_LICENSE")));
    api.info = info;
    let mut document = serde_json::to_value(api).unwrap_or_default();
    // Those that are referred to, by a route or by one another.
    let mut wanted = document.to_string();
    let mut schemas = Map::new();
    loop {
        let is_new = |name: &str| !schemas.contains_key(name) && wanted.contains(&reference(name));
        let all = schemas::all().into_iter();
        let found: Map<_, _> = all.filter(|(name, _)| is_new(name)).collect();
        if found.is_empty() {
            break;
        }
        wanted = Value::Object(found.clone()).to_string();
        schemas.extend(found);
    }
    if let Some(own) = document.pointer_mut("/components/schemas") {
        schemas.extend(own.as_object_mut().map(std::mem::take).unwrap_or_default());
    }
    if let Some(document) = document.as_object_mut() {
        document.insert("components".to_owned(), json!({ "schemas": schemas }));
    }
    document
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}\"")
}
