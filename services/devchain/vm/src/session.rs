//! The machine and a session of it (one per transaction).

use std::{collections::BTreeSet, sync::Arc};

use sui_sdk_types::{Address, Digest, TypeTag};

use crate::{
    error::{VmError, VmResult},
    linkage::Linkage,
    object_runtime::{Event, InputOwner, NewOwner, ObjectChanges},
    store::{ChildStore, Package, PackageStore},
    types::{AbilitySet, Type},
    value::{Slot, Value},
};

/// The machine: caches shared by all sessions. Thread-safe.
#[derive(Debug, Default)]
pub struct Vm {}

impl Vm {
    /// A machine with empty caches.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What `0x2::tx_context` reports.
#[derive(Clone, Debug)]
pub struct TxContext {
    /// Sender.
    pub sender: Address,
    /// Transaction digest; fresh ids come from it.
    pub digest: Digest,
    /// Epoch.
    pub epoch: u64,
    /// Start of the epoch, milliseconds since the Unix epoch.
    pub epoch_timestamp_ms: u64,
    /// Reference gas price.
    pub reference_gas_price: u64,
    /// Gas price of the transaction.
    pub gas_price: u64,
    /// Gas budget.
    pub gas_budget: u64,
    /// Sponsor if it differs from the sender.
    pub sponsor: Option<Address>,
}

/// Limits and switches of a session.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Internal gas units available (1000 per gas unit); `None` = unmetered (system transactions).
    pub gas_limit: Option<u64>,
    /// System transactions and genesis: larger limits on ids and children.
    pub system: bool,
    /// Names for which `protocol_config::is_feature_enabled` is true.
    pub features: BTreeSet<String>,
}

/// Visibility of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Only the module.
    Private,
    /// Everybody.
    Public,
    /// `public(package)` / friend.
    Friend,
}

/// A function's declaration; types carry defining ids.
#[derive(Clone, Debug)]
pub struct FunctionInfo {
    /// Visibility.
    pub visibility: Visibility,
    /// Whether it is `entry`.
    pub is_entry: bool,
    /// Constraints of the type parameters.
    pub type_parameters: Vec<AbilitySet>,
    /// Parameter types, in terms of the type parameters.
    pub parameters: Vec<Type>,
    /// Result types.
    pub returns: Vec<Type>,
    /// Index in the module's function definitions.
    pub index: u16,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub enum Argument {
    /// By value (or a reference result handed on, as `Value::Reference`).
    Value(Value),
    /// Borrows a slot of the caller; mutability is what the parameter says.
    Borrow(Slot),
    /// The transaction context (`&TxContext` or `&mut TxContext`).
    TxContext,
}

/// One transaction's view of the machine. Not `Send`: values share cells.
pub struct Session<'a> {
    vm: &'a Vm,
    packages: &'a dyn PackageStore,
    children: &'a dyn ChildStore,
    context: TxContext,
    config: SessionConfig,
}

impl<'a> Session<'a> {
    /// Opens a session.
    pub fn new(
        vm: &'a Vm,
        packages: &'a dyn PackageStore,
        children: &'a dyn ChildStore,
        context: TxContext,
        config: SessionConfig,
    ) -> Self {
        Self {
            vm,
            packages,
            children,
            context,
            config,
        }
    }

    /// Makes a package of this transaction (just published or upgraded) visible to later calls.
    pub fn add_package(&mut self, package: Arc<Package>) {
        let _ = package;
    }

    /// Runs the Move verifier, links against the dependencies and applies the Sui rules (devchain spec 3.6).
    ///
    /// # Errors
    /// `Verification`, `SuiVerification`.
    pub fn verify_package(&mut self, package: &Arc<Package>) -> VmResult<()> {
        let _ = package;
        Ok(())
    }

    /// Declares an input object, so that sharing and deletion rules hold. Only **by-value usable** inputs matter.
    pub fn declare_input(&mut self, id: Address, owner: InputOwner) {
        let _ = (id, owner);
    }

