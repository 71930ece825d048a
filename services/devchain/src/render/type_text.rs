//! Types as text in their canonical form: full addresses, no space after a comma (devchain spec 1.1).
//!
//! `Display` of the SDK's types, and with it every message that `sui-rpc` makes of them, has a space there. Clients
//! compare types as strings.

use std::fmt::Display;

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::command::Command;
use sui_rpc::proto::sui::rpc::v2::transaction_kind::Data;

/// The canonical text of a struct or a type.
pub(crate) fn canonical(type_: &impl Display) -> String {
    // No identifier has a space, so this touches nothing else.
    type_.to_string().replace(", ", ",")
}

/// Makes the text of a type in a message canonical.
pub(super) fn canonicalize(text: &mut Option<String>) {
    if let Some(text) = text {
        *text = canonical(text);
    }
}

/// Makes every type that a transaction names canonical.
pub(super) fn canonicalize_transaction(message: &mut proto::Transaction) {
    let Some(Data::ProgrammableTransaction(programmable)) =
        message.kind.as_mut().and_then(|kind| kind.data.as_mut())
    else {
        return;
    };
    for input in &mut programmable.inputs {
        if let Some(withdrawal) = &mut input.funds_withdrawal {
            canonicalize(&mut withdrawal.coin_type);
        }
    }
    for command in &mut programmable.commands {
        match &mut command.command {
            Some(Command::MoveCall(call)) => {
                for argument in &mut call.type_arguments {
                    *argument = canonical(argument);
                }
            }
            Some(Command::MakeMoveVector(vector)) => canonicalize(&mut vector.element_type),
            _ => {}
        }
    }
}
