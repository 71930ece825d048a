//! Programmable transaction builder: a thin layer that names things as the contract does.

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
    from_gas: FromGas,
}

/// What the commands take from the gas coin beside the gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FromGas {
    /// So many MIST.
    Known(u64),
    /// Whatever the commands do with it.
    Unknown,
}

impl Default for FromGas {
    fn default() -> Self {
        Self::Known(0)
    }
}

impl FromGas {
    /// The least that must be left for the commands.
    pub(super) fn least(self) -> u64 {
        match self {
            Self::Known(amount) => amount,
            Self::Unknown => 0,
        }
    }
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

    /// The gas coin. To take amounts from it, [`Ptb::split_gas`] tells the choice of the budget how much.
    pub fn gas(&mut self) -> Argument {
        self.from_gas = FromGas::Unknown;
        self.builder.gas()
    }

    /// Splits amounts of MIST off the gas coin.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub fn split_gas(&mut self, amounts: &[u64]) -> Result<Vec<Argument>, TransactionError> {
        if let FromGas::Known(sum) = &mut self.from_gas {
            *sum = amounts.iter().fold(*sum, |sum, a| sum.saturating_add(*a));
        }
        let gas = self.builder.gas();
        self.split(gas, amounts)
    }

    /// Makes this transaction another one than any with the same commands: two programs of one wallet that send the same
    /// amount at the same time would otherwise sign the same bytes, and only one of the two transfers would happen.
    pub fn make_unique(&mut self) {
        let nonce: [u8; 16] = rand::random();
        self.builder.pure_bytes_unique(nonce.to_vec());
    }

    /// Bytes that no command uses, for whoever looks at the transaction. Those that come first are its first input.
    pub fn note(&mut self, bytes: &[u8]) {
        self.builder.pure_bytes_unique(bytes.to_vec());
    }

    /// Merges coins into the gas coin.
    pub(super) fn merge_into_gas(&mut self, coins: Vec<Argument>) {
        let gas = self.builder.gas();
        self.merge(gas, coins);
    }

    /// What the commands so far take from the gas coin.
    pub(super) fn taken_from_gas(&self) -> FromGas {
        self.from_gas
    }

    /// Takes `amount` out of the sender's address balance, as a coin.
    pub(super) fn withdraw(&mut self, coin_type: &StructTag, amount: u64) -> Argument {
        self.builder
            .funds_withdrawal_coin(TypeTag::from(coin_type.clone()), amount)
    }

    /// Puts a coin into the address balance of `recipient`.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub fn send_funds(
        &mut self,
        coin_type: &StructTag,
        coin: Argument,
        recipient: Address,
    ) -> Result<(), TransactionError> {
        let arguments = vec![coin, self.pure(&recipient)?];
        let tag = TypeTag::from(coin_type.clone());
        self.call(Address::TWO, "coin", "send_funds", vec![tag], arguments)?;
        Ok(())
    }

    /// Deletes a coin that holds nothing.
    ///
    /// # Errors
    /// [`TransactionError::Build`].
    pub(super) fn destroy_zero(
        &mut self,
        coin_type: &StructTag,
        coin: Argument,
    ) -> Result<(), TransactionError> {
        let tag = TypeTag::from(coin_type.clone());
        self.call(Address::TWO, "coin", "destroy_zero", vec![tag], vec![coin])?;
        Ok(())
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
