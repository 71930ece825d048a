//! Every field of `recovery.json`.

use serde_json::Value;
use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, SliverIndex, SliverPair, SliverType, SymbolId,
    UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
    codec::LinearCode,
    encoder::BlobEncoder,
    inconsistency::{EitherInconsistencyProof, InconsistencyError, InconsistencyProof},
    merkle::{MerkleProof, MerkleTree, Node},
    recovery::{GeneralRecoverySymbol, Recovered, RecoverySymbol, recover_sliver_or_prove},
};

use crate::vector_files::{bytes, index, linear, list, load, number, sha256, text};

fn expected_node(value: &Value) -> Node {
    match text(value) {
        "Empty" => Node::Empty,
        _ => Node::Digest(bytes(value).try_into().unwrap()),
    }
}

#[test]
fn merkle_vectors() {
    for vector in list(&load("recovery.json")["merkle"]) {
        let leaves: Vec<_> = list(&vector["leaves_hex"]).iter().map(bytes).collect();
        let tree = MerkleTree::build(&leaves);
        assert_eq!(hex::encode(tree.root().bytes()), text(&vector["root_hex"]));
        assert_eq!(tree.root() == Node::Empty, leaves.is_empty());
        let proofs = list(&vector["proofs"]);
        assert_eq!(proofs.len(), leaves.len());
        for (i, expected) in proofs.iter().enumerate() {
            let proof = tree.proof(i).unwrap();
            let nodes: Vec<_> = list(expected).iter().map(expected_node).collect();
            assert_eq!(proof.path(), nodes);
            assert!(proof.verify(&tree.root(), leaves.len(), &leaves[i], i));
            assert!(!proof.verify(&tree.root(), leaves.len(), &leaves[i], i + 1));
            assert!(!proof.verify(&tree.root(), leaves.len(), b"other", i));
        }
        assert!(tree.proof(leaves.len()).is_none());
    }
}

#[test]
fn reed_solomon_vectors() {
    for vector in list(&load("recovery.json")["reed_solomon_1d"]["vectors"]) {
        let (k, m) = (
            number(&vector["original_count"]),
            number(&vector["recovery_count"]),
        );
        let (k, m, s) = (
            k as usize,
            m as usize,
            number(&vector["shard_bytes"]) as usize,
        );
        let data = linear(k * s);
        let code = LinearCode::new(k, m, s as u16).unwrap();
        let recovery = code.encode(&data).unwrap();
        assert_eq!(
            sha256(&recovery),
            text(&vector["recovery_concat_sha256"]),
            "{k}+{m} s={s}"
        );
        if let Some(expected) = vector.get("recovery_hex") {
            let symbols: Vec<_> = recovery.chunks(s).map(<[u8]>::to_vec).collect();
            assert_eq!(
                symbols,
                list(expected).iter().map(bytes).collect::<Vec<_>>()
            );
        }
        let all: Vec<u8> = data.iter().chain(&recovery).copied().collect();
        let last = all.chunks(s).enumerate().skip(m);
        assert_eq!(code.decode(last).unwrap(), data);
    }
}

struct Blob {
    metadata: VerifiedBlobMetadataWithId,
    pairs: Vec<SliverPair>,
}

fn encode(vector: &Value) -> Blob {
    let config = EncodingConfig::new(index(&vector["n_shards"])).unwrap();
    let data = linear(number(&vector["unencoded_length"]) as usize);
    let encoded = BlobEncoder::new(config, &data).unwrap().encode().unwrap();
    Blob {
        metadata: encoded.metadata,
        pairs: encoded.pairs,
    }
}

fn check_symbol<T: walrus_core::Axis>(
    metadata: &VerifiedBlobMetadataWithId,
    sliver: &walrus_core::SliverData<T>,
    target: SliverIndex,
    key: &str,
    vector: &Value,
) -> GeneralRecoverySymbol {
    let expanded = sliver.expand(metadata.config()).unwrap();
    let tree = expanded.merkle_tree();
    assert_eq!(
        hex::encode(expanded.hash().bytes()),
        text(&vector["root_hex"])
    );
    assert_eq!(
        tree.root(),
        *metadata.sliver_hash(T::TYPE, sliver.index).unwrap()
    );
    assert_eq!(index(&vector["leaf_index"]), target.0);
    let proof = tree.proof(target.as_usize()).unwrap();
    assert_eq!(
        bcs::to_bytes(&proof).unwrap(),
        bytes(&vector["merkle_proof_bcs_hex"])
    );
    let parsed: MerkleProof = bcs::from_bytes(&bytes(&vector["merkle_proof_bcs_hex"])).unwrap();
    assert_eq!(parsed, proof);
    let symbol = expanded.recovery_symbol(&tree, target).unwrap();
    assert_eq!(bcs::to_bytes(&symbol).unwrap(), bytes(&vector[key]));
    let parsed: RecoverySymbol<T::Orthogonal> = bcs::from_bytes(&bytes(&vector[key])).unwrap();
    parsed.verify(metadata, target).unwrap();
    let general = expanded.general_recovery_symbol(&tree, target).unwrap();
    let wire = bytes(&vector["general_recovery_symbol_bcs_hex"]);
    assert_eq!(general.to_bcs(), wire);
    assert_eq!(
        GeneralRecoverySymbol::from_bcs(&wire, metadata).unwrap(),
        general
    );
    assert_eq!(general.proof_type(), T::TYPE);
    general
}

