//! Building and signing checkpoints (devchain spec 6.1).

use sui_crypto::bls12381::Bls12381PrivateKey;
use sui_devchain_executor::PROTOCOL_VERSION;
use sui_devchain_executor::system::placeholder_signature;
use sui_sdk_types::{
    Bitmap, CheckpointContents, CheckpointSummary, CheckpointTransactionInfo, Digest,
    EndOfEpochData, GasCostSummary, TransactionKind, UserSignature, ValidatorAggregatedSignature,
    ValidatorCommittee, ValidatorCommitteeMember,
};

use crate::record::{CheckpointRecord, TransactionRecord};

/// Voting power of the one validator.
const FULL_STAKE: u64 = 10_000;

/// The one validator of the chain.
#[derive(Debug)]
pub(crate) struct Validator {
    key: Bls12381PrivateKey,
}

/// What a checkpoint continues.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    pub(crate) digest: Digest,
    pub(crate) sequence_number: u64,
    pub(crate) network_total_transactions: u64,
    pub(crate) epoch: u64,
    pub(crate) rolling_gas: GasCostSummary,
}

/// What a checkpoint is stamped with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) epoch: u64,
    pub(crate) timestamp_ms: u64,
    /// Whether it is the last one of its epoch.
    pub(crate) ends_epoch: bool,
}

impl Validator {
    pub(crate) fn new(key: Bls12381PrivateKey) -> Self {
        Self { key }
    }

    /// The committee of an epoch: this validator alone.
    pub(crate) fn committee(&self, epoch: u64) -> ValidatorCommittee {
        ValidatorCommittee {
            epoch,
            members: vec![ValidatorCommitteeMember {
                public_key: self.key.public_key(),
                stake: FULL_STAKE,
            }],
        }
    }

    /// Seals executed transactions into the checkpoint after `previous` (`None` for checkpoint 0). The
    /// committee of the next epoch is that of this one.
    pub(crate) fn seal(
        &self,
        previous: Option<&Previous>,
        stamp: Stamp,
        transactions: Vec<TransactionRecord>,
    ) -> CheckpointRecord {
        let epoch = stamp.epoch;
        let contents =
            CheckpointContents::new_v1(transactions.iter().map(transaction_info).collect());
        let summary = CheckpointSummary {
            epoch,
            sequence_number: previous.map_or(0, |p| p.sequence_number.saturating_add(1)),
            network_total_transactions: previous
                .map_or(0, |p| p.network_total_transactions)
                .saturating_add(transactions.len() as u64),
            content_digest: contents.digest(),
            previous_digest: previous.map(|p| p.digest),
            epoch_rolling_gas_cost_summary: rolling_gas(previous, epoch, &transactions),
            timestamp_ms: stamp.timestamp_ms,
            checkpoint_commitments: Vec::new(),
            end_of_epoch_data: stamp.ends_epoch.then(|| EndOfEpochData {
                next_epoch_committee: self.committee(epoch).members,
                next_epoch_protocol_version: PROTOCOL_VERSION,
                epoch_commitments: Vec::new(),
            }),
            version_specific_data: version_specific_data(previous.is_none(), &transactions),
        };
        let signature = self.sign(&summary);
        CheckpointRecord {
            summary,
            contents,
            signature,
            transactions,
        }
    }

    /// Whether this validator sealed the checkpoint.
    pub(crate) fn sealed(
        &self,
        summary: &CheckpointSummary,
        signature: &ValidatorAggregatedSignature,
    ) -> bool {
        self.sign(summary) == *signature
    }

    /// One signature is its own aggregate.
    fn sign(&self, summary: &CheckpointSummary) -> ValidatorAggregatedSignature {
        let signed = self.key.sign_checkpoint_summary(summary);
        let mut bitmap = Bitmap::new();
        bitmap.insert(0);
        ValidatorAggregatedSignature {
            epoch: signed.epoch,
            signature: signed.signature,
            bitmap,
        }
    }
}

fn transaction_info(record: &TransactionRecord) -> CheckpointTransactionInfo {
    CheckpointTransactionInfo::new(
        record.digest(),
        record.effects.digest(),
        record.signatures.clone(),
    )
}

/// The signatures listed for a transaction of the engine: none for genesis, one placeholder else.
pub(crate) fn system_signatures(kind: &TransactionKind) -> Vec<UserSignature> {
    match kind {
        TransactionKind::Genesis(_) => Vec::new(),
        _ => vec![placeholder_signature()],
    }
}

/// The gas of the epoch so far; it starts again with every epoch.
pub(crate) fn rolling_gas(
    previous: Option<&Previous>,
    epoch: u64,
    transactions: &[TransactionRecord],
) -> GasCostSummary {
    let same_epoch = previous.filter(|previous| previous.epoch == epoch);
    let mut sum = same_epoch.map_or_else(
        || GasCostSummary::new(0, 0, 0, 0),
        |p| p.rolling_gas.clone(),
    );
    for record in transactions {
        let gas = record.effects.gas_summary();
        sum = GasCostSummary::new(
            sum.computation_cost.saturating_add(gas.computation_cost),
            sum.storage_cost.saturating_add(gas.storage_cost),
            sum.storage_rebate.saturating_add(gas.storage_rebate),
            sum.non_refundable_storage_fee
                .saturating_add(gas.non_refundable_storage_fee),
        );
    }
    sum
}

/// Variant 0 with the randomness rounds completed in the checkpoint; nothing in checkpoint 0.
fn version_specific_data(genesis: bool, transactions: &[TransactionRecord]) -> Vec<u8> {
    if genesis {
        return Vec::new();
    }
    let rounds: Vec<u64> = transactions
        .iter()
        .filter_map(|record| match &record.transaction.kind {
            TransactionKind::RandomnessStateUpdate(update) => Some(update.randomness_round),
            _ => None,
        })
        .collect();
    let mut data = vec![0, u8::try_from(rounds.len()).unwrap_or(u8::MAX)];
    for round in rounds {
        data.extend_from_slice(&round.to_le_bytes());
    }
    data
}
