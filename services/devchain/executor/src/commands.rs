//! Operands of commands.

use sui_sdk_types::{Argument, Command, ProgrammableTransaction};

/// Every operand of a command, in order.
pub(crate) fn arguments(command: &Command) -> Vec<Argument> {
    match command {
        Command::MoveCall(call) => call.arguments.clone(),
        Command::TransferObjects(transfer) => {
            let mut all = transfer.objects.clone();
            all.push(transfer.address);
            all
        }
        Command::SplitCoins(split) => {
            let mut all = vec![split.coin];
            all.extend(&split.amounts);
            all
        }
        Command::MergeCoins(merge) => {
            let mut all = vec![merge.coin];
            all.extend(&merge.coins_to_merge);
            all
        }
        Command::MakeMoveVector(make) => make.elements.clone(),
        Command::Upgrade(upgrade) => vec![upgrade.ticket],
        _ => Vec::new(),
    }
}

/// Whether a command names the gas coin.
pub(crate) fn uses_gas_coin(programmable: &ProgrammableTransaction) -> bool {
    programmable
        .commands
        .iter()
        .flat_map(arguments)
        .any(|argument| argument == Argument::Gas)
}
