//! Execution of one programmable transaction: from its inputs to its outcome.

mod genesis;

pub(crate) use genesis::{run as run_genesis, with_version};

use std::collections::{BTreeMap, BTreeSet};

use sui_devchain_vm::{Session, SessionConfig, TxContext, Vm};
use sui_sdk_types::{
    Address, Digest, ExecutionStatus, Object, ProgrammableTransaction, Transaction,
    TransactionEffects, TransactionEvents,
};

use crate::bridge::{Bridge, PackageCache};
use crate::changes::Changes;
use crate::collect::collect;
use crate::deny_list::{self, Consulted, DENY_LIST};
use crate::effects::{Frame, build};
use crate::execution::Execution;
use crate::gas::{INTERNAL_PER_UNIT, Settled, Settlement, payment_total, unit_limit};
use crate::inputs::{self, Inputs};
use crate::limits::MAX_GAS_BUDGET;
use crate::outcome::{AddressBalanceChange, CommandOutput};
use crate::params::FEATURES;
use crate::ptb;
use crate::stamp::Stamp;
use crate::{AdmissionError, ChainParams, Mode, Outcome, balance_changes};

/// What the executor keeps between transactions.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    pub(crate) vm: Vm,
    pub(crate) packages: PackageCache,
}

/// Loads what a transaction names, and refuses it if the sender may not use that.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn load(
    execution: Execution<'_>,
    programmable: &ProgrammableTransaction,
) -> Result<Inputs, AdmissionError> {
    let inputs = inputs::load(execution, programmable)?;
    if execution.mode.checks() {
        let sender = execution.transaction.sender;
        deny_list::check_sender(execution.store, sender, &inputs, programmable)?;
    }
    Ok(inputs)
}

/// Runs `programmable` as the body of a transaction.
///
/// # Errors
/// A broken rule; nothing was executed. [`AdmissionError::Interrupted`] when somebody raised the interrupt.
pub(crate) fn run(
    caches: &Caches,
    execution: Execution<'_>,
    programmable: &ProgrammableTransaction,
) -> Result<Outcome, AdmissionError> {
    let Execution {
        store,
        params,
        transaction,
        mode,
        interrupt,
    } = execution;
    let inputs = load(execution, programmable)?;
    let (price, budget) = price_and_budget(execution);
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
    let ran = ptb::run(execution, session, &bridge, &inputs, reserved, programmable);
    if interrupt.is_raised() {
        return Err(AdmissionError::Interrupted);
    }
    let mut consulted = Consulted::default();
    let result = ran.result.and_then(|finished| {
        let changes = collect(store, &inputs, stamp, finished)?;
        if mode.checks() {
            deny_list::check_receivers(store, params.epoch, &changes, &mut consulted)?;
        }
        Ok(changes)
    });
    let settlement = Settlement {
        inputs: &inputs,
        stamp,
        gas_owner: transaction.gas_payment.owner,
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
    let end = End {
        inputs: &inputs,
        stamp,
        settled,
        dependencies,
        command_outputs: ran.outputs,
    };
    Ok(end.outcome(execution))
}

/// An inspection pays nothing, so that it has all gas there is.
fn price_and_budget(execution: Execution<'_>) -> (u64, u64) {
    let gas = &execution.transaction.gas_payment;
    match execution.mode {
        Mode::DevInspect => {
            let price = gas.price.max(execution.params.reference_gas_price);
            (price, MAX_GAS_BUDGET)
        }
        _ => (gas.price, gas.budget),
    }
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

/// What is known when a transaction has run.
struct End<'a> {
    inputs: &'a Inputs,
    stamp: Stamp,
    settled: Settled,
    dependencies: BTreeSet<Digest>,
    command_outputs: Vec<CommandOutput>,
}

impl End<'_> {
    /// Puts the outcome together.
    fn outcome(self, execution: Execution<'_>) -> Outcome {
        let (inputs, stamp) = (self.inputs, self.stamp);
        let Settled {
            changes,
            gas,
            failure,
        } = self.settled;
        let frame = Frame {
            status: failure
                .as_ref()
                .map_or(ExecutionStatus::Success, |failure| failure.status()),
            epoch: execution.params.epoch,
            gas: gas.clone(),
            digest: stamp.digest,
            lamport_version: stamp.version,
            dependencies: self.dependencies,
        };
        let effects = build(frame, inputs, &changes);
        let removed = changes.removed(inputs);
        Outcome {
            transaction: execution.transaction.clone(),
            effects: TransactionEffects::V2(Box::new(effects)),
            balance_changes: balance_changes::compute(inputs, &changes),
            address_balance_changes: address_balance_changes(&changes),
            read: read_versions(inputs, &changes),
            removed,
            events: (!changes.events.is_empty()).then(|| TransactionEvents(changes.events)),
            written: changes.written,
            command_outputs: self.command_outputs,
            gas,
            error_message: failure.map(|failure| failure.to_string()),
        }
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
