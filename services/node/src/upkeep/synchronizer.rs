//! Configuration synchronizer: a worker that has the chain say of the node what its configuration file says. Node spec 5.10.

use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use walrus_core::{Epoch, bls::BlsKeyPair};
use walrus_service::worker::{Failure, Step, Worker};
use walrus_sui::{
    Address,
    contract::PoolSummary,
    transactions::{ContractWriter, NodeParameterUpdate},
    wallet::{read_bounded, replace_private},
};

use super::{
    differences::{differences, without_small_changes},
    rotation::{Keys, Rotation, rotated},
};
use crate::{
    NodeConfig,
    metrics::Metrics,
    operator::Offer,
    prices::{Prices, Usd},
    work::Work,
};

/// How often the configuration is compared with the chain. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigSynchronizerConfig {
    /// Seconds between two comparisons.
    pub interval_secs: u64,
    /// Whether they are compared at all.
    pub enabled: bool,
}

impl Default for ConfigSynchronizerConfig {
    fn default() -> Self {
        Self {
            interval_secs: 900,
            enabled: true,
        }
    }
}

/// The node has to be started again, in the same process or another one, to go on with what has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Restart {
    /// The chain has changed to the next protocol key, and so has the configuration.
    #[error(
        "the chain knows the node by its next protocol key now, and the configuration was changed to it: the node has to start again"
    )]
    Rotated,
    /// The chain knows the node by another address or network key than it was started with, and the configuration has them.
    #[error(
        "the chain was told of another address or network key: the node has to start again to use them"
    )]
    Moved,
}

/// Compares the configuration file, which may be edited while the node runs, with the chain: at the start, at each epoch change and
/// now and then. A difference is told to the chain; what cannot be done is told in the log, and tried again.
pub struct ConfigSynchronizer {
    pub(crate) path: PathBuf,
    pub(crate) writer: ContractWriter,
    pub(crate) cap: Address,
    pub(crate) node_id: Address,
    pub(crate) interval: Duration,
    /// Tells of epochs that have begun.
    pub(crate) began: watch::Receiver<Epoch>,
    pub(crate) metrics: Arc<Metrics>,
    /// What a WAL costs, if somebody is asked.
    pub(crate) prices: Option<Prices>,
    pub(crate) work: Work,
    /// What the node was started with, and so serves with.
    pub(crate) serves: Endpoint,
    /// Tells whoever runs the node that it has to start again.
    pub(crate) restart: Arc<watch::Sender<Option<Restart>>>,
}

/// Where a node is reached, and by which key it is known there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Host and port, as others reach it.
    pub(crate) address: String,
    pub(crate) network_key: Vec<u8>,
}

/// Whether a node has to be started again, once the chain knows what is configured: because that was told just now, or was told
/// before, by whomever, and the node still serves with something else. An answer that gets lost on the way changes nothing.
fn moved(serves: &Endpoint, configured: &Endpoint, told: &NodeParameterUpdate) -> Option<Restart> {
    let is_told = told.network_address.is_some() || told.network_public_key.is_some();
    (is_told || serves != configured).then_some(Restart::Moved)
}

/// What a file says.
struct Local {
    text: String,
    offer: Offer,
    /// Whether prices were dollars.
    is_in_dollars: bool,
    key: BlsKeyPair,
    next_key: Option<BlsKeyPair>,
    network_key: Vec<u8>,
}

impl Local {
    /// Of prices in dollars it has to be known what a WAL costs.
    fn read(path: &std::path::Path, wal: Option<Usd>) -> anyhow::Result<Self> {
        let text = read_bounded("the configuration", path)?;
        let config = NodeConfig::parse(&text, &path.display().to_string())?;
        Ok(Self {
            offer: Offer::of(&config, wal)?,
            is_in_dollars: config.voting_params.is_in_dollars(),
            key: config.protocol_key()?,
            next_key: config.next_protocol_key()?,
            network_key: config.network_key()?.public_key().0.to_vec(),
            text,
        })
    }
}

