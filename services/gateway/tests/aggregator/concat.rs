use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::store::{Aggregator, Memories, content, id};

const PATH: &str = "/v1alpha/blobs/concat";

fn aggregator() -> Aggregator {
    let store = Memories::default()
        .with(1, content(150))
        .with(2, vec![7; 20])
        .with(3, Vec::new())
        .with_object(8, 2, &[("content-type", "text/css")]);
    Aggregator::new(store)
}

fn object() -> String {
    format!("0x{}", "08".repeat(32))
}

#[tokio::test]
async fn blobs_come_one_after_the_other_with_the_length_of_all() {
    let ids = format!("{},{},{},{}", id(1), id(3), object(), id(1));
    let expected = [content(150), vec![7; 20], content(150)].concat();
    let aggregator = aggregator();
    let answer = aggregator.get(&format!("{PATH}?ids={ids}")).await;
    assert_eq!(answer.bytes(), expected);
    assert_eq!(answer.header("content-length"), Some("320"));
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&ids));
    assert_eq!(answer.header("etag"), Some(&*format!("\"{digest}\"")));
    let json = serde_json::json!({"ids": ids.split(',').collect::<Vec<_>>()}).to_string();
    let headers = [("content-type", "application/json; charset=utf-8")];
    let posted = aggregator.ask(Method::POST, PATH, &headers, &json).await;
    assert_eq!(posted.bytes(), expected);
    assert_eq!(posted.header("etag"), answer.header("etag"));
    let ranged = [("range", "bytes=149-170")];
    let part = aggregator
        .get_with(&format!("{PATH}?ids={ids}"), &ranged)
        .await;
    assert_eq!(
        (part.status.as_u16(), part.bytes()),
        (206, &expected[149..171])
    );
}

#[tokio::test]
async fn the_first_object_names_the_type() {
    let aggregator = aggregator();
    let first = format!("{PATH}?ids={},{}", object(), id(1));
    let answer = aggregator.get(&first).await;
    assert_eq!(answer.header("content-type"), Some("text/css"));
    let second = format!(
        "{PATH}?ids={},{}&strict_consistency_check=true",
        id(1),
        object()
    );
    let answer = aggregator.get(&second).await;
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(answer.bytes().len(), 170);
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused_before_a_byte_is_sent() {
    let aggregator = aggregator();
    let unknown_object = format!("0x{}", "09".repeat(32));
    for (ids, status, reason) in [
        (String::new(), 400, "INVALID_QUERY"),
        (",".to_owned(), 400, "INVALID_QUERY"),
        (format!("{},what", id(1)), 400, "INVALID_ID_FORMAT"),
        (format!("{},{}", id(1), id(9)), 404, "BLOB_NOT_FOUND"),
        (unknown_object, 404, "OBJECT_ID_RESOLUTION_FAILED"),
        (vec![id(3).to_string(); 257].join(","), 400, "INVALID_QUERY"),
    ] {
        let refused = aggregator.get(&format!("{PATH}?ids={ids}")).await.refused();
        assert_eq!(refused, (status, reason.to_owned()), "{ids}");
    }
    let json = ("content-type", "application/json");
    for (headers, body, status, reason) in [
        (&[][..], "{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (&[json], "{", 400, "INVALID_BODY"),
        (&[json], "{}", 422, "INVALID_BODY"),
        (&[json], r#"{"ids":[],"x":1}"#, 422, "INVALID_BODY"),
        (&[json], r#"{"ids":[]}"#, 400, "INVALID_QUERY"),
        (&[json], &"[".repeat(70_000), 413, "BODY_TOO_LARGE"),
    ] {
        let answer = aggregator.ask(Method::POST, PATH, headers, body).await;
        assert_eq!(
            answer.refused(),
            (status, reason.to_owned()),
            "{:.20}",
            body
        );
    }
}
