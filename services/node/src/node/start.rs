//! The second half of a start: the storage is opened, the parts are made, and the node serves.

use std::{sync::Arc, time::Duration};

use walrus_sui::objects::EpochState;

#[cfg(unix)]
use super::door::open_door;
use super::{
    Surroundings,
    prepare::{Findings, Links, PreparedNode},
    running::{RunningNode, Served, view},
    servers::{metrics_server, rest_server},
    verbs::Verbs,
    workers::{presets, start_workers},
};
use crate::{
    committee::CommitteeView,
    config::NodeConfig,
    healing::PeerTerms,
    operator::{
        Account, WorkerSettings,
        account::{AccountKeeper, Identity},
        push::MetricsPush,
    },
    parts::{Foundation, Parts},
    storage::Storage,
};

impl PreparedNode {
    /// Opens the storage and serves. Once this is begun it should end: a storage that is not closed is read from end to end by the
    /// next start.
    ///
    /// # Errors
    /// If the storage, the chain or an address is not usable; what was opened is closed again.
    pub async fn start(self) -> anyhow::Result<RunningNode> {
        let Self {
            config,
            findings,
            mut links,
            surroundings,
        } = self;
        let storage = surroundings.open_storage(&config).await?;
        let epoch_state = findings.committees.epoch_state;
        let parts = links.parts(&config, storage, findings, surroundings);
        let account = links.account(&config, &parts);
        links.show(&config, &parts, &epoch_state);
        let reload = links.secured.reload.take();
        let served = match links.serve(&config, &parts, &account).await {
            Ok(served) => served,
            Err(error) => {
                // A storage that is not closed is read from end to end by the next start.
                if let Err(closing) = parts.close().await {
                    tracing::warn!(%closing, "the node is not closed in order");
                }
                return Err(error);
            }
        };
        if let Some(reload) = reload {
            parts.runner.spawn(reload);
        }
        tracing::info!(name = config.name, public_host = config.public_host, public_port = config.public_port, address = %served.server.address(), node_id = %parts.node_id, "storage node is up");
        Ok(RunningNode {
            parts,
            served,
            account,
            grace: config
                .rest_graceful_shutdown_period_secs
                .map(Duration::from_secs),
        })
    }
}

impl Links {
    pub(super) fn parts(
        &self,
        config: &NodeConfig,
        storage: Storage,
        findings: Findings,
        surroundings: Surroundings,
    ) -> Parts {
        Parts::new(Foundation {
            storage,
            encoding: findings.encoding,
            committees: CommitteeView::new(findings.committees, self.cap.node_id),
            node_id: self.cap.node_id,
            protocol_key: findings.protocol_key,
            peers: PeerTerms {
                addresses: config.sui.peer_addresses(config.allow_private_addresses),
                identity: Some(Arc::clone(&self.network_key)),
                transport: surroundings.transport,
            },
            blocklist: findings.blocklist,
            rest: config.rest_server.clone(),
            shard_sync: config.shard_sync_config.clone(),
            pending_slivers: config.pending_sliver_cache.clone(),
            pending_metadata: config.pending_metadata_cache.clone(),
            deferral: config.live_upload_deferral.clone(),
            snapshots: config.snapshot_directory(),
            clock: surroundings.clock,
            work: surroundings.work,
        })
    }

    fn account(&self, config: &NodeConfig, parts: &Parts) -> Arc<Account> {
        let identity = Identity {
            node_id: parts.node_id,
            wallet: self.writer.address(),
            protocol_key: parts.key.public_key(),
            network_key: self.network_key.public_key().0.to_vec(),
            warning_mist: config.balance_check.warning_threshold_mist,
        };
        let problems = Arc::clone(&parts.problems);
        Arc::new(Account::new(self.reader.clone(), identity, problems))
    }

    /// Shows in the metrics who the node is.
    fn show(&self, config: &NodeConfig, parts: &Parts, epoch_state: &EpochState) {
        let metrics = &parts.deeds.metrics;
        metrics.identity.set_epoch_state(epoch_state);
        metrics
            .identity
            .set(parts.node_id, &config.sui.objects(), self.writer.address());
        metrics.http.set_scheme(match &self.secured.certificates {
            Some(_) => "https",
            None => "http",
        });
    }

    /// Starts the servers and the background jobs.
    async fn serve(
        self,
        config: &NodeConfig,
        parts: &Parts,
        account: &Arc<Account>,
    ) -> anyhow::Result<Served> {
        let scrape = parts.scrape(self.secured.certificates, Some(Arc::clone(account)));
        let settings = WorkerSettings::of(&config.storage_path);
        parts.runner.preset(presets(&settings)?);
        let (rest, transport) = (self.listeners.rest, self.secured.transport);
        let server = rest_server(
            config,
            parts,
            rest,
            transport,
            self.network_key.public_key(),
        )?;
        let metrics_server = metrics_server(config, self.listeners.metrics, scrape.clone())?;
        let (reader, writer) = (self.reader, self.writer);
        start_workers(config, parts, reader, writer, self.cap.id).await?;
        parts.runner.spawn(AccountKeeper(Arc::clone(account)));
        let verbs = Verbs::start(config, parts);
        if let Some(push) = &config.metrics_push {
            let metrics = Arc::clone(&parts.deeds.metrics);
            let push = MetricsPush::new(push.clone(), &config.name, &self.network_key, metrics)?;
            parts.runner.spawn(push.looking_at(scrape));
        }
        #[cfg(not(unix))]
        drop((verbs, settings));
        #[cfg(unix)]
        let door = {
            let view = view(parts, account);
            open_door(config, parts, view, verbs, settings, self.set_log_level).await?
        };
        Ok(Served {
            server,
            metrics_server,
            #[cfg(unix)]
            door,
        })
    }
}
