//! Bodies in several blobs: read as one, proved, and what a manifest that lies can do.

use std::{collections::HashMap, ops::Range, sync::Arc};

use walrus_core::{
    BlobId, EncodingConfig,
    manifest::{BodyDigest, MAGIC, Manifest, Part},
};
use walrus_sdk::{
    ClientError, ManifestProblem, PartOpener, ReadBudget, RemoteBlob, RemoteBody, Spool,
    nodes::NodeCommittee,
};

use crate::network::{N_SHARDS, Network, encode};

/// Blobs, each on nodes of its own.
#[derive(Default)]
struct Blobs {
    networks: Vec<Network>,
    committees: HashMap<BlobId, NodeCommittee>,
}

impl Blobs {
    async fn store(&mut self, data: &[u8]) -> Part {
        let blob = encode(data);
        let blob_id = *blob.metadata.blob_id();
        let network = Network::start(Some(&blob), vec![]).await;
        self.committees.insert(blob_id, network.committee.clone());
        self.networks.push(network);
        Part {
            blob_id,
            length: data.len() as u64,
        }
    }

    fn opener(&self) -> PartOpener {
        let committees = self.committees.clone();
        Arc::new(move |part| {
            let committee = committees.get(&part).cloned();
            Box::pin(async move {
                let committee = committee.ok_or(ClientError::BlobIdDoesNotExist(part))?;
                RemoteBlob::open(&committee, part, &Spool::default()).await
            })
        })
    }

    async fn open(&self, blob_id: BlobId) -> RemoteBody {
        let blob = (self.opener())(blob_id).await.unwrap();
        RemoteBody::of(blob, self.opener()).await.unwrap()
    }

