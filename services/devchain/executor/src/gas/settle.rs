//! Settlement of gas at the end of a metered transaction: limits, computation, smashing, storage, deduction (devchain
//! spec 2.10, steps 5 to 10).

use sui_sdk_types::{
    Address, ExecutionError, GasCostSummary, MoveStruct, Object, ObjectData, StructTag, TypeTag,
};

use super::{INTERNAL_PER_UNIT, STORAGE_MIST_PER_BYTE, StorageTotals, net, round_units, summary};
use super::{sender_rebate, size::object_bytes, stored_bytes};
use crate::changes::{Changes, with_rebate};
use crate::failure::Failure;
use crate::inputs::{Inputs, coin_balance};
use crate::limits::{MAX_EFFECTS_BYTES, MAX_OBJECT_BYTES, MAX_WRITTEN_BYTES};
use crate::payment::{Payment, Refund};
use crate::stamp::Stamp;
use crate::system::SYSTEM_STATE;

/// Upper estimate of the bytes of effects without objects.
const EFFECTS_BASE_BYTES: u64 = 2_000;

/// Upper estimate of the bytes of a reference and an owner in effects: a changed object has them before the transaction
/// if it existed, and after it if it is written.
const REFERENCE_BYTES: u64 = 128;

/// Upper estimate of the bytes of one dependency in effects.
const DEPENDENCY_BYTES: u64 = 40;

/// What gas settlement needs to know of a transaction.
pub(crate) struct Settlement<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) stamp: Stamp,
    pub(crate) gas_owner: Address,
    pub(crate) price: u64,
    pub(crate) budget: u64,
    /// What was taken off the gas coin while commands ran.
    pub(crate) reserved: u64,
}

/// Final changes and what they cost.
pub(crate) struct Settled {
    pub(crate) changes: Changes,
    pub(crate) gas: GasCostSummary,
    pub(crate) failure: Option<Failure>,
}

impl Settlement<'_> {
    /// Settles a run that used `internal` gas units.
    pub(crate) fn settle(&self, run: Result<Changes, Failure>, internal: u64) -> Settled {
        let run = run.and_then(|changes| check_limits(changes, self.inputs));
        if self.inputs.payment == Payment::Unmetered {
            return self.unmetered(run);
        }
        let units = round_units(internal / INTERNAL_PER_UNIT);
        let mut computation = units.saturating_mul(self.price);
        let mut run = run;
        if computation >= self.budget {
            computation = self.budget;
            run = run.and(Err(insufficient_gas("computation costs the whole budget")));
        }
        if self.is_free(&run) {
            return self.unmetered(run);
        }
        let (mut changes, mut failure) = match run {
            Ok(changes) => (self.smashed(changes, true), None),
            Err(failure) => (self.inputs_only(), Some(failure)),
        };
        let mut totals = self.charge_storage(&mut changes);
        if !self.covers(totals, computation) {
            failure.get_or_insert(insufficient_gas("the budget does not cover storage"));
            changes = self.inputs_only();
            totals = self.charge_storage(&mut changes);
        }
        if !self.covers(totals, computation) {
            changes = self.inputs_only();
            computation = self.budget;
            totals = self.keep_storage(&changes);
        }
        let gas = summary(computation, totals);
        self.settle_up(&mut changes, -net(&gas));
        Settled {
            changes,
            gas,
            failure,
        }
    }

    fn unmetered(&self, run: Result<Changes, Failure>) -> Settled {
        let (mut changes, failure) = match run {
            Ok(changes) => (changes, None),
            Err(failure) => (Changes::only_inputs(self.inputs, self.stamp), Some(failure)),
        };
        if self.inputs.payment == Payment::Unmetered {
            self.hand_on_deposits(&mut changes);
        }
        Settled {
            changes,
            gas: GasCostSummary::default(),
            failure,
        }
    }

    /// What the engine writes has no deposit. Deposits of what it replaces go to the system state, which is an input
    /// wherever users may have paid for something.
    fn hand_on_deposits(&self, changes: &mut Changes) {
        let totals = self.released(changes);
        for object in changes.written.values_mut() {
            *object = with_rebate(object, 0);
        }
        if let Some(state) = changes.written.get_mut(&SYSTEM_STATE) {
            *state = with_rebate(state, totals);
        }
    }

    /// A missing address balance costs nothing when the address balance pays.
    fn is_free(&self, run: &Result<Changes, Failure>) -> bool {
        (self.inputs.payment == Payment::AddressBalance || self.inputs.gas_reserved > 0)
            && matches!(run, Err(failure)
                if *failure.error == ExecutionError::InsufficientFundsForWithdraw)
    }

    fn inputs_only(&self) -> Changes {
        self.smashed(Changes::only_inputs(self.inputs, self.stamp), false)
    }

    /// Gives the first payment entry the sum of all and deletes the other coins. After a successful
    /// run it already holds the sum less the reserved amount.
    fn smashed(&self, mut changes: Changes, ran: bool) -> Changes {
        let merged = match &self.inputs.payment {
            Payment::Coins(coins) => coins.get(1..).unwrap_or_default(),
            Payment::Reservation(coins) => coins,
            Payment::Unmetered | Payment::AddressBalance => return changes,
        };
        for id in merged {
            changes.written.remove(id);
            changes.deleted.insert(*id);
        }
        if self.inputs.gas_reserved > 0 {
            let reserved = i128::from(self.inputs.gas_reserved);
            pay(&mut changes, Refund::Balance(self.gas_owner), -reserved);
        }
        if ran {
            let left = i128::from(changes.gas_left);
            pay(&mut changes, Refund::Balance(self.gas_owner), left);
            self.settle_up(&mut changes, self.reserved.into());
        } else {
            if let Payment::Coins(coins) = &self.inputs.payment
                && let Some(coin) = coins.first().and_then(|id| changes.written.get_mut(id))
            {
                set_balance(coin, 0);
            }
            self.settle_up(&mut changes, payment_total(self.inputs).into());
        }
        changes
    }

    /// Pays MIST to where the rest of the payment goes; a negative amount is taken from there.
    fn settle_up(&self, changes: &mut Changes, amount: i128) {
        let place = changes
            .refund
            .or_else(|| self.inputs.payment.refund(self.gas_owner));
        if let Some(place) = place {
            pay(changes, place, amount);
        }
    }

    /// Writes the new storage rebates and sums costs and released rebates.
    fn charge_storage(&self, changes: &mut Changes) -> StorageTotals {
        let mut totals = StorageTotals {
            rebate: self.released(changes),
            ..StorageTotals::default()
        };
        for object in changes.written.values_mut() {
            let cost = stored_bytes(object).saturating_mul(STORAGE_MIST_PER_BYTE);
            totals.cost = totals.cost.saturating_add(cost);
            *object = with_rebate(object, cost);
        }
        totals
    }

    /// The deposits of everything that is replaced or removed.
    fn released(&self, changes: &Changes) -> u64 {
        let ids = changes.written.keys().copied();
        ids.chain(changes.removed(self.inputs))
            .filter_map(|id| changes.before(self.inputs, &id))
            .fold(0, |sum, before| sum.saturating_add(before.storage_rebate()))
    }

    /// Nothing left to pay for storage: what is written keeps the deposit it had, and only removed objects (smashed
    /// coins) release theirs.
    fn keep_storage(&self, changes: &Changes) -> StorageTotals {
        let removed = changes.removed(self.inputs);
        let released = removed
            .iter()
            .filter_map(|id| changes.before(self.inputs, id));
        StorageTotals {
            cost: 0,
            rebate: released.fold(0, |sum, before| sum.saturating_add(before.storage_rebate())),
        }
    }

    fn covers(&self, totals: StorageTotals, computation: u64) -> bool {
        let left = self.budget.saturating_sub(computation);
        totals.cost.saturating_sub(sender_rebate(totals.rebate)) <= left
    }
}

