//! Statuses of blobs, by nodes of which few, many or none know them.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use walrus_core::BlobId;
use walrus_node_client::{BlobStatus, DeletableCounts, EventId};
use walrus_sdk::{
    ClientError,
    read::{NoWitness, StatusWitness, blob_status},
};

use crate::network::{Behaviour, FAULTY, NODES, Network};

const BLOB: BlobId = BlobId([3; 32]);
const TIMEOUT: Duration = Duration::from_secs(5);

fn permanent(end_epoch: u32, is_certified: bool) -> BlobStatus {
    BlobStatus::Permanent {
        end_epoch,
        is_certified,
        status_event: EventId {
            tx_digest: [1; 32],
            event_seq: 0,
        },
        deletable_counts: DeletableCounts::default(),
        initial_certified_epoch: is_certified.then_some(2),
    }
}

/// Nodes that report these statuses, then `rest` for all others.
async fn network(groups: &[(usize, Behaviour)], rest: Behaviour) -> Network {
    let mut behaviours = Vec::new();
    for (count, behaviour) in groups {
        behaviours.extend(vec![behaviour.clone(); *count]);
    }
    behaviours.resize(NODES, rest);
    Network::start(None, behaviours).await
}

/// Confirms one status.
struct Knows(BlobStatus);

impl StatusWitness for Knows {
    fn confirms<'a>(&'a self, _: &'a BlobId, status: &'a BlobStatus) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(*status == self.0))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_nodes_cannot_make_a_status_up() {
    let lie = Behaviour::Says(permanent(99, true));
    let network = network(&[(FAULTY, lie)], Behaviour::Says(permanent(20, false))).await;
    let status = blob_status(&network.committee, &BLOB, TIMEOUT, &NoWitness)
        .await
        .unwrap();
    assert_eq!(status, permanent(20, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_can_confirm_what_few_nodes_report() {
    // Three say certified, three registered, three registered for longer, one is down: no group has more than f.
    let groups = [
        (FAULTY, Behaviour::Says(permanent(20, true))),
        (FAULTY, Behaviour::Says(permanent(20, false))),
        (1, Behaviour::Down),
    ];
    let network = network(&groups, Behaviour::Says(permanent(30, false))).await;
    let status = |witness| {
        let committee = network.committee.clone();
        async move { blob_status(&committee, &BLOB, TIMEOUT, &Knows(witness)).await }
    };
    assert_eq!(
        status(permanent(20, true)).await.unwrap(),
        permanent(20, true)
    );
    let error = status(BlobStatus::Nonexistent).await.unwrap_err();
    let ClientError::NoValidStatusReceived { failures, .. } = &error else {
        panic!("unexpected error: {error}");
    };
    assert_eq!(failures.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quorum_does_not_know_does_not_exist() {
    let lie = Behaviour::Says(permanent(99, true));
    let network = network(&[(FAULTY, lie)], Behaviour::Honest).await;
    let status = blob_status(&network.committee, &BLOB, TIMEOUT, &NoWitness)
        .await
        .unwrap();
    assert_eq!(status, BlobStatus::Nonexistent);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_nodes_do_not_delay_the_answer() {
    let certified = Behaviour::Says(permanent(20, true));
    let network = network(&[(FAULTY, Behaviour::Silent)], certified).await;
    let started = Instant::now();
    let status = blob_status(&network.committee, &BLOB, TIMEOUT, &NoWitness)
        .await
        .unwrap();
    assert_eq!(status, permanent(20, true));
    assert!(started.elapsed() < TIMEOUT);
}
