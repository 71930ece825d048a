//! Outcome of one executed transaction: everything it leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use sui_sdk_types::{
    Address, Argument, BalanceChange, GasCostSummary, Object, Transaction, TransactionEffects,
    TransactionEvents, TypeTag,
};

/// Everything the ledger persists and the RPC renders about one executed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The transaction as it was executed. It differs from the submitted one only in rehearsals
    /// whose payment was mocked. Its digest is the one in the effects.
    pub transaction: Transaction,
    /// Effects, always version 2 (devchain spec 2.9).
    pub effects: TransactionEffects,
    /// Events in emission order; `None` when there are none (devchain spec 2.8).
    pub events: Option<TransactionEvents>,
    /// Every object written by the transaction in its final form, packages included.
    pub written: BTreeMap<Address, Object>,
    /// Ids that are no longer live: deleted and wrapped objects.
    pub removed: BTreeSet<Address>,
    /// The versions of changed objects that the transaction read, by id. With `written` this is
    /// what an RPC needs to render object types of the effects.
    pub read: BTreeMap<Address, Object>,
    /// Signed totals per (address, coin type), sorted, zero entries left out.
    pub balance_changes: Vec<BalanceChange>,
    /// Net deposits and withdrawals of address balances, to be applied to the ledger's table.
    pub address_balance_changes: Vec<AddressBalanceChange>,
    /// One entry per command, in rehearsals only; stops at a failing command.
    pub command_outputs: Vec<CommandOutput>,
    /// Gas summary, the same as in the effects.
    pub gas: GasCostSummary,
    /// A sentence on why the transaction failed; `None` on success.
    pub error_message: Option<String>,
}

impl Outcome {
    /// Whether the status is success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(
            self.effects.status(),
            sui_sdk_types::ExecutionStatus::Success
        )
    }

    /// The packages among the written objects, in id order.
    pub fn packages(&self) -> impl Iterator<Item = &Object> {
        self.written
            .values()
            .filter(|object| object.as_struct().is_none())
    }
}

/// The net of all deposits (positive) and withdrawals (negative) of one address balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressBalanceChange {
    /// Whose balance.
    pub owner: Address,
    /// The `T` of `Balance<T>`.
    pub coin_type: TypeTag,
    /// Signed amount in the smallest unit.
    pub amount: i128,
}

/// What a command gave back (rehearsals only).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// The values the command returned, in order.
    pub return_values: Vec<OutputValue>,
    /// The arguments that were passed by mutable reference, with their values after the command.
    pub mutated_by_ref: Vec<MutatedReference>,
}

/// A typed Move value in BCS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputValue {
    /// Type with defining ids; of the referenced value if a reference was returned.
    pub type_: TypeTag,
    /// BCS of the value.
    pub bcs: Vec<u8>,
}

/// An argument that a command changed through a mutable reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutatedReference {
    /// Which argument of the transaction.
    pub argument: Argument,
    /// Its value afterwards.
    pub value: OutputValue,
}
