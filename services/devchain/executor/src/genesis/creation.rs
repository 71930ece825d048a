//! System objects and supply: the scratch transaction that creates the system objects and mints SUI.

use sui_sdk_types::{
    Address, Argument, Command, Identifier, Input, MoveCall, ProgrammableTransaction, SplitCoins,
    StructTag, Transaction, TransactionKind, TransferObjects,
};
use walrus_artifacts::Package;

use super::{GenesisError, GenesisOptions, failed};
use crate::system::{self, framework_call, system_call};
use crate::{ChainParams, PROTOCOL_VERSION};

/// Total supply in MIST: 10^10 SUI.
pub const SUPPLY: u64 = 10_000_000_000_000_000_000;
/// Coins split off by one command.
const COINS_PER_COMMAND: u32 = 500;

/// Modules whose `create` makes a system object, as far as the framework has them.
const CREATORS: [&str; 7] = [
    "clock",
    "random",
    "deny_list",
    "coin_registry",
    "display_registry",
    "accumulator",
    "address_alias",
];

/// A system transaction that calls the creation functions and hands out the supply.
pub(super) fn creation(
    packages: &[Package],
    options: &GenesisOptions,
    params: &ChainParams,
) -> Result<Transaction, GenesisError> {
    check_supply(options)?;
    let mut body = Builder::default();
    // Not used by a command: it makes the digest, and so every id, depend on the seed.
    body.pure(&options.seed)?;
    for module in CREATORS {
        if has_module(packages, module) {
            body.command(framework_call(module, "create", Vec::new()));
        }
    }
    if packages
        .iter()
        .any(|package| package.address == system::SYSTEM_PACKAGE)
    {
        body.system_state(params)?;
    }
    let supply = body.command(framework_call("sui", "new", Vec::new()));
    let coin = body.command(Command::MoveCall(MoveCall {
        package: Address::TWO,
        module: Identifier::from_static("coin"),
        function: Identifier::from_static("from_balance"),
        type_arguments: vec![StructTag::sui().into()],
        arguments: vec![Argument::Result(supply)],
    }));
    for allocation in &options.allocations {
        let mut left = allocation.coins;
        while left > 0 {
            let count = left.min(COINS_PER_COMMAND);
            left -= count;
            body.hand_out(coin, count, allocation.amount_per_coin, allocation.address)?;
        }
    }
    let rest = options
        .allocations
        .first()
        .map_or(Address::ZERO, |allocation| allocation.address);
    let recipient = body.pure(&rest)?;
    body.command(Command::TransferObjects(TransferObjects {
        objects: vec![Argument::Result(coin)],
        address: recipient,
    }));
    Ok(system::transaction(
        TransactionKind::ProgrammableSystemTransaction(body.0),
    ))
}

fn check_supply(options: &GenesisOptions) -> Result<(), GenesisError> {
    let requested: u128 = options
        .allocations
        .iter()
        .map(|allocation| u128::from(allocation.coins) * u128::from(allocation.amount_per_coin))
        .sum();
    if requested > u128::from(SUPPLY) {
        return Err(GenesisError::Supply {
            requested,
            supply: SUPPLY,
        });
    }
    Ok(())
}

fn has_module(packages: &[Package], name: &str) -> bool {
    packages
        .iter()
        .filter(|package| package.address == Address::TWO)
        .flat_map(|package| &package.modules)
        .any(|(module, _)| module.as_str() == name)
}

struct Builder(ProgrammableTransaction);

impl Default for Builder {
    fn default() -> Self {
        Self(ProgrammableTransaction {
            inputs: Vec::new(),
            commands: Vec::new(),
        })
    }
}

impl Builder {
    fn pure<T: serde::Serialize>(&mut self, value: &T) -> Result<Argument, GenesisError> {
        let bytes = bcs::to_bytes(value).map_err(|error| failed("encoding", error))?;
        let index = u16::try_from(self.0.inputs.len())
            .map_err(|_| failed("encoding", "too many allocations"))?;
        self.0.inputs.push(Input::Pure(bytes));
        Ok(Argument::Input(index))
    }

    /// Adds a command and gives its index.
    fn command(&mut self, command: Command) -> u16 {
        let index = self.0.commands.len();
        self.0.commands.push(command);
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// The object 0x5, whose id only the framework can make.
    fn system_state(&mut self, params: &ChainParams) -> Result<(), GenesisError> {
        let id = self.command(framework_call("object", "sui_system_state", Vec::new()));
        let arguments = vec![
            Argument::Result(id),
            self.pure(&PROTOCOL_VERSION)?,
            self.pure(&params.reference_gas_price)?,
            self.pure(&params.epoch_start_ms)?,
        ];
        self.command(system_call("create", arguments));
        Ok(())
    }

    fn hand_out(
        &mut self,
        coin: u16,
        count: u32,
        amount: u64,
        recipient: Address,
    ) -> Result<(), GenesisError> {
        let amount = self.pure(&amount)?;
        let recipient = self.pure(&recipient)?;
        let split = self.command(Command::SplitCoins(SplitCoins {
            coin: Argument::Result(coin),
            amounts: vec![amount; count as usize],
        }));
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.command(Command::TransferObjects(TransferObjects {
            objects: (0..count)
                .map(|index| Argument::NestedResult(split, index))
                .collect(),
            address: recipient,
        }));
        Ok(())
    }
}
