//! Membership: a node joins a network that is up, another one leaves, epochs change, and every blob is read all the while.

use std::{os::unix::fs::MetadataExt as _, time::Duration};

use walrus_core::BlobId;
use walrus_e2e::{TestNetwork, eventually, random_bytes, small};
use walrus_localnet::{LocalnetOptions, NodeOrder, OrderAnswer, give_order};

const EPOCH: Duration = Duration::from_secs(8);
/// Several epochs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LEAVER: u16 = 1;

/// Blobs that outlive the test.
async fn some_blobs(network: &TestNetwork, sizes: &[usize]) -> Vec<(BlobId, Vec<u8>)> {
    let mut blobs = Vec::new();
    for size in sizes {
        let data = random_bytes(*size);
        blobs.push((network.store(&data, 20).await.blob_id, data));
    }
    blobs
}

async fn assert_all_read(network: &TestNetwork, blobs: &[(BlobId, Vec<u8>)]) {
    for (blob, data) in blobs {
        network.assert_reads(blob, data).await;
    }
}

/// The names of the nodes that the network gives shards.
async fn members(network: &TestNetwork) -> Vec<String> {
    let members = network.committee().await.members.into_iter();
    let members = members.filter(|member| !member.shards.is_empty());
    members.map(|member| member.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_joins_and_another_one_leaves_while_all_blobs_are_read() {
    let mut network = TestNetwork::start(LocalnetOptions {
        epoch_duration: EPOCH,
        ..small()
    })
    .await;
    let mut blobs = some_blobs(&network, &[0, 100, 300_000]).await;
    let joined = network.add_node().await.unwrap();
    network.remove_node(LEAVER).await.unwrap();

    eventually(
        "the new node is a member, the other one not",
        PATIENCE,
        async || {
            let members = members(&network).await;
            assert_all_read(&network, &blobs).await;
            let is_member = |name: &str| members.iter().any(|member| member == name);
            (is_member("node-4") && !is_member("node-1")).then_some(())
        },
    )
    .await;
    network.ready().await;
    let member = network.member(joined).await;
    for (blob, _) in &blobs {
        eventually("the new node has its slivers", PATIENCE, async || {
            member.holds_everything(blob).await.then_some(())
        })
        .await;
    }
    blobs.extend(some_blobs(&network, &[200, 40_000]).await);

    // Once neither committee has it, nobody needs the node that left.
    let gone = loop {
        let gone = network.tend().await.unwrap();
        if !gone.is_empty() {
            break gone;
        }
        assert_all_read(&network, &blobs).await;
    };
    assert_eq!(gone, ["node-1"]);
    let listed = network.node_listing().await.unwrap();
    let left = listed.iter().find(|node| node.name == "node-1").unwrap();
    assert!(left.is_removed && !left.is_running && left.shards == 0);
    assert_all_read(&network, &blobs).await;
    obeys_orders(&mut network).await;
    network.stop().await;
}

/// What another process asks for through the socket in the directory.
async fn obeys_orders(network: &mut TestNetwork) {
    let dir = network.path().to_owned();
    let mut orders = network.listen_for_orders().unwrap();
    let mode = std::fs::metadata(dir.join("localnet.sock")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut order = async |order: NodeOrder| {
        let carried_out = async { network.carry_out(orders.next().await).await };
        let (answer, ()) = tokio::join!(give_order(&dir, &order), carried_out);
        answer.unwrap()
    };
    let name = "node-2".to_owned();
    let is_running = |answer: &OrderAnswer| {
        let node = answer.nodes.iter().find(|node| node.name == "node-2");
        node.is_some_and(|node| node.is_running)
    };
    let listed = order(NodeOrder::List {}).await;
    assert!(listed.success && is_running(&listed), "{listed:?}");
    let stopped = order(NodeOrder::Stop { name: name.clone() }).await;
    assert!(stopped.success && !is_running(&stopped), "{stopped:?}");
    let started = order(NodeOrder::Start { name }).await;
    assert!(started.success && is_running(&started), "{started:?}");
    for (name, why) in [("node-9", "no node `node-9`"), ("node-1", "has left")] {
        let name = name.to_owned();
        let refused = order(NodeOrder::Start { name }).await;
        assert!(
            !refused.success && refused.message.contains(why),
            "{refused:?}"
        );
    }
}
