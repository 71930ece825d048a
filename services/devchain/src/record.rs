//! Log records: what is kept of every checkpoint, enough to rebuild every index.

use serde::{Deserialize, Serialize};
use sui_devchain_executor::Outcome;
use sui_sdk_types::{
    Address, CheckpointContents, CheckpointSummary, Digest, Object, Transaction,
    TransactionEffects, TransactionEvents, TypeTag, UserSignature, ValidatorAggregatedSignature,
};

/// A signed amount of a coin type, of one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    pub(crate) address: Address,
    pub(crate) coin_type: TypeTag,
    pub(crate) amount: i128,
}

/// One executed transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TransactionRecord {
    pub(crate) transaction: Transaction,
    pub(crate) signatures: Vec<UserSignature>,
    pub(crate) effects: TransactionEffects,
    pub(crate) events: Option<TransactionEvents>,
    pub(crate) written: Vec<Object>,
    pub(crate) removed: Vec<Address>,
    pub(crate) balance_changes: Vec<Amount>,
    pub(crate) address_balance_changes: Vec<Amount>,
    pub(crate) error_message: Option<String>,
}

impl TransactionRecord {
    pub(crate) fn new(outcome: Outcome, signatures: Vec<UserSignature>) -> Self {
        Self {
            transaction: outcome.transaction,
            signatures,
            effects: outcome.effects,
            events: outcome.events,
            written: outcome.written.into_values().collect(),
            removed: outcome.removed.into_iter().collect(),
            balance_changes: outcome
                .balance_changes
                .into_iter()
                .map(|change| Amount {
                    address: change.address,
                    coin_type: change.coin_type,
                    amount: change.amount,
                })
                .collect(),
            address_balance_changes: outcome
                .address_balance_changes
                .into_iter()
                .map(|change| Amount {
                    address: change.owner,
                    coin_type: change.coin_type,
                    amount: change.amount,
                })
                .collect(),
            error_message: outcome.error_message,
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        *self.effects.transaction_digest()
    }
}

/// One checkpoint with its transactions in execution order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CheckpointRecord {
    pub(crate) summary: CheckpointSummary,
    pub(crate) contents: CheckpointContents,
    pub(crate) signature: ValidatorAggregatedSignature,
    pub(crate) transactions: Vec<TransactionRecord>,
}
