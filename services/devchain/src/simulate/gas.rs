//! Gas selection: budget estimation and choice of payment (devchain spec 1.5, step 3).

use std::collections::HashSet;

use sui_devchain_executor::gas::{INTERNAL_PER_UNIT, READ_INTERNAL_PER_BYTE, round_units};
use sui_devchain_executor::{Mode, ObjectStore, limits, withdrawn};
use sui_sdk_types::framework::Coin;
use sui_sdk_types::{
    Address, Digest, Input, ObjectReference, ProgrammableTransaction, StructTag, Transaction,
    TransactionExpiration, TransactionKind,
};
use tonic::Status;

use super::Session;
use super::resolve::{sui_type, uses_gas_coin};
use crate::indexes::OwnedKey;
use crate::limits::MAX_GAS_COINS;
use crate::rpc::invalid;

/// Bytes of a SUI coin as it is stored.
const COIN_BYTES: u64 = 130;
/// Margin on top of the estimate, in gas units.
const MARGIN_UNITS: u64 = 1000;

/// What a run without the payment cost, for a budget that was left open.
#[derive(Clone, Copy)]
struct Estimate {
    /// MIST, with the margin and without what loading the payment costs.
    cost: u64,
    /// Gas units, rounded as they are charged.
    computation: u64,
    price: u64,
}

/// Fills in budget and payment as far as they are open.
pub(super) fn select(
    session: &Session<'_>,
    transaction: &mut Transaction,
    budget_is_open: bool,
) -> Result<(), Status> {
    let estimate = budget_is_open
        .then(|| estimate(session, transaction))
        .transpose()?;
    if let Some(estimate) = estimate {
        let gas = &mut transaction.gas_payment;
        let budget = estimate.budget(gas.objects.len());
        if !gas.objects.is_empty() && budget > gas.budget {
            return Err(short(gas.owner, budget, gas.budget.into()));
        }
        gas.budget = budget;
    }
    if !transaction.gas_payment.objects.is_empty() {
        return Ok(());
    }
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return Err(invalid("transaction.kind", "not programmable"));
    };
    let owner = transaction.gas_payment.owner;
    let budget = transaction.gas_payment.budget;
    let sui = sui_type();
    let address_balance = session.indexes.address_balance(&owner, &sui);
    let gas_coin_used = uses_gas_coin(programmable);
    let free = address_balance.saturating_sub(withdrawn(transaction, owner, &sui));
    if !gas_coin_used && free >= u128::from(budget) {
        valid_during(session, transaction);
        return Ok(());
    }
    // A sponsor cannot reserve a part of its balance (devchain spec 2.3 row 9).
    let reserved = if gas_coin_used && owner == transaction.sender {
        u64::try_from(free).unwrap_or(u64::MAX)
    } else {
        0
    };
    pay_with_coins(session, transaction, estimate, reserved)
}

/// Takes the owner's coins, behind a reservation of `reserved` MIST of the address balance if that
/// is not zero.
fn pay_with_coins(
    session: &Session<'_>,
    transaction: &mut Transaction,
    estimate: Option<Estimate>,
    reserved: u64,
) -> Result<(), Status> {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return Err(invalid("transaction.kind", "not programmable"));
    };
    let owner = transaction.gas_payment.owner;
    let room = MAX_GAS_COINS
        .saturating_sub(usize::from(reserved > 0))
        .min(limits::MAX_INPUT_OBJECTS.saturating_sub(programmable.inputs.len()));
    let (coins, total) = coins(session, programmable, owner, room);
    let budget = estimate.map_or(transaction.gas_payment.budget, |estimate| {
        estimate.budget(coins.len())
    });
    let available = total.saturating_add(u128::from(reserved));
    if available < u128::from(budget) {
        return Err(short(owner, budget, available));
    }
    transaction.gas_payment.budget = budget;
    transaction.gas_payment.objects = coins;
    if reserved > 0 {
        let params = session.state.params();
        let reservation = ObjectReference::coin_reservation(
            &StructTag::sui(),
            reserved,
            params.epoch,
            params.chain_id,
            owner,
        );
        transaction.gas_payment.objects.insert(0, reservation);
        valid_during(session, transaction);
    }
    Ok(())
}

