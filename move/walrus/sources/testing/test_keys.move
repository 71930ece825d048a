/// BLS keys whose secrets are small numbers, for tests of this package and of packages that build on it.
///
/// Everything is real: keys, signatures and proofs of possession pass a verification that verifies. The test runner of the
/// compiler does not compute with curve points, it answers with zeros; there the keys are only told apart.
#[test_only]
module walrus::test_keys;

use sui::bcs;
use sui::bls12381;
use walrus::messages;

/// Whether this machine computes with curve points and verifies signatures.
public fun computes(): bool {
    let point = bls12381::g1_mul(&bls12381::scalar_from_u64(1), &bls12381::g1_generator());
    // The first bit of a compressed point is always set.
    point.bytes()[0] != 0
}

/// The public key of the secret key `secret`, a compressed G1 point.
public fun public_key(secret: u64): vector<u8> {
    let point = bls12381::g1_mul(&bls12381::scalar_from_u64(secret), &bls12381::g1_generator());
    let mut key = *point.bytes();
    if (!computes()) {
        bcs::to_bytes(&secret).do!(|byte| {
            key.pop_back();
            key.insert(byte, 0);
        });
    };
    key
}

/// The signature of one or more secret keys over the same message, a compressed G2 point.
public fun sign(secrets: vector<u64>, message: &vector<u8>): vector<u8> {
    let hash = bls12381::hash_to_g2(message);
    let sum = secrets.fold!(bls12381::g2_identity(), |sum, secret| {
        bls12381::g2_add(&sum, &bls12381::g2_mul(&bls12381::scalar_from_u64(secret), &hash))
    });
    *sum.bytes()
}

/// The proof that `sender` has the secret key, for a registration in `epoch`.
public fun proof_of_possession(secret: u64, epoch: u32, sender: address): vector<u8> {
    let message = messages::new_proof_of_possession_msg(epoch, sender, public_key(secret));
    sign(vector[secret], &message.to_bytes())
}
