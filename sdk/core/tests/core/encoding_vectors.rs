//! Every field of `encoding.json`.

use serde_json::Value;
use walrus_core::{
    BlobId, EncodingConfig, EncodingType, Primary, Secondary, SliverPairIndex, SliverType, Threads,
    bounded_bcs,
    decoder::{ConsistencyCheck, decode_and_check},
    encoder::{BlobEncoder, EncodedBlob},
    merkle::Node,
    pricing, shard_mapping,
};

use crate::vector_files::{bytes, index, linear, list, load, number, sha256, text};

fn check_parameters(vector: &Value, config: &EncodingConfig, length: u64) {
    assert_eq!(
        index(&vector["n_primary_source_symbols"]),
        config.primary_source_symbols()
    );
    assert_eq!(
        index(&vector["n_secondary_source_symbols"]),
        config.secondary_source_symbols()
    );
    assert_eq!(
        index(&vector["symbol_size"]),
        config.symbol_size(length).unwrap()
    );
    for (key, sliver_type) in [
        ("primary_sliver_len", SliverType::Primary),
        ("secondary_sliver_len", SliverType::Secondary),
    ] {
        assert_eq!(
            number(&vector[key]),
            config.sliver_length(sliver_type, length).unwrap() as u64
        );
    }
}

fn check_metadata(vector: &Value, encoded: &EncodedBlob) {
    let metadata = &encoded.metadata;
    let id = metadata.blob_id();
    assert_eq!(hex::encode(id.as_bytes()), text(&vector["blob_id_hex"]));
    assert_eq!(id.to_string(), text(&vector["blob_id"]));
    assert_eq!(text(&vector["blob_id"]).parse::<BlobId>().unwrap(), *id);
    assert_eq!(
        hex::encode(metadata.metadata().root_hash().bytes()),
        text(&vector["root_hash_hex"])
    );
    let kind = serde_json::to_value(metadata.metadata().encoding_type()).unwrap();
    assert_eq!(kind, vector["encoding_type"]);
    let offset = shard_mapping::rotation_offset(id, metadata.n_shards());
    assert_eq!(offset, index(&vector["rotation_offset"]));
    let bcs = metadata.metadata().to_bcs();
    assert_eq!(bcs.len() as u64, number(&vector["metadata_bcs_len"]));
    assert_eq!(bcs.len(), metadata.config().max_metadata_bcs_length());
    assert_eq!(sha256(&bcs), text(&vector["metadata_bcs_sha256"]));
    let digest = blake2b_simd::Params::new().hash_length(32).hash(&bcs);
    assert_eq!(
        digest.to_hex().as_str(),
        text(&vector["metadata_bcs_blake2b256"])
    );
}

fn check_slivers(vector: &Value, encoded: &EncodedBlob) {
    let n = encoded.metadata.n_shards();
    for (key, sliver_type) in [
        ("primary_slivers", SliverType::Primary),
        ("secondary_slivers", SliverType::Secondary),
    ] {
        for expected in list(&vector[key]) {
            let pair = SliverPairIndex(index(&expected["pair_index"]));
            let sliver_index = pair.to_sliver_index(sliver_type, n);
            assert_eq!(sliver_index.0, index(&expected["sliver_index"]));
            assert_eq!(sliver_index.to_pair_index(sliver_type, n), pair);
            let stored = &encoded.pairs[pair.as_usize()];
            let (bcs, found) = match sliver_type {
                SliverType::Primary => (stored.primary.to_bcs(), stored.primary.index),
                SliverType::Secondary => (stored.secondary.to_bcs(), stored.secondary.index),
            };
            assert_eq!(found, sliver_index);
            assert_eq!(bcs.len() as u64, number(&expected["bcs_len"]));
            assert_eq!(bcs.len(), encoded.metadata.sliver_bcs_length(sliver_type));
            assert_eq!(sha256(&bcs), text(&expected["bcs_sha256"]));
            let root: [u8; 32] = bytes(&expected["merkle_root"]).try_into().unwrap();
            let hash = encoded
                .metadata
                .sliver_hash(sliver_type, sliver_index)
                .unwrap();
            assert_eq!(*hash, Node::Digest(root));
            match sliver_type {
                SliverType::Primary => stored.primary.verify(&encoded.metadata).unwrap(),
                SliverType::Secondary => stored.secondary.verify(&encoded.metadata).unwrap(),
            }
        }
    }
    let primary: Vec<u8> = encoded
        .pairs
        .iter()
        .flat_map(|pair| pair.primary.to_bcs())
        .collect();
    let secondary: Vec<u8> = encoded
        .pairs
        .iter()
        .flat_map(|pair| pair.secondary.to_bcs())
        .collect();
    assert_eq!(sha256(&primary), text(&vector["all_primary_bcs_sha256"]));
    assert_eq!(
        sha256(&secondary),
        text(&vector["all_secondary_bcs_sha256"])
    );
}

