//! Programmable transactions over the Move virtual machine: admission, gas, publishing and effects.
//!
//! The executor is a pure function of an [`ObjectStore`], the [`ChainParams`] and a transaction: it
//! reads objects, never writes them, and hands back an [`Outcome`] that the ledger persists. It
//! implements section 2 of the devchain specification (`docs/spec/devchain`, cited as "devchain spec").
//!
//! * [`Executor::admit`] decides whether a signed transaction may enter the chain (devchain spec 2.3).
//! * [`Executor::execute`] runs a transaction in one of four [`Mode`]s.
//! * [`genesis::build`] makes the first objects and the genesis transaction (devchain spec 6.2).
//! * [`resolve`] answers what a transaction resolver asks about function parameters (devchain spec 1.5).
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod admission;
mod balance_changes;
mod bridge;
mod changes;
mod collect;
mod commands;
mod deny_list;
mod effects;
mod error;
mod errors;
mod execution;
pub mod executor;
mod failure;
pub mod gas;
pub mod genesis;
mod inputs;
pub mod limits;
pub mod outcome;
pub mod params;
mod payment;
mod ptb;
mod publishing;
pub mod resolve;
mod run;
mod stamp;
pub mod store;
pub mod system;

pub use effects::accumulator_id;
pub use error::AdmissionError;
pub use executor::Executor;
pub use inputs::withdrawn;
pub use outcome::{AddressBalanceChange, CommandOutput, MutatedReference, Outcome, OutputValue};
pub use params::{ChainParams, FEATURES, Mode, PROTOCOL_VERSION};
pub use store::{MemoryStore, ObjectStore};
pub use sui_devchain_vm::Interrupt;