impl ConfigSynchronizer {
    /// What the chain is to be told, or that the node has to be started again.
    async fn update(
        &self,
        local: &Local,
        chain: &PoolSummary,
    ) -> Result<NodeParameterUpdate, Problem> {
        let mut update = differences(&local.offer, &local.network_key, chain);
        let info = &chain.pool.node_info;
        let Some(chain_key) = info.bls_public_key() else {
            return Err(Problem::Later(
                "the chain has no valid key of the node".into(),
            ));
        };
        let (key, next_key) = (local.key.public_key(), local.next_key.as_ref());
        let next = next_key.map(BlsKeyPair::public_key);
        let chain_next = info.next_bls_public_key();
        let keys = Keys {
            local: &key,
            local_next: next.as_ref(),
            chain: &chain_key,
            chain_next: chain_next.as_ref(),
        };
        let announced = match (keys.rotation(), next_key) {
            (Rotation::Rotate, _) => {
                self.rotate(local).await?;
                return Err(Problem::Restart(Restart::Rotated));
            }
            (Rotation::Cancel, _) => Some(&local.key),
            (Rotation::Announce, next) => next,
            (Rotation::AnnounceOverUnknown, next) => {
                tracing::warn!(
                    "the chain knows the node by a protocol key that is not configured; it is told the next one"
                );
                next
            }
            (Rotation::Inconsistent, _) => {
                tracing::warn!(
                    "the chain knows the node by a protocol key that is not configured: what the node signs counts for nothing"
                );
                None
            }
            (Rotation::None, _) => None,
        };
        if let Some(announced) = announced {
            let state = self.writer.reader().staking_state().await;
            let epoch = state.map_err(|error| Problem::Later(error.into()))?.epoch;
            let sender = self.writer.address().into_inner();
            let proof = announced.prove_possession(epoch, sender);
            let key = announced.public_key().0.to_vec();
            update.next_public_key = Some((key, proof.signature().0.to_vec()));
        }
        Ok(update)
    }

    /// Makes the next key of the file its key.
    async fn rotate(&self, local: &Local) -> Result<(), Problem> {
        let (path, text) = (self.path.clone(), local.text.clone());
        let write = move || -> Result<(), Failure> {
            let text = rotated(&text)?;
            Ok(replace_private(&path, text.as_bytes())?)
        };
        let written = self.work.in_background(write).await;
        written
            .map_err(|error| Problem::Later(error.into()))?
            .map_err(Problem::Later)
    }

    async fn synchronize(&mut self) -> Result<(), Problem> {
        let path = self.path.clone();
        let wal = match &mut self.prices {
            Some(prices) => prices.current().await,
            None => None,
        };
        let read = move || Local::read(&path, wal);
        let read = self.work.in_background(read).await;
        let mut local = read
            .map_err(|error| Problem::Later(error.into()))?
            .map_err(|error| Problem::Later(error.into()))?;
        let chain = self.writer.reader().pool(self.node_id).await;
        let chain = chain.map_err(|error| Problem::Later(error.into()))?;
        if local.is_in_dollars {
            let votes = &mut local.offer.voting_params;
            *votes = without_small_changes(votes, &chain.pool.voting_params);
        }
        let update = self.update(&local, &chain).await?;
        if update != NodeParameterUpdate::default() {
            tracing::info!(
                ?update,
                "the chain is told what has changed in the configuration"
            );
            let told = self.writer.update_node(self.cap, &update).await;
            told.map_err(|error| Problem::Later(error.into()))?;
        }
        let capacity = local.offer.voting_params.node_capacity;
        let capacity = i64::try_from(capacity).unwrap_or(i64::MAX);
        self.metrics.config.node_capacity.set(capacity);
        let configured = Endpoint {
            address: local.offer.network_address,
            network_key: local.network_key,
        };
        match moved(&self.serves, &configured, &update) {
            Some(restart) => Err(Problem::Restart(restart)),
            None => Ok(()),
        }
    }
}

/// Why a comparison did not end well.
enum Problem {
    /// It is tried again.
    Later(Failure),
    Restart(Restart),
}

impl Worker for ConfigSynchronizer {
    fn name(&self) -> &'static str {
        "configuration"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.began.mark_unchanged();
        match self.synchronize().await {
            Ok(()) => Ok(Step::WaitAtMost(self.interval)),
            Err(Problem::Later(error)) => Ok(Step::RetryOrWait(error)),
            Err(Problem::Restart(why)) => {
                tracing::info!(%why, "the node starts again");
                self.restart.send_replace(Some(why));
                // It began with what the configuration said before; the next one compares again.
                Ok(Step::Done)
            }
        }
    }

    async fn wait(&mut self) {
        if self.began.changed().await.is_err() {
            // Nobody tells of epochs any more: the node stops.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_serves_with_something_else_than_the_chain_knows_is_started_again() {
        let endpoint = |address: &str, key: u8| Endpoint {
            address: address.to_owned(),
            network_key: vec![key; 33],
        };
        let serves = endpoint("h.example:1", 1);
        // An earlier round told it, and its answer was lost: nothing is left to be told.
        let nothing = NodeParameterUpdate::default();
        for configured in [endpoint("h.example:2", 1), endpoint("h.example:1", 2)] {
            let restart = moved(&serves, &configured, &nothing);
            assert_eq!(restart, Some(Restart::Moved));
        }
        assert_eq!(moved(&serves, &serves, &nothing), None);
        let told = NodeParameterUpdate {
            network_address: Some("h.example:1".to_owned()),
            ..nothing
        };
        assert_eq!(moved(&serves, &serves, &told), Some(Restart::Moved));
    }
}
