//! Machine and session: what all transactions share, and one of them.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use sui_sdk_types::{Address, TypeTag};

use crate::{
    declarations::Visibility,
    error::{VmError, VmResult},
    host::{NativeTable, SessionConfig, State, TxContext},
    interpreter::Interpreter,
    interrupt::Interrupt,
    linkage::Linkage,
    loader::{Caches, Context, Function, LinkedModule, Loader, check_arguments},
    object_runtime::{Event, InputOwner, NewOwner, ObjectChanges},
    store::{ChildStore, Package, PackageStore},
    types::{AbilitySet, Type, standard_id},
    valid_signatures::ValidSignatures,
    value::{Reference, Slot, Value, bcs},
    verify,
};

/// The machine: native functions, and caches shared by all sessions. Thread-safe.
#[derive(Debug)]
pub struct Vm {
    natives: NativeTable,
    caches: Caches,
    signatures: ValidSignatures,
}

impl Vm {
    /// A machine with these native functions and empty caches.
    pub fn new(natives: NativeTable) -> Self {
        Self {
            natives,
            caches: Caches::default(),
            signatures: ValidSignatures::default(),
        }
    }

    /// Sees packages of `store` through the caches.
    pub(crate) fn loader<'a>(&'a self, store: &'a dyn PackageStore) -> Loader<'a> {
        Loader::new(self.natives, &self.caches, store)
    }
}

