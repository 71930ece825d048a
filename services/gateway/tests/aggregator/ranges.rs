use axum::http::Method;

use crate::store::{Aggregator, Memories, content, id};

const SIZE: usize = 1000;

fn aggregator() -> (Aggregator, String) {
    let store = Memories::default()
        .with(1, content(SIZE))
        .with(2, Vec::new());
    (Aggregator::new(store), format!("/v1/blobs/{}", id(1)))
}

#[tokio::test]
async fn a_blob_comes_whole_with_its_length() {
    let (aggregator, path) = aggregator();
    let answer = aggregator.get(&path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.bytes(), content(SIZE));
    for (name, expected) in [
        ("content-length", "1000"),
        ("accept-ranges", "bytes"),
        ("etag", &format!("\"{}\"", id(1))),
        (
            "cache-control",
            "public, max-age=86400, stale-while-revalidate=3600",
        ),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{name}");
    }
    assert_eq!(answer.header("content-type"), None);
}

#[tokio::test]
async fn a_head_is_that_of_the_get_and_reads_nothing() {
    let (aggregator, path) = aggregator();
    let head = aggregator.head(&path).await;
    assert_eq!(head.status, 200);
    assert!(head.bytes().is_empty());
    assert_eq!(head.header("content-length"), Some("1000"));
    assert!(aggregator.store.reads(1).is_empty());
    let get = aggregator.get(&path).await;
    assert_eq!(get.headers, head.headers);
    let ranged = [("range", "bytes=0-0")];
    let head = aggregator.ask(Method::HEAD, &path, &ranged, "").await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-length")),
        (200, Some("1000"))
    );
}

