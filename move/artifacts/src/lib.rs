//! Compiled Move packages: the embedded ones of this build, the format of their files, and linking them against packages that
//! are published already.
//!
//! `scripts/build-move` writes the files beside this crate; `scripts/build-move check` proves that they come from the sources.
//! What is not named by a program is not in it: a program that boots a chain carries the framework, one that deploys the contracts
//! carries those, and any other nothing.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod bytecode;
mod embedded;
mod package;

pub use bytecode::{BytecodeError, MAX_MODULE_BYTES, replace_address};
pub use embedded::{WAL_PLACEHOLDER, WALRUS_PLACEHOLDER, framework};
pub use package::{ArtifactError, Package, parse};
