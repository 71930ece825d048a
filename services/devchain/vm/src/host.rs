//! Interface of native functions: what one is, the table in which the loader finds it, and what it works on.
//!
//! The machine knows this interface and no native; `natives` implements those of Sui, and whoever makes a machine hands it a
//! table of them. A function is resolved once, when its module is linked.

use std::{any::Any, collections::BTreeSet};

use sui_sdk_types::{Address, Digest};

use crate::{
    error::{VmError, VmResult},
    gas::Gas,
    object_runtime::{fresh_object_id, runtime::ObjectRuntime},
    package::Module,
    store::ChildStore,
    types::Type,
    valid_signatures::ValidSignatures,
    value::Value,
};

/// How a native fails.
#[derive(Debug)]
pub(crate) enum NativeError {
    /// An abort with a code, reported at the native's own module.
    Abort(u64),
    Vm(VmError),
}

impl From<VmError> for NativeError {
    fn from(error: VmError) -> Self {
        NativeError::Vm(error)
    }
}

pub(crate) type NativeResult<T = Vec<Value>> = Result<T, NativeError>;

/// A native: type arguments and arguments (last on top) in, results out.
pub(crate) type NativeFunction =
    for<'s, 'a, 't, 'v> fn(&'s mut State<'a>, &'t [Type], &'v mut Vec<Value>) -> NativeResult;

/// Gives the native `package::module::name`, `None` if it knows none.
pub(crate) type NativeLookup = fn(&Address, &str, &str) -> Option<NativeFunction>;

/// The native functions of a machine.
#[derive(Clone, Copy, Debug)]
pub struct NativeTable(&'static [NativeLookup]);

impl NativeTable {
    /// The first lookup that knows a native gives it.
    pub(crate) const fn new(lookups: &'static [NativeLookup]) -> Self {
        Self(lookups)
    }

    /// The native `package::module::name`, `None` if the machine has none.
    pub(crate) fn find(
        &self,
        package: &Address,
        module: &str,
        name: &str,
    ) -> Option<NativeFunction> {
        self.0
            .iter()
            .find_map(|lookup| lookup(package, module, name))
    }

    /// Native functions that a module declares and the machine does not have; calling one is `VmError::NativeMissing`.
    pub fn missing_in(&self, module: &Module) -> Vec<String> {
        let package = module.self_address();
        let declared = module.natives();
        declared
            .filter(|name| self.find(&package, module.name(), name).is_none())
            .map(str::to_owned)
            .collect()
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

/// What natives keep between calls of a session.
#[derive(Default)]
pub(crate) struct Extension(Option<Box<dyn Any>>);

impl Extension {
    /// What was kept, or a new one at the first call.
    ///
    /// # Errors
    /// `Invariant` if natives of one table keep things of different types.
    pub(crate) fn get<T: Any + Default>(&mut self) -> VmResult<&mut T> {
        let kept = self.0.get_or_insert_with(|| Box::new(T::default()));
        kept.downcast_mut()
            .ok_or_else(|| VmError::invariant("natives keep something else"))
    }
}

/// What natives work on: all of a session but the code.
pub(crate) struct State<'a> {
    pub(crate) children: &'a dyn ChildStore,
    pub(crate) context: TxContext,
    pub(crate) config: SessionConfig,
    pub(crate) gas: Gas,
    pub(crate) objects: ObjectRuntime,
    pub(crate) ids_created: u64,
    /// Shared by all sessions of the machine.
    pub(crate) signatures: &'a ValidSignatures,
    /// What a set of natives keeps for itself between calls; those of Sui keep nothing.
    pub(crate) extension: Extension,
}

impl<'a> State<'a> {
    pub(crate) fn new(
        children: &'a dyn ChildStore,
        signatures: &'a ValidSignatures,
        context: TxContext,
        config: SessionConfig,
    ) -> Self {
        Self {
            children,
            context,
            gas: Gas::new(config.gas_limit),
            objects: ObjectRuntime::new(config.system),
            config,
            ids_created: 0,
            signatures,
            extension: Extension::default(),
        }
    }

    /// The next id, not recorded as that of an object.
    pub(crate) fn next_id(&mut self) -> Address {
        let id = fresh_object_id(&self.context.digest.into_inner(), self.ids_created);
        self.ids_created = self.ids_created.saturating_add(1);
        id
    }

    pub(crate) fn fresh_id(&mut self) -> VmResult<Address> {
        let id = self.next_id();
        self.objects.record_new(id)?;
        Ok(id)
    }
}
