//! The background jobs that every node has: events, epochs, recovery, shard sync, upkeep.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::sync::watch;
use walrus_core::Epoch;
use walrus_service::worker::Setting;
use walrus_sui::{Address, contract::ContractReader, transactions::ContractWriter};

use crate::{
    chain::{EpochChanges, EpochDriver, EventProcessor, Pace},
    config::NodeConfig,
    healing::Deferrals,
    limits::COMPACTION_THROTTLE,
    operator::{SettingsError, WorkerSettings},
    parts::Parts,
    storage::Compaction,
    upkeep::{ConfigSynchronizer, Endpoint},
};

/// What people have set of the background jobs, or else what is usual.
pub(super) fn presets(
    settings: &WorkerSettings,
) -> Result<BTreeMap<String, Setting>, SettingsError> {
    let mut presets = settings.load()?;
    let gentle = Setting {
        paused: false,
        throttle: COMPACTION_THROTTLE,
    };
    presets.entry(Compaction::NAME.to_owned()).or_insert(gentle);
    Ok(presets)
}

/// Starts them.
pub(super) async fn start_workers(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    writer: ContractWriter,
    cap: Address,
    deferrals: Arc<Deferrals>,
) -> anyhow::Result<()> {
    let recovery = parts.recovery(
        config.blob_recovery.clone(),
        Arc::clone(&deferrals),
        Arc::new(writer.clone()),
    );
    let shard_sync = parts.shard_sync(config.shard_sync_config.clone(), &config.blob_recovery);
    let began = Arc::new(watch::Sender::new(0));
    let first = first_checkpoint(config, parts, &reader).await?;
    let processor = event_processor(config, parts, reader, deferrals, Arc::clone(&began));
    start_upkeep(config, parts, &writer, cap, &began);
    let driver = EpochDriver {
        shards: Arc::clone(&parts.shards),
        committees: Arc::clone(&parts.committees),
        node_id: parts.node_id,
        epoch_moved: Arc::clone(&parts.epoch_moved),
        writer,
        cap,
        drives: config.drive_epochs,
        subsidies: config.sui.walrus_subsidies_object,
    };
    let events = processor.into_worker(first).await?;
    parts.runner.spawn(events);
    parts.runner.spawn(recovery);
    parts.runner.spawn(parts.compaction());
    parts.runner.spawn(parts.pending_sweep());
    parts.runner.spawn(shard_sync);
    driver
        .into_workers()
        .for_each(|worker| parts.runner.spawn(worker));
    Ok(())
}

/// Where a node begins to read events that has read none: node spec 2.4.
async fn first_checkpoint(
    config: &NodeConfig,
    parts: &Parts,
    reader: &ContractReader,
) -> anyhow::Result<u64> {
    if let Some(first) = config.sui.first_checkpoint {
        return Ok(first);
    }
    if let Some(cursor) = parts.storage.cursor()? {
        return Ok(cursor.next.checkpoint);
    }
    let origin = reader.packages().origin;
    let published = reader.chain().checkpoint_of_last_change(origin).await;
    let published = published.context(
        "cannot find the checkpoint in which the contract was published: a full node that has pruned it cannot serve a fresh node; \
         name another one in sui.rpc, or the checkpoint in sui.first_checkpoint",
    )?;
    Ok(published.saturating_add(1))
}

fn event_processor(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    deferrals: Arc<Deferrals>,
    began: Arc<watch::Sender<Epoch>>,
) -> EventProcessor {
    let epochs = EpochChanges {
        reader: reader.clone(),
        storage: Arc::clone(&parts.storage),
        committees: Arc::clone(&parts.committees),
        shards: Arc::clone(&parts.shards),
        expiry: Arc::clone(&parts.expiry),
        key: parts.key.public_key(),
        queue_grew: Arc::clone(&parts.queue_grew),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        makes_digests: config.consistency_check.enable_consistency_check,
        began,
    };
    EventProcessor {
        reader,
        epochs,
        holdings: parts.holdings.clone(),
        uploads: Arc::clone(&parts.deeds.uploads),
        pending: Arc::clone(&parts.pending),
        registrations: Arc::clone(&parts.registrations),
        expiry: Arc::clone(&parts.expiry),
        deferrals,
        tip: Arc::clone(&parts.tip),
        queue_grew: Arc::clone(&parts.queue_grew),
        epoch_moved: Arc::clone(&parts.epoch_moved),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        pace: Pace::default(),
        deletes_at_once: config.garbage_collection.enable_immediate_data_deletion,
    }
}

/// Starts what looks at the outside, and at the node itself, now and then.
fn start_upkeep(
    config: &NodeConfig,
    parts: &Parts,
    writer: &ContractWriter,
    cap: Address,
    began: &watch::Sender<Epoch>,
) {
    let metrics = &parts.deeds.metrics;
    let synchronizer = &config.config_synchronizer;
    let own = parts.peers.identity.as_ref().map(|key| key.public_key());
    let path = config.origin.path().filter(|_| synchronizer.enabled);
    if let Some((path, own)) = path.zip(own) {
        parts.runner.spawn(ConfigSynchronizer {
            path: path.to_owned(),
            writer: writer.clone(),
            cap,
            node_id: parts.node_id,
            interval: Duration::from_secs(synchronizer.interval_secs.max(1)),
            began: began.subscribe(),
            metrics: Arc::clone(metrics),
            work: parts.work.clone(),
            serves: Endpoint {
                address: config.public_address(),
                network_key: own.0.to_vec(),
            },
            restart: Arc::clone(&parts.restart),
        });
    }
    if let Some(path) = &config.blocklist_path {
        parts.runner.spawn(parts.blocklist_refresh(path.clone()));
    }
    let checks = &config.consistency_check;
    if checks.enable_consistency_check && checks.enable_sliver_data_existence_check {
        let percentage = checks.sliver_data_existence_check_sample_rate_percentage;
        let check = parts.existence_check(percentage, began.subscribe());
        parts.runner.spawn(check);
    }
}
