//! Runs Move unit tests on the development chain's own virtual machine.
//!
//! The tests come as ordinary bytecode with a side table, as `scripts/build-move test-bytecode` writes them (devchain
//! spec 5.3). Every test runs in a fresh session with the natives of devchain spec 4.5; what it must do (return, or
//! fail in a certain way) is checked as the official runner checks it. Afterwards the machine knows which instructions
//! ran.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod arguments;
pub mod bytecode;
pub mod coverage;
mod expectation;
pub mod official;
mod run;

pub use bytecode::TestPackage;
pub use run::{Outcome, Program};
