//! How fast a node gives recovery symbols with proofs: the first requests, which expand and hash its slivers, and the later ones.
//!
//! `cargo run --release -p walrus-node --example recovery-symbols [MIB] [SHARDS] [OWN_SHARDS]`
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use walrus_core::{
    BlobId, EncodingConfig, ShardIndex, SliverIndex, SliverType, bls::BlsKeyPair,
    encoder::BlobEncoder,
};
use walrus_node::{
    WorkPlace,
    blobs::{Blocklist, SymbolSelection},
    chain::fold,
    committee::CommitteeView,
    config::{
        LiveUploadDeferralConfig, PendingMetadataCacheConfig, PendingSliverCacheConfig,
        RestServerConfig, ShardSyncConfig,
    },
    healing::PeerTerms,
    parts::{Foundation, Parts},
    storage::{Storage, records::ShardState, segments::NewSliver},
};
use walrus_node_client::Addresses;
use walrus_service::{clock::Clock, follow::Event};
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember, Committees},
    events::{BlobRegistered, ContractEvent, EventPosition},
    objects::EpochState,
};

/// Requests of each round.
const REQUESTS: u16 = 200;

/// The one member.
const NODE_ID: Address = Address::new([1; 32]);

/// A committee of one member with these shards.
fn committees(n_shards: u16, shards: Vec<ShardIndex>) -> Committees {
    let member = CommitteeMember {
        node_id: NODE_ID,
        weight: n_shards,
        shards,
        public_key: None,
        network_public_key: None,
        network_address: String::new(),
        name: String::new(),
    };
    Committees {
        epoch: 1,
        epoch_state: EpochState::EpochChangeDone(0),
        current: Committee {
            epoch: 1,
            n_shards,
            members: vec![member],
        },
        previous: None,
        next: None,
    }
}

fn open(dir: &std::path::Path, encoding: EncodingConfig, own: &[ShardIndex]) -> Parts {
    let storage = Storage::open(dir, 32 << 20).unwrap();
    for shard in own {
        storage.set_shard_state(*shard, ShardState::Active).unwrap();
    }
    let protocol_key = BlsKeyPair::generate(&mut rand::rng());
    let committees = committees(encoding.n_shards(), own.to_vec());
    Parts::new(Foundation {
        storage,
        committees: CommitteeView::new(committees, NODE_ID),
        encoding,
        node_id: NODE_ID,
        protocol_key,
        peers: PeerTerms {
            addresses: Addresses::Public,
            identity: None,
            transport: None,
        },
        blocklist: Blocklist::default(),
        rest: RestServerConfig::default(),
        shard_sync: ShardSyncConfig::default(),
        pending_slivers: PendingSliverCacheConfig::default(),
        pending_metadata: PendingMetadataCacheConfig::default(),
        deferral: LiveUploadDeferralConfig::default(),
        snapshots: None,
        clock: Clock::system(),
        work: WorkPlace::Pool,
    })
}

/// Registers a blob and stores its slivers.
fn store(storage: &Storage, encoding: EncodingConfig, own: &[ShardIndex], data: &[u8]) -> BlobId {
    let encoder = BlobEncoder::new(encoding, data).unwrap();
    let blob = encoder.encode().unwrap();
    let blob_id = *blob.metadata.blob_id();
    let event = Event {
        position: EventPosition::after_checkpoint(0),
        tx_digest: [0; 32],
        sequence: 0,
        event: ContractEvent::BlobRegistered(BlobRegistered {
            epoch: 1,
            blob_id,
            size: blob.metadata.unencoded_length(),
            encoding_type: 1,
            end_epoch: 10,
            deletable: false,
            object_id: Address::new([2; 32]),
        }),
    };
    let mut batch = storage.batch();
    fold(storage, &mut batch, &event).unwrap();
    batch.commit().unwrap();
    storage.put_metadata(&blob.metadata).unwrap();
    for shard in own {
        let pair = shard.to_pair_index(&blob_id, encoding.n_shards());
        let pair = blob.pairs.iter().find(|p| p.index() == pair).unwrap();
        let (primary, secondary) = (pair.primary.to_bcs(), pair.secondary.to_bcs());
        let of = |sliver_type, payload| NewSliver {
            blob_id,
            sliver_type,
            payload,
        };
        let slivers = [
            of(SliverType::Primary, &primary),
            of(SliverType::Secondary, &secondary),
        ];
        storage.put_slivers(*shard, &slivers).unwrap();
    }
    blob_id
}

/// One symbol of each own sliver for each of the targets.
async fn round(
    parts: &Parts,
    blob_id: BlobId,
    target_type: SliverType,
    targets: std::ops::Range<u16>,
) -> (usize, Duration) {
    let (mut symbols, begin) = (0usize, Instant::now());
    for target in targets {
        let selection = SymbolSelection::Target(SliverIndex(target), target_type);
        let found = parts.deeds.symbols.recovery(blob_id, selection, None).await;
        symbols = symbols.saturating_add(found.unwrap().len());
    }
    (symbols, begin.elapsed())
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u16>().unwrap());
    let mib = arguments.next().unwrap_or(32);
    let n_shards = arguments.next().unwrap_or(1000);
    let own: Vec<_> = (0..arguments.next().unwrap_or(10))
        .map(ShardIndex)
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let encoding = EncodingConfig::new(n_shards).unwrap();
    let parts = open(dir.path(), encoding, &own);
    let mut data = vec![0; usize::from(mib) << 20];
    rand::Rng::fill(&mut rand::rng(), &mut data[..]);
    let blob_id = store(&parts.storage, encoding, &own, &data);
    println!(
        "{mib} MiB on {n_shards} shards, a node with {}, one request at a time",
        own.len()
    );
    for target_type in [SliverType::Primary, SliverType::Secondary] {
        for (name, targets) in [("first", 0..1), ("later", 1..REQUESTS.min(n_shards))] {
            let (symbols, took) = round(&parts, blob_id, target_type, targets).await;
            let symbols = f64::from(u32::try_from(symbols).unwrap());
            println!(
                "{target_type:9} targets, {name} requests: {:8.1} us a symbol, {:9.0} symbols/s",
                took.as_secs_f64() * 1e6 / symbols,
                symbols / took.as_secs_f64()
            );
        }
    }
    println!(
        "{} hits, {} misses, {} KiB kept",
        parts.deeds.metrics.symbol_tree_hits.get(),
        parts.deeds.metrics.symbol_tree_misses.get(),
        parts.deeds.metrics.symbol_tree_bytes.get() >> 10
    );
}
