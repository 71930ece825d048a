//! The framework packages (0x1 and 0x2) that every chain starts with, as embedded bytecode.

use sui_sdk_types::{Address, Identifier};

/// Compiled modules of one system package, in dependency order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkPackage {
    /// Address of the package, which is also its id.
    pub address: Address,
    /// Ids of the packages it uses.
    pub dependencies: Vec<Address>,
    /// Module names and bytecode, dependencies first.
    pub modules: Vec<(Identifier, Vec<u8>)>,
}
