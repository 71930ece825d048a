//! Golden vectors of the node spec, appendix A.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use walrus_core::{
    BlobId, EncodingConfig, ShardIndex, SliverPairIndex, SliverType,
    messages::{
        BlobPersistence, InvalidBlobId, ProtocolMessage, StorageConfirmationBody, SyncShardRequest,
        SyncShardRequestV1,
    },
    network_key::NetworkPublicKey,
};
use walrus_node_client::generated_server_name;

const SEVENS: BlobId = BlobId([7; 32]);

fn ascending() -> BlobId {
    BlobId(std::array::from_fn(|index| u8::try_from(index).unwrap()))
}

#[test]
fn blob_ids_as_text() {
    assert_eq!(
        SEVENS.to_string(),
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
    );
    assert_eq!(
        ascending().to_string(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    );
}

#[test]
fn confirmations() {
    let message = |persistence| {
        let body = StorageConfirmationBody {
            blob_id: SEVENS,
            persistence,
        };
        BASE64_STANDARD.encode(ProtocolMessage::new(21, body).to_bytes())
    };
    assert_eq!(
        message(BlobPersistence::Permanent),
        "AQADFQAAAAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHAA=="
    );
    let object_id = [0x2a; 32];
    assert_eq!(
        message(BlobPersistence::Deletable { object_id }),
        "AQADFQAAAAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHASoqKioqKioqKioqKioqKioqKioqKioqKioqKioqKioq"
    );
}

#[test]
fn messages_between_nodes() {
    let blob_id = ascending();
    let invalid = ProtocolMessage::new(21, InvalidBlobId { blob_id }).to_bytes();
    assert_eq!(invalid.len(), 39);
    assert_eq!(
        invalid,
        [&[2, 0, 3, 0x15, 0, 0, 0], &blob_id.0[..]].concat()
    );

    let request = SyncShardRequest::V1(SyncShardRequestV1 {
        shard_index: ShardIndex(12),
        sliver_type: SliverType::Secondary,
        starting_blob_id: SEVENS,
        sliver_count: 1000,
        epoch: 21,
    });
    let sync = ProtocolMessage::new(21, request).to_bytes();
    let expected: [&[u8]; 4] = [
        &[3, 0, 3, 0x15, 0, 0, 0, 0, 12, 0, 1],
        &[7; 32],
        &[0xe8, 3, 0, 0, 0, 0, 0, 0],
        &[0x15, 0, 0, 0],
    ];
    assert_eq!(sync, expected.concat());
    assert_eq!(sync.len(), 55);
}

#[test]
fn shard_rotation() {
    let shard = |blob_id, pair| SliverPairIndex(pair).to_shard_index(&blob_id, 1000).get();
    let pair = |blob_id, shard| ShardIndex(shard).to_pair_index(&blob_id, 1000).get();
    assert_eq!(shard(SEVENS, 0), 959);
    assert_eq!(pair(SEVENS, 0), 41);
    assert_eq!(shard(SEVENS, 999), 958);
    assert_eq!(shard(ascending(), 0), 671);
    assert_eq!(pair(ascending(), 0), 329);
    let last = BlobId([0xff; 32]);
    assert_eq!(shard(last, 0), 935);
    assert_eq!(pair(last, 0), 65);
}

#[test]
fn code_parameters() {
    for (n_shards, primary, secondary) in [(4, 2, 3), (10, 4, 7), (1000, 334, 667)] {
        let config = EncodingConfig::new(n_shards).unwrap();
        assert_eq!(config.source_symbols(SliverType::Primary), primary);
        assert_eq!(config.source_symbols(SliverType::Secondary), secondary);
    }
}

#[test]
fn the_generated_tls_name_has_no_leading_zeros() {
    let mut key = [0; 33];
    key[..4].copy_from_slice(&[0x02, 0x0a, 0xff, 0x00]);
    assert_eq!(
        generated_server_name(&NetworkPublicKey(key)),
        "2aff0.network.walrus.alt"
    );
}
