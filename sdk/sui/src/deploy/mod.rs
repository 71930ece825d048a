//! Publishing the Walrus packages to a network and initialising them (contracts spec section 12).

mod artifacts;
mod bytecode;
mod publish;
mod side_packages;

pub use artifacts::{ArtifactError, Package, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER, packages};
pub use bytecode::{BytecodeError, replace_address};
pub use publish::{DeployError, DeployParameters, Deployment, deploy};
pub use side_packages::{EXCHANGE_FUNDS, SidePackages, deploy_side_packages};
