//! Stopping: idle connections do not delay it, open requests do, and afterwards everything can be started again at once.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::*;
use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use walrus_core::{ShardIndex, bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_node::{
    api, committee::CommitteeView, config::BlobRecoveryConfig, healing::InvalidityReporter,
    storage::Storage,
};
use walrus_service::server::{Limits, Server, Transport};
use walrus_sui::{Address, contract::CommitteeMember, transactions::BlobCertificate};

/// Far longer than any of these tests may take.
const GRACE: Option<Duration> = Some(Duration::from_secs(60));
const LOCALHOST: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

struct NeverInvalid;

impl InvalidityReporter for NeverInvalid {
    fn report(&self, _: BlobCertificate) -> futures::future::BoxFuture<'_, anyhow::Result<()>> {
        panic!("no blob of this test is inconsistent")
    }
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let node = TestNode::start(&[0]).await;
    let address = node.server.address();
    // Kept open by clients: HTTP/2 of peers, one that stops talking before TLS, one that stops talking after its preface.
    let client = node.client();
    client.health(false).await.unwrap();
    let mute = TcpStream::connect(address).await.unwrap();
    let key = walrus_node_client::client_tls_config(&node.network_key.public_key()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(key));
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    let mut silent = connector.connect(name, stream).await.unwrap();
    silent
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    // The server's settings: it has taken the connection for HTTP/2.
    silent.read_u8().await.unwrap();

    let begin = Instant::now();
    node.server.shutdown(GRACE).await;
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    client.health(false).await.unwrap_err();
    drop((mute, silent));
}

#[tokio::test]
async fn open_requests_are_answered_before_the_end() {
    for http2 in [false, true] {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let handler = {
            let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
            move || async move {
                entered.notify_one();
                leave.notified().await;
                "answer"
            }
        };
        let router = Router::new().route("/", get(handler));
        let server = Server::start(LOCALHOST, router, Transport::Plain, Limits::default())
            .await
            .unwrap();
        let server = Arc::new(server);
        let http = client(http2);
        let url = format!("http://{}/", server.address());
        let request = tokio::spawn(async move { http.get(url).send().await?.text().await });
        entered.notified().await;
        let stopping = tokio::spawn({
            let server = Arc::clone(&server);
            async move { server.shutdown(GRACE).await }
        });
        // Nobody is let in any more, but the open request may go on for longer than idle connections.
        while TcpStream::connect(server.address()).await.is_ok() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!stopping.is_finished());
        leave.notify_one();
        assert_eq!(request.await.unwrap().unwrap(), "answer");
        stopping.await.unwrap();
    }
}

fn client(http2: bool) -> reqwest::Client {
    let unused = NetworkKeyPair::generate(&mut rand::rng()).public_key();
    let tls = walrus_node_client::client_tls_config(&unused).unwrap();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
    let builder = if http2 {
        builder.http2_prior_knowledge()
    } else {
        builder.http1_only()
    };
    builder.build().unwrap()
}

/// A committee whose other member accepts connections and never answers.
fn with_mute_peer(key: &BlsKeyPair, peer: SocketAddr) -> CommitteeView {
    let own = (0..5).map(ShardIndex).collect();
    let theirs = (5..N_SHARDS).map(ShardIndex).collect();
    let network_key = NetworkKeyPair::generate(&mut rand::rng());
    let key = key.public_key();
    let members = vec![
        member(NODE_ID, Some(&key), own),
        CommitteeMember {
            network_public_key: Some(network_key.public_key()),
            network_address: peer.to_string(),
            ..member(Address::new([0xff; 32]), None, theirs)
        },
    ];
    CommitteeView::new(committees(members), NODE_ID)
}

#[tokio::test]
async fn a_stopped_node_starts_again_at_once_even_when_it_was_busy() {
    let peer = TcpListener::bind(LOCALHOST).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let key = BlsKeyPair::generate(&mut rand::rng());
    let blob = encode(&[5; 1000]);
    let blob_id = *blob.metadata.blob_id();
    let mut address = LOCALHOST;
    for round in 0..3 {
        let parts = open_parts(dir.path(), &[0, 1, 2, 3, 4], &key);
        parts
            .committees
            .set(with_mute_peer(&key, peer.local_addr().unwrap()));
        if round == 0 {
            fold_event(&parts.storage, registered(blob_id, false));
            fold_event(&parts.storage, certified(blob_id, false));
        }
        let server = Server::start(
            address,
            api::router(parts.deeds.clone()),
            Transport::Plain,
            Limits::default(),
        )
        .await
        .unwrap();
        address = server.address();
        let recovery = parts.recovery(BlobRecoveryConfig::default(), Arc::new(NeverInvalid));
        parts.runner.spawn(recovery);
        // The recovery has asked the peer and waits for an answer that never comes.
        let (connection, _) = peer.accept().await.unwrap();

        let begin = Instant::now();
        server.shutdown(GRACE).await;
        parts.close().await.unwrap();
        assert!(
            begin.elapsed() < Duration::from_secs(1),
            "{:?}",
            begin.elapsed()
        );
        drop((server, connection));
    }
    let storage = Storage::open(dir.path(), 1 << 20).unwrap();
    assert!(storage.is_queued(&blob_id).unwrap());
}

#[tokio::test]
async fn a_dropped_node_lets_go_of_everything() {
    let TestNode {
        parts, dir, server, ..
    } = TestNode::start(&[0]).await;
    let address = server.address();
    let mute = TcpStream::connect(address).await.unwrap();
    drop((parts, server));
    until(|| std::net::TcpListener::bind(address).is_ok()).await;
    until(|| Storage::open(dir.path(), 1 << 20).is_ok()).await;
    drop(mute);
}