fn pay(changes: &mut Changes, place: Refund, amount: i128) {
    match place {
        Refund::Balance(owner) => {
            let key = (owner, TypeTag::from(StructTag::sui()));
            *changes.balances.entry(key).or_default() += amount;
        }
        Refund::Coin(id) => {
            if let Some(coin) = changes.written.get_mut(&id) {
                let balance = i128::from(coin_balance(coin).unwrap_or_default()) + amount;
                let clamped = balance.clamp(0, i128::from(u64::MAX));
                set_balance(coin, u64::try_from(clamped).unwrap_or_default());
            }
        }
    }
}

/// Sum of the payment: coins, and what is reserved of the address balance.
pub(crate) fn payment_total(inputs: &Inputs) -> u64 {
    let coins = inputs.payment.coins().iter();
    coins
        .filter_map(|id| inputs.objects.get(id))
        .filter_map(|input| coin_balance(&input.object))
        .fold(inputs.gas_reserved, u64::saturating_add)
}

fn set_balance(coin: &mut Object, balance: u64) {
    let Some(value) = coin.as_struct() else {
        return;
    };
    let mut contents = value.contents().to_vec();
    if let Some(field) = contents.get_mut(32..40) {
        field.copy_from_slice(&balance.to_le_bytes());
    }
    let value = MoveStruct::new(
        value.object_type().clone(),
        value.has_public_transfer(),
        value.version(),
        contents,
    );
    if let Some(value) = value {
        *coin = Object::new(
            ObjectData::Struct(value),
            *coin.owner(),
            coin.previous_transaction(),
            coin.storage_rebate(),
        );
    }
}

fn insufficient_gas(message: &str) -> Failure {
    Failure::new(ExecutionError::InsufficientGas, message)
}

/// Sizes of objects, of all writes, and of the effects.
pub(super) fn check_limits(changes: Changes, inputs: &Inputs) -> Result<Changes, Failure> {
    let modified = changes.written.keys();
    let modified = modified.filter(|id| changes.before(inputs, id).is_some());
    let references = changes.written.len() + modified.count() + changes.removed(inputs).len();
    let dependencies = inputs.objects.len() as u64;
    let effects = REFERENCE_BYTES
        .saturating_mul(references as u64)
        .saturating_add(DEPENDENCY_BYTES.saturating_mul(dependencies))
        .saturating_add(EFFECTS_BASE_BYTES);
    if effects > MAX_EFFECTS_BYTES {
        let error = ExecutionError::EffectsTooLarge {
            current_size: effects,
            max_size: MAX_EFFECTS_BYTES,
        };
        return Err(Failure::new(error, "too many changed objects"));
    }
    let mut total = 0u64;
    for (id, object) in &changes.written {
        total = total.saturating_add(object_bytes(object));
        let size = object
            .as_struct()
            .map_or(0, |value| value.contents().len() as u64);
        if size > MAX_OBJECT_BYTES {
            let error = ExecutionError::ObjectTooBig {
                object_size: size,
                max_object_size: MAX_OBJECT_BYTES,
            };
            return Err(Failure::new(error, format!("object {id} is too big")));
        }
    }
    if total > MAX_WRITTEN_BYTES {
        let error = ExecutionError::WrittenObjectsTooLarge {
            object_size: total,
            max_object_size: MAX_WRITTEN_BYTES,
        };
        return Err(Failure::new(error, "the written objects are too big"));
    }
    Ok(changes)
}
