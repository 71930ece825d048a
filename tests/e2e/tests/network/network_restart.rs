//! Network restart: a network comes up again from its directory, with everything that was stored.

use std::path::Path;

use walrus_e2e::{TestNetwork, random_bytes, small};
use walrus_localnet::{Localnet, LocalnetOptions, Silent};
use walrus_node::NodeConfig;

/// A client that trusts the bundle of the network and nothing else.
fn trusting(network: &TestNetwork) -> reqwest::Client {
    // Fails only if a provider was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let bundle = std::fs::read(network.ca_bundle()).unwrap();
    let certificates = reqwest::Certificate::from_pem_bundle(&bundle).unwrap();
    reqwest::Client::builder()
        .tls_certs_only(certificates)
        .no_proxy()
        .build()
        .unwrap()
}

/// Asks all nodes and the chain, over TLS.
async fn assert_reachable(network: &TestNetwork, client: &reqwest::Client) {
    for member in network.committee().await.members {
        let url = format!("https://{}/v1/health", member.network_address);
        let answer = client.get(&url).send().await.unwrap();
        assert!(answer.status().is_success(), "{url}: {answer:?}");
    }
    let url = network.chain().rpc_tls_url().unwrap();
    client.get(&url).send().await.unwrap();
    let by_name = url.replace("127.0.0.1", "localhost");
    client.get(&by_name).send().await.unwrap();
}

/// What an operator changes of a node that is stopped: its storage is moved, and gets one more disk. Returns its configuration.
async fn operate(network: &mut TestNetwork, dir: &Path) -> NodeConfig {
    let path = network.node_config_path(0);
    let config = path.to_str().unwrap().to_owned();
    let [storage, disk, unused] = ["moved", "disk", "unused"].map(|name| dir.join(name));
    let program = async |args: &[&str]| {
        let program = env!("CARGO_BIN_EXE_storage-node");
        let output = tokio::process::Command::new(program)
            .args(args)
            .args(["--yes", "--config-path", &config])
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    };
    network.stop_nodes(&[0]).await;
    program(&["move", "--to", storage.to_str().unwrap()]).await;
    for disk in [&disk, &unused] {
        std::fs::create_dir(disk).unwrap();
        program(&["disk", "add", disk.to_str().unwrap()]).await;
    }
    program(&["disk", "remove", unused.to_str().unwrap()]).await;
    network.start_nodes(&[0]).await;
    let operated = NodeConfig::load(&path).unwrap();
    assert_eq!(operated.storage_path, storage);
    assert_eq!(operated.storage_disks, std::slice::from_ref(&disk));
    let is_used = disk.join("walrus-disk").exists() && storage.join("db").exists();
    assert!(is_used, "the node has both");
    operated
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_comes_back_from_its_directory_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = LocalnetOptions {
        dir: Some(dir.path().join("network")),
        ..small()
    };
    let network = TestNetwork::start(options.clone()).await;
    let deployment = network.deployment().clone();
    let chain_id = network.chain().chain_id().to_string();
    let first = random_bytes(60_000);
    let first_blob = network.store(&first, 3).await;
    // A client of ours and of nobody in particular: it knows no keys, and was given the bundle once.
    let trusting = trusting(&network);
    assert_reachable(&network, &trusting).await;

    // The directory has one owner.
    let refused = Localnet::start(&options, &Silent)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("already running"), "{refused}");
    network.stop().await;

    let mut network = TestNetwork::start(options.clone()).await;
    assert_reachable(&network, &trusting).await;
    assert_eq!(network.chain().chain_id().to_string(), chain_id);
    assert_eq!(network.deployment().system_object, deployment.system_object);
    assert_eq!(
        network.deployment().walrus_package,
        deployment.walrus_package
    );
    network.assert_reads(&first_blob.blob_id, &first).await;
    let on_chain = network.reader().blob(first_blob.id).await.unwrap();
    assert!(on_chain.certified_epoch.is_some());
    let second = random_bytes(70_000);
    let second_blob = network.store(&second, 3).await;
    network.assert_reads(&second_blob.blob_id, &second).await;
    let address = network.member(3).await.info.network_address;
    let operated = operate(&mut network, dir.path()).await;
    network.assert_reads(&first_blob.blob_id, &first).await;
    network.stop().await;

    // A node that cannot start does not keep the others from it.
    let _taken = std::net::TcpListener::bind(address).unwrap();
    let mut network = TestNetwork::start(options.clone()).await;
    let failed = network.failed().await;
    assert_eq!(failed.index, 3);
    assert!(failed.reason.contains("cannot listen"), "{failed}");
    network.assert_reads(&first_blob.blob_id, &first).await;
    network.assert_reads(&second_blob.blob_id, &second).await;
    let path = network.node_config_path(0);
    network.stop().await;
    let kept = NodeConfig::load(&path).unwrap();
    assert_eq!(kept.storage_path, operated.storage_path);
    assert_eq!(kept.storage_disks, operated.storage_disks);

    let other_shape = LocalnetOptions {
        shards: 14,
        ..options
    };
    let refused = Localnet::start(&other_shape, &Silent)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("13 shards, not 4 and 14"), "{refused}");
}
