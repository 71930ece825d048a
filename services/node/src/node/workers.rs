//! The background jobs that every node has: events, epochs, recovery, shard sync, upkeep.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::sync::watch;
use walrus_core::Epoch;
use walrus_sdk::{Client, ClientOptions, Spool};
use walrus_service::worker::Setting;
use walrus_sui::{Address, contract::ContractReader, transactions::ContractWriter};

use crate::{
    chain::{EpochChanges, EpochDriver, EventProcessor, LagCheck, Pace},
    config::NodeConfig,
    event_blobs::{CatchUp, CutRule, EventBlobWriter, LagChecks, Recorder},
    limits::{COMPACTION_THROTTLE, SNAPSHOT_ASKS},
    operator::{SettingsError, WorkerSettings},
    parts::Parts,
    prices::{PriceMonitor, Prices},
    storage::{
        Compaction,
        records::{CertifiedEventBlob, Cursor},
    },
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
) -> anyhow::Result<()> {
    let recovery = parts.recovery(config.blob_recovery.clone(), Arc::new(writer.clone()));
    let shard_sync = parts.shard_sync(config.shard_sync_config.clone(), &config.blob_recovery);
    let began = Arc::new(watch::Sender::new(0));
    start_events(config, parts, &reader, Arc::clone(&began)).await?;
    if !config.disable_event_blob_writer {
        parts.runner.spawn(EventBlobWriter::new(
            parts.holdings.clone(),
            (writer.clone(), cap),
            config.storage_path.clone(),
            Arc::clone(&parts.deeds.metrics),
            parts.work.clone(),
            parts.event_blobs_moved.subscribe(),
        ));
    }
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
        clock: parts.clock.clone(),
    };
    parts.runner.spawn(recovery);
    parts.runner.spawn(parts.compaction());
    parts.runner.spawn(parts.pending_sweep());
    parts.runner.spawn(shard_sync);
    driver
        .into_workers()
        .for_each(|worker| parts.runner.spawn(worker));
    Ok(())
}

/// Starts the processing of events alone.
pub(super) async fn start_events(
    config: &NodeConfig,
    parts: &Parts,
    reader: &ContractReader,
    began: Arc<watch::Sender<Epoch>>,
) -> anyhow::Result<()> {
    let mut first = first_checkpoint(config, parts, reader).await?;
    begin_with_snapshot(config, parts, reader, first).await?;
    if let Some(cursor) = parts.storage.cursor()? {
        first = cursor.next.checkpoint;
    }
    note_certified_event_blob(parts, reader).await?;
    let recorder = recorder(config, parts, first)?;
    let catch_up = catch_up(config, parts, reader);
    let processor = event_processor(config, parts, reader.clone(), recorder, began);
    parts
        .runner
        .spawn(processor.into_worker(first, catch_up).await?);
    Ok(())
}

/// Begins with a snapshot of others, if the node has seen no event, and the chain has the first ones no more. Where there is none that
/// enough nodes have, event blobs may do.
async fn begin_with_snapshot(
    config: &NodeConfig,
    parts: &Parts,
    reader: &ContractReader,
    first: u64,
) -> anyhow::Result<()> {
    if !config.blob_info_snapshot.begin_with || parts.storage.cursor()?.is_some() {
        return Ok(());
    }
    match reader.chain().lowest_checkpoint().await {
        Ok(lowest) if lowest > first => {}
        _ => return Ok(()),
    }
    match parts.begin_with_snapshot(SNAPSHOT_ASKS).await {
        Ok(info) => {
            tracing::info!(
                epoch = info.epoch,
                checkpoint = info.checkpoint,
                bytes = info.bytes,
                "the node begins with the snapshot of an epoch"
            );
        }
        Err(error) => {
            tracing::warn!(%error, "the node begins without a snapshot: it reads all event blobs that there are");
        }
    }
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
    let chain = reader.chain();
    match chain.checkpoint_of_last_change(origin).await {
        Ok(published) => Ok(published.saturating_add(1)),
        // It has forgotten when that was. The first event blob tells, and whatever is before it is not asked for.
        Err(_) if chain.lowest_checkpoint().await.is_ok_and(|lowest| lowest > 0) => Ok(0),
        Err(error) => Err(error).context(
            "cannot find the checkpoint in which the contract was published; name it in sui.first_checkpoint",
        ),
    }
}

