//! Move virtual machine for Sui packages: loader, interpreter, natives and object runtime.
//!
//! The machine knows no transactions, no storage and no network. A caller (the executor) hands it packages and
//! stored objects through two traits, opens a [`Session`] per transaction, calls functions in it, and takes the
//! object changes out with [`Session::finish`] (devchain spec 2.6 to 2.8 and section 3).
//!
//! Rooms: `format` reads and writes compiled modules, `verify` checks them, [`types`] holds runtime types,
//! [`declarations`] lists what modules declare, in types that [`signature`] holds, `loader` links packages, [`value`] holds values and references, `interpreter` runs code, `host` is what native
//! functions are to it, `natives` implements those of Sui, `object_runtime` records object changes, [`package`] reads and names what is published,
//! [`upgrade`] compares it with the version before.
//!
//! The feature `coverage` makes the interpreter note which instructions ran, for runners of unit tests.

// No number from outside is cut short.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod declarations;
pub mod error;
// Bytecode from outside can panic neither who reads nor who verifies it.
#[cfg_attr(not(test), warn(clippy::indexing_slicing))]
mod format;
mod gas;
#[cfg(test)]
mod handmade;
mod host;
mod interpreter;
pub mod interrupt;
pub mod limits;
pub mod linkage;
mod loader;
mod natives;
pub mod object_runtime;
pub mod package;
pub mod session;
pub mod signature;
pub mod store;
#[cfg(feature = "coverage")]
pub mod testing;
pub mod types;
mod uleb;
pub mod upgrade;
mod valid_signatures;
pub mod value;
#[cfg_attr(not(test), warn(clippy::indexing_slicing))]
mod verify;

pub use declarations::Visibility;
pub use error::{Location, VmError};
pub use host::{NativeTable, SessionConfig, TxContext};
pub use interrupt::Interrupt;
pub use linkage::Linkage;
pub use session::{Argument, FunctionInfo, Session, Vm};
pub use signature::Signature;
pub use store::{
    ChildStore, LinkageEntry, NoObjects, Package, PackageStore, StoredObject, TypeOrigin,
};
pub use types::{AbilitySet, Type};
pub use value::{Slot, Value};
