//! The document of the routes, and its page.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use walrus_gateway::{Services, openapi};
use walrus_service::metrics::Registry;

const COMMITTED: &str = include_str!("../../openapi.json");

async fn ask(router: &Router, method: Method, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

fn bare() -> Router {
    let address = ([127, 0, 0, 1], 0).into();
    Services::default()
        .router(address, &Registry::new())
        .unwrap()
}

#[test]
fn the_committed_document_is_that_of_the_handlers() {
    assert!(
        openapi() == COMMITTED,
        "renew it: cargo run -p walrus-gateway --example openapi > services/gateway/openapi.json"
    );
}

#[test]
fn every_operation_says_what_it_is_for_and_what_it_refuses() {
    let document: Value = serde_json::from_str(COMMITTED).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let whole = format!("{method} {path}");
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{whole}"
            );
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{whole}: two operations of one name");
            let answers = operation["responses"].as_object().unwrap();
            let is_answered = answers.keys().any(|status| status.starts_with('2'));
            assert!(is_answered, "{whole}");
            for status in ["500", "503"] {
                assert!(answers.contains_key(status), "{whole}: {status}");
            }
            // A client of an upload that is told to come back later begins anew.
            let is_shed =
                !["/v1/uploads/{id}", "/v1/health"].contains(&&**path) && method != "options";
            assert_eq!(answers.contains_key("429"), is_shed, "{whole}: 429");
            for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "4") {
                let schema = &answer["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Error", "{whole}: {status}");
            }
        }
    }
    for part in COMMITTED.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_server_describes_the_services_that_it_has() {
    let router = bare();
    let document = text(ask(&router, Method::GET, "/v1/api/openapi.json").await).await;
    let document: Value = serde_json::from_str(&document).unwrap();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        ["/status", "/v1/api", "/v1/api/openapi.json", "/v1/limits"]
    );
    let page = text(ask(&router, Method::GET, "/v1/api").await).await;
    assert!(page.contains("/v1/limits") && !page.contains("/v1/blobs"));
}

#[tokio::test]
async fn the_page_has_no_origin_and_runs_nothing() {
    let answer = ask(&bare(), Method::GET, "/v1/api").await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let policy = header("content-security-policy");
    let parts: Vec<_> = policy.split("; ").collect();
    assert!(
        parts.contains(&"sandbox") && parts.contains(&"default-src 'none'"),
        "{policy}"
    );
    assert!(
        !policy.contains("allow-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(!text(answer).await.contains("<script"));
}
