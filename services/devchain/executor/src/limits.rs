//! Bounds of a transaction and of what it may leave behind (devchain spec, appendix D and 2.3).
//!
//! Names that start with `MAX_` are inclusive, names that end in `_BOUND` are exclusive.

/// Bytes of a transaction in BCS.
pub const MAX_TRANSACTION_BYTES: usize = 131_072;
/// Commands of a programmable transaction.
pub const COMMANDS_BOUND: usize = 1024;
/// Operands of one command.
pub const ARGUMENTS_BOUND: usize = 512;
/// Nodes of all type arguments of one call.
pub const TYPE_NODES_BOUND: usize = 16;
/// Nesting of one type argument.
pub const TYPE_DEPTH_BOUND: usize = 16;
/// Bytes of a pure input.
pub const PURE_BOUND: usize = 16_384;
/// Modules of one publish or upgrade.
pub const MODULES_BOUND: usize = 64;
/// Dependencies of one publish or upgrade.
pub const DEPENDENCIES_BOUND: usize = 32;
/// Publish and upgrade commands of one transaction.
pub const MAX_PUBLISHES: usize = 5;
/// Objects, packages and receiving references of one transaction.
pub const MAX_INPUT_OBJECTS: usize = 2048;
/// Payment objects.
pub const MAX_GAS_OBJECTS: usize = 256;
/// Address balance withdrawals of one transaction.
pub const MAX_WITHDRAWALS: usize = 10;
/// Gas prices are below this, in MIST.
pub const GAS_PRICE_BOUND: u64 = 50_000_000_000;
/// Largest gas budget in MIST (50 000 SUI).
pub const MAX_GAS_BUDGET: u64 = 50_000_000_000_000;
/// Smallest gas budget in gas units.
pub const MIN_GAS_UNITS: u64 = 1000;
/// Largest computation in gas units.
pub const MAX_GAS_UNITS: u64 = 5_000_000;
/// Bytes of a package, by the formula of devchain spec 2.10.
pub const MAX_PACKAGE_BYTES: u64 = 102_400;
/// Content bytes of one object.
pub const MAX_OBJECT_BYTES: u64 = 256_000;
/// Bytes of all written objects together.
pub const MAX_WRITTEN_BYTES: u64 = 5_000_000;
/// Bytes of the effects.
pub const MAX_EFFECTS_BYTES: u64 = 524_288;
