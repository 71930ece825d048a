//! What the console serves, and what its page may do.

#![allow(clippy::unwrap_used)]

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use walrus_console::{Settings, router};

fn settings() -> Settings {
    Settings {
        aggregator_url: "http://127.0.0.1:1001".to_owned(),
        publisher_url: "http://127.0.0.1:1002".to_owned(),
        n_shards: 100,
        max_epochs: 53,
    }
}

async fn get(path: &str) -> Response<Body> {
    let request = Request::get(path).body(Body::empty()).unwrap();
    router(&settings()).unwrap().oneshot(request).await.unwrap()
}

async fn text(path: &str) -> String {
    let response = get(path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn the_page_and_all_that_it_names_is_there() {
    let page = text("/").await;
    let script = text("/console.js").await;
    let named = page.split('"').chain(script.split('\'')).filter(|part| {
        let is_path = part.starts_with('/') || part.starts_with("./");
        is_path && part.contains('.') && !part.contains(' ')
    });
    let named: Vec<_> = named.map(|part| part.trim_start_matches('.')).collect();
    assert!(named.contains(&"/console.css"), "{named:?}");
    assert!(named.contains(&"/store.js"), "{named:?}");
    for path in named {
        assert_eq!(get(path).await.status(), StatusCode::OK, "{path}");
    }
    let module = get("/walrus-core.wasm").await;
    assert_eq!(module.headers()["content-type"], "application/wasm");
    let module = module.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(module.get(..4), Some(&b"\0asm"[..]));
}

#[tokio::test]
async fn the_page_knows_the_network() {
    let told: serde_json::Value = serde_json::from_str(&text("/settings.json").await).unwrap();
    let expected = serde_json::json!({
        "aggregatorUrl": "http://127.0.0.1:1001",
        "publisherUrl": "http://127.0.0.1:1002",
        "nShards": 100,
        "maxEpochs": 53,
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn every_answer_says_what_the_page_may_do() {
    for (path, status) in [
        ("/", StatusCode::OK),
        ("/verifier.js", StatusCode::OK),
        ("/settings.json", StatusCode::OK),
        ("/nothing", StatusCode::NOT_FOUND),
    ] {
        let response = get(path).await;
        assert_eq!(response.status(), status, "{path}");
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        let rules: Vec<_> = policy.split("; ").collect();
        for rule in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "media-src http://127.0.0.1:1001",
            "connect-src 'self' http://127.0.0.1:1001 http://127.0.0.1:1002",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(rules.contains(&rule), "{path}: {policy}");
        }
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    let request = Request::post("/").body(Body::empty()).unwrap();
    let refused = router(&settings()).unwrap().oneshot(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn an_address_is_an_origin_and_nothing_that_changes_the_policy() {
    for url in [
        "",
        "127.0.0.1:1",
        "ftp://127.0.0.1",
        "http://",
        "http://a/b",
        "http://a; script-src *",
        "http://a http://b",
        "http://a\r\nx: y",
    ] {
        let settings = Settings {
            aggregator_url: url.to_owned(),
            ..settings()
        };
        let error = router(&settings).unwrap_err().to_string();
        assert!(error.contains("origin"), "{error}");
    }
    for url in ["https://a.example", "http://[::1]:8080", "http://localhost"] {
        let settings = Settings {
            publisher_url: url.to_owned(),
            ..settings()
        };
        assert!(router(&settings).is_ok(), "{url}");
    }
}
