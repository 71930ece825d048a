use axum::http::Method;
use walrus_gateway::aggregator::AggregatorOptions;

use crate::store::{Aggregator, Memories, content, id};

fn object_path(object: u8) -> String {
    format!(
        "/v1/blobs/by-object-id/0x{}",
        format!("{object:02x}").repeat(32)
    )
}

#[tokio::test]
async fn attributes_of_an_object_are_headers_if_they_are_allowed() {
    let attributes = [
        ("content-type", "text/html"),
        ("Content-Disposition", "inline"),
        ("set-cookie", "a=b"),
        ("etag", "\"mine\""),
    ];
    let store = Memories::default()
        .with(1, content(10))
        .with_object(7, 1, &attributes);
    let aggregator = Aggregator::new(store);
    let answer = aggregator.get(&object_path(7)).await;
    assert_eq!(answer.bytes(), content(10));
    let tag = format!("\"{}\"", id(1));
    for (name, expected) in [
        ("content-type", Some("text/html")),
        ("content-disposition", Some("inline")),
        ("set-cookie", None),
        ("etag", Some(&*tag)),
        ("content-security-policy", Some("sandbox")),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    let asked = [("accept", "image/png")];
    let answer = aggregator.get_with(&object_path(7), &asked).await;
    assert_eq!(answer.header("content-type"), Some("image/png"));
    let ranged = [("range", "bytes=1-2")];
    let answer = aggregator.get_with(&object_path(7), &ranged).await;
    assert_eq!(
        (answer.status.as_u16(), answer.bytes()),
        (206, &content(10)[1..3])
    );
    let refused = aggregator.get(&object_path(8)).await.refused();
    assert_eq!(refused, (404, "BLOB_NOT_FOUND".into()));
}

#[tokio::test]
async fn other_attributes_can_be_allowed() {
    let store = Memories::default().with(1, content(10)).with_object(
        7,
        1,
        &[("x-name", "a"), ("content-type", "text/html")],
    );
    let options = AggregatorOptions {
        allowed_headers: vec!["X-Name".to_owned()],
        ..AggregatorOptions::default()
    };
    let answer = Aggregator::with(store, &options).get(&object_path(7)).await;
    assert_eq!(answer.header("x-name"), Some("a"));
    assert_eq!(answer.header("content-type"), None);
}

#[tokio::test]
async fn a_page_of_any_origin_may_ask_and_see() {
    let aggregator = Aggregator::new(Memories::default().with(1, content(10)));
    let path = format!("/v1/blobs/{}", id(1));
    let preflight = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let answer = aggregator.ask(Method::OPTIONS, &path, &preflight, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-max-age"), Some("86400"));
    assert!(answer.header("access-control-allow-headers").is_some());
    let missing = aggregator.get(&format!("/v1/blobs/{}", id(9))).await;
    assert_eq!(missing.header("access-control-allow-origin"), Some("*"));
    let exposed = missing.header("access-control-expose-headers").unwrap();
    for name in ["etag", "content-range", "content-length", "retry-after"] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
}
