//! A booted chain in memory and short ways to run transactions on it.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::expect_used,
    clippy::unwrap_used
)]

pub mod toys;

use sui_devchain_executor::genesis::{self, Allocation, GenesisOptions};
use sui_devchain_executor::{ChainParams, Executor, MemoryStore, Mode, ObjectStore, Outcome};
use sui_sdk_types::*;

pub const ALICE: Address = Address::from_static("0xa11ce");
pub const BOB: Address = Address::from_static("0xb0b");
pub const BUDGET: u64 = 1_000_000_000;

pub struct World {
    pub executor: Executor,
    pub store: MemoryStore,
    pub params: ChainParams,
}

impl World {
    pub fn boot() -> Self {
        let packages = walrus_artifacts::framework().expect("framework");
        let options = GenesisOptions {
            chain_start_ms: 1_700_000_000_000,
            allocations: vec![Allocation {
                address: ALICE,
                coins: 3,
                amount_per_coin: 1_000_000_000_000,
            }],
            seed: Digest::new([7; 32]),
        };
        let genesis = genesis::build(&packages, &options).expect("genesis");
        let mut store = MemoryStore::new();
        store.apply(&genesis.outcome);
        Self {
            executor: Executor::new(),
            store,
            params: ChainParams {
                chain_id: Digest::new([9; 32]),
                epoch: 0,
                epoch_start_ms: 1_700_000_000_000,
                reference_gas_price: 1000,
            },
        }
    }

    pub fn latest(&self, id: &Address) -> Object {
        Object::clone(&*self.store.latest(id).expect("live object"))
    }

    pub fn reference(&self, id: &Address) -> ObjectReference {
        let object = self.latest(id);
        ObjectReference::new(*id, object.version(), object.digest())
    }

    pub fn coins(&self, owner: Address) -> Vec<Address> {
        self.store
            .live()
            .filter(|object| *object.owner() == Owner::Address(owner))
            .filter(|object| {
                object
                    .as_struct()
                    .is_some_and(|value| *value.object_type() == StructTag::gas_coin())
            })
            .map(|object| object.object_id())
            .collect()
    }

    pub fn transaction(&self, sender: Address, body: Body) -> Transaction {
        let gas = self.coins(sender).first().copied().expect("a gas coin");
        self.paid_by(sender, body, &[gas], BUDGET)
    }

    pub fn paid_by(
        &self,
        sender: Address,
        body: Body,
        coins: &[Address],
        budget: u64,
    ) -> Transaction {
        Transaction {
            kind: TransactionKind::ProgrammableTransaction(body.0),
            sender,
            gas_payment: GasPayment {
                objects: coins.iter().map(|id| self.reference(id)).collect(),
                owner: sender,
                price: 1000,
                budget,
            },
            expiration: TransactionExpiration::None,
        }
    }

    /// Runs and commits; the transaction may fail.
    pub fn commit(&mut self, transaction: &Transaction) -> Outcome {
        let outcome = self
            .executor
            .execute(&self.store, &self.params, transaction, Mode::Normal)
            .expect("admitted");
        self.store.apply(&outcome);
        outcome
    }

    /// Runs as Alice and commits.
    pub fn run(&mut self, body: Body) -> Outcome {
        let transaction = self.transaction(ALICE, body);
        self.commit(&transaction)
    }

    /// Runs as Alice, commits, and insists on success.
    pub fn succeed(&mut self, body: Body) -> Outcome {
        let outcome = self.run(body);
        assert_eq!(
            outcome.error_message,
            None,
            "{:?}",
            outcome.effects.status()
        );
        outcome
    }

    /// Runs as an inspection, which may do what a transaction may not, and commits nothing.
    pub fn inspect(&self, transaction: &Transaction) -> Outcome {
        self.executor
            .execute(&self.store, &self.params, transaction, Mode::DevInspect)
            .expect("admitted")
    }

    pub fn system(&mut self, transaction: &Transaction) -> Outcome {
        let outcome = self
            .executor
            .execute(&self.store, &self.params, transaction, Mode::System)
            .expect("system transaction");
        self.store.apply(&outcome);
        outcome
    }
}

/// Builds programmable transactions.
pub struct Body(pub ProgrammableTransaction);

impl Default for Body {
    fn default() -> Self {
        Self(ProgrammableTransaction {
            inputs: vec![],
            commands: vec![],
        })
    }
}

impl Body {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn input(&mut self, input: Input) -> Argument {
        self.0.inputs.push(input);
        Argument::Input(u16::try_from(self.0.inputs.len() - 1).unwrap())
    }

    pub fn pure<T: serde::Serialize>(&mut self, value: &T) -> Argument {
        self.input(Input::Pure(::bcs::to_bytes(value).unwrap()))
    }

    pub fn object(&mut self, world: &World, id: Address) -> Argument {
        self.input(Input::ImmutableOrOwned(world.reference(&id)))
    }

    pub fn shared(&mut self, world: &World, id: Address, mutable: bool) -> Argument {
        let Owner::Shared(version) = *world.latest(&id).owner() else {
            panic!("{id} is not shared");
        };
        self.input(Input::Shared(SharedInput::new(id, version, mutable)))
    }

    pub fn command(&mut self, command: Command) -> Argument {
        self.0.commands.push(command);
        Argument::Result(u16::try_from(self.0.commands.len() - 1).unwrap())
    }

    pub fn call(
        &mut self,
        package: Address,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.generic(package, module, function, vec![], arguments)
    }

    pub fn generic(
        &mut self,
        package: Address,
        module: &str,
        function: &str,
        type_arguments: Vec<TypeTag>,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.command(Command::MoveCall(MoveCall {
            package,
            module: Identifier::new(module).unwrap(),
            function: Identifier::new(function).unwrap(),
            type_arguments,
            arguments,
        }))
    }

    pub fn split(&mut self, coin: Argument, amount: u64) -> Argument {
        let amount = self.pure(&amount);
        self.command(Command::SplitCoins(SplitCoins {
            coin,
            amounts: vec![amount],
        }))
    }

    pub fn transfer(&mut self, objects: Vec<Argument>, to: Address) {
        let address = self.pure(&to);
        self.command(Command::TransferObjects(TransferObjects {
            objects,
            address,
        }));
    }
}

pub fn effects(outcome: &Outcome) -> &TransactionEffectsV2 {
    match &outcome.effects {
        TransactionEffects::V2(effects) => effects,
        _ => panic!("effects version"),
    }
}

pub fn change(outcome: &Outcome, id: Address) -> &ChangedObject {
    effects(outcome)
        .changed_objects
        .iter()
        .find(|change| change.object_id == id)
        .unwrap_or_else(|| panic!("{id} is not among the changed objects"))
}

/// Ids of written objects with this module and type name.
pub fn written_of(outcome: &Outcome, name: &str) -> Vec<Address> {
    outcome
        .written
        .values()
        .filter(|object| {
            object
                .as_struct()
                .is_some_and(|value| value.object_type().name().as_str() == name)
        })
        .map(Object::object_id)
        .collect()
}

pub fn balance(object: &Object) -> u64 {
    let contents = object.as_struct().unwrap().contents();
    u64::from_le_bytes(contents[32..40].try_into().unwrap())
}
