//! A Move virtual machine for Sui packages: loader, interpreter, natives and object runtime.
//!
//! The machine knows no transactions, no storage and no network. A caller (the executor) hands it packages and
//! stored objects through two traits, opens a [`Session`] per transaction, calls functions in it, and takes the
//! object changes out with [`Session::finish`] (devchain spec 2.6 to 2.8 and section 3).
//!
//! Rooms: `format` reads and writes compiled modules, `verify` checks them, [`types`] holds runtime types,
//! [`declarations`] lists what modules declare, `loader` links packages, [`value`] holds values and references, `interpreter` runs code, `natives` implements
//! native functions, `object_runtime` records object changes, [`package`] checks publishing and upgrading.
//!
//! The feature `test-natives` adds the natives of unit tests (devchain spec 4.5) and coverage of bytecode.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod declarations;
pub mod error;
mod format;
mod gas;
#[cfg(test)]
mod handmade;
mod interpreter;
pub mod interrupt;
pub mod limits;
pub mod linkage;
mod loader;
mod natives;
pub mod object_runtime;
pub mod package;
pub mod session;
pub mod store;
#[cfg(feature = "test-natives")]
pub mod testing;
pub mod types;
pub mod value;
mod verify;

pub use error::{Location, VmError};
pub use interrupt::Interrupt;
pub use linkage::Linkage;
pub use session::{Argument, FunctionInfo, Session, SessionConfig, TxContext, Visibility, Vm};
pub use store::{
    ChildStore, LinkageEntry, NoObjects, Package, PackageStore, StoredObject, TypeOrigin,
};
pub use types::{AbilitySet, Type};
pub use value::{Slot, Value};
