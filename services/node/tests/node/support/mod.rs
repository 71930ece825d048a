//! A node without a chain: its committees are made up, its events are folded in directly.
#![allow(unreachable_pub, clippy::expect_used)]

use std::{path::Path, sync::Arc, time::Duration};

use axum::Router;
use tempfile::TempDir;
use walrus_core::{
    BlobId, BlsPublicKey, EncodingConfig, ShardIndex, SliverPairIndex, SliverType,
    bls::BlsKeyPair,
    encoder::{BlobEncoder, EncodedBlob},
    network_key::NetworkKeyPair,
};
use walrus_node::{
    WorkPlace,
    api::{self, CommitteePeers},
    chain::fold,
    committee::CommitteeView,
    config::{
        LiveUploadDeferralConfig, PendingMetadataCacheConfig, PendingSliverCacheConfig,
        RestServerConfig, ShardSyncConfig, TlsConfig,
    },
    healing::PeerTerms,
    parts::{Foundation, Parts},
    storage::{Storage, StorageOptions, records::ShardState},
    tls::transport,
};
use walrus_node_client::{Addresses, NodeClient, NodeClientOptions};
use walrus_service::clock::Clock;
use walrus_service::follow::Event;
use walrus_service::server::{Limits, NoPeers, Peers, Server};
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember, Committees},
    events::{BlobCertified, BlobRegistered, ContractEvent, EventPosition},
    objects::EpochState,
};

pub const N_SHARDS: u16 = 10;
pub const EPOCH: u32 = 21;
pub const NODE_ID: Address = Address::new([1; 32]);
pub const OBJECT: [u8; 32] = [0x2a; 32];

pub fn encoding() -> EncodingConfig {
    EncodingConfig::new(N_SHARDS).unwrap()
}

pub fn encode(data: &[u8]) -> EncodedBlob {
    BlobEncoder::new(encoding(), data)
        .unwrap()
        .encode()
        .unwrap()
}

/// A member without an address.
pub fn member(
    node_id: Address,
    key: Option<&BlsPublicKey>,
    shards: Vec<ShardIndex>,
) -> CommitteeMember {
    CommitteeMember {
        node_id,
        weight: u16::try_from(shards.len()).unwrap(),
        shards,
        public_key: key.copied(),
        network_public_key: None,
        network_address: String::new(),
        name: String::new(),
    }
}

/// These committees of [`EPOCH`], as the chain would have them.
pub fn committees(members: Vec<CommitteeMember>) -> Committees {
    Committees {
        epoch: EPOCH,
        epoch_state: EpochState::EpochChangeDone(0),
        current: Committee {
            epoch: EPOCH,
            n_shards: N_SHARDS,
            members,
        },
        previous: None,
        next: None,
    }
}

/// The committee in which the node has `own` shards and another node the rest.
pub fn view(own: &[u16], key: &BlsPublicKey) -> CommitteeView {
    let (mine, others): (Vec<_>, Vec<_>) = (0..N_SHARDS)
        .map(ShardIndex)
        .partition(|shard| own.contains(&shard.get()));
    let members = vec![
        member(NODE_ID, Some(key), mine),
        member(Address::new([0xff; 32]), None, others),
    ];
    CommitteeView::new(committees(members), NODE_ID)
}

/// Lets the nodes know each other as a committee; each has the shards that it stores.
pub fn join(nodes: &[&TestNode]) {
    let members: Vec<_> = nodes
        .iter()
        .map(|node| CommitteeMember {
            network_public_key: Some(node.network_key.public_key()),
            network_address: node.server.address().to_string(),
            ..member(
                node.parts.node_id,
                Some(&node.protocol_key.public_key()),
                node.parts.storage.shard_states().into_keys().collect(),
            )
        })
        .collect();
    for node in nodes {
        let view = CommitteeView::new(committees(members.clone()), node.parts.node_id);
        node.parts.committees.set(view);
    }
}

/// Waits until `condition` holds.
pub async fn until(condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached)
        .await
        .expect("the condition is never reached");
}

/// Those of a client of nodes on this machine.
pub fn client_options() -> NodeClientOptions {
    NodeClientOptions {
        addresses: Addresses::Any,
        ..NodeClientOptions::default()
    }
}

pub struct TestNode {
    pub parts: Parts,
    pub protocol_key: BlsKeyPair,
    pub network_key: NetworkKeyPair,
    pub dir: TempDir,
    pub server: Server,
}

pub fn open_parts(dir: &Path, own: &[u16], key: &BlsKeyPair) -> Parts {
    open_parts_as(
        NODE_ID,
        StorageOptions::new(dir, 1 << 20),
        own,
        key,
        RestServerConfig::default(),
    )
}

fn open_parts_as(
    node_id: Address,
    options: StorageOptions,
    own: &[u16],
    key: &BlsKeyPair,
    rest: RestServerConfig,
) -> Parts {
    let snapshots = options.path.join("blob_info_snapshots");
    let storage = Storage::open_with(options).unwrap();
    for shard in own {
        storage
            .set_shard_state(ShardIndex(*shard), ShardState::Active)
            .unwrap();
    }
    Parts::new(Foundation {
        storage,
        committees: view(own, &key.public_key()),
        encoding: encoding(),
        node_id,
        protocol_key: BlsKeyPair::from_secret_bytes(&key.secret_bytes()).unwrap(),
        peers: PeerTerms {
            addresses: Addresses::Any,
            identity: None,
            transport: None,
        },
        blocklist: [BlobId([0xbb; 32])].into_iter().collect(),
        rest,
        shard_sync: ShardSyncConfig::default(),
        pending_slivers: PendingSliverCacheConfig::default(),
        pending_metadata: PendingMetadataCacheConfig::default(),
        // What is uploaded here is uploaded: recovery waits for nothing.
        deferral: LiveUploadDeferralConfig {
            enabled: false,
            ..LiveUploadDeferralConfig::default()
        },
        snapshots: Some(snapshots),
        clock: Clock::system(),
        work: WorkPlace::Pool,
    })
}

