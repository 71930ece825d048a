//! Transaction builder: programmable transactions from object IDs.

use std::collections::BTreeMap;

use serde::Serialize;
use sui_devchain_executor::{MemoryStore, ObjectStore as _};
use sui_sdk_types::{
    Address, Argument, Command, Identifier, Input, MakeMoveVector, MergeCoins, MoveCall,
    ObjectReference, Owner, ProgrammableTransaction, Publish, SharedInput, SplitCoins,
    TransferObjects, TypeTag, Upgrade,
};

/// The shared `0x2::clock::Clock`.
const CLOCK: Address = Address::from_static("0x6");

/// A programmable transaction under construction. Objects are named by ID; version, digest and the way to share are
/// looked up when it is executed.
#[derive(Clone, Debug, Default)]
pub struct Ptb {
    inputs: Vec<Slot>,
    objects: BTreeMap<Address, usize>,
    commands: Vec<Command>,
}

#[derive(Clone, Debug)]
enum Slot {
    Pure(Vec<u8>),
    Object { id: Address, mutable: bool },
    Receiving(Address),
}

impl Ptb {
    /// An empty transaction.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A pure value. A `u256` is `[u8; 32]`, little-endian; `ID` and `address` are [`Address`].
    pub fn pure<T: Serialize + ?Sized>(&mut self, value: &T) -> Argument {
        self.slot(Slot::Pure(bcs::to_bytes(value).expect("a BCS value")))
    }

    /// An object; mutably, if it is shared.
    pub fn object(&mut self, id: Address) -> Argument {
        self.object_with(id, true)
    }

    /// A shared object that is only read.
    pub fn read(&mut self, id: Address) -> Argument {
        self.object_with(id, false)
    }

    /// An object that was sent to an object of the transaction.
    pub fn receiving(&mut self, id: Address) -> Argument {
        self.slot(Slot::Receiving(id))
    }

    /// The clock.
    pub fn clock(&mut self) -> Argument {
        self.read(CLOCK)
    }

    /// Calls a function without type arguments; the result is its first (or only) value.
    pub fn call(
        &mut self,
        package: Address,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.call_generic(package, module, function, vec![], arguments)
    }

    /// Calls a function.
    pub fn call_generic(
        &mut self,
        package: Address,
        module: &str,
        function: &str,
        type_arguments: Vec<TypeTag>,
        arguments: Vec<Argument>,
    ) -> Argument {
        self.command(Command::MoveCall(MoveCall {
            package,
            module: Identifier::new(module).expect("a module name"),
            function: Identifier::new(function).expect("a function name"),
            type_arguments,
            arguments,
        }))
    }

    /// Splits one amount off a coin.
    pub fn split(&mut self, coin: Argument, amount: u64) -> Argument {
        let amounts = vec![self.pure(&amount)];
        self.command(Command::SplitCoins(SplitCoins { coin, amounts }))
    }

    /// Merges coins into the first.
    pub fn merge(&mut self, coin: Argument, coins_to_merge: Vec<Argument>) {
        self.command(Command::MergeCoins(MergeCoins {
            coin,
            coins_to_merge,
        }));
    }

    /// A vector of values of one type.
    pub fn vector(&mut self, type_: TypeTag, elements: Vec<Argument>) -> Argument {
        self.command(Command::MakeMoveVector(MakeMoveVector {
            type_: Some(type_),
            elements,
        }))
    }

    /// Transfers objects to an address.
    pub fn transfer(&mut self, objects: Vec<Argument>, recipient: Address) {
        let address = self.pure(&recipient);
        self.command(Command::TransferObjects(TransferObjects {
            objects,
            address,
        }));
    }

    /// Publishes a package; the result is its upgrade cap.
    pub fn publish(&mut self, modules: Vec<Vec<u8>>, dependencies: Vec<Address>) -> Argument {
        self.command(Command::Publish(Publish {
            modules,
            dependencies,
        }))
    }

    /// Upgrades `package`; the result is the receipt.
    pub fn upgrade(
        &mut self,
        modules: Vec<Vec<u8>>,
        dependencies: Vec<Address>,
        package: Address,
        ticket: Argument,
    ) -> Argument {
        self.command(Command::Upgrade(Upgrade {
            modules,
            dependencies,
            package,
            ticket,
        }))
    }

    /// Any command; its first (or only) result.
    pub fn command(&mut self, command: Command) -> Argument {
        self.commands.push(command);
        Argument::Result(index(self.commands.len() - 1))
    }

    fn object_with(&mut self, id: Address, mutable: bool) -> Argument {
        if let Some(position) = self.objects.get(&id).copied() {
            if let Some(Slot::Object { mutable: known, .. }) = self.inputs.get_mut(position) {
                *known |= mutable;
            }
            return Argument::Input(index(position));
        }
        let argument = self.slot(Slot::Object { id, mutable });
        self.objects.insert(id, self.inputs.len() - 1);
        argument
    }

    fn slot(&mut self, slot: Slot) -> Argument {
        self.inputs.push(slot);
        Argument::Input(index(self.inputs.len() - 1))
    }

    pub(crate) fn resolve(&self, store: &MemoryStore) -> ProgrammableTransaction {
        let input = |slot: &Slot| match slot {
            Slot::Pure(bytes) => Input::Pure(bytes.clone()),
            Slot::Receiving(id) => Input::Receiving(reference(store, *id)),
            Slot::Object { id, mutable } => match store.latest(id).map(|o| *o.owner()) {
                Some(Owner::Shared(version)) => {
                    Input::Shared(SharedInput::new(*id, version, *mutable))
                }
                _ => Input::ImmutableOrOwned(reference(store, *id)),
            },
        };
        ProgrammableTransaction {
            inputs: self.inputs.iter().map(input).collect(),
            commands: self.commands.clone(),
        }
    }
}

pub(crate) fn reference(store: &MemoryStore, id: Address) -> ObjectReference {
    let object = store
        .latest(&id)
        .unwrap_or_else(|| panic!("object {id} is not live"));
    ObjectReference::new(id, object.version(), object.digest())
}

fn index(position: usize) -> u16 {
    u16::try_from(position).expect("fewer than 65 536 inputs and commands")
}
