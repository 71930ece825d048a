//! Gas payment: who pays for a transaction, and with which coins (devchain spec 2.3 row 5, 1.5 step 4).

use std::collections::BTreeMap;
use std::sync::Arc;

use sui_sdk_types::{
    Address, Digest, MoveStruct, Object, ObjectData, ObjectReference, Owner,
    ProgrammableTransaction, StructTag, Transaction, TransactionExpiration, TypeTag,
};

use super::load::{check_reference, ownership};
use super::{Access, InputObject, withdrawn};
use crate::commands::uses_gas_coin;
use crate::execution::Execution;
use crate::payment::{Payment, is_reservation};
use crate::{AdmissionError, ChainParams, Mode, ObjectStore};

/// Id of the coin that pays for rehearsals without payment.
pub(crate) const MOCK_COIN_ID: Address = Address::new([0xff; 32]);
/// Its balance in MIST: 10^9 SUI.
const MOCK_COIN_BALANCE: u64 = 1_000_000_000_000_000_000;
/// What pays, and how much of it is reserved from the address balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoadedPayment {
    pub(super) payment: Payment,
    pub(super) reserved: u64,
}

/// The coin that pays for a rehearsal without payment objects.
pub(crate) fn mock_coin(owner: Address) -> Option<Object> {
    let mut contents = MOCK_COIN_ID.as_bytes().to_vec();
    contents.extend(MOCK_COIN_BALANCE.to_le_bytes());
    let coin = MoveStruct::new(StructTag::gas_coin(), true, 1, contents)?;
    Some(Object::new(
        ObjectData::Struct(coin),
        Owner::Address(owner),
        Digest::ZERO,
        0,
    ))
}

