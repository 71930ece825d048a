//! Storage configuration: where data is stored, when it is deleted, and its backups.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use walrus_sui::home;

use super::NodeConfig;
use crate::{operator::backup::DIRECTORY, storage::StorageOptions};

/// When data is deleted. Node spec 3.9.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GarbageCollectionConfig {
    /// Whether the data of a deleted blob goes as soon as nothing of it is registered any more; otherwise with the epoch.
    pub enable_immediate_data_deletion: bool,
}

/// Backups that a node makes while it runs. Node spec 6.1 and 7.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointConfig {
    /// Where they are; absent: `checkpoints` in the storage directory.
    #[serde(
        deserialize_with = "home::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub db_checkpoint_dir: Option<PathBuf>,
    /// Of more than so many the oldest go.
    pub max_db_checkpoints: usize,
    /// From one to the next.
    pub db_checkpoint_interval: std::time::Duration,
    /// Whether they are made without being told to.
    pub periodic_db_checkpoints: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            db_checkpoint_dir: None,
            max_db_checkpoints: 3,
            db_checkpoint_interval: std::time::Duration::from_secs(86_400),
            periodic_db_checkpoints: false,
        }
    }
}

impl NodeConfig {
    /// How the storage is opened.
    pub fn storage_options(&self) -> StorageOptions {
        StorageOptions {
            disks: self.storage_disks.clone(),
            max_bytes: self.storage_max_bytes,
            reserve_bytes: self.storage_reserve_bytes,
            ..StorageOptions::new(&self.storage_path, self.database_cache_bytes)
        }
    }

    /// The directories that hold slivers, one for each disk; the first is that of the storage itself.
    pub fn disk_paths(&self) -> Vec<PathBuf> {
        let further = self.storage_disks.iter().cloned();
        std::iter::once(self.storage_path.clone())
            .chain(further)
            .collect()
    }

    /// Where backups are.
    pub fn backups_path(&self) -> PathBuf {
        let configured = self.checkpoint_config.db_checkpoint_dir.clone();
        configured.unwrap_or_else(|| self.storage_path.join(DIRECTORY))
    }
}