fn check_full(full: &Value, blob: &[u8], encoded: &EncodedBlob) {
    assert_eq!(bytes(&full["input_hex"]), blob);
    assert_eq!(
        bytes(&full["metadata_bcs_hex"]),
        encoded.metadata.metadata().to_bcs()
    );
    let primary: Vec<_> = encoded
        .pairs
        .iter()
        .map(|pair| pair.primary.to_bcs())
        .collect();
    let secondary: Vec<_> = encoded
        .pairs
        .iter()
        .map(|pair| pair.secondary.to_bcs())
        .collect();
    let expected = |key: &str| list(&full[key]).iter().map(bytes).collect::<Vec<_>>();
    assert_eq!(primary, expected("primary_bcs_hex"));
    assert_eq!(secondary, expected("secondary_bcs_hex_in_pair_order"));
}

fn check_decoding(blob: &[u8], encoded: EncodedBlob) {
    let metadata = encoded.metadata;
    let config = *metadata.config();
    let primary: Vec<_> = encoded
        .pairs
        .iter()
        .rev()
        .map(|pair| pair.primary.clone())
        .collect();
    let secondary: Vec<_> = encoded
        .pairs
        .into_iter()
        .map(|pair| pair.secondary)
        .collect();
    let primary = primary
        .into_iter()
        .take(config.primary_source_symbols().into());
    let secondary = secondary
        .into_iter()
        .take(config.secondary_source_symbols().into());
    let strict = ConsistencyCheck::Strict;
    let threads = Threads::available();
    assert_eq!(
        decode_and_check::<Primary>(&metadata, primary, strict, threads.clone()).unwrap(),
        blob
    );
    let check = ConsistencyCheck::Default;
    assert_eq!(
        decode_and_check::<Secondary>(&metadata, secondary, check, threads).unwrap(),
        blob
    );
}

#[test]
fn all_encoding_vectors() {
    let file = load("encoding.json");
    assert_eq!(list(&file["vectors"]).len(), 33);
    for vector in list(&file["vectors"]) {
        println!("{}", text(&vector["name"]));
        let config = EncodingConfig::new(index(&vector["n_shards"])).unwrap();
        let length = number(&vector["unencoded_length"]);
        let blob = linear(length as usize);
        assert_eq!(sha256(&blob), text(&vector["input_sha256"]));
        check_parameters(vector, &config, length);
        let encoder = BlobEncoder::new(config, &blob).unwrap();
        let encoded = encoder
            .clone()
            .with_threads(Threads::available())
            .encode()
            .unwrap();
        assert_eq!(encoder.compute_metadata().unwrap(), encoded.metadata);
        check_metadata(vector, &encoded);
        check_slivers(vector, &encoded);
        if let Some(full) = vector.get("full").filter(|full| !full.is_null()) {
            check_full(full, &blob, &encoded);
        }
        check_decoding(&blob, encoded);
    }
}

#[test]
fn all_encoded_lengths() {
    let file = load("encoding.json");
    for vector in list(&file["encoded_length_vectors"]) {
        let (n, length) = (
            index(&vector["n_shards"]),
            number(&vector["unencoded_length"]),
        );
        let encoded = pricing::encoded_blob_length(n, length, EncodingType::RS2).unwrap();
        assert_eq!(
            encoded,
            number(&vector["encoded_blob_length"]),
            "n={n} L={length}"
        );
        assert_eq!(
            pricing::storage_units(encoded),
            number(&vector["storage_units_mib"])
        );
    }
}

/// The table of encoding spec 1.6 and the counts beside it.
#[test]
fn parameter_table() {
    let rows = [
        (4, 1, 2, 3, 393_204, 196_602, 275, 2),
        (7, 2, 3, 5, 983_010, 327_670, 473, 3),
        (10, 3, 4, 7, 1_834_952, 458_738, 671, 4),
        (13, 4, 5, 9, 2_949_030, 589_806, 869, 4),
        (31, 10, 11, 21, 15_138_354, 1_376_214, 2_057, 5),
        (100, 33, 34, 67, 149_286_452, 4_390_778, 6_611, 7),
        (1000, 333, 334, 667, 14_599_533_452, 43_711_178, 66_012, 10),
    ];
    for (n, f, np, ns, max_blob, max_sliver, metadata, path) in &rows {
        let config = EncodingConfig::new(*n).unwrap();
        assert_eq!(
            (config.max_faulty(), config.primary_source_symbols()),
            (*f, *np)
        );
        assert_eq!(config.secondary_source_symbols(), *ns);
        assert_eq!(
            (config.max_blob_size(), config.max_sliver_length()),
            (*max_blob, *max_sliver)
        );
        assert_eq!(
            (
                config.max_metadata_bcs_length(),
                config.merkle_path_length()
            ),
            (*metadata, *path)
        );
        assert!(config.symbol_size(*max_blob).is_ok());
        assert!(config.symbol_size(max_blob + 1).is_err());
    }
    assert_eq!(bounded_bcs::uleb_length(127), 1);
    assert_eq!(bounded_bcs::uleb_length(128), 2);
}

#[test]
fn supported_shard_counts() {
    for n in [0, 1, 2, 3, 49_156, 65_535] {
        assert!(EncodingConfig::new(n).is_err(), "{n}");
    }
    for n in 4..=49_155u16 {
        let config = EncodingConfig::new(n).unwrap();
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            assert!(
                walrus_core::codec::LinearCode::of_type(&config, sliver_type, 2).is_ok(),
                "{n} {sliver_type}"
            );
        }
    }
}
