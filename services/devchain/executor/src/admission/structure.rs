//! Structure: rules about the transaction alone (devchain spec 2.3 rows 4, 5 and 10).

use std::collections::BTreeSet;

use sui_sdk_types::{
    Address, Argument, Command, Input, ObjectReference, ProgrammableTransaction, Transaction,
    TypeTag,
};

use super::{below, within};
use crate::commands::arguments;
use crate::limits::*;
use crate::payment::is_reservation;
use crate::{AdmissionError, ChainParams};

const CLOCK: Address = Address::from_static("0x6");
const AUTHENTICATOR_STATE: Address = Address::from_static("0x7");
const RANDOM: Address = Address::from_static("0x8");

/// Counts, sizes, distinct inputs, argument indices, and what may follow a use of Random.
pub(crate) fn check(
    payment: &[ObjectReference],
    programmable: &ProgrammableTransaction,
) -> Result<(), AdmissionError> {
    check_inputs(payment, programmable)?;
    below("commands", programmable.commands.len(), COMMANDS_BOUND)?;
    let publishes = programmable
        .commands
        .iter()
        .filter(|command| matches!(command, Command::Publish(_) | Command::Upgrade(_)))
        .count();
    within("publish and upgrade commands", publishes, MAX_PUBLISHES)?;
    for (index, command) in programmable.commands.iter().enumerate() {
        check_command(command)?;
        for argument in arguments(command) {
            check_argument(programmable, index, argument)?;
        }
    }
    check_random_is_last(programmable)
}

fn check_inputs(
    payment: &[ObjectReference],
    programmable: &ProgrammableTransaction,
) -> Result<(), AdmissionError> {
    within("inputs", programmable.inputs.len(), MAX_INPUT_OBJECTS)?;
    let mut seen = BTreeSet::new();
    let reservations = payment.iter().filter(|one| is_reservation(one)).count();
    let mut withdrawals = reservations + usize::from(payment.is_empty());
    for input in &programmable.inputs {
        let id = match input {
            Input::Pure(bytes) => {
                below("pure input bytes", bytes.len(), PURE_BOUND)?;
                continue;
            }
            Input::ImmutableOrOwned(reference) | Input::Receiving(reference) => {
                *reference.object_id()
            }
            Input::Shared(shared) => {
                let id = shared.object_id();
                if [CLOCK, RANDOM].contains(&id) && shared.mutability().is_mutable() {
                    return Err(AdmissionError::Ownership {
                        id,
                        reason: "may only be read".into(),
                    });
                }
                id
            }
            Input::FundsWithdrawal(withdrawal) => {
                withdrawals += 1;
                if withdrawal.amount() == Some(0) {
                    return Err(AdmissionError::Withdrawal(format!(
                        "of nothing: 0 of {}",
                        withdrawal.coin_type()
                    )));
                }
                continue;
            }
            _ => return Err(AdmissionError::Unsupported("kind of input".into())),
        };
        if id == AUTHENTICATOR_STATE {
            return Err(AdmissionError::Ownership {
                id,
                reason: "is no user input".into(),
            });
        }
        if !seen.insert(id) {
            return Err(AdmissionError::Malformed(format!(
                "object {id} is an input twice"
            )));
        }
    }
    within("withdrawals", withdrawals, MAX_WITHDRAWALS)
}

fn check_command(command: &Command) -> Result<(), AdmissionError> {
    match command {
        Command::MoveCall(call) => {
            below("arguments", call.arguments.len(), ARGUMENTS_BOUND)?;
            check_types(&call.type_arguments)
        }
        Command::TransferObjects(transfer) => {
            operands("transferred objects", transfer.objects.len())
        }
        Command::SplitCoins(split) => operands("split amounts", split.amounts.len()),
        Command::MergeCoins(merge) => operands("merged coins", merge.coins_to_merge.len()),
        Command::MakeMoveVector(make) => match &make.type_ {
            Some(tag) => {
                below("vector elements", make.elements.len(), ARGUMENTS_BOUND)?;
                check_types(std::slice::from_ref(tag))
            }
            None => operands("vector elements", make.elements.len()),
        },
        Command::Publish(publish) => package(&publish.modules, &publish.dependencies),
        Command::Upgrade(upgrade) => package(&upgrade.modules, &upgrade.dependencies),
        _ => Err(AdmissionError::Unsupported("kind of command".into())),
    }
}

