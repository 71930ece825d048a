//! Withdrawals: what a transaction takes from address balances (devchain spec 2.3 row 9).

use std::collections::BTreeMap;
use std::fmt;

use sui_sdk_types::{
    Address, ExecutionError, Input, ProgrammableTransaction, StructTag, Transaction,
    TransactionKind, TypeTag, WithdrawFrom,
};

use super::Inputs;
use crate::failure::Failure;
use crate::payment::Payment;
use crate::{AdmissionError, ObjectStore};

/// An address balance that is lower than what is taken from it. Amounts are in the coin's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    pub(crate) owner: Address,
    pub(crate) coin_type: TypeTag,
    pub(crate) needed: u128,
    pub(crate) available: u128,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            coin_type,
            needed,
            available,
        } = self;
        write!(
            f,
            "{needed} of {coin_type} are needed from the address balance of {owner}, {available} are available"
        )
    }
}

impl From<&Shortage> for Failure {
    fn from(shortage: &Shortage) -> Self {
        Self::new(
            ExecutionError::InsufficientFundsForWithdraw,
            shortage.to_string(),
        )
    }
}

/// What the inputs of `transaction` withdraw from the address balance of `owner`, in the coin's smallest unit. Payment
/// for gas is not in it.
#[must_use]
pub fn withdrawn(transaction: &Transaction, owner: Address, coin_type: &TypeTag) -> u128 {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return 0;
    };
    programmable
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::FundsWithdrawal(withdrawal) if withdrawal.coin_type() == coin_type => {
                let from = source(transaction, withdrawal.source())?;
                withdrawal.amount().filter(|_| from == owner)
            }
            _ => None,
        })
        .map(u128::from)
        .fold(0, u128::saturating_add)
}

/// Whose balance a withdrawal is from; `None` for allowances, which name no balance of the transaction's own.
fn source(transaction: &Transaction, source: WithdrawFrom) -> Option<Address> {
    match source {
        WithdrawFrom::Sender => Some(transaction.sender),
        WithdrawFrom::Sponsor => Some(transaction.gas_payment.owner),
        _ => None,
    }
}

/// The first address balance that is too low for everything that may be taken from it: withdrawals, reservations among the
/// payment, and a budget without payment coins.
pub(super) fn shortage(
    store: &dyn ObjectStore,
    transaction: &Transaction,
    programmable: &ProgrammableTransaction,
    inputs: &Inputs,
) -> Result<Option<Shortage>, AdmissionError> {
    let mut reserved: BTreeMap<(Address, TypeTag), u128> = BTreeMap::new();
    let gas = &transaction.gas_payment;
    let for_gas = match inputs.payment {
        Payment::AddressBalance => gas.budget,
        _ => inputs.gas_reserved,
    };
    if for_gas > 0 {
        reserved.insert((gas.owner, StructTag::sui().into()), for_gas.into());
    }
    for input in &programmable.inputs {
        let Input::FundsWithdrawal(withdrawal) = input else {
            continue;
        };
        let coin_type = withdrawal.coin_type();
        if withdrawal.source() != WithdrawFrom::Sender {
            return Err(AdmissionError::Withdrawal(format!(
                "of {coin_type}: only the sender's own balance can be withdrawn from, that of {}",
                transaction.sender
            )));
        }
        let amount = withdrawal.amount().ok_or_else(|| {
            AdmissionError::Withdrawal(format!("of {coin_type}: the amount is unknown"))
        })?;
        let total = reserved
            .entry((transaction.sender, coin_type.clone()))
            .or_default();
        *total = total.saturating_add(amount.into());
    }
    Ok(reserved
        .into_iter()
        .map(|((owner, coin_type), needed)| Shortage {
            available: store.address_balance(&owner, &coin_type),
            owner,
            coin_type,
            needed,
        })
        .find(|shortage| shortage.available < shortage.needed))
}