    /// Describes a function of the package stored at `storage_id`.
    ///
    /// # Errors
    /// `FunctionNotFound`, or loading errors.
    pub fn function(
        &mut self,
        linkage: &Linkage,
        storage_id: Address,
        module: &str,
        function: &str,
    ) -> VmResult<FunctionInfo> {
        let _ = (linkage, self.vm, self.packages);
        Err(not_found(storage_id, module, function))
    }

    /// Calls a function, with no visibility check (that is the caller's).
    ///
    /// # Errors
    /// Whatever Move code does; arity and type argument errors.
    pub fn call(
        &mut self,
        linkage: &Linkage,
        storage_id: Address,
        module: &str,
        function: &str,
        type_arguments: &[TypeTag],
        arguments: Vec<Argument>,
    ) -> VmResult<Vec<Value>> {
        let _ = (
            linkage,
            type_arguments,
            arguments,
            self.children,
            &self.config,
        );
        Err(not_found(storage_id, module, function))
    }

    /// Loads a type. Its addresses may name any version of a package; the result has defining ids.
    ///
    /// # Errors
    /// `TypeNotFound`, `TypeArity`, `TypeConstraint`.
    pub fn load_type(&mut self, tag: &TypeTag) -> VmResult<Type> {
        Err(VmError::TypeNotFound { tag: tag.clone() })
    }

    /// Decodes BCS; all bytes must be consumed.
    ///
    /// # Errors
    /// `InvalidBcs`.
    pub fn deserialize(&self, ty: &Type, bytes: &[u8]) -> VmResult<Value> {
        let _ = (ty, bytes);
        Err(VmError::InvalidBcs(String::new()))
    }

    /// Encodes a value (or what a reference points to) as BCS.
    ///
    /// # Errors
    /// `Invariant` if the value does not fit the type.
    pub fn serialize(&self, ty: &Type, value: &Value) -> VmResult<Vec<u8>> {
        let _ = (ty, value);
        Err(VmError::InvalidBcs(String::new()))
    }

    /// The next fresh object id of the transaction (recorded as new).
    ///
    /// # Errors
    /// Too many new ids.
    pub fn fresh_id(&mut self) -> VmResult<Address> {
        Err(VmError::Invariant(String::new()))
    }

    /// The next fresh id without recording a new object (package ids).
    pub fn fresh_package_id(&mut self) -> Address {
        self.context.sender
    }

    /// Records the deletion of an object (MergeCoins).
    ///
    /// # Errors
    /// Too many deleted ids.
    pub fn delete_id(&mut self, id: Address) -> VmResult<()> {
        let _ = id;
        Ok(())
    }

    /// Transfers an object as `transfer::transfer` does (TransferObjects).
    ///
    /// # Errors
    /// Not an object, or too many transfers.
    pub fn transfer(&mut self, owner: NewOwner, ty: &Type, value: Value) -> VmResult<()> {
        let _ = (owner, ty, value);
        Ok(())
    }

    /// Charges internal gas units.
    ///
    /// # Errors
    /// `OutOfGas`.
    pub fn charge(&mut self, internal_units: u64) -> VmResult<()> {
        let _ = internal_units;
        Ok(())
    }

    /// Internal gas units used so far (1000 per gas unit), at most the limit.
    pub fn gas_used(&self) -> u64 {
        0
    }

    /// Takes the events emitted since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// Folds everything into object changes.
    ///
    /// # Errors
    /// A value that does not serialise (invariant).
    pub fn finish(self) -> VmResult<ObjectChanges> {
        Ok(ObjectChanges::default())
    }
}

fn not_found(package: Address, module: &str, function: &str) -> VmError {
    VmError::FunctionNotFound {
        package,
        module: module.to_owned(),
        function: function.to_owned(),
    }
}