fn operands(what: &'static str, count: usize) -> Result<(), AdmissionError> {
    if count == 0 {
        return Err(AdmissionError::Malformed(format!("{what}: none given")));
    }
    below(what, count, ARGUMENTS_BOUND)
}

fn package(modules: &[Vec<u8>], dependencies: &[Address]) -> Result<(), AdmissionError> {
    if modules.is_empty() {
        return Err(AdmissionError::Malformed("package without modules".into()));
    }
    below("modules", modules.len(), MODULES_BOUND)?;
    below("dependencies", dependencies.len(), DEPENDENCIES_BOUND)
}

fn check_types(types: &[TypeTag]) -> Result<(), AdmissionError> {
    let mut nodes = 0;
    let mut pending: Vec<(&TypeTag, usize)> = types.iter().map(|tag| (tag, 1)).collect();
    while let Some((tag, depth)) = pending.pop() {
        nodes += 1;
        below("type argument nodes", nodes, TYPE_NODES_BOUND)?;
        below("type argument nesting", depth, TYPE_DEPTH_BOUND)?;
        match tag {
            TypeTag::Vector(inner) => pending.push((inner, depth + 1)),
            TypeTag::Struct(tag) => {
                pending.extend(tag.type_params().iter().map(|inner| (inner, depth + 1)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_argument(
    programmable: &ProgrammableTransaction,
    command: usize,
    argument: Argument,
) -> Result<(), AdmissionError> {
    let valid = match argument {
        Argument::Gas => true,
        Argument::Input(index) => usize::from(index) < programmable.inputs.len(),
        Argument::Result(index) | Argument::NestedResult(index, _) => usize::from(index) < command,
    };
    if valid {
        return Ok(());
    }
    Err(AdmissionError::Malformed(format!(
        "command {command} uses {argument:?}, which is out of range"
    )))
}

fn check_random_is_last(programmable: &ProgrammableTransaction) -> Result<(), AdmissionError> {
    let Some(random) = programmable
        .inputs
        .iter()
        .position(|input| matches!(input, Input::Shared(shared) if shared.object_id() == RANDOM))
    else {
        return Ok(());
    };
    let mut used = false;
    for command in &programmable.commands {
        let harmless = matches!(
            command,
            Command::TransferObjects(_) | Command::MergeCoins(_)
        );
        if used && !harmless {
            return Err(AdmissionError::Malformed(
                "only TransferObjects and MergeCoins may follow a use of Random".into(),
            ));
        }
        used |= arguments(command).iter().any(
            |argument| matches!(argument, Argument::Input(index) if usize::from(*index) == random),
        );
    }
    Ok(())
}

/// Price, budget and the shape of the payment.
pub(super) fn check_gas(
    params: &ChainParams,
    transaction: &Transaction,
) -> Result<(), AdmissionError> {
    let gas = &transaction.gas_payment;
    if gas.price < params.reference_gas_price {
        return Err(AdmissionError::Gas(format!(
            "price {} is below the reference price {}",
            gas.price, params.reference_gas_price
        )));
    }
    if gas.price >= GAS_PRICE_BOUND {
        return Err(AdmissionError::Gas(format!(
            "price {} is not below {GAS_PRICE_BOUND}",
            gas.price
        )));
    }
    let least = MIN_GAS_UNITS.saturating_mul(gas.price);
    if gas.budget < least || gas.budget > MAX_GAS_BUDGET {
        return Err(AdmissionError::Gas(format!(
            "budget {} is outside {least}..={MAX_GAS_BUDGET}",
            gas.budget
        )));
    }
    within("payment objects", gas.objects.len(), MAX_GAS_OBJECTS)
}
