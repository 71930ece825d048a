//! One programmable transaction from loaded inputs to its outcome.

use std::collections::{BTreeMap, BTreeSet};

use sui_devchain_vm::{Interrupt, Session, SessionConfig, TxContext, Vm};
use sui_sdk_types::{
    Address, Digest, ExecutionStatus, Object, ProgrammableTransaction, Transaction,
    TransactionEffects, TransactionEvents,
};

use crate::bridge::{Bridge, PackageCache};
use crate::changes::Changes;
use crate::collect::{Stamp, collect};
use crate::deny_list::{self, Consulted, DENY_LIST};
use crate::effects::{Frame, build};
use crate::gas::{INTERNAL_PER_UNIT, Settled, Settlement, payment_total, unit_limit};
use crate::inputs::{Inputs, load};
use crate::limits::MAX_GAS_BUDGET;
use crate::outcome::{AddressBalanceChange, CommandOutput};
use crate::params::FEATURES;
use crate::ptb;
use crate::{AdmissionError, ChainParams, Mode, ObjectStore, Outcome, balance_changes};

/// What the executor keeps between transactions.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    pub(crate) vm: Vm,
    pub(crate) packages: PackageCache,
}

/// Runs `programmable` as the body of `transaction`, whose digest and gas data apply.
pub(crate) fn run(
    caches: &Caches,
    store: &dyn ObjectStore,
    params: &ChainParams,
    transaction: &Transaction,
    programmable: &ProgrammableTransaction,
    mode: Mode,
    interrupt: &Interrupt,
) -> Result<Outcome, AdmissionError> {
    let inputs = load(store, params, transaction, programmable, mode)?;
    let gas = &transaction.gas_payment;
    let (price, budget) = match mode {
        Mode::DevInspect => (gas.price.max(params.reference_gas_price), MAX_GAS_BUDGET),
        _ => (gas.price, gas.budget),
    };
    let reserved = budget.min(payment_total(&inputs));
    let stamp = Stamp {
        version: inputs.lamport_version(),
        digest: transaction.digest(),
    };
    let bridge = Bridge::new(store, &caches.packages);
    let mut session = Session::new(
        &caches.vm,
        &bridge,
        &bridge,
        context(params, transaction, price, stamp),
        config(mode, price, budget),
    );
    session.stop_on(interrupt.clone());
    let ran = ptb::run(
        session,
        &bridge,
        &inputs,
        transaction.sender,
        reserved,
        mode,
        programmable,
    );
    if interrupt.is_raised() {
        return Err(AdmissionError::Interrupted);
    }
    let mut consulted = Consulted::default();
    let result = ran
        .result
        .and_then(|finished| collect(store, &inputs, stamp, finished))
        .and_then(|changes| {
            if mode.checks() {
                deny_list::check_receivers(store, params.epoch, &changes, &mut consulted)?;
            }
            Ok(changes)
        });
    let settlement = Settlement {
        inputs: &inputs,
        stamp,
        gas_owner: gas.owner,
        price,
        budget,
        reserved,
    };
    let mut settled = settlement.settle(result, ran.gas_used.saturating_add(consulted.units));
    if consulted.list {
        settled.changes.config_reads.insert(DENY_LIST);
    }
    let mut dependencies = inputs.dependencies();
    let received = ran.received.iter().filter_map(|id| store.latest(id));
    dependencies.extend(received.map(|object| object.previous_transaction()));
    Ok(outcome(
        transaction,
        params,
        &inputs,
        stamp,
        settled,
        dependencies,
        ran.outputs,
    ))
}

fn context(params: &ChainParams, transaction: &Transaction, price: u64, stamp: Stamp) -> TxContext {
    let gas = &transaction.gas_payment;
    TxContext {
        sender: transaction.sender,
        digest: stamp.digest,
        epoch: params.epoch,
        epoch_timestamp_ms: params.epoch_start_ms,
        reference_gas_price: params.reference_gas_price,
        gas_price: price,
        gas_budget: gas.budget,
        sponsor: (gas.owner != transaction.sender).then_some(gas.owner),
    }
}

fn config(mode: Mode, price: u64, budget: u64) -> SessionConfig {
    let system = mode == Mode::System;
    SessionConfig {
        gas_limit: (!system).then(|| unit_limit(budget, price).saturating_mul(INTERNAL_PER_UNIT)),
        system,
        features: FEATURES.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Puts the outcome together from settled changes.
pub(crate) fn outcome(
    transaction: &Transaction,
    params: &ChainParams,
    inputs: &Inputs,
    stamp: Stamp,
    settled: Settled,
    dependencies: BTreeSet<Digest>,
    command_outputs: Vec<CommandOutput>,
) -> Outcome {
    let Settled {
        changes,
        gas,
        failure,
    } = settled;
    let frame = Frame {
        status: failure
            .as_ref()
            .map_or(ExecutionStatus::Success, |failure| failure.status()),
        epoch: params.epoch,
        gas: gas.clone(),
        digest: stamp.digest,
        lamport_version: stamp.version,
        dependencies,
    };
    let effects = build(frame, inputs, &changes);
    let removed = changes.removed(inputs);
    Outcome {
        transaction: transaction.clone(),
        effects: TransactionEffects::V2(Box::new(effects)),
        balance_changes: balance_changes::compute(inputs, &changes),
        address_balance_changes: address_balance_changes(&changes),
        read: read_versions(inputs, &changes),
        removed,
        events: (!changes.events.is_empty()).then(|| TransactionEvents(changes.events)),
        written: changes.written,
        command_outputs,
        gas,
        error_message: failure.map(|failure| failure.to_string()),
    }
}

fn address_balance_changes(changes: &Changes) -> Vec<AddressBalanceChange> {
    changes
        .balances
        .iter()
        .filter(|(_, amount)| **amount != 0)
        .map(|((owner, coin_type), amount)| AddressBalanceChange {
            owner: *owner,
            coin_type: coin_type.clone(),
            amount: *amount,
        })
        .collect()
}

/// Input objects and changed children as they were before.
fn read_versions(inputs: &Inputs, changes: &Changes) -> BTreeMap<Address, Object> {
    let objects = inputs
        .objects
        .iter()
        .map(|(id, input)| (*id, Object::clone(&input.object)));
    let loaded = changes
        .loaded
        .iter()
        .map(|(id, object)| (*id, Object::clone(object)));
    objects.chain(loaded).collect()
}
