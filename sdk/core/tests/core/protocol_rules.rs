//! Rules of the encoding spec that no vector shows.

use std::num::NonZeroU16;

use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, EncodingType, Primary, ShardIndex, Sliver, SliverData,
    SliverIndex, SliverPairIndex, SliverType, SymbolId, Threads, VerifiedBlobMetadataWithId,
    decoder::{ConsistencyCheck, DecodeError, decode_and_check},
    encoder::BlobEncoder,
    merkle::{MerkleTree, Node, leaf_hash, path_length},
    network_key::NetworkKeyPair,
    pricing, quorum,
    recovery::{DecodingSymbolsByTarget, EitherDecodingSymbol},
};

fn blob_id(last_byte: u8) -> BlobId {
    let mut bytes = [0; 32];
    bytes[31] = last_byte;
    BlobId(bytes)
}

#[test]
fn shard_mapping_reads_the_id_big_endian() {
    assert_eq!(
        SliverPairIndex(0).to_shard_index(&blob_id(15), 7),
        ShardIndex(1)
    );
    assert_eq!(
        SliverPairIndex(5).to_shard_index(&blob_id(15), 7),
        ShardIndex(6)
    );
    assert_eq!(
        SliverPairIndex(6).to_shard_index(&blob_id(15), 7),
        ShardIndex(0)
    );
    assert_eq!(
        ShardIndex(0).to_pair_index(&blob_id(16), 7),
        SliverPairIndex(5)
    );
    assert_eq!(
        ShardIndex(1).to_pair_index(&blob_id(16), 7),
        SliverPairIndex(6)
    );
    assert_eq!(
        ShardIndex(6).to_pair_index(&blob_id(16), 7),
        SliverPairIndex(4)
    );
}

#[test]
fn worked_example_of_one_byte() {
    let config = EncodingConfig::new(7).unwrap();
    let encoded = BlobEncoder::new(config, &[7]).unwrap().encode().unwrap();
    let id = encoded.metadata.blob_id();
    assert_eq!(
        id.to_string(),
        "0sIm_0CFE-AuMQpA03jCrkOD6j1pveJLIdwujNEmXtE"
    );
    let decimal = "94699736893744872644295225319422424879389432225506209958748309287018296689362";
    assert_eq!(id.to_decimal(), decimal);
    assert_eq!(
        hex::encode(encoded.pairs[0].secondary.to_bcs()),
        "060a000000000002000600"
    );
    assert_eq!(
        hex::encode(encoded.pairs[6].secondary.to_bcs()),
        "0607000000000002000000"
    );
}

#[test]
fn empty_blob_differs_from_one_zero_byte_in_its_id_alone() {
    let config = EncodingConfig::new(10).unwrap();
    let empty = BlobEncoder::new(config, &[]).unwrap().encode().unwrap();
    let zero = BlobEncoder::new(config, &[0]).unwrap().encode().unwrap();
    assert_eq!(empty.pairs, zero.pairs);
    assert_eq!(
        empty.metadata.metadata().root_hash(),
        zero.metadata.metadata().root_hash()
    );
    assert_ne!(empty.metadata.blob_id(), zero.metadata.blob_id());
    assert_eq!(empty.metadata.symbol_size().get(), 2);
}

#[test]
fn merkle_tree_shapes() {
    let counts: Vec<_> = (0..10)
        .map(|m| MerkleTree::build(vec![b"x"; m]).node_count())
        .collect();
    assert_eq!(counts, [0, 1, 3, 7, 7, 13, 13, 15, 15, 23]);
    let lengths: Vec<_> = [0, 1, 2, 3, 4, 5, 8, 9, 1000]
        .into_iter()
        .map(path_length)
        .collect();
    assert_eq!(lengths, [0, 0, 1, 2, 2, 3, 3, 4, 10]);
    let empty_leaf = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
    assert_eq!(hex::encode(leaf_hash(&[])), empty_leaf);
    assert_ne!(Node::Empty, Node::Digest([0; 32]));
    assert_eq!(bcs::to_bytes(&Node::Empty).unwrap(), [0]);
}