/// The value of a `Coin<T>` object: the little-endian u64 after its id.
pub(crate) fn coin_balance(object: &Object) -> Option<u64> {
    let contents = object.as_struct()?.contents();
    let bytes: [u8; 8] = contents.get(32..40)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// Loads the payment, adds its coins to `objects`, and checks that it covers the budget.
pub(super) fn load(
    execution: Execution<'_>,
    programmable: &ProgrammableTransaction,
    objects: &mut BTreeMap<Address, InputObject>,
) -> Result<LoadedPayment, AdmissionError> {
    let Execution {
        store,
        params,
        transaction,
        mode,
        ..
    } = execution;
    let gas = &transaction.gas_payment;
    if gas.objects.is_empty() {
        check_address_balance(store, transaction, programmable, mode, objects)?;
        return Ok(LoadedPayment {
            payment: Payment::AddressBalance,
            reserved: 0,
        });
    }
    let mut coins = Vec::with_capacity(gas.objects.len());
    let mut reserved = 0u64;
    let mut total = 0u128;
    for reference in &gas.objects {
        if is_reservation(reference) {
            let amount = reservation(params, transaction, reference)?;
            reserved = reserved.saturating_add(amount);
            total += u128::from(amount);
            continue;
        }
        let object = load_coin(store, reference, gas.owner, mode)?;
        total += u128::from(coin_balance(&object).unwrap_or_default());
        let id = *reference.object_id();
        let access = Access::Owned;
        if objects.insert(id, InputObject { object, access }).is_some() {
            return Err(AdmissionError::Gas(format!(
                "payment coin {id} is also an input or given twice"
            )));
        }
        coins.push(id);
    }
    if mode.checks() && total < u128::from(gas.budget) {
        return Err(AdmissionError::GasBalanceTooLow {
            owner: gas.owner,
            balance: total,
            budget: gas.budget,
        });
    }
    if total > u128::from(u64::MAX) {
        return Err(AdmissionError::Gas("payment coins overflow u64".into()));
    }
    let payment = if gas.objects.first().is_some_and(is_reservation) {
        Payment::Reservation(coins)
    } else {
        Payment::Coins(coins)
    };
    Ok(LoadedPayment { payment, reserved })
}

/// The amount of a reservation: of the sender's own SUI, made for this chain in this epoch or in the
/// one before.
fn reservation(
    params: &ChainParams,
    transaction: &Transaction,
    reference: &ObjectReference,
) -> Result<u64, AdmissionError> {
    let refuse = |reason: &str| Err(AdmissionError::Withdrawal(reason.into()));
    let owner = transaction.gas_payment.owner;
    if owner != transaction.sender {
        return refuse("a sponsor cannot pay with a reservation");
    }
    let [a, b, c, d, e, f, g, h, w, x, y, z, ..] = *reference.digest().inner();
    let amount = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let epoch = u64::from(u32::from_le_bytes([w, x, y, z]));
    if amount == 0 {
        return refuse("of nothing");
    }
    if epoch != params.epoch && epoch.saturating_add(1) != params.epoch {
        return refuse("the reservation is for another epoch");
    }
    let sui = StructTag::sui();
    let expected = ObjectReference::coin_reservation(&sui, amount, epoch, params.chain_id, owner);
    if expected != *reference {
        return refuse("the reservation is not of the sender's SUI on this chain");
    }
    Ok(amount)
}

fn load_coin(
    store: &dyn ObjectStore,
    reference: &ObjectReference,
    owner: Address,
    mode: Mode,
) -> Result<Arc<Object>, AdmissionError> {
    let id = *reference.object_id();
    if id == MOCK_COIN_ID && mode.is_rehearsal() {
        return mock_coin(owner)
            .map(Arc::new)
            .ok_or_else(|| AdmissionError::Internal("mock coin".into()));
    }
    let object = store
        .latest(&id)
        .ok_or(AdmissionError::ObjectNotFound { id })?;
    let is_sui_coin = object
        .as_struct()
        .is_some_and(|value| *value.object_type() == StructTag::gas_coin());
    if !is_sui_coin || coin_balance(&object).is_none() {
        return Err(AdmissionError::Gas(format!("{id} is not a SUI coin")));
    }
    if mode.checks() {
        check_reference(&object, reference)?;
        if *object.owner() != Owner::Address(owner) {
            return Err(ownership(
                &id,
                format!("pays for gas but is not owned by the gas owner {owner}"),
            ));
        }
    }
    Ok(object)
}

/// Payment without coins: the balance covers the budget, the gas coin is not used as an argument,
/// and something protects against replay.
fn check_address_balance(
    store: &dyn ObjectStore,
    transaction: &Transaction,
    programmable: &ProgrammableTransaction,
    mode: Mode,
    objects: &BTreeMap<Address, InputObject>,
) -> Result<(), AdmissionError> {
    if !mode.checks() {
        return Ok(());
    }
    let gas = &transaction.gas_payment;
    let balance = store.address_balance(&gas.owner, &TypeTag::from(StructTag::sui()));
    if balance < u128::from(gas.budget) {
        return Err(AdmissionError::GasBalanceTooLow {
            owner: gas.owner,
            balance,
            budget: gas.budget,
        });
    }
    if uses_gas_coin(programmable) {
        return Err(AdmissionError::Gas(
            "the gas coin is used but no coin pays".into(),
        ));
    }
    let replay_protected = matches!(
        transaction.expiration,
        TransactionExpiration::ValidDuring { .. } | TransactionExpiration::Validity { .. }
    ) || objects.values().any(|input| input.access == Access::Owned);
    if !replay_protected {
        return Err(AdmissionError::Gas(
            "payment from the address balance needs a validity window or an owned input".into(),
        ));
    }
    Ok(())
}

/// Whether a transaction without payment coins would be paid from the address balance: what it withdraws from it itself
/// cannot pay for gas as well.
pub(crate) fn address_balance_can_pay(
    store: &dyn ObjectStore,
    transaction: &Transaction,
    programmable: &ProgrammableTransaction,
) -> bool {
    let gas = &transaction.gas_payment;
    let sui = TypeTag::from(StructTag::sui());
    let free = store
        .address_balance(&gas.owner, &sui)
        .saturating_sub(withdrawn(transaction, gas.owner, &sui));
    let mode = Mode::Normal;
    free >= u128::from(gas.budget)
        && check_address_balance(store, transaction, programmable, mode, &BTreeMap::new()).is_ok()
}