fn short(owner: Address, needed: u64, available: u128) -> Status {
    invalid(
        "transaction.gas_payment",
        format!(
            "unable to select gas: {needed} MIST are needed, {available} MIST of {owner} are available"
        ),
    )
}

/// Runs once with a mock coin and the largest budget, and adds up what that cost.
fn estimate(session: &Session<'_>, transaction: &Transaction) -> Result<Estimate, Status> {
    let price = transaction.gas_payment.price;
    let mut trial = transaction.clone();
    trial.gas_payment.objects.clear();
    trial.gas_payment.budget = limits::MAX_GAS_BUDGET;
    let outcome = session.run(&trial, Mode::Simulate)?;
    let mock_storage = outcome
        .written
        .get(&Address::new([0xff; Address::LENGTH]))
        .map_or(0, sui_sdk_types::Object::storage_rebate);
    let gas = &outcome.gas;
    let net = gas
        .computation_cost
        .saturating_add(gas.storage_cost.saturating_sub(mock_storage))
        .saturating_sub(gas.storage_rebate);
    let reference_price = session.state.params().reference_gas_price;
    Ok(Estimate {
        cost: net
            .max(gas.computation_cost)
            .saturating_add(MARGIN_UNITS.saturating_mul(reference_price)),
        computation: gas.computation_cost.checked_div(price).unwrap_or(0),
        price,
    })
}

impl Estimate {
    /// The budget when so many coins pay. The run had one of them.
    fn budget(&self, coins: usize) -> u64 {
        let extra = u64::try_from(coins.saturating_sub(1)).unwrap_or(u64::MAX);
        let loading = extra
            .saturating_mul(COIN_BYTES)
            .saturating_mul(READ_INTERNAL_PER_BYTE)
            .div_ceil(INTERNAL_PER_UNIT);
        let charged = match loading {
            0 => self.computation,
            _ => round_units(self.computation.saturating_add(loading)),
        };
        let added = charged.saturating_sub(self.computation);
        self.cost
            .saturating_add(added.saturating_mul(self.price))
            .min(limits::MAX_GAS_BUDGET)
    }
}

/// The owner's SUI coins, largest first, that are not inputs.
fn coins(
    session: &Session<'_>,
    programmable: &ProgrammableTransaction,
    owner: Address,
    room: usize,
) -> (Vec<ObjectReference>, u128) {
    let used: HashSet<Address> = programmable
        .inputs
        .iter()
        .filter_map(|input| match input {
            Input::ImmutableOrOwned(reference) | Input::Receiving(reference) => {
                Some(*reference.object_id())
            }
            Input::Shared(shared) => Some(shared.object_id()),
            _ => None,
        })
        .collect();
    let coin_type = StructTag::gas_coin().to_string();
    let mut total = 0u128;
    let coins = session
        .indexes
        .owned_from(OwnedKey::first_of_type(owner, coin_type.clone()))
        .take_while(|(key, _)| key.object_type == coin_type)
        .filter(|(key, object)| {
            !used.contains(&key.id) && matches!(object.owner(), sui_sdk_types::Owner::Address(_))
        })
        .take(room)
        .map(|(key, object)| {
            total = total.saturating_add(
                Coin::try_from_object(object).map_or(0, |coin| coin.balance().into()),
            );
            ObjectReference::new(key.id, object.version(), object.digest())
        })
        .collect();
    (coins, total)
}

/// Payment from an address balance needs protection against replay.
fn valid_during(session: &Session<'_>, transaction: &mut Transaction) {
    if !matches!(transaction.expiration, TransactionExpiration::None) {
        return;
    }
    let params = session.state.params();
    let chain: Digest = params.chain_id;
    transaction.expiration = TransactionExpiration::ValidDuring {
        min_epoch: Some(params.epoch),
        max_epoch: Some(params.epoch.saturating_add(1)),
        min_timestamp: None,
        max_timestamp: None,
        chain,
        nonce: rand::random(),
    };
}