#[test]
fn recovery_symbol_vectors() {
    for vector in list(&load("recovery.json")["blobs"]) {
        let blob = encode(vector);
        let (metadata, n) = (&blob.metadata, blob.metadata.n_shards());
        assert_eq!(
            hex::encode(metadata.blob_id().as_bytes()),
            text(&vector["blob_id_hex"])
        );
        assert_eq!(
            u64::from(metadata.symbol_size().get()),
            number(&vector["symbol_size"])
        );
        for symbol in list(&vector["symbols"]) {
            let id: SymbolId = text(&symbol["symbol_id"]).parse().unwrap();
            assert_eq!(id.to_string(), text(&symbol["symbol_id"]));
            assert_eq!(
                bcs::to_bytes(&id).unwrap(),
                bytes(&symbol["symbol_id_bcs_hex"])
            );
            let row = &blob.pairs[id.primary.as_usize()].primary;
            let pair = id.secondary.to_pair_index(SliverType::Secondary, n);
            let column = &blob.pairs[pair.as_usize()].secondary;
            let on_row = &symbol["proof_on_primary_sliver"];
            let key = "secondary_recovery_symbol_bcs_hex";
            let from_row = check_symbol(metadata, row, id.secondary, key, on_row);
            let on_column = &symbol["proof_on_secondary_sliver"];
            let key = "primary_recovery_symbol_bcs_hex";
            let from_column = check_symbol(metadata, column, id.primary, key, on_column);
            for general in [from_row, from_column] {
                assert_eq!(general.id(), id);
                assert_eq!(general.data(), bytes(&symbol["symbol_hex"]));
                general
                    .verify(metadata, SliverType::Primary, id.primary)
                    .unwrap();
                general
                    .verify(metadata, SliverType::Secondary, id.secondary)
                    .unwrap();
                let other = SliverIndex((id.primary.0 + 1) % n);
                assert!(
                    general
                        .verify(metadata, SliverType::Primary, other)
                        .is_err()
                );
            }
        }
        let Some(rows) = vector.get("expanded_matrix_hex_rows") else {
            continue;
        };
        for (pair, expected) in blob.pairs.iter().zip(list(rows)) {
            let row = pair.primary.expand(metadata.config()).unwrap();
            for (column, symbol) in list(expected).iter().enumerate() {
                assert_eq!(
                    row.symbol(SliverIndex(column as u16)).unwrap(),
                    bytes(symbol)
                );
            }
        }
    }
}

fn metadata_of(case: &Value, config: &EncodingConfig) -> VerifiedBlobMetadataWithId {
    let wire = bytes(&case["metadata_bcs_hex"]);
    let metadata = BlobMetadata::from_bcs(&wire, config).unwrap();
    assert_eq!(metadata.to_bcs(), wire);
    let id = BlobId::try_from(bytes(&case["blob_id_hex"]).as_slice()).unwrap();
    UnverifiedBlobMetadataWithId::new(id, metadata)
        .verify(config)
        .unwrap()
}

fn check_inconsistency<T: walrus_core::Axis>(vector: &Value) {
    let blob = encode(vector);
    let config = *blob.metadata.config();
    let target = SliverIndex(index(&vector["target_sliver_index"]));
    let consistent = metadata_of(&vector["consistent"], &config);
    assert_eq!(consistent, blob.metadata);
    let inconsistent = metadata_of(&vector["inconsistent"], &config);
    let wire = bytes(&vector["inconsistency_proof_bcs_hex"]);
    let proof = InconsistencyProof::<T>::from_bcs(&wire, &inconsistent).unwrap();
    assert_eq!(proof.to_bcs(), wire);
    assert_eq!(proof.target(), target);
    let sources: Vec<_> = proof
        .recovery_symbols()
        .iter()
        .map(|symbol| symbol.symbol.index.0)
        .collect();
    assert_eq!(
        sources,
        list(&vector["source_sliver_indices"])
            .iter()
            .map(index)
            .collect::<Vec<_>>()
    );
    proof.verify(&inconsistent).unwrap();
    EitherInconsistencyProof::from_untagged_bcs(&wire, T::TYPE, &inconsistent)
        .unwrap()
        .verify(&inconsistent)
        .unwrap();
    let refused = proof.verify(&consistent).unwrap_err();
    assert!(
        matches!(refused, InconsistencyError::SliverNotInconsistent { .. }),
        "{refused}"
    );

    let symbols = proof.recovery_symbols().to_vec();
    let recovered = recover_sliver_or_prove(&inconsistent, symbols.clone(), target).unwrap();
    assert_eq!(recovered, Recovered::Inconsistent(proof));
    let Recovered::Sliver(sliver) =
        recover_sliver_or_prove(&consistent, symbols.clone(), target).unwrap()
    else {
        panic!("the consistent blob recovers")
    };
    sliver.verify(&consistent).unwrap();

    let short = InconsistencyProof::new(target, symbols.iter().skip(1).cloned().collect());
    assert!(matches!(
        short.verify(&inconsistent),
        Err(InconsistencyError::WrongSymbolCount { .. })
    ));
    let mut repeated = symbols.clone();
    repeated[0] = symbols[1].clone();
    let repeated = InconsistencyProof::new(target, repeated).verify(&inconsistent);
    assert!(matches!(
        repeated,
        Err(InconsistencyError::RecoveryFailure(_))
    ));
    let mut forged = symbols;
    forged[0].symbol.data[0] ^= 1;
    let forged = InconsistencyProof::new(target, forged).verify(&inconsistent);
    assert!(matches!(forged, Err(InconsistencyError::Symbol(_))));
}

#[test]
fn inconsistency_vectors() {
    for vector in list(&load("recovery.json")["inconsistency"]) {
        match text(&vector["target_axis"]) {
            "primary" => check_inconsistency::<walrus_core::Primary>(vector),
            _ => check_inconsistency::<walrus_core::Secondary>(vector),
        }
    }
}
