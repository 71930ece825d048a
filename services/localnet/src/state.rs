//! What a network must remember to come up again where it was.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use walrus_sui::{
    Address,
    deploy::{Deployment, SidePackages},
};

use crate::{LocalnetOptions, directory::write_atomically};

const STATE_FILE: &str = "state.json";
const STATE_VERSION: u32 = 1;

/// Written once, when the first committee is selected.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    pub(crate) shards: u16,
    pub(crate) epoch_duration_ms: u64,
    pub(crate) deployment: Deployment,
    /// Absent in networks without them.
    #[serde(default)]
    pub(crate) side_packages: Option<SidePackages>,
    pub(crate) nodes: Vec<NodeState>,
}

/// A node that is registered on chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NodeState {
    /// Where it listens; this address is on chain.
    pub(crate) address: SocketAddr,
    pub(crate) node_id: Address,
    pub(crate) cap_id: Address,
}

impl State {
    pub(crate) fn new(
        options: &LocalnetOptions,
        epoch_duration_ms: u64,
        deployment: Deployment,
        side_packages: Option<SidePackages>,
        nodes: Vec<NodeState>,
    ) -> Self {
        Self {
            version: STATE_VERSION,
            shards: options.shards,
            epoch_duration_ms,
            deployment,
            side_packages,
            nodes,
        }
    }

    /// Reads the state in `dir`; `None` if no network was completed there.
    ///
    /// # Errors
    /// If the network there is not the one that `options` describe.
    pub(crate) fn load(dir: &Path, options: &LocalnetOptions) -> anyhow::Result<Option<Self>> {
        let Some(state) = Self::read(dir)? else {
            return Ok(None);
        };
        if state.nodes.len() != usize::from(options.nodes) || state.shards != options.shards {
            bail!(
                "the network in {} has {} nodes and {} shards, not {} and {}; ask for those, or choose another --dir",
                dir.display(),
                state.nodes.len(),
                state.shards,
                options.nodes,
                options.shards
            );
        }
        Ok(Some(state))
    }

    fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(STATE_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let state: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not the state of a local network", path.display()))?;
        ensure!(
            state.version == STATE_VERSION,
            "{} was written by another version ({}); this one reads version {STATE_VERSION}",
            path.display(),
            state.version
        );
        Ok(Some(state))
    }

    pub(crate) fn save(&self, dir: &Path) -> anyhow::Result<()> {
        write_atomically(&dir.join(STATE_FILE), &serde_json::to_vec_pretty(self)?)
    }
}

/// How large a network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSize {
    /// Number of storage nodes.
    pub nodes: u16,
    /// Number of shards.
    pub shards: u16,
}

/// The size of the network in `dir`, which it has for life; `None` if there is none yet.
///
/// # Errors
/// If what is there cannot be read.
pub fn network_size(dir: &Path) -> anyhow::Result<Option<NetworkSize>> {
    let Some(state) = State::read(dir)? else {
        return Ok(None);
    };
    Ok(Some(NetworkSize {
        nodes: u16::try_from(state.nodes.len()).context("the network has too many nodes")?,
        shards: state.shards,
    }))
}