/// Notes which event blob is certified, if the node has recorded no event: whether there is one decides where it begins to.
async fn note_certified_event_blob(parts: &Parts, reader: &ContractReader) -> anyhow::Result<()> {
    let storage = &parts.storage;
    if storage.event_recording()?.is_some() || storage.certified_event_blob()?.is_some() {
        return Ok(());
    }
    let state = reader.system_state().await?;
    if let Some(newest) = state.event_blob_certification_state.latest_certified_blob {
        let newest = CertifiedEventBlob {
            blob_id: newest.blob_id,
            last_checkpoint: newest.ending_checkpoint_sequence_number,
        };
        storage.certify_event_blob(&newest, &[])?;
    }
    Ok(())
}

/// Where events come from.
fn catch_up(config: &NodeConfig, parts: &Parts, reader: &ContractReader) -> CatchUp {
    let options = ClientOptions {
        allow_private_addresses: config.allow_private_addresses,
        spool: Spool::in_directory(config.storage_path.clone()),
        ..ClientOptions::default()
    };
    let processing = &config.event_processor_config;
    CatchUp {
        client: Client::new(reader.clone(), options),
        reader: reader.clone(),
        storage: Arc::clone(&parts.storage),
        directory: config.storage_path.join("events").join("recovery"),
        min_lag: processing.event_stream_catchup_min_checkpoint_lag,
        while_running: processing.enable_runtime_catchup.then(|| LagChecks {
            min_lag: processing.runtime_catchup_lag_threshold,
            interval: Duration::from_secs(
                processing.runtime_lag_check_interval_secs.clamp(1, 86_400),
            ),
        }),
        problems: Arc::clone(&parts.problems),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
    }
}

/// What writes events down for event blobs, unless that is left to others.
fn recorder(
    config: &NodeConfig,
    parts: &Parts,
    first_checkpoint: u64,
) -> anyhow::Result<Option<Recorder>> {
    if config.disable_event_blob_writer {
        return Ok(None);
    }
    let mut rule = CutRule::default();
    if let Some(checkpoints) = config.event_blob_checkpoints {
        rule.checkpoints = checkpoints.get();
    }
    let cursor = parts.storage.cursor()?;
    let cursor = cursor.unwrap_or(Cursor::at_checkpoint(first_checkpoint));
    let (storage, moved) = (&parts.storage, &parts.event_blobs_moved);
    let recorder = Recorder::at(&cursor, Arc::clone(storage), rule, Arc::clone(moved))?;
    Ok(Some(recorder))
}

fn event_processor(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    recorder: Option<Recorder>,
    began: Arc<watch::Sender<Epoch>>,
) -> EventProcessor {
    let epochs = EpochChanges {
        reader: reader.clone(),
        storage: Arc::clone(&parts.storage),
        committees: Arc::clone(&parts.committees),
        shards: Arc::clone(&parts.shards),
        expiry: Arc::clone(&parts.expiry),
        node_id: parts.node_id,
        queue_grew: Arc::clone(&parts.queue_grew),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        snapshots: config
            .blob_info_snapshot
            .enabled
            .then(|| Arc::clone(&parts.deeds.snapshots)),
        makes_digests: config.consistency_check.enable_consistency_check,
        began,
        clock: parts.clock.clone(),
    };
    EventProcessor {
        reader,
        epochs,
        holdings: parts.holdings.clone(),
        uploads: Arc::clone(&parts.deeds.uploads),
        pending: Arc::clone(&parts.pending),
        registrations: Arc::clone(&parts.registrations),
        expiry: Arc::clone(&parts.expiry),
        deferrals: Arc::clone(&parts.deferrals),
        tip: Arc::clone(&parts.tip),
        queue_grew: Arc::clone(&parts.queue_grew),
        epoch_moved: Arc::clone(&parts.epoch_moved),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        recorder,
        pace: Pace::default(),
        turn: None,
        lag: LagCheck::default(),
        deletes_at_once: config.garbage_collection.enable_immediate_data_deletion,
    }
}

/// Starts what asks for the price of a WAL, if the node votes in dollars, or somebody wants to see it.
fn start_price_monitor(config: &NodeConfig, parts: &Parts) -> Option<Prices> {
    let monitor = &config.wal_price_monitor;
    if !monitor.force_enable_wal_price_monitor && !config.voting_params.is_in_dollars() {
        return None;
    }
    let metrics = Arc::clone(&parts.deeds.metrics.prices);
    let (monitor, prices) = PriceMonitor::new(monitor.clone(), parts.peers.addresses, metrics);
    parts.runner.spawn(monitor);
    Some(prices)
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
    let prices = start_price_monitor(config, parts);
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
            prices,
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
