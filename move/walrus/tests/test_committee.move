/// A committee whose secret keys are known, and its signatures.
///
/// Node `i` has the secret key `i + 1` and the node ID `i + 1`, so the members are sorted.
#[test_only]
module walrus::test_committee;

use sui::bls12381;
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::storage_node::{Self, StorageNodeCap};

/// Shards per node: ten shards in all, of which seven are a quorum and four contain a correct node.
const WEIGHTS: vector<u16> = vector[3, 1, 3, 1, 2];

/// The five-node committee of `epoch`.
public fun committee(epoch: u32): BlsCommittee {
    committee_with_weights(epoch, WEIGHTS)
}

/// A committee with the given shards per node.
public fun committee_with_weights(epoch: u32, weights: vector<u16>): BlsCommittee {
    let members = vector::tabulate!(weights.length(), |i| {
        let key = bls12381::g1_mul(&bls12381::scalar_from_u64(i + 1), &bls12381::g1_generator());
        bls_aggregate::new_bls_committee_member(
            bls12381::g1_to_uncompressed_g1(&key),
            weights[i],
            node_id(i),
        )
    });
    bls_aggregate::new_bls_committee(epoch, members)
}

/// The ID of node `i`.
public fun node_id(i: u64): ID {
    sui::address::from_u256((i + 1) as u256).to_id()
}

/// The capability of node `i`.
public fun cap(i: u64, ctx: &mut TxContext): StorageNodeCap {
    storage_node::new_cap(node_id(i), ctx)
}

/// The aggregated signature of nodes over `message`, and their bitmap.
public fun sign(message: &vector<u8>, signers: vector<u64>): (vector<u8>, vector<u8>) {
    let hash = bls12381::hash_to_g2(message);
    let mut signature = bls12381::g2_identity();
    let mut bits = 0u8;
    signers.do!(|i| {
        let own = bls12381::g2_mul(&bls12381::scalar_from_u64(i + 1), &hash);
        signature = bls12381::g2_add(&signature, &own);
        bits = bits | (1 << (i as u8));
    });
    (*signature.bytes(), vector[bits])
}

/// Signature and bitmap of nodes 0, 2 and 3, which have exactly a quorum.
public fun sign_by_quorum(message: &vector<u8>): (vector<u8>, vector<u8>) {
    sign(message, vector[0, 2, 3])
}
