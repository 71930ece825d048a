//! BCS of the protocol: there is one form of each value, and what is verified later does not panic before.

use walrus_core::{
    Axis as _, BlobMetadata, EncodingConfig, Primary, Secondary, Sliver, SliverIndex, SliverType,
    UnverifiedBlobMetadataWithId,
    bls::BlsKeyPair,
    encoder::{BlobEncoder, EncodedBlob},
    inconsistency::{EitherInconsistencyProof, InconsistencyProof},
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
    recovery::GeneralRecoverySymbol,
    signed_message::SignedMessage,
};
use walrus_fuzz::edited;
use walrus_sui::{
    events::ContractEvent,
    objects::{
        self, ActiveSet, Blob, StakingInnerV1, StakingPool, StorageNodeCap, SystemStateInnerV1,
    },
};

const SHARDS: u16 = 7;
const SLIVER_TYPES: [SliverType; 2] = [Primary::TYPE, Secondary::TYPE];

fn encoded() -> EncodedBlob {
    let config = EncodingConfig::new(SHARDS).unwrap();
    let blob: Vec<u8> = (0..200).collect();
    BlobEncoder::new(config, &blob).unwrap().encode().unwrap()
}

#[test]
fn metadata() {
    let config = EncodingConfig::new(SHARDS).unwrap();
    let metadata = encoded().metadata;
    let seeds = [metadata.metadata().to_bcs(), metadata.to_bcs()];
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let _ = UnverifiedBlobMetadataWithId::from_bcs(&data, &config);
        let Ok(read) = BlobMetadata::from_bcs(&data, &config) else {
            return;
        };
        assert_eq!(read.to_bcs(), data);
        let unverified = UnverifiedBlobMetadataWithId::new(*metadata.blob_id(), read);
        if let Ok(verified) = unverified.verify(&config) {
            assert_eq!(verified.metadata(), metadata.metadata());
        }
    });
}

#[test]
fn slivers() {
    let EncodedBlob { metadata, pairs } = encoded();
    let slivers: Vec<Vec<u8>> = pairs
        .iter()
        .flat_map(|pair| [pair.primary.to_bcs(), pair.secondary.to_bcs()])
        .collect();
    let genuine = slivers.clone();
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&slivers, bytes);
        for sliver_type in SLIVER_TYPES {
            let Ok(sliver) = Sliver::from_untagged_bcs(&data, sliver_type, &metadata) else {
                continue;
            };
            assert_eq!(sliver.to_untagged_bcs(), data);
            if sliver.verify(&metadata).is_ok() {
                assert!(genuine.contains(&data), "a forged sliver was believed");
            }
        }
    });
}

#[test]
fn symbols_and_proofs() {
    let EncodedBlob { metadata, pairs } = encoded();
    let mut seeds = Vec::new();
    let (mut primary, mut secondary) = (Vec::new(), Vec::new());
    for (target, pair) in (0_u16..).zip(&pairs) {
        let target = SliverIndex(target);
        let rows = pair.primary.expand(metadata.config()).unwrap();
        let columns = pair.secondary.expand(metadata.config()).unwrap();
        let (row_tree, column_tree) = (rows.merkle_tree(), columns.merkle_tree());
        seeds.push(
            rows.general_recovery_symbol(&row_tree, target)
                .unwrap()
                .to_bcs(),
        );
        seeds.push(
            columns
                .general_recovery_symbol(&column_tree, target)
                .unwrap()
                .to_bcs(),
        );
        secondary.push(rows.recovery_symbol(&row_tree, SliverIndex(0)).unwrap());
        primary.push(
            columns
                .recovery_symbol(&column_tree, SliverIndex(0))
                .unwrap(),
        );
    }
    seeds.push(InconsistencyProof::<Primary>::new(SliverIndex(0), primary).to_bcs());
    seeds.push(InconsistencyProof::<Secondary>::new(SliverIndex(0), secondary).to_bcs());
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        if let Ok(symbol) = GeneralRecoverySymbol::from_bcs(&data, &metadata) {
            assert_eq!(symbol.to_bcs(), data);
            let _ = symbol.id();
            for sliver_type in SLIVER_TYPES {
                let _ = symbol.verify(&metadata, sliver_type, SliverIndex(0));
            }
        }
        for sliver_type in SLIVER_TYPES {
            if let Ok(proof) =
                EitherInconsistencyProof::from_untagged_bcs(&data, sliver_type, &metadata)
            {
                assert!(
                    proof.verify(&metadata).is_err(),
                    "a good blob was proved to be bad"
                );
            }
        }
    });
}

#[test]
fn signed_messages() {
    let key = BlsKeyPair::generate(&mut rand::rng());
    let persistences = [
        BlobPersistence::Permanent,
        BlobPersistence::Deletable { object_id: [7; 32] },
    ];
    let signed: Vec<_> = persistences
        .into_iter()
        .map(|persistence| {
            let blob_id = *encoded().metadata.blob_id();
            let body = StorageConfirmationBody {
                blob_id,
                persistence,
            };
            key.sign(&ProtocolMessage::new(3, body))
        })
        .collect();
    let seeds: Vec<Vec<u8>> = signed.iter().map(SignedMessage::to_bcs).collect();
    let genuine = signed.clone();
    super::fuzz!(1000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let _ = ProtocolMessage::<StorageConfirmationBody>::from_bytes(&data);
        let Ok(read) = SignedMessage::<StorageConfirmationBody>::from_bcs(&data) else {
            return;
        };
        assert_eq!(read.to_bcs(), data);
        if read.verify(&key.public_key(), 3).is_ok() {
            assert!(
                genuine.contains(&read),
                "a forged confirmation was believed"
            );
        }
    });
}

/// What the chain says, by any name: it is believed to be what it calls itself, but not to have its layout.
#[test]
fn objects_and_events_of_the_chain() {
    // Most layouts are integers and IDs: zeros of the right length are one.
    let seeds: Vec<Vec<u8>> = (0..255).map(|length| vec![0; length]).collect();
    let names = [
        "BlobRegistered",
        "BlobCertified",
        "BlobDeleted",
        "InvalidBlobID",
        "EpochChangeStart",
        "EpochChangeDone",
        "ShardsReceived",
        "EpochParametersSelected",
        "ShardRecoveryStart",
        "ContractUpgraded",
        "DenyListUpdate",
        "StoragePoolCreated",
        "PooledBlobRegistered",
        "PooledBlobCertified",
        "PooledBlobDeleted",
        "StoragePoolExtended",
        "PricesUpdated",
    ];
    let types = names.map(|name| format!("0x1::events::{name}").parse().unwrap());
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let _ = objects::decode::<Blob>(&data);
        let _ = objects::decode::<StakingPool>(&data);
        let _ = objects::decode::<StakingInnerV1>(&data);
        let _ = objects::decode::<SystemStateInnerV1>(&data);
        let _ = objects::decode::<StorageNodeCap>(&data);
        let _ = objects::decode::<ActiveSet>(&data);
        for event in &types {
            let _ = ContractEvent::decode(event, &data);
        }
    });
}
