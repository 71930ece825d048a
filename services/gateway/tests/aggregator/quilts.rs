use std::collections::BTreeMap;

use serde_json::{Value, json};
use walrus_gateway::aggregator::AggregatorOptions;
use walrus_sdk::{PatchColumns, QuiltPatch, Tags};

use crate::store::{Aggregator, Memories, content, id};

pub(crate) fn patch(identifier: &str, start: u16, tags: &[(&str, &str)]) -> QuiltPatch {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let tags: BTreeMap<_, _> = tags.iter().map(own).collect();
    QuiltPatch {
        identifier: identifier.to_owned(),
        tags: Tags::new(tags).unwrap(),
        columns: PatchColumns {
            start,
            end: start + 1,
        },
    }
}

fn patches() -> [QuiltPatch; 3] {
    let tags = [("content-type", "text/html"), ("x-mine", "yes")];
    [
        patch("a/b c.txt", 1, &tags),
        patch("two\nlines", 2, &[]),
        patch("empty", 3, &[]),
    ]
}

fn memories() -> Memories {
    let [first, second, third] = patches();
    Memories::default().with_quilt(
        1,
        vec![(first, content(250)), (second, content(7)), (third, vec![])],
    )
}

#[tokio::test]
async fn patches_are_listed_with_what_they_are_read_by() {
    let aggregator = Aggregator::new(memories());
    let answer = aggregator
        .get(&format!("/v1/quilts/{}/patches", id(1)))
        .await;
    assert_eq!(answer.status, 200);
    let listed: Value = serde_json::from_slice(answer.bytes()).unwrap();
    let [first, second, _] = patches();
    let expected = json!({
        "identifier": "a/b c.txt",
        "patch_id": first.id(id(1)).to_string(),
        "tags": {"content-type": "text/html", "x-mine": "yes"},
    });
    assert_eq!(listed[0], expected);
    assert_eq!(listed[1]["patch_id"], second.id(id(1)).to_string());
    assert_eq!(listed.as_array().unwrap().len(), 3);
    for (query, expected) in [
        ("tag=x-mine", 1),
        ("tag=x-mine&value=yes", 1),
        ("tag=x-mine&value=no", 0),
        ("tag=nothing", 0),
    ] {
        let path = format!("/v1/quilts/{}/patches?{query}", id(1));
        let listed = aggregator.get(&path).await;
        let listed: Value = serde_json::from_slice(listed.bytes()).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), expected, "{query}");
    }
    let path = format!("/v1/quilts/{}/patches?value=yes", id(1));
    let refused = aggregator.get(&path).await.refused();
    assert_eq!(refused, (400, "INVALID_QUERY".into()));
    let unknown = aggregator
        .get(&format!("/v1/quilts/{}/patches", id(2)))
        .await;
    assert_eq!(unknown.refused(), (404, "BLOB_NOT_FOUND".into()));
}

#[tokio::test]
async fn a_patch_is_read_by_its_id_and_by_its_name_with_ranges() {
    let aggregator = Aggregator::new(memories());
    let [first, second, third] = patches();
    let by_id = |patch: &QuiltPatch| format!("/v1/blobs/by-quilt-patch-id/{}", patch.id(id(1)));
    let by_name = format!("/v1/blobs/by-quilt-id/{}/a%2Fb%20c.txt", id(1));
    for path in [by_id(&first), by_name] {
        let answer = aggregator.get(&path).await;
        assert_eq!(answer.bytes(), content(250), "{path}");
        let tag = format!("\"{}\"", first.id(id(1)));
        for (name, expected) in [
            ("etag", Some(&*tag)),
            ("content-length", Some("250")),
            ("content-type", Some("text/html")),
            ("x-quilt-patch-identifier", Some("a/b c.txt")),
            ("x-mine", None),
            ("content-security-policy", Some("sandbox")),
        ] {
            assert_eq!(answer.header(name), expected, "{name}");
        }
        let ranged = aggregator
            .get_with(&path, &[("range", "bytes=99-101")])
            .await;
        assert_eq!(
            (ranged.status.as_u16(), ranged.bytes()),
            (206, &content(250)[99..102])
        );
        let parts = aggregator
            .get_with(&path, &[("range", "bytes=0-1,-2")])
            .await;
        assert_eq!(parts.status, 206);
        let head = aggregator.head(&path).await;
        assert_eq!(head.header("content-length"), Some("250"));
    }
    // A name that no header takes is left out.
    let answer = aggregator.get(&by_id(&second)).await;
    assert_eq!(
        (answer.bytes(), answer.header("x-quilt-patch-identifier")),
        (&content(7)[..], None)
    );
    assert!(aggregator.get(&by_id(&third)).await.bytes().is_empty());
}

#[tokio::test]
async fn what_a_quilt_does_not_have_is_told() {
    let aggregator = Aggregator::new(memories());
    let other = patch("x", 9, &[]).id(id(1));
    for (path, status, reason) in [
        (
            format!("/v1/blobs/by-quilt-patch-id/{other}"),
            404,
            "QUILT_PATCH_NOT_FOUND",
        ),
        (
            format!("/v1/blobs/by-quilt-id/{}/nothing", id(1)),
            404,
            "QUILT_PATCH_NOT_FOUND",
        ),
        (
            "/v1/blobs/by-quilt-patch-id/what".to_owned(),
            400,
            "INVALID_PATH",
        ),
        ("/v1/quilts/what/patches".to_owned(), 400, "INVALID_PATH"),
    ] {
        let refused = aggregator.get(&path).await.refused();
        assert_eq!(refused, (status, reason.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn all_tags_are_headers_if_that_is_said_but_none_that_is_ours() {
    let tags = [
        ("x-mine", "yes"),
        ("set-cookie", "a=b"),
        ("content-length", "7"),
    ];
    let store = Memories::default().with_quilt(1, vec![(patch("a", 1, &tags), content(3))]);
    let options = AggregatorOptions {
        all_tags: true,
        ..AggregatorOptions::default()
    };
    let aggregator = Aggregator::with(store, &options);
    let answer = aggregator
        .get(&format!("/v1/blobs/by-quilt-id/{}/a", id(1)))
        .await;
    assert_eq!(answer.header("x-mine"), Some("yes"));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("content-length"), Some("3"));
}