impl Default for Vm {
    /// A machine with the native functions of Sui.
    fn default() -> Self {
        Self::new(NativeTable::sui())
    }
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
    loader: Loader<'a>,
    state: State<'a>,
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
            loader: vm.loader(packages),
            state: State::new(children, &vm.signatures, context, config),
        }
    }

    /// Lets `interrupt` end whatever the session runs, with [`VmError::Interrupted`].
    pub fn stop_on(&mut self, interrupt: Interrupt) {
        self.state.gas.stop_on(interrupt);
    }

    /// Makes a package of this transaction (just published or upgraded) visible to later calls.
    pub fn add_package(&mut self, package: Arc<Package>) {
        self.loader.add(package);
    }

    /// Runs the Move verifier, links against the dependencies and applies the Sui rules (devchain spec 3.6).
    ///
    /// # Errors
    /// `Verification`, `SuiVerification`.
    pub fn verify_package(&mut self, package: &Arc<Package>) -> VmResult<()> {
        self.loader.add(package.clone());
        let result = verify::package(&self.loader, package);
        self.loader.remove(package.storage_id);
        result
    }

    /// As [`Session::verify_package`] for a version whose datatypes are not those of the version before: each is what its own
    /// module says, whatever its origin. Nothing of it is kept.
    ///
    /// # Errors
    /// `Verification`, `SuiVerification`.
    pub fn verify_redefined(&self, package: &Package) -> VmResult<()> {
        let mut package = package.clone();
        for origin in &mut package.type_origins {
            origin.package = package.storage_id;
        }
        let package = Arc::new(package);
        let caches = Caches::default();
        let mut loader = self.loader.apart(&caches);
        loader.add(package.clone());
        verify::package(&loader, &package)
    }

    /// As [`Session::verify_package`] for one module of the package.
    ///
    /// # Errors
    /// `Verification`, `SuiVerification`.
    pub fn verify_module(&mut self, package: &Arc<Package>, name: &str) -> VmResult<()> {
        self.loader.add(package.clone());
        let result = verify::one(&self.loader, package, name);
        self.loader.remove(package.storage_id);
        result
    }

    /// Declares an input object, so that sharing and deletion rules hold. Only **by-value usable** inputs matter.
    pub fn declare_input(&mut self, id: Address, owner: InputOwner) {
        self.state.objects.declare_input(id, owner);
    }

    fn find(
        &self,
        linkage: &Linkage,
        storage_id: Address,
        module: &str,
        function: &str,
    ) -> VmResult<(Arc<Context>, Arc<LinkedModule>, Arc<Function>)> {
        let not_found = || VmError::FunctionNotFound {
            package: storage_id,
            module: module.to_owned(),
            function: function.to_owned(),
        };
        let context = self.loader.context(linkage);
        let package = self.loader.package(storage_id)?.ok_or_else(not_found)?;
        let original = package.package.original_id;
        if context.storage_id(original) != Some(storage_id) {
            return Err(VmError::Linkage(format!(
                "package {storage_id} is not in the linkage"
            )));
        }
        let linked = self
            .loader
            .module(&context, original, module)?
            .ok_or_else(not_found)?;
        let target = self
            .loader
            .function(&context, &linked, function)?
            .ok_or_else(not_found)?;
        Ok((context, linked, target))
    }

    /// Describes a function of the package stored at `storage_id` (which must be in the linkage).
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
        let (_, _, function) = self.find(linkage, storage_id, module, function)?;
        Ok(FunctionInfo {
            visibility: function.visibility,
            is_entry: function.is_entry,
            type_parameters: function.type_parameters.clone(),
            parameters: function.parameters.clone(),
            returns: function.returns.clone(),
            index: function.index,
        })
    }

    /// Calls a function, with no visibility check (that is the caller's). Arguments must have the parameters' types.
    ///
    /// # Errors
    /// Whatever Move code does; arity and type argument errors; `Invariant` for an argument of another type.
    pub fn call(
        &mut self,
        linkage: &Linkage,
        storage_id: Address,
        module: &str,
        function: &str,
        type_arguments: &[TypeTag],
        arguments: Vec<Argument>,
    ) -> VmResult<Vec<Value>> {
        let (context, module, function) = self.find(linkage, storage_id, module, function)?;
        let types = type_arguments
            .iter()
            .map(|tag| self.load_type(tag))
            .collect::<VmResult<Vec<_>>>()?;
        check_arguments(&function.type_parameters, &types)?;
        if arguments.len() != function.parameters.len() {
            return Err(VmError::Arity {
                expected: function.parameters.len(),
                actual: arguments.len(),
            });
        }
        for (index, (argument, parameter)) in arguments.iter().zip(&function.parameters).enumerate()
        {
            if !fits(argument, &parameter.substitute(&types)?) {
                return Err(VmError::invariant(format!(
                    "argument {index} is no value of the parameter's type"
                )));
            }
        }
        let arguments = arguments
            .into_iter()
            .map(|argument| self.argument(argument))
            .collect();
        Interpreter::new(&self.loader, &mut self.state, context).run(
            module,
            function,
            types.into(),
            arguments,
        )
    }

    fn argument(&self, argument: Argument) -> Value {
        match argument {
            Argument::Value(value) => value,
            Argument::Borrow(slot) => Value::Reference(Reference::root(slot.0)),
            Argument::TxContext => {
                Value::Reference(Reference::root(Rc::new(RefCell::new(self.tx_context()))))
            }
        }
    }

    /// The `TxContext` struct; natives are authoritative, only `digest` reads a field.
    fn tx_context(&self) -> Value {
        let context = &self.state.context;
        Value::Struct(vec![
            Value::Address(context.sender),
            Value::Bytes(context.digest.into_inner().to_vec()),
            Value::U64(context.epoch),
            Value::U64(context.epoch_timestamp_ms),
            Value::U64(self.state.ids_created),
        ])
    }

    /// Loads a type. Its addresses may name any version of a package; the result has defining ids.
    ///
    /// # Errors
    /// `TypeNotFound`, `TypeArity`, `TypeConstraint`.
    pub fn load_type(&mut self, tag: &TypeTag) -> VmResult<Type> {
        self.loader.load_tag(tag)
    }

    /// Decodes BCS; all bytes must be consumed.
    ///
    /// # Errors
    /// `InvalidBcs`; `Primitive` if the transaction made too many values.
    pub fn deserialize(&mut self, ty: &Type, bytes: &[u8]) -> VmResult<Value> {
        let value = bcs::decode(ty, bytes)?;
        self.state.gas.values(value.count())?;
        Ok(value)
    }

    /// Charges for a copy of a value that the caller makes, as one instruction that pushes it.
    ///
    /// # Errors
    /// `OutOfGas`; `Primitive` if the transaction made too many values.
    pub fn charge_copy(&mut self, value: &Value) -> VmResult<()> {
        self.state.gas.instruction(1, value.size(), 0)?;
        self.state.gas.values(value.count())
    }

    /// Encodes a value (or what a reference points to) as BCS.
    ///
    /// # Errors
    /// `Primitive` if it nests too deeply, `Invariant` if it was moved out.
    pub fn serialize(&self, _ty: &Type, value: &Value) -> VmResult<Vec<u8>> {
        bcs::encode(value)
    }

    /// The next fresh object id of the transaction (recorded as new).
    ///
    /// # Errors
    /// Too many new ids.
    pub fn fresh_id(&mut self) -> VmResult<Address> {
        self.state.fresh_id()
    }

    /// The next fresh id without recording a new object (package ids).
    pub fn fresh_package_id(&mut self) -> Address {
        self.state.next_id()
    }

    /// Records the deletion of an object (MergeCoins).
    ///
    /// # Errors
    /// Too many deleted ids.
    pub fn delete_id(&mut self, id: Address) -> VmResult<()> {
        self.state.objects.record_deleted(id)
    }

    /// Transfers an object as `transfer::transfer` does (TransferObjects).
    ///
    /// # Errors
    /// Not an object, may not be shared, or too many transfers.
    pub fn transfer(&mut self, owner: NewOwner, ty: &Type, value: Value) -> VmResult<()> {
        if self.state.objects.transfer(owner, ty.clone(), value)? {
            Ok(())
        } else {
            Err(VmError::invariant("object may not be shared"))
        }
    }

    /// Whether an object was deleted or shared by what ran so far.
    pub fn is_shared_or_deleted(&self, id: &Address) -> bool {
        let objects = &self.state.objects;
        objects.deleted_ids.contains(id) || objects.new_owner(id) == Some(NewOwner::Shared)
    }

    /// Whether an object was given an owner by what ran so far.
    pub fn is_transferred(&self, id: &Address) -> bool {
        self.state.objects.new_owner(id).is_some()
    }

    /// Charges internal gas units.
    ///
    /// # Errors
    /// `OutOfGas`.
    pub fn charge(&mut self, internal_units: u64) -> VmResult<()> {
        self.state.gas.charge(internal_units)
    }

    /// Internal gas units used so far (1000 per gas unit), at most the limit.
    pub fn gas_used(&self) -> u64 {
        self.state.gas.used()
    }

    /// Instructions executed so far (also natives, after the 700th: devchain spec 2.10).
    pub fn instructions(&self) -> u64 {
        self.state.gas.instructions()
    }

    /// Takes the events emitted since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.state.objects.take_events()
    }

    /// Folds everything into object changes.
    ///
    /// # Errors
    /// A value that does not serialise.
    pub fn finish(self) -> VmResult<ObjectChanges> {
        self.state.objects.finish(self.state.ids_created)
    }
}

/// Whether an argument has the (closed) type of its parameter.
fn fits(argument: &Argument, parameter: &Type) -> bool {
    let target = match parameter {
        Type::Reference(target) | Type::MutableReference(target) => Some(&**target),
        _ => None,
    };
    match (argument, target) {
        (Argument::Value(Value::Reference(reference)), Some(target)) => reference
            .look(|value| Ok(value.conforms(target)))
            .unwrap_or(false),
        (Argument::Value(value), None) => value.conforms(parameter),
        (Argument::Borrow(slot), Some(target)) => slot
            .0
            .try_borrow()
            .is_ok_and(|value| value.conforms(target)),
        (Argument::TxContext, Some(target)) => {
            target.is_datatype(&standard_id(2), "tx_context", "TxContext")
        }
        _ => false,
    }
}
