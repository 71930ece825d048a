//! Bounds of a transaction and of what it may leave behind (devchain spec, appendix D and 2.3).
//!
//! Names that start with `MAX_` are inclusive, names that end in `_BOUND` are exclusive. Each says which entry of the public
//! protocol configuration has the value.

/// Bytes of a transaction in BCS. `max_tx_size_bytes`
pub const MAX_TRANSACTION_BYTES: usize = 131_072;
/// Commands of a programmable transaction. `max_programmable_tx_commands`
pub const COMMANDS_BOUND: usize = 1024;
/// Operands of one command. `max_arguments`
pub const ARGUMENTS_BOUND: usize = 512;
/// Nodes of all type arguments of one call. `max_type_arguments`
pub const TYPE_NODES_BOUND: usize = 16;
/// Nesting of one type argument. `max_type_argument_depth`
pub const TYPE_DEPTH_BOUND: usize = 16;
/// Bytes of a pure input. `max_pure_argument_size`
pub const PURE_BOUND: usize = 16_384;
/// Modules of one publish or upgrade. `max_modules_in_publish`
pub const MODULES_BOUND: usize = 64;
/// Dependencies of one publish or upgrade. `max_package_dependencies`
pub const DEPENDENCIES_BOUND: usize = 32;
/// Publish and upgrade commands of one transaction. `max_publish_or_upgrade_per_ptb`
pub const MAX_PUBLISHES: usize = 5;
/// Objects, packages and receiving references of one transaction. `max_input_objects`
pub const MAX_INPUT_OBJECTS: usize = 2048;
/// Payment objects. `max_gas_payment_objects`
pub const MAX_GAS_OBJECTS: usize = 256;
/// Address balance withdrawals of one transaction. A constant of the public transaction checks, not configured
pub const MAX_WITHDRAWALS: usize = 10;
/// Gas prices are below this, in MIST. `max_gas_price`
pub const GAS_PRICE_BOUND: u64 = 50_000_000_000;
/// Largest gas budget in MIST (50 000 SUI). `max_tx_gas`
pub const MAX_GAS_BUDGET: u64 = 50_000_000_000_000;
/// Smallest gas budget in gas units. `base_tx_cost_fixed`
pub const MIN_GAS_UNITS: u64 = 1000;
/// Largest computation in gas units. `max_gas_computation_bucket`
pub const MAX_GAS_UNITS: u64 = 5_000_000;
/// Bytes of a package, by the formula of devchain spec 2.10. `max_move_package_size`
pub const MAX_PACKAGE_BYTES: u64 = 102_400;
/// Content bytes of one object. `max_move_object_size`
pub const MAX_OBJECT_BYTES: u64 = 256_000;
/// Bytes of all written objects together. A constant of the public gas model, not configured
pub const MAX_WRITTEN_BYTES: u64 = 5_000_000;
/// Bytes of the effects. `max_serialized_tx_effects_size_bytes`
pub const MAX_EFFECTS_BYTES: u64 = 524_288;
