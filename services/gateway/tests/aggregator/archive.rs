use std::io::Read as _;

use walrus_gateway::{aggregator::AggregatorOptions, store::StoreError};

use crate::{
    quilts::patch,
    store::{Aggregator, Memories, content, id},
};

fn path(number: u8) -> String {
    format!("/v1/quilts/{}/tar", id(number))
}

/// A quilt that is a blob as well.
fn memories() -> Memories {
    let long = "n".repeat(200);
    let patches = [
        ("a/b.txt", 250),
        ("../../up", 7),
        (&long, 513),
        ("empty", 0),
    ];
    let patches = (1..)
        .zip(patches)
        .map(|(start, (name, length))| (patch(name, start, &[]), content(length)));
    Memories::default()
        .with(1, content(5000))
        .with_quilt(1, patches.collect())
}

#[tokio::test]
async fn a_quilt_is_an_archive_of_its_patches() {
    let aggregator = Aggregator::new(memories());
    let answer = aggregator.get(&path(1)).await;
    assert_eq!(answer.status, 200);
    let (tag, disposition) = (
        format!("\"{}-tar\"", id(1)),
        format!("attachment; filename=\"{}.tar\"", id(1)),
    );
    for (name, expected) in [
        ("content-type", Some("application/x-tar")),
        ("content-disposition", Some(&*disposition)),
        ("etag", Some(&*tag)),
        ("content-length", None),
        ("content-security-policy", Some("sandbox")),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    let mut archive = tar::Archive::new(answer.bytes());
    let files = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    });
    let expected = [
        ("a/b.txt".to_owned(), content(250)),
        ("%2E%2E/%2E%2E/up".to_owned(), content(7)),
        ("n".repeat(200), content(513)),
        ("empty".to_owned(), vec![]),
    ];
    assert_eq!(files.collect::<Vec<_>>(), expected);
    // The same quilt is the same archive.
    assert_eq!(aggregator.get(&path(1)).await.bytes(), answer.bytes());
    let known = aggregator
        .get_with(&path(1), &[("if-none-match", &tag)])
        .await;
    assert_eq!((known.status.as_u16(), known.bytes()), (304, &[][..]));
    let other = aggregator
        .get_with(&path(1), &[("if-match", "\"x\"")])
        .await;
    assert_eq!(other.refused(), (412, "PRECONDITION_FAILED".into()));
    let head = aggregator.head(&path(1)).await;
    assert_eq!(
        (head.header("etag"), head.header("content-length")),
        (Some(&*tag), None)
    );
}

#[tokio::test]
async fn what_cannot_be_an_archive_is_refused_like_a_blob() {
    let aggregator = Aggregator::new(memories());
    assert_eq!(
        aggregator.get(&path(2)).await.refused(),
        (404, "BLOB_NOT_FOUND".into())
    );
    assert_eq!(
        aggregator.get("/v1/quilts/what/tar").await.refused(),
        (400, "INVALID_PATH".into())
    );
    let query = format!("{}?x=1", path(1));
    assert_eq!(
        aggregator.get(&query).await.refused(),
        (400, "INVALID_QUERY".into())
    );
    aggregator
        .store
        .refused
        .lock()
        .unwrap()
        .insert(id(1), StoreError::Blocked);
    assert_eq!(
        aggregator.get(&path(1)).await.refused(),
        (451, "FORBIDDEN_BLOB".into())
    );
    let options = AggregatorOptions {
        max_blob_size: Some(4999),
        ..AggregatorOptions::default()
    };
    let small = Aggregator::with(memories(), &options);
    assert_eq!(
        small.get(&path(1)).await.refused(),
        (403, "BLOB_TOO_LARGE".into())
    );
}