#[test]
fn merkle_proofs_of_impossible_length_are_refused() {
    let tree = MerkleTree::build([b"a", b"b", b"c"]);
    let long = walrus_core::merkle::MerkleProof::new(vec![Node::Empty; 64]);
    assert!(!long.verify(&tree.root(), 3, b"a", 0));
    assert!(!long.verify(&tree.root(), usize::MAX, b"a", usize::MAX));
}

#[test]
fn hostile_serializations_are_refused() {
    // Symbol size 0, a retired and an unknown encoding type, a non-canonical length.
    assert!(bcs::from_bytes::<Sliver>(&[0, 2, 1, 1, 0, 0, 0, 0]).is_err());
    assert!(bcs::from_bytes::<Sliver>(&[0, 2, 1, 1, 2, 0, 0, 0]).is_ok());
    assert!(bcs::from_bytes::<Sliver>(&[0, 0x82, 0, 1, 1, 2, 0, 0, 0]).is_err());
    assert!(bcs::from_bytes::<EncodingType>(&[0]).is_err());
    assert!(bcs::from_bytes::<EncodingType>(&[2]).is_err());
    assert_eq!(
        bcs::from_bytes::<EncodingType>(&[1]).unwrap(),
        EncodingType::RS2
    );
    let config = EncodingConfig::new(7).unwrap();
    let metadata = BlobEncoder::new(config, &[1])
        .unwrap()
        .compute_metadata()
        .unwrap();
    let mut bytes = metadata.metadata().to_bcs();
    bytes.push(0);
    assert!(BlobMetadata::from_bcs(&bytes, &config).is_err());
    let other = EncodingConfig::new(10).unwrap();
    assert!(metadata.to_unverified().verify(&other).is_err());
}

#[test]
fn maps_of_symbols_sort_by_key_bytes() {
    let symbol = EitherDecodingSymbol::new(SliverType::Primary, SliverIndex(3), vec![1, 2]);
    let map: DecodingSymbolsByTarget = [
        (SliverIndex(1), vec![symbol.clone()]),
        (SliverIndex(256), vec![symbol]),
    ]
    .into();
    let bytes = bcs::to_bytes(&map).unwrap();
    assert_eq!(
        hex::encode(&bytes),
        "020001010003000201020100010003000201 02".replace(' ', "")
    );
    assert_eq!(
        bcs::from_bytes::<DecodingSymbolsByTarget>(&bytes).unwrap(),
        map
    );
}

/// Metadata whose systematic or other primary hash is wrong, and the slivers that lead to it.
fn tampered(
    index: usize,
) -> (
    VerifiedBlobMetadataWithId,
    Vec<SliverData<Primary>>,
    Vec<u8>,
) {
    let config = EncodingConfig::new(7).unwrap();
    let blob: Vec<u8> = (0..200).collect();
    let encoded = BlobEncoder::new(config, &blob).unwrap().encode().unwrap();
    let mut hashes = encoded.metadata.metadata().hashes().to_vec();
    hashes[index].primary_hash = Node::Digest([0x11; 32]);
    let metadata = BlobMetadata::new(blob.len() as u64, hashes);
    let metadata = VerifiedBlobMetadataWithId::from_metadata(metadata, &config).unwrap();
    (
        metadata,
        encoded
            .pairs
            .into_iter()
            .rev()
            .map(|pair| pair.primary)
            .collect(),
        blob,
    )
}

#[test]
fn consistency_checks_see_what_they_promise() {
    let read = |index, check| {
        let (metadata, slivers, blob) = tampered(index);
        decode_and_check(&metadata, slivers, check, Threads::ONE).map(|read| assert_eq!(read, blob))
    };
    assert_eq!(read(1, ConsistencyCheck::Skip), Ok(()));
    let systematic = read(1, ConsistencyCheck::Default).unwrap_err();
    assert_eq!(
        systematic,
        DecodeError::Inconsistent {
            index: SliverIndex(1)
        }
    );
    assert_eq!(read(4, ConsistencyCheck::Default), Ok(()));
    let strict = read(4, ConsistencyCheck::Strict).unwrap_err();
    assert!(matches!(strict, DecodeError::BlobIdMismatch { .. }));
}

