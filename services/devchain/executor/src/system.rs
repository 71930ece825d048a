//! Transactions that only the engine makes: genesis, clock ticks, randomness (devchain spec 2.12).

use sui_sdk_types::{
    Address, ConsensusCommitPrologueV4, ConsensusDeterminedVersionAssignments, Digest, EpochId,
    GasPayment, ObjectReference, RandomnessStateUpdate, SimpleSignature, Transaction,
    TransactionExpiration, TransactionKind, UserSignature,
};

/// Wraps a kind in the fixed frame of system transactions: sender 0x0, one zero payment reference,
/// price 1, budget 0, no expiration.
#[must_use]
pub fn transaction(kind: TransactionKind) -> Transaction {
    Transaction {
        kind,
        sender: Address::ZERO,
        gas_payment: GasPayment {
            objects: vec![ObjectReference::new(Address::ZERO, 0, Digest::ZERO)],
            owner: Address::ZERO,
            price: 1,
            budget: 0,
        },
        expiration: TransactionExpiration::None,
    }
}

/// The tick before the user transactions of a checkpoint: sets the Clock (0x6).
#[must_use]
pub fn consensus_commit_prologue(epoch: EpochId, round: u64, timestamp_ms: u64) -> Transaction {
    transaction(TransactionKind::ConsensusCommitPrologueV4(
        ConsensusCommitPrologueV4 {
            epoch,
            round,
            sub_dag_index: None,
            commit_timestamp_ms: timestamp_ms,
            consensus_commit_digest: Digest::ZERO,
            consensus_determined_version_assignments:
                ConsensusDeterminedVersionAssignments::CanceledTransactionsV2 {
                    canceled_transactions: Vec::new(),
                },
            additional_state_digest: Digest::ZERO,
        },
    ))
}

/// Gives the Random object (0x8) the bytes of a round. The first round of the chain is 0.
#[must_use]
pub fn randomness_update(epoch: EpochId, round: u64, bytes: Vec<u8>) -> Transaction {
    transaction(TransactionKind::RandomnessStateUpdate(
        RandomnessStateUpdate {
            epoch,
            randomness_round: round,
            random_bytes: bytes,
            randomness_obj_initial_shared_version: 1,
        },
    ))
}

/// The placeholder signature of system transactions: flag 0 and 96 zero bytes.
#[must_use]
pub fn placeholder_signature() -> UserSignature {
    UserSignature::Simple(SimpleSignature::Ed25519 {
        signature: sui_sdk_types::Ed25519Signature::new([0; 64]),
        public_key: sui_sdk_types::Ed25519PublicKey::new([0; 32]),
    })
}
