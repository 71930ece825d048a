//! Surroundings of a node: what it takes of the machine that it runs on.

use std::sync::Arc;

use anyhow::Context as _;
use walrus_node_client::Transport;
use walrus_service::clock::Clock;
use walrus_sui::chain::ChainClient;

use crate::{
    WorkPlace,
    config::NodeConfig,
    storage::{Storage, StorageOptions, disks::FreeSpace},
    work::Work,
};

/// What a node runs in. The default is the machine; a simulation puts something of its own in place of each part, and the node is the
/// same.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The connection to the chain; one to the configured server when absent.
    pub chain: Option<ChainClient>,
    /// What carries requests to other nodes; HTTPS when absent.
    pub transport: Option<Arc<dyn Transport>>,
    /// Tells how much room disks have.
    pub free_space: FreeSpace,
    /// Where blocking work is done.
    pub work: WorkPlace,
    /// Tells the time of day.
    pub clock: Clock,
}

impl Surroundings {
    /// Opens the storage of a configuration here.
    pub(super) async fn open_storage(&self, config: &NodeConfig) -> anyhow::Result<Storage> {
        let options = StorageOptions {
            free_space: self.free_space.clone(),
            ..config.storage_options()
        };
        Work::new(self.work.clone())
            .in_background(move || Storage::open_with(options))
            .await?
            .with_context(|| format!("cannot open {}", config.storage_path.display()))
    }
}
