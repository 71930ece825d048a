//! Outages: with nodes of up to f shards down everything works; with more, a store fails at once and says what is missing, and reads
//! go on until fewer than a third of the shards answer.

use std::time::{Duration, Instant};

use walrus_e2e::{TestNetwork, random_bytes};
use walrus_localnet::LocalnetOptions;
use walrus_sdk::{ClientError, EpochsAhead, NodeFailure, StoreOptions};

/// A store or a read that has to try dead nodes must not wait for them.
const QUICK: Duration = Duration::from_secs(10);

const SHARDS: u16 = 31;
/// f for 31 shards.
const MAX_FAULTY: u16 = 10;

async fn quickly<T>(what: &str, action: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let result = action.await;
    assert!(
        started.elapsed() < QUICK,
        "{what} took {:?}",
        started.elapsed()
    );
    result
}

fn assert_names(failures: &[NodeFailure], dead: &[u16]) {
    for index in dead {
        assert!(
            failures
                .iter()
                .any(|failure| failure.node.contains(&format!("node-{index}"))),
            "node-{index} is missing in {failures:?}"
        );
    }
    assert!(
        failures
            .iter()
            .all(|failure| failure.weight > 0 && !failure.problem.to_string().is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_works_with_f_shards_down_and_says_what_is_missing_with_more() {
    let mut network = TestNetwork::start(LocalnetOptions {
        nodes: 10,
        shards: SHARDS,
        ..LocalnetOptions::default()
    })
    .await;
    let data = random_bytes(100_000);
    let blob = network.store(&data, 3).await;

    let everyone = network.indices();
    let mut down = network.at_most(MAX_FAULTY, everyone.clone()).await;
    assert!(down.len() >= 3, "{down:?}");
    network.stop_nodes(&down).await;
    let other = random_bytes(200_000);
    let late = quickly("a store with f shards down", network.store(&other, 3)).await;
    quickly(
        "a read with f shards down",
        network.assert_reads(&late.blob_id, &other),
    )
    .await;
    quickly(
        "a read with f shards down",
        network.assert_reads(&blob.blob_id, &data),
    )
    .await;

    // One node more.
    let next = everyone
        .clone()
        .find(|index| !down.contains(index))
        .unwrap();
    network.stop_nodes(&[next]).await;
    down.push(next);
    let left = SHARDS - network.weight(&down).await;
    assert!(left < SHARDS - MAX_FAULTY);
    let mut options = StoreOptions::new(EpochsAhead::Count(3));
    options.deletable = false;
    let attempt = random_bytes(1_000);
    let failed = quickly(
        "a store that must fail",
        network.try_store(&attempt, &options),
    )
    .await;
    assert_not_enough_confirmations(&failed.unwrap_err(), left, &down);
    quickly(
        "a read with more down",
        network.assert_reads(&late.blob_id, &other),
    )
    .await;

    // Reads need n - 2f shards.
    let needed = SHARDS - 2 * MAX_FAULTY;
    let live: Vec<_> = everyone
        .clone()
        .filter(|index| !down.contains(index))
        .collect();
    let stop = network.at_most(left - needed, live.iter().copied()).await;
    network.stop_nodes(&stop).await;
    down.extend(&stop);
    let left = SHARDS - network.weight(&down).await;
    assert!((needed..needed + 4).contains(&left), "{left}");
    quickly(
        "a read with a third of the shards",
        network.assert_reads(&blob.blob_id, &data),
    )
    .await;

    // The last ones that a read cannot do without: every node has at least 3 shards.
    let last: Vec<_> = live
        .into_iter()
        .filter(|index| !down.contains(index))
        .collect();
    let mut rest = left;
    for index in last {
        if rest < needed {
            break;
        }
        rest -= network.member(index).await.info.weight;
        network.stop_nodes(&[index]).await;
        down.push(index);
    }
    let failed = quickly("a read that must fail", network.try_read(&blob.blob_id)).await;
    match failed.unwrap_err() {
        error @ ClientError::NotEnoughSlivers { .. } => {
            let text = error.to_string();
            let ClientError::NotEnoughSlivers {
                got,
                needed: wanted,
                failures,
                ..
            } = error
            else {
                unreachable!()
            };
            assert_eq!((got, wanted), (rest, needed), "{text}");
            assert_names(&failures, &down);
            assert!(
                text.contains(&format!("{rest} of the {needed} slivers")),
                "{text}"
            );
        }
        other => panic!("{other}"),
    }

    // All come back, and so does everything they hold.
    network.start_nodes(&down).await;
    quickly("a store with everybody back", network.store(&attempt, 3)).await;
    network.assert_reads(&late.blob_id, &other).await;
    network.stop().await;
}

fn assert_not_enough_confirmations(error: &ClientError, left: u16, down: &[u16]) {
    let text = error.to_string();
    let ClientError::NotEnoughConfirmations {
        got,
        needed,
        failures,
        ..
    } = error
    else {
        panic!("{text}");
    };
    assert_eq!(*needed, SHARDS - MAX_FAULTY, "{text}");
    assert!(*got <= left, "{text}");
    assert_names(failures, down);
    assert!(text.contains(&format!("{got} / {needed}")), "{text}");
    assert!(text.contains("node-"), "{text}");
}
