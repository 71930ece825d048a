//! Calls that change nothing: the chain says what they return, and nobody pays.

use std::collections::{BTreeMap, BTreeSet};

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2::{
        self as proto, Argument, Command, Input, MakeMoveVector, MoveCall, Transaction,
        argument::ArgumentKind, execution_error::ExecutionErrorKind, input::InputKind,
        simulate_transaction_request::TransactionChecks,
    },
};
use walrus_sui::{
    Address, TypeTag,
    transactions::{TransactionError, TransactionExecutor},
};

use super::arguments::Value;
use crate::args::devchain::FunctionName;

/// What a call would do.
pub(super) enum Simulated {
    /// Nothing but return values.
    Outputs(Vec<proto::CommandResult>),
    /// The Move code refuses. An execution may fail for another reason before it comes to that: it lets no function return
    /// references, and wants gas.
    Aborts(TransactionError),
    /// It has effects, or cannot be simulated: an execution is to show.
    Unknown,
}

/// Asks the chain what the call would do. `read_only` are the objects that the function gets by immutable reference alone.
///
/// The chain checks neither the sender's coins nor who owns the objects, so that anybody may ask.
pub(super) async fn of_call(
    executor: &TransactionExecutor,
    name: &FunctionName,
    types: &[TypeTag],
    values: &[Value],
    read_only: &BTreeSet<Address>,
) -> Simulated {
    let Some(transaction) = transaction(executor.sender(), name, types, values) else {
        return Simulated::Unknown;
    };
    let request = proto::SimulateTransactionRequest::default()
        .with_transaction(transaction)
        .with_checks(TransactionChecks::Disabled)
        .with_read_mask(FieldMask::from_paths([
            "command_outputs",
            "transaction.effects",
            "transaction.events",
        ]));
    match executor.chain().simulate(request).await {
        Ok(response) => simulated(response, read_only),
        Err(_) => Simulated::Unknown,
    }
}

fn simulated(
    response: proto::SimulateTransactionResponse,
    read_only: &BTreeSet<Address>,
) -> Simulated {
    let executed = response.transaction();
    if is_without_effects(executed, read_only) {
        return Simulated::Outputs(response.command_outputs);
    }
    match executed.effects().status().error_opt() {
        Some(error) if error.kind() == ExecutionErrorKind::MoveAbort => {
            Simulated::Aborts(TransactionError::from_execution(error, None))
        }
        _ => Simulated::Unknown,
    }
}

/// Whether nothing but the gas coin differs afterwards. Every object of the sender's that a transaction names gets a new version,
/// changed or not; those that can only be read do not count.
fn is_without_effects(
    executed: &proto::ExecutedTransaction,
    read_only: &BTreeSet<Address>,
) -> bool {
    let effects = executed.effects();
    let gas = effects.gas_object_opt().map(|coin| coin.object_id());
    let is_read_only = |id: &str| id.parse().is_ok_and(|id| read_only.contains(&id));
    effects.status().success()
        && executed.events().events().is_empty()
        && effects
            .changed_objects()
            .iter()
            .map(|changed| changed.object_id())
            .all(|id| Some(id) == gas || is_read_only(id))
}

/// The call alone; the chain fills in versions of objects. `None` if there are more values than a transaction can have.
fn transaction(
    sender: Address,
    name: &FunctionName,
    types: &[TypeTag],
    values: &[Value],
) -> Option<Transaction> {
    let mut inputs = Inputs::default();
    let mut commands = Vec::new();
    let mut arguments = Vec::with_capacity(values.len());
    for value in values {
        arguments.push(match value {
            Value::Pure(bytes) => inputs.push(
                Input::default()
                    .with_kind(InputKind::Pure)
                    .with_pure(bytes.clone()),
            )?,
            Value::Object(id) => inputs.object(*id)?,
            Value::Objects(ids) => {
                let elements: Option<_> = ids.iter().map(|id| inputs.object(*id)).collect();
                let vector = MakeMoveVector::default().with_elements(elements?);
                commands.push(Command::default().with_make_move_vector(vector));
                let index = u32::try_from(commands.len()).ok()?.checked_sub(1)?;
                Argument::default()
                    .with_kind(ArgumentKind::Result)
                    .with_result(index)
            }
        });
    }
    let call = MoveCall::default()
        .with_package(name.package.to_string())
        .with_module(name.module.as_str())
        .with_function(name.function.as_str())
        .with_type_arguments(types.iter().map(ToString::to_string).collect())
        .with_arguments(arguments);
    commands.push(Command::default().with_move_call(call));
    let mut transaction = Transaction::default().with_sender(sender.to_string());
    let programmable = transaction.kind_mut().programmable_transaction_mut();
    programmable.set_inputs(inputs.all);
    programmable.set_commands(commands);
    Some(transaction)
}

#[derive(Default)]
struct Inputs {
    all: Vec<Input>,
    /// An object may be an input once.
    objects: BTreeMap<Address, u32>,
}

impl Inputs {
    fn push(&mut self, input: Input) -> Option<Argument> {
        let index = u32::try_from(self.all.len()).ok()?;
        self.all.push(input);
        Some(argument(index))
    }

    fn object(&mut self, id: Address) -> Option<Argument> {
        if let Some(index) = self.objects.get(&id) {
            return Some(argument(*index));
        }
        self.objects.insert(id, u32::try_from(self.all.len()).ok()?);
        self.push(Input::default().with_object_id(id.to_string()))
    }
}

fn argument(input: u32) -> Argument {
    Argument::default()
        .with_kind(ArgumentKind::Input)
        .with_input(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: ExecutionErrorKind) -> Simulated {
        let location = proto::MoveLocation::default()
            .with_module("option")
            .with_function_name("borrow");
        let abort = proto::MoveAbort::default()
            .with_abort_code(7)
            .with_location(location);
        let error = proto::ExecutionError::default()
            .with_kind(kind)
            .with_abort(abort);
        let status = proto::ExecutionStatus::default()
            .with_success(false)
            .with_error(error);
        let effects = proto::TransactionEffects::default().with_status(status);
        let executed = proto::ExecutedTransaction::default().with_effects(effects);
        let response = proto::SimulateTransactionResponse::default().with_transaction(executed);
        simulated(response, &BTreeSet::new())
    }

    #[test]
    fn an_abort_is_told_apart_from_other_failures() {
        let Simulated::Aborts(error) = failed(ExecutionErrorKind::MoveAbort) else {
            panic!("an abort");
        };
        let abort = error.move_abort().unwrap();
        assert_eq!((&*abort.module, abort.code), ("option", 7));
        let other = failed(ExecutionErrorKind::InvalidPublicFunctionReturnType);
        assert!(matches!(other, Simulated::Unknown));
    }

    #[test]
    fn what_succeeds_without_effects_has_outputs() {
        let status = proto::ExecutionStatus::default().with_success(true);
        let effects = proto::TransactionEffects::default().with_status(status);
        let executed = proto::ExecutedTransaction::default().with_effects(effects);
        let response = proto::SimulateTransactionResponse::default()
            .with_transaction(executed)
            .with_command_outputs(vec![proto::CommandResult::default()]);
        let Simulated::Outputs(outputs) = simulated(response, &BTreeSet::new()) else {
            panic!("it has no effects");
        };
        assert_eq!(outputs.len(), 1);
    }
}