#[tokio::test]
async fn a_range_is_the_part_that_was_asked_for_and_no_more_is_read() {
    let (aggregator, path) = aggregator();
    for (range, start, end) in [
        ("bytes=0-9", 0, 10),
        ("bytes=990-", 990, 1000),
        ("bytes=-1", 999, 1000),
        ("bytes=995-2000", 995, 1000),
        ("bytes=0-", 0, 1000),
    ] {
        let answer = aggregator.get_with(&path, &[("range", range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.bytes(), &content(SIZE)[start..end], "{range}");
        let place = format!("bytes {start}-{}/1000", end - 1);
        assert_eq!(answer.header("content-range"), Some(&*place));
        let length = (end - start).to_string();
        assert_eq!(answer.header("content-length"), Some(&*length));
        let read = aggregator.store.reads(1).pop().unwrap();
        assert_eq!(read, start as u64..end as u64);
    }
}

#[tokio::test]
async fn a_range_that_is_none_is_refused_with_the_length() {
    let (aggregator, path) = aggregator();
    for range in ["bytes=1000-", "bytes=5-2", "bytes=x", "bytes=-0"] {
        let answer = aggregator.get_with(&path, &[("range", range)]).await;
        assert_eq!(
            answer.refused(),
            (416, "INVALID_BYTE_RANGE".into()),
            "{range}"
        );
        assert_eq!(answer.header("content-range"), Some("bytes */1000"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let other_unit = aggregator.get_with(&path, &[("range", "lines=1-2")]).await;
    assert_eq!(other_unit.status, 200);
}

#[tokio::test]
async fn several_ranges_come_in_parts() {
    let (aggregator, path) = aggregator();
    let headers = [("range", "bytes=0-9,-5"), ("accept", "text/plain")];
    let answer = aggregator.get_with(&path, &headers).await;
    assert_eq!(answer.status, 206);
    let media_type = answer.header("content-type").unwrap();
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let mut expected = Vec::new();
    for (place, range) in [("0-9", 0..10), ("995-999", 995..1000)] {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {place}/1000\r\n\r\n"
        );
        expected.extend(head.into_bytes());
        expected.extend(&content(SIZE)[range]);
    }
    expected.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert_eq!(answer.bytes(), expected);
    let length = expected.len().to_string();
    assert_eq!(answer.header("content-length"), Some(&*length));
    assert_eq!(answer.header("content-range"), None);
}

#[tokio::test]
async fn an_empty_blob_has_no_range() {
    let (aggregator, _) = aggregator();
    let path = format!("/v1/blobs/{}", id(2));
    let answer = aggregator.get(&path).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-length")),
        (200, Some("0"))
    );
    let answer = aggregator.get_with(&path, &[("range", "bytes=0-")]).await;
    assert_eq!(answer.refused().0, 416);
    assert_eq!(answer.header("content-range"), Some("bytes */0"));
}

#[tokio::test]
async fn a_client_that_has_the_blob_is_told_so() {
    let (aggregator, path) = aggregator();
    let tag = format!("\"{}\"", id(1));
    let answer = aggregator.get_with(&path, &[("if-none-match", &tag)]).await;
    assert_eq!(answer.status, 304);
    assert!(answer.bytes().is_empty());
    assert_eq!(answer.header("etag"), Some(&*tag));
    assert_eq!(answer.header("content-length"), None);
    assert!(
        answer
            .header("cache-control")
            .unwrap()
            .starts_with("public")
    );
    assert!(aggregator.store.reads(1).is_empty());
    let other = [("if-none-match", "\"other\"")];
    assert_eq!(aggregator.get_with(&path, &other).await.status, 200);
    let other = [("if-match", "\"other\"")];
    let refused = aggregator.get_with(&path, &other).await.refused();
    assert_eq!(refused, (412, "PRECONDITION_FAILED".into()));
}

#[tokio::test]
async fn a_part_is_served_to_whoever_has_the_rest() {
    let (aggregator, path) = aggregator();
    let tag = format!("\"{}\"", id(1));
    let same = [("range", "bytes=1-2"), ("if-range", &tag)];
    assert_eq!(aggregator.get_with(&path, &same).await.status, 206);
    let other = [("range", "bytes=1-2"), ("if-range", "\"other\"")];
    let answer = aggregator.get_with(&path, &other).await;
    assert_eq!((answer.status.as_u16(), answer.bytes().len()), (200, SIZE));
}

#[tokio::test]
async fn a_part_in_the_query_is_an_answer_of_its_own() {
    let (aggregator, path) = aggregator();
    let answer = aggregator
        .get(&format!("{path}/byte-range?start=5&length=10"))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.bytes(), &content(SIZE)[5..15]);
    let tag = format!("\"{}-5-10\"", id(1));
    assert_eq!(answer.header("etag"), Some(&*tag));
    assert_eq!(answer.header("content-length"), Some("10"));
    for query in [
        "start=0&length=0",
        "start=991&length=10",
        "start=1000&length=1",
        "start=18446744073709551615&length=2",
    ] {
        let refused = aggregator
            .get(&format!("{path}/byte-range?{query}"))
            .await
            .refused();
        assert_eq!(refused, (400, "INVALID_BYTE_RANGE".into()), "{query}");
    }
    for query in [
        "start=1",
        "length=1",
        "start=a&length=1",
        "start=0&length=1&x=1",
    ] {
        let refused = aggregator
            .get(&format!("{path}/byte-range?{query}"))
            .await
            .refused();
        assert_eq!(refused, (400, "INVALID_QUERY".into()), "{query}");
    }
    let headers = [("range", "bytes=-1")];
    let last = aggregator
        .get_with(&format!("{path}/byte-range?start=5&length=10"), &headers)
        .await;
    assert_eq!(
        (last.status.as_u16(), last.bytes()),
        (206, &content(SIZE)[14..15])
    );
}

#[tokio::test]
async fn the_route_that_streams_is_the_same_with_a_mark() {
    let (aggregator, _) = aggregator();
    let answer = aggregator
        .get(&format!("/v1alpha/blobs/{}/stream", id(1)))
        .await;
    assert_eq!(answer.bytes(), content(SIZE));
    assert_eq!(answer.header("x-walrus-streaming"), Some("true"));
    assert_eq!(answer.header("content-length"), Some("1000"));
}
