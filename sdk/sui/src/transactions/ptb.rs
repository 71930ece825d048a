//! A thin layer over the transaction builder that names things as the contract does.

use serde::Serialize;
use sui_sdk_types::{Address, Identifier, ObjectReference, StructTag, Transaction, TypeTag};
use sui_transaction_builder::{Argument, Function, ObjectInput, TransactionBuilder};

use super::TransactionError;

/// The shared `0x2::clock::Clock`.
const CLOCK: Address = Address::from_static("0x6");

/// A programmable transaction under construction. Owner, version and digest of objects that are known by
/// ID alone are filled in by the chain.
#[derive(Default)]
pub struct Ptb {
    builder: TransactionBuilder,
}

impl Ptb {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// An object known by its ID.
    pub fn object(&mut self, id: Address) -> Argument {
        self.builder.object(ObjectInput::new(id))
    }

    /// An owned or immutable object at an exact version.
    pub fn object_reference(&mut self, reference: &ObjectReference) -> Argument {
        self.builder.object(ObjectInput::owned(
            *reference.object_id(),
            reference.version(),
            *reference.digest(),
        ))
    }

    /// The clock.
    pub fn clock(&mut self) -> Argument {
        self.object(CLOCK)
    }

    /// The gas coin.
    pub fn gas(&mut self) -> Argument {
        self.builder.gas()
    }

    /// A pure value. A `u256` is `[u8; 32]`, little-endian; `ID` and `address` are [`Address`].
    ///
    /// # Errors
    /// [`TransactionError::Build`] when the value has no BCS form.
    pub fn pure<T: Serialize>(&mut self, value: &T) -> Result<Argument, TransactionError> {
        let bytes = bcs::to_bytes(value).map_err(TransactionError::build)?;
        Ok(self.builder.pure_bytes(bytes))
    }

    /// Calls a function.
    ///
    /// # Errors
    /// [`TransactionError::Build`] when a name is no Move identifier.
    pub fn call(
        &mut self,
        package: Address,
        module: &str,
        function: &str,
        type_arguments: Vec<TypeTag>,
        arguments: Vec<Argument>,
    ) -> Result<Argument, TransactionError> {
        let module = Identifier::new(module).map_err(TransactionError::build)?;
        let name = Identifier::new(function).map_err(TransactionError::build)?;
        let function = Function::new(package, module, name).with_type_args(type_arguments);
        Ok(self.builder.move_call(function, arguments))
    }

    /// Transfers objects to an address.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub fn transfer(
        &mut self,
        objects: Vec<Argument>,
        recipient: Address,
    ) -> Result<(), TransactionError> {
        let recipient = self.pure(&recipient)?;
        self.builder.transfer_objects(objects, recipient);
        Ok(())
    }

    /// Splits amounts off a coin.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub fn split(
        &mut self,
        coin: Argument,
        amounts: &[u64],
    ) -> Result<Vec<Argument>, TransactionError> {
        let amounts = amounts
            .iter()
            .map(|amount| self.pure(amount))
            .collect::<Result<_, _>>()?;
        Ok(self.builder.split_coins(coin, amounts))
    }

    /// Merges coins into the first.
    pub fn merge(&mut self, coin: Argument, others: Vec<Argument>) {
        if !others.is_empty() {
            self.builder.merge_coins(coin, others);
        }
    }

    /// A zero coin of a type.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub fn zero_coin(&mut self, coin_type: &StructTag) -> Result<Argument, TransactionError> {
        let tag = TypeTag::from(coin_type.clone());
        self.call(Address::TWO, "coin", "zero", vec![tag], vec![])
    }

    /// Publishes a package; the result is its upgrade cap.
    pub fn publish(&mut self, modules: Vec<Vec<u8>>, dependencies: Vec<Address>) -> Argument {
        self.builder.publish(modules, dependencies)
    }

    /// The builder, for what this type does not wrap.
    pub fn builder(&mut self) -> &mut TransactionBuilder {
        &mut self.builder
    }

    /// Builds offline; sender, gas and all objects must have been given in full.
    ///
    /// # Errors
    /// [`TransactionError::Build`] names what is missing.
    pub fn build_offline(self) -> Result<Transaction, TransactionError> {
        self.builder.try_build().map_err(TransactionError::build)
    }

    pub(super) fn into_builder(self) -> TransactionBuilder {
        self.builder
    }
}