#[test]
fn quorum_thresholds() {
    let first =
        |holds: fn(u64, u16) -> bool, n: u16| (0..=n).find(|w| holds(u64::from(*w), n)).unwrap();
    let rows: &[(u16, u16, u16, u16, u16)] = &[
        (6, 3, 5, 2, 3),
        (7, 5, 5, 3, 3),
        (8, 5, 6, 3, 3),
        (9, 5, 7, 3, 4),
        (10, 7, 7, 4, 4),
        (13, 9, 9, 5, 5),
        (100, 67, 67, 34, 34),
        (1000, 667, 667, 334, 334),
    ];
    for (n, read, certify, valid, one_correct) in rows {
        assert_eq!(first(quorum::is_quorum, *n), *read);
        assert_eq!(first(quorum::is_certificate_quorum, *n), *certify);
        assert_eq!(quorum::min_certificate_weight(*n), *certify);
        assert_eq!(first(quorum::is_above_validity, *n), *valid);
        assert_eq!(first(quorum::is_one_correct_node, *n), *one_correct);
    }
}

#[test]
fn prices() {
    let encoded = pricing::encoded_blob_length(1000, 1 << 20, EncodingType::RS2).unwrap();
    assert_eq!(pricing::storage_units(encoded), 67);
    assert_eq!(pricing::storage_cost(encoded, 5, 3), Some(67 * 5 * 3));
    assert_eq!(pricing::write_cost(encoded, 5), Some(67 * 5));
    assert_eq!(pricing::storage_cost(encoded, u64::MAX, 1), None);
    assert!(pricing::encoded_blob_length(0, 1, EncodingType::RS2).is_err());
}

#[test]
fn text_forms() {
    assert_eq!(
        "17-21".parse(),
        Ok(SymbolId::new(SliverIndex(17), SliverIndex(21)))
    );
    for bad in ["17", "17-", "-1-2", "+1-2", "1-2-3", "65536-0"] {
        assert!(bad.parse::<SymbolId>().is_err(), "{bad}");
    }
    for good in [" RedStuff/Reed-Solomon ", "rs2", "REED-SOLOMON"] {
        assert_eq!(good.parse(), Ok(EncodingType::RS2));
    }
    assert!("raptorq".parse::<EncodingType>().is_err());
    let id = blob_id(1).to_string();
    assert!(format!("{id}=").parse::<BlobId>().is_err());
    assert!(
        format!("{}B", &id[..42]).parse::<BlobId>().is_err(),
        "non-zero trailing bits"
    );
    assert_eq!(
        serde_json::to_string(&SliverType::Secondary).unwrap(),
        "\"secondary\""
    );
}

#[test]
fn network_keys_round_trip() {
    let pair = NetworkKeyPair::from_secret_bytes(&[7; 32]).unwrap();
    let text = pair.to_text();
    assert!(text.starts_with("Agc"));
    let pem = pair.to_pkcs8_pem().unwrap();
    for form in [text.as_str(), pem.as_str()] {
        assert_eq!(
            NetworkKeyPair::from_pem_or_text(form).unwrap().public_key(),
            pair.public_key()
        );
    }
    assert_eq!(pair.public_key().as_bytes().len(), 33);
    assert_eq!(pair.public_key().to_uncompressed().unwrap().len(), 65);
    let wrong_flag = text.replacen("Agc", "BAc", 1);
    assert!(wrong_flag.parse::<NetworkKeyPair>().is_err());
    assert!(NetworkKeyPair::from_secret_bytes(&[0; 32]).is_err());
}

#[test]
fn slivers_of_the_wrong_shape_are_refused() {
    let config = EncodingConfig::new(7).unwrap();
    let encoded = BlobEncoder::new(config, &[3; 100])
        .unwrap()
        .encode()
        .unwrap();
    let data = encoded.pairs[2].primary.symbols.data().to_vec();
    let sliver = |size: u16, index: u16| {
        SliverData::<Primary>::new(
            data.clone(),
            NonZeroU16::new(size).unwrap(),
            SliverIndex(index),
        )
        .unwrap()
    };
    assert!(sliver(8, 2).verify(&encoded.metadata).is_ok());
    assert!(sliver(4, 2).verify(&encoded.metadata).is_err());
    assert!(sliver(5, 2).verify(&encoded.metadata).is_err());
    assert!(sliver(8, 3).verify(&encoded.metadata).is_err());
    assert!(sliver(8, 7).verify(&encoded.metadata).is_err());
    assert!(sliver(8, u16::MAX).verify(&encoded.metadata).is_err());
}
