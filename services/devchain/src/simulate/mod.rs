//! Simulation: resolving incomplete transactions, selecting gas, executing without committing
//! (devchain spec 1.5).

mod gas;
mod literal;
mod resolve;

use std::sync::Arc;

use sui_devchain_executor::{Interrupt, Mode, Outcome};
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::simulate_transaction_request::TransactionChecks;
use sui_sdk_types::Transaction;
use tonic::Status;

use crate::indexes::Indexes;
use crate::ledger::State;
use crate::record::TransactionRecord;
use crate::render;
use crate::render::transaction::Objects;
use crate::rpc::{invalid, missing, resolution};

/// What the simulation works on.
pub(crate) struct Session<'a> {
    state: &'a State,
    indexes: &'a Indexes,
    interrupt: &'a Interrupt,
}

impl Session<'_> {
    fn run(&self, transaction: &Transaction, mode: Mode) -> Result<Outcome, Status> {
        self.state
            .rehearse(self.indexes, transaction, mode, self.interrupt)
            .map_err(resolution)
    }
}

/// Answers a simulation request on the state of now. `interrupt` ends it.
pub(crate) fn simulate(
    state: &State,
    request: proto::SimulateTransactionRequest,
    mask: &FieldMaskTree,
    interrupt: &Interrupt,
) -> Result<proto::SimulateTransactionResponse, Status> {
    let message = request
        .transaction
        .as_ref()
        .ok_or_else(|| missing("transaction"))?;
    let checks = match request.checks.map(TransactionChecks::try_from) {
        None | Some(Ok(TransactionChecks::Enabled)) => true,
        Some(Ok(TransactionChecks::Disabled)) => false,
        Some(_) => return Err(invalid("checks", "unknown value")),
    };
    let indexes = state.read();
    let session = Session {
        state,
        indexes: &indexes,
        interrupt,
    };
    let resolved = resolve::resolve(&session, message)?;
    let mut transaction = resolved.transaction;
    if checks && request.do_gas_selection.unwrap_or(false) {
        gas::select(&session, &mut transaction, resolved.budget_is_open)?;
    }
    let mode = if checks {
        Mode::Simulate
    } else {
        Mode::DevInspect
    };
    let mut outcome = session.run(&transaction, mode)?;
    let outputs = std::mem::take(&mut outcome.command_outputs);
    let mut response = respond(&indexes, outcome, transaction, mask)?;
    if mask.contains(proto::SimulateTransactionResponse::COMMAND_OUTPUTS_FIELD.name) {
        response.command_outputs = outputs
            .into_iter()
            .map(|output| command_result(&indexes, output))
            .collect();
    }
    if mask.contains(proto::SimulateTransactionResponse::SUGGESTED_GAS_PRICE_FIELD.name) {
        response.suggested_gas_price = Some(state.params().reference_gas_price);
    }
    Ok(response)
}

fn respond(
    indexes: &Indexes,
    outcome: Outcome,
    resolved: Transaction,
    mask: &FieldMaskTree,
) -> Result<proto::SimulateTransactionResponse, Status> {
    let mut response = proto::SimulateTransactionResponse::default();
    if let Some(submask) = mask.subtree(proto::SimulateTransactionResponse::TRANSACTION_FIELD.name)
    {
        // The mock coin is not on the chain; neither are the objects read at the current time.
        let pending = outcome.written.values().chain(outcome.read.values());
        let pending: Vec<_> = pending.cloned().map(Arc::new).collect();
        let mut record = TransactionRecord::new(outcome, Vec::new());
        // The client gets its own transaction back, without the mock payment of the executed copy.
        record.transaction = resolved;
        let objects = Objects {
            indexes,
            pending: &pending,
        };
        let message = render::transaction::transaction(&objects, &record, None, &submask)?;
        response.transaction = Some(message);
    }
    Ok(response)
}

fn command_result(
    indexes: &Indexes,
    output: sui_devchain_executor::CommandOutput,
) -> proto::CommandResult {
    let mut message = proto::CommandResult::default();
    message.return_values = output
        .return_values
        .into_iter()
        .map(|value| output_value(indexes, None, value))
        .collect();
    message.mutated_by_ref = output
        .mutated_by_ref
        .into_iter()
        .map(|mutated| output_value(indexes, Some(mutated.argument.into()), mutated.value))
        .collect();
    message
}

fn output_value(
    indexes: &Indexes,
    argument: Option<proto::Argument>,
    value: sui_devchain_executor::OutputValue,
) -> proto::CommandOutput {
    let mut bcs = proto::Bcs::default();
    bcs.name = Some(render::type_text::canonical(&value.type_));
    let mut message = proto::CommandOutput::default();
    message.json = render::json::render(indexes, &value.type_, &value.bcs).map(Box::new);
    bcs.value = Some(value.bcs.into());
    message.argument = argument;
    message.value = Some(bcs);
    message
}
