//! Previous owners of a shard that stall, trickle or lie: the shard is recovered from the others, in time, and nobody else waits.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, Bytes},
    routing::post,
};
use futures::{Stream, StreamExt as _, stream};
use walrus_core::network_key::NetworkKeyPair;
use walrus_service::server::Server;

use super::*;

/// The shard that the hostile node had.
const TAKEN: u16 = 9;

/// A node that answers requests for its shard in its own way, and nothing else.
struct Hostile {
    key: NetworkKeyPair,
    server: Server,
}

impl Hostile {
    const NODE_ID: Address = Address::new([9; 32]);

    /// `answer` is made anew for each request.
    fn start<S>(answer: impl Fn() -> S + Clone + Send + Sync + 'static) -> Self
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let key = NetworkKeyPair::generate(&mut rand::rng());
        let sync = post(async move || Body::from_stream(answer().map(Ok::<_, Infallible>)));
        // What it is asked for besides it does not answer either.
        let router = Router::new()
            .route("/v1/migrate/sync_shard", sync)
            .fallback(std::future::pending::<String>);
        let server = serve(router, &key);
        Self { key, server }
    }

    fn member(&self, own: &[u16]) -> CommitteeMember {
        CommitteeMember {
            network_public_key: Some(self.key.public_key()),
            network_address: self.server.address().to_string(),
            ..member(Self::NODE_ID, None, shards(own))
        }
    }
}

/// The first node has all shards but one, the hostile one had that, and the second node gains it.
async fn gained_from(hostile: &Hostile, blobs: &[EncodedBlob]) -> [TestNode; 2] {
    let [first, second] = two_nodes(blobs).await;
    let mut before = committee(EPOCH - 1, &[(&first, &ALL[..9])]);
    before.members.push(hostile.member(&[TAKEN]));
    let after = Committees {
        previous: Some(before),
        current: committee(EPOCH, &[(&first, &ALL[..9]), (&second, &[TAKEN])]),
        ..committees(vec![])
    };
    assign(&first, &after).await;
    assign(&second, &after).await;
    [first, second]
}

/// What stands before the slivers of an answer.
fn head(count: u8) -> Bytes {
    Bytes::from(vec![0, count])
}

/// The sliver that `shard` has of a blob, as it is in an answer.
fn record(blob: &EncodedBlob, shard: u16, kind: SliverType) -> Bytes {
    let pair = ShardIndex(shard).to_pair_index(blob.metadata.blob_id(), N_SHARDS);
    let mut bytes = blob.metadata.blob_id().0.to_vec();
    bytes.push(u8::from(kind == SliverType::Secondary));
    bytes.extend(sliver(blob, pair, kind));
    bytes.into()
}

async fn filled(node: &TestNode, blobs: &[EncodedBlob], config: ShardSyncConfig) {
    heal(node, config, BlobRecoveryConfig::default());
    until(|| states(node, &[TAKEN]) == [Some(ShardState::Active)]).await;
    for blob in blobs {
        assert_holds(node, blob, &[TAKEN]);
    }
}

fn ended(node: &TestNode, how: &str) -> u64 {
    let syncs = &node.parts.deeds.metrics.shard_syncs;
    syncs.with_label_values(&[how]).get()
}

fn impatient() -> ShardSyncConfig {
    ShardSyncConfig {
        shard_sync_retry_switch_to_recovery_interval_secs: 1,
        ..ShardSyncConfig::default()
    }
}

#[tokio::test]
async fn one_that_stalls_is_given_up_and_asked_for_nothing_else() {
    let blobs = blobs(4);
    let hostile = Hostile::start(stream::pending);
    let [_first, second] = gained_from(&hostile, &blobs).await;
    filled(&second, &blobs, impatient()).await;
    assert_eq!(ended(&second, "recovery"), 1);
    assert_eq!(second.parts.deeds.metrics.synced_slivers.get(), 0);
}

#[tokio::test]
async fn one_that_trickles_is_given_up_and_what_came_of_it_is_kept() {
    let blobs = blobs(12);
    let records: Vec<_> = blobs
        .iter()
        .map(|blob| record(blob, TAKEN, SliverType::Primary))
        .collect();
    // A valid sliver at once, and then one in a while, which is much longer in sum than anybody waits.
    let trickle = move || {
        let mut records = records.clone();
        let first = records.remove(0);
        let slivers = stream::iter(records).then(|record| async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            record
        });
        stream::iter([head(12), first]).chain(slivers)
    };
    let hostile = Hostile::start(trickle);
    let [_first, second] = gained_from(&hostile, &blobs).await;
    let config = ShardSyncConfig {
        shard_sync_min_bytes_per_sec: 1 << 40,
        shard_sync_retry_switch_to_recovery_interval_secs: 3,
        ..ShardSyncConfig::default()
    };
    filled(&second, &blobs, config).await;
    assert_eq!(ended(&second, "recovery"), 1);
    let metrics = &second.parts.deeds.metrics;
    let (synced, recovered) = (
        metrics.synced_slivers.get(),
        metrics.recovered_slivers.get(),
    );
    assert!((1..12).contains(&synced), "{synced}");
    assert_eq!(synced + recovered, 24);
}