    /// The body of a manifest with these bytes.
    async fn body(&mut self, manifest: &[u8]) -> RemoteBody {
        let manifest = self.store(manifest).await;
        self.open(manifest.blob_id).await
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut digest = BodyDigest::default();
    digest.update(bytes);
    digest.finish()
}

fn manifest(whole: &[u8], parts: &[Part]) -> Vec<u8> {
    let manifest = Manifest::new(digest(whole), parts.to_vec()).unwrap();
    manifest.to_bytes()
}

async fn bytes_of(body: &RemoteBody, range: Range<u64>) -> Result<Vec<u8>, ClientError> {
    body.range(range)?.into_bytes().await
}

async fn all_of(body: &RemoteBody) -> Result<Vec<u8>, ClientError> {
    bytes_of(body, 0..body.length()).await
}

/// What comes before the error, and the error.
async fn until_error(body: &RemoteBody) -> (usize, ManifestProblem) {
    let mut coming = body.range(0..body.length()).unwrap();
    let mut came = 0;
    loop {
        match coming.next().await {
            Ok(Some(piece)) => came += piece.len(),
            Err(ClientError::Manifest(problem)) => return (came, problem),
            other => panic!("{other:?}"),
        }
    }
}

fn some_bytes(seed: u32, length: u32) -> Vec<u8> {
    (0..length)
        .map(|i| (i * i + seed * 31 + i / 7) as u8)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_blobs_are_read_and_proved_as_one_body() {
    let mut blobs = Blobs::default();
    let data = [some_bytes(1, 3000), some_bytes(2, 3000), some_bytes(3, 777)];
    let mut parts = Vec::new();
    for part in &data {
        parts.push(blobs.store(part).await);
    }
    let whole = data.concat();
    let raw = manifest(&whole, &parts);
    let body = blobs.body(&raw).await.with_budget(ReadBudget::new(1 << 20));
    assert_eq!(body.length(), 6777);
    assert_eq!(body.manifest().unwrap().parts(), parts);
    assert_eq!(all_of(&body).await.unwrap(), whole);
    let config = EncodingConfig::new(N_SHARDS).unwrap();
    for range in [
        0..1,
        2999..3001,
        0..6776,
        2000..6500,
        6776..6777,
        3000..6000,
    ] {
        let expected = &whole[range.start as usize..range.end as usize];
        assert_eq!(bytes_of(&body, range.clone()).await.unwrap(), expected);
        let proof = body.prove(range).await.unwrap();
        assert_eq!(proof.verify(body.id(), &config, expected), Ok(()));
    }
    assert_eq!(bytes_of(&body, 5..5).await.unwrap(), b"");
    let beyond = bytes_of(&body, 0..6778).await.unwrap_err();
    assert!(matches!(
        beyond,
        ClientError::RangeNotSatisfiable { length: 6777, .. }
    ));
    let own = RemoteBody::raw(body.blob().clone());
    assert_eq!(all_of(&own).await.unwrap(), raw);
    let proof = own.prove(0..own.length()).await.unwrap();
    assert_eq!(proof.verify(own.id(), &config, &raw), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nearly_a_manifest_is_a_plain_blob() {
    let mut blobs = Blobs::default();
    let mut nearly = MAGIC.to_vec();
    nearly.resize(144, 1);
    let other = some_bytes(1, 184);
    for bytes in [nearly, other] {
        let body = blobs.body(&bytes).await;
        assert_eq!(body.manifest(), None);
        assert_eq!(all_of(&body).await.unwrap(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_a_manifest_is_its_own_bytes() {
    let mut blobs = Blobs::default();
    let (a, b) = (some_bytes(1, 500), some_bytes(2, 600));
    let parts = [blobs.store(&a).await, blobs.store(&b).await];
    let inner = manifest(&[a.clone(), b].concat(), &parts);
    let named = blobs.store(&inner).await;
    let whole = [a, inner].concat();
    let outer = manifest(&whole, &[parts[0], named]);
    let body = blobs.body(&outer).await;
    assert_eq!(all_of(&body).await.unwrap(), whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_lies_is_told_with_the_part() {
    let mut blobs = Blobs::default();
    let (a, b) = (some_bytes(1, 500), some_bytes(2, 600));
    let (first, second) = (blobs.store(&a).await, blobs.store(&b).await);
    let whole = [a.clone(), b.clone()].concat();

    let absent = Part {
        blob_id: BlobId([9; 32]),
        length: 600,
    };
    let body = blobs.body(&manifest(&whole, &[first, absent])).await;
    assert_eq!(
        bytes_of(&body, 0..500).await.unwrap(),
        a,
        "what is there is read"
    );
    let (came, problem) = until_error(&body).await;
    assert!(came <= 500);
    assert!(
        matches!(
            &problem,
            ManifestProblem::PartUnreadable { number: 2, parts: 2, source, .. }
                if matches!(**source, ClientError::BlobIdDoesNotExist(id) if id == absent.blob_id)
        ),
        "{problem}"
    );

    for length in [599, 601, 1 << 50] {
        let wrong = Part { length, ..second };
        let body = blobs.body(&manifest(&whole, &[first, wrong])).await;
        assert_eq!(body.length(), 500 + length);
        // Before a byte of the part.
        let (came, problem) = until_error(&body).await;
        assert!(came <= 500, "{came}");
        assert!(
            matches!(
                problem,
                ManifestProblem::WrongPartLength { number: 2, actual: 600, stated, .. } if stated == length
            ),
            "{problem}"
        );
        let refused = body.prove(400..510).await.unwrap_err();
        assert!(matches!(refused, ClientError::Manifest(_)), "{refused}");
    }

    let body = blobs
        .body(&manifest(b"something else", &[first, second]))
        .await;
    let (came, problem) = until_error(&body).await;
    assert!(came < 1100, "the last bytes are not handed out");
    assert!(
        matches!(problem, ManifestProblem::WrongDigest { .. }),
        "{problem}"
    );
    assert_eq!(bytes_of(&body, 1..1100).await.unwrap(), &whole[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_may_be_named_many_times_and_takes_no_more_memory() {
    let mut blobs = Blobs::default();
    let part = blobs.store(&some_bytes(1, 40_000)).await;
    let parts = vec![part; 1000];
    let bytes = Manifest::new([0; 32], parts).unwrap().to_bytes();
    let budget = ReadBudget::new(64 << 10);
    let body = blobs.body(&bytes).await.with_budget(budget.clone());
    assert_eq!(body.length(), 40_000_000);
    let mut coming = body.range(1..40_000_000).unwrap();
    let mut came = 0;
    while came < 200_000 {
        came += coming.next().await.unwrap().unwrap().len();
        assert!(budget.in_use() <= 64 << 10);
    }
    drop(coming);
}
