//! Deployment of the Walrus packages: publishing them to a network and initialising them (contracts spec section 12), and the
//! faucet of a test network, which pays for it.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod faucet;
mod publish;
mod side_packages;

pub use publish::{DeployError, DeployParameters, Deployment, DeploymentDigests, deploy};
pub use side_packages::{EXCHANGE_FUNDS, SideDigests, SidePackages, deploy_side_packages};
pub use walrus_artifacts::ArtifactError;
