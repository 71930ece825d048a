//! Gas costs of every transaction of a user, a staker, a node or a governor costs, by the number of nodes.

mod blobs;
mod entry_points;
mod governance;
mod meter;
mod nodes;
mod side_packages;
mod storage;
mod table;

pub use entry_points::{EXEMPT, entry_points};
pub use meter::{Cost, EntryPoint, Meter};
pub use table::{SIZES, named, parse, render};

use crate::{DeploymentOptions, Network, NetworkOptions, WAL};

/// Every entry point once, on a network with that many nodes and 1000 shards. Where an entry point costs more in one situation
/// than in another, the dearest one counts.
#[must_use]
pub fn measure(nodes: usize) -> Meter {
    let options = NetworkOptions {
        deployment: DeploymentOptions::default(),
        nodes: nodes - 1,
        ..NetworkOptions::default()
    };
    let network = Network::new(&options);
    let mut meter = Meter::new(network);
    meter.deployment();
    meter.first_epoch();
    let user = meter.network.chain.account("user");
    meter.network.give_wal(user.address, 1_000_000 * WAL);
    meter.storage(&user);
    meter.blobs(&user);
    meter.storage_pools(&user);
    meter.certificates(&user);
    meter.side_packages(&user);
    meter.stakes(&user);
    meter.later_epochs(&user);
    meter.slashing(&user);
    meter.whale(&user);
    meter.upgrades();
    meter.replacement(nodes);
    meter
}