#[tokio::test]
async fn one_that_sends_what_nobody_asked_for_meets_the_deadline() {
    let blobs = blobs(3);
    // Slivers that nobody wants, as fast as they are taken: nothing of them is worth anything.
    let flood = || {
        let records = (0_u64..).map(|number| {
            let mut bytes = vec![0xff; 32];
            bytes[8..16].copy_from_slice(&number.to_be_bytes());
            // A primary sliver without symbols.
            bytes.extend([0; 6]);
            Bytes::from(bytes)
        });
        let head = Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0x7f]);
        stream::iter(std::iter::once(head).chain(records))
    };
    let hostile = Hostile::start(flood);
    let [_first, second] = gained_from(&hostile, &blobs).await;
    let config = ShardSyncConfig {
        shard_sync_deadline_secs: 1,
        ..ShardSyncConfig::default()
    };
    filled(&second, &blobs, config).await;
    assert_eq!(ended(&second, "recovery"), 1);
}

#[tokio::test]
async fn a_deadline_is_the_same_after_a_restart() {
    let blobs = blobs(3);
    let hostile = Hostile::start(stream::pending);
    let [_first, second] = gained_from(&hostile, &blobs).await;
    let storage = &second.parts.storage;
    // As a node had noted it that was stopped since, for decades.
    for shard in &ALL {
        let begun = storage.transfer_begun(ShardIndex(*shard), EPOCH, 7);
        assert_eq!(begun.unwrap(), 7);
        let again = storage.transfer_begun(ShardIndex(*shard), EPOCH, 70);
        assert_eq!(again.unwrap(), 7);
    }
    // The source, which is silent, would have an hour.
    let config = ShardSyncConfig {
        shard_sync_retry_switch_to_recovery_interval_secs: 3600,
        ..ShardSyncConfig::default()
    };
    filled(&second, &blobs, config).await;
    assert_eq!(ended(&second, "recovery"), 1);
    // Another epoch is another transfer.
    let next = storage.transfer_begun(ShardIndex(0), EPOCH + 1, 70);
    assert_eq!(next.unwrap(), 70);
}

#[tokio::test]
async fn one_that_lies_brings_nothing() {
    let blobs = blobs(4);
    // The slivers of another shard.
    let records: Vec<_> = blobs
        .iter()
        .map(|blob| record(blob, 3, SliverType::Primary))
        .collect();
    let lie = move || stream::iter(std::iter::once(head(4)).chain(records.clone()));
    let hostile = Hostile::start(lie);
    let [_first, second] = gained_from(&hostile, &blobs).await;
    filled(&second, &blobs, impatient()).await;
    let metrics = &second.parts.deeds.metrics;
    assert_eq!(metrics.synced_slivers.get(), 0);
    assert_eq!(metrics.recovered_slivers.get(), 8);
}

#[tokio::test]
async fn one_that_stalls_holds_up_no_shard_of_another_source() {
    let blobs = blobs(3);
    let hostile = Hostile::start(stream::pending);
    let [first, second] = two_nodes(&blobs).await;
    let mut before = committee(EPOCH - 1, &[(&first, &ALL[..6])]);
    before.members.push(hostile.member(&[6, 7, 8, 9]));
    let after = Committees {
        previous: Some(before),
        current: committee(EPOCH, &[(&first, &ALL[..5]), (&second, &ALL[5..])]),
        ..committees(vec![])
    };
    assign(&first, &after).await;
    assign(&second, &after).await;
    // Two at once, of which the hostile source could hold both for an hour.
    let config = ShardSyncConfig {
        shard_sync_concurrency: 2,
        shard_sync_retry_switch_to_recovery_interval_secs: 3600,
        ..ShardSyncConfig::default()
    };
    heal(&second, config, BlobRecoveryConfig::default());
    let metrics = &second.parts.deeds.metrics;
    until(|| metrics.synced_slivers.get() == 6 && ended(&second, "complete") == 1).await;
    for blob in &blobs {
        assert_holds(&second, blob, &[5]);
    }
}

#[tokio::test]
async fn one_that_stalls_is_not_waited_for_when_others_have_symbols_and_metadata() {
    let blobs = blobs(12);
    let hostile = Hostile::start(stream::pending);
    let [first, second] = two_nodes(&blobs).await;
    let mut now = committee(EPOCH, &[(&first, &ALL[..8]), (&second, &[TAKEN])]);
    now.members.push(hostile.member(&[8]));
    let after = Committees {
        previous: None,
        current: now,
        ..committees(vec![])
    };
    assign(&first, &after).await;
    assign(&second, &after).await;
    // It is asked first for half of the blobs, and each request may take 45 seconds.
    filled(&second, &blobs, ShardSyncConfig::default()).await;
}