/// A server with the network key of a node, for anybody.
pub fn serve(router: Router, key: &NetworkKeyPair) -> Server {
    serve_to(router, key, Arc::new(NoPeers))
}

fn serve_to(router: Router, key: &NetworkKeyPair, peers: Arc<dyn Peers>) -> Server {
    let transport = transport(&TlsConfig::default(), key, "127.0.0.1").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let transport = transport.transport;
    Server::start_on(listener, router, transport, Limits::default(), peers).unwrap()
}

impl TestNode {
    pub async fn start(own: &[u16]) -> Self {
        Self::start_as(NODE_ID, own).await
    }

    pub async fn start_as(node_id: Address, own: &[u16]) -> Self {
        Self::start_with(node_id, own, RestServerConfig::default()).await
    }

    pub async fn start_with(node_id: Address, own: &[u16], rest: RestServerConfig) -> Self {
        Self::start_in(node_id, own, rest, None).await
    }

    /// A node that may hold so many bytes of slivers.
    pub async fn start_capped(node_id: Address, own: &[u16], max_bytes: u64) -> Self {
        let rest = RestServerConfig::default();
        Self::start_in(node_id, own, rest, Some(max_bytes)).await
    }

    async fn start_in(
        node_id: Address,
        own: &[u16],
        rest: RestServerConfig,
        max_bytes: Option<u64>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = StorageOptions {
            max_bytes,
            ..StorageOptions::new(dir.path(), 1 << 20)
        };
        let mut rng = rand::rng();
        let protocol_key = BlsKeyPair::generate(&mut rng);
        let network_key = NetworkKeyPair::generate(&mut rng);
        let parts = open_parts_as(node_id, options, own, &protocol_key, rest);
        let router = api::router(parts.deeds.clone());
        let peers = CommitteePeers::new(Arc::clone(&parts.committees), network_key.public_key());
        let server = serve_to(router, &network_key, Arc::new(peers));
        Self {
            parts,
            protocol_key,
            network_key,
            dir,
            server,
        }
    }

    pub fn client(&self) -> NodeClient {
        let key = self.network_key.public_key();
        NodeClient::new(&self.server.address().to_string(), &key, &client_options()).unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.server.address())
    }

    /// An HTTP client for requests that the typed client would never send.
    pub fn raw(&self) -> reqwest::Client {
        self.raw_at([127, 0, 0, 1])
    }

    /// Like [`TestNode::raw`], from another address of this machine.
    pub fn raw_at(&self, address: [u8; 4]) -> reqwest::Client {
        let tls = walrus_node_client::client_tls_config(&self.network_key.public_key()).unwrap();
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .local_address(std::net::IpAddr::from(address))
            .build()
            .unwrap()
    }

    pub fn fold(&self, event: ContractEvent) {
        fold_event(&self.parts.storage, event);
    }

    pub fn register(&self, blob_id: BlobId, deletable: bool) {
        self.fold(registered(blob_id, deletable));
    }

    /// Stores the slivers of some shards over HTTP.
    pub async fn upload(&self, blob: &EncodedBlob, shards: &[u16]) {
        let client = self.client();
        let blob_id = *blob.metadata.blob_id();
        for shard in shards {
            let pair = ShardIndex(*shard).to_pair_index(&blob_id, N_SHARDS);
            for sliver_type in [SliverType::Primary, SliverType::Secondary] {
                let bytes = sliver(blob, pair, sliver_type);
                client
                    .store_sliver(&blob_id, pair, sliver_type, bytes.into())
                    .await
                    .unwrap();
            }
        }
    }
}

pub fn sliver(blob: &EncodedBlob, pair: SliverPairIndex, sliver_type: SliverType) -> Vec<u8> {
    let found = blob.pairs.iter().find(|p| p.index() == pair).unwrap();
    match sliver_type {
        SliverType::Primary => found.primary.to_bcs(),
        SliverType::Secondary => found.secondary.to_bcs(),
    }
}

/// Folds an event at the position after the last one.
pub fn fold_event(storage: &Storage, event: ContractEvent) {
    let cursor = storage.cursor().unwrap().unwrap_or_default();
    let position = EventPosition::after_checkpoint(cursor.next.checkpoint);
    let (cursor, sequence) = cursor.behind_event(position);
    let event = Event {
        position,
        tx_digest: [7; 32],
        sequence,
        event,
    };
    let mut batch = storage.batch();
    fold(storage, &mut batch, &event).unwrap();
    storage.update_in(&mut batch).set_cursor(&cursor).unwrap();
    batch.commit().unwrap();
}

pub fn registered(blob_id: BlobId, deletable: bool) -> ContractEvent {
    ContractEvent::BlobRegistered(BlobRegistered {
        epoch: EPOCH,
        blob_id,
        size: 1,
        encoding_type: 1,
        end_epoch: EPOCH + 5,
        deletable,
        object_id: Address::new(OBJECT),
    })
}

pub fn certified(blob_id: BlobId, deletable: bool) -> ContractEvent {
    ContractEvent::BlobCertified(BlobCertified {
        epoch: EPOCH,
        blob_id,
        end_epoch: EPOCH + 5,
        deletable,
        object_id: Address::new(OBJECT),
        is_extension: false,
    })
}
