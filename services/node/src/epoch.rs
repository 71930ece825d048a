//! What a node does when an epoch begins. Node spec 5.4.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::anyhow;
use walrus_core::{Epoch, ShardIndex};
use walrus_sui::contract::{Committees, ContractReader};

use crate::{
    blob_info::BlobInfo,
    committee::CommitteeView,
    events::garbage,
    limits::{CHAIN_POLL, SCAN_BATCH},
    state::NodeState,
    storage::{
        StorageError,
        records::{NodeStatus, ShardState, SyncReason},
    },
};

/// Carries out epoch changes.
pub(crate) struct EpochChanges {
    pub(crate) state: Arc<NodeState>,
    pub(crate) reader: ContractReader,
}

impl EpochChanges {
    /// Changes to `epoch`. Idempotent.
    pub(crate) async fn start(&self, epoch: Epoch) -> anyhow::Result<()> {
        let committees = self.committees_of(epoch).await;
        let catching_up = committees.epoch > epoch;
        let view = CommitteeView::new(committees, &self.state.protocol_key.public_key());
        tracing::info!(epoch, current = view.epoch(), "an epoch began");
        let change = move |state: &NodeState| -> Result<(), StorageError> {
            garbage::expire_objects(&state.storage, epoch)?;
            if catching_up {
                // Shards follow when the change to the current epoch is reached.
                state
                    .storage
                    .tables
                    .set_node_status(NodeStatus::RecoveryCatchUp)?;
            } else {
                assign_shards(state, &view)?;
                garbage::delete_expired_data(&state.storage, epoch)?;
                state.forget_deleted_symbols()?;
            }
            state.metrics.epoch.set(i64::from(view.epoch()));
            state.committees.set(view);
            Ok(())
        };
        self.state
            .in_background(change)
            .await
            .map_err(|error| anyhow!("{error}"))??;
        self.state.sync_wake.notify_one();
        Ok(())
    }

    /// The committees, once the chain has reached `epoch`.
    async fn committees_of(&self, epoch: Epoch) -> Committees {
        loop {
            match self.reader.committees().await {
                Ok(committees) if committees.epoch >= epoch => return committees,
                Ok(committees) => {
                    tracing::warn!(
                        epoch,
                        chain = committees.epoch,
                        "the chain is behind its events"
                    );
                }
                Err(error) => tracing::warn!(%error, "cannot read the committees"),
            }
            tokio::time::sleep(CHAIN_POLL).await;
        }
    }
}

/// Brings the stored shards in line with the assignment: creates gained ones and queues what fills them, locks lost ones, removes
/// those that were lost before.
fn assign_shards(state: &NodeState, view: &CommitteeView) -> Result<(), StorageError> {
    let storage = &state.storage;
    let states = storage.shards.states();
    let gained: BTreeSet<ShardIndex> = view
        .own_shards
        .iter()
        .copied()
        .filter(|shard| matches!(states.get(shard), None | Some(ShardState::Locked)))
        .collect();
    // The queue comes first: a shard that is complete only because nobody queued its blobs would be attested.
    let to_fill = if gained.is_empty() {
        0
    } else {
        queue_certified(state, view.epoch())?
    };
    let fresh = if to_fill == 0 {
        ShardState::Active
    } else {
        ShardState::Recovering
    };
    for shard in &gained {
        storage.shards.set_state(&storage.tables, *shard, fresh)?;
    }
    for (shard, shard_state) in states {
        if view.own_shards.contains(&shard) {
            continue;
        }
        if view.previous_shards.contains(&shard) {
            if shard_state != ShardState::Locked {
                storage
                    .shards
                    .set_state(&storage.tables, shard, ShardState::Locked)?;
            }
        } else {
            storage.shards.remove(&storage.tables, shard)?;
        }
    }
    let status = match (view.is_member(), to_fill) {
        (false, _) => NodeStatus::Standby,
        (true, 0) => NodeStatus::Active,
        (true, _) if view.previous_shards.is_empty() => NodeStatus::RecoverMetadata,
        (true, _) => NodeStatus::Active,
    };
    storage.tables.set_node_status(status)
}

/// Queues every certified blob; returns how many.
fn queue_certified(state: &NodeState, epoch: Epoch) -> Result<usize, StorageError> {
    let tables = &state.storage.tables;
    let (mut after, mut count) = (None, 0usize);
    loop {
        let page = tables.page::<BlobInfo>(&tables.blob_info, after, SCAN_BATCH)?;
        let Some((last, _)) = page.last() else {
            return Ok(count);
        };
        after = Some(*last);
        let mut batch = tables.batch();
        for (id, _) in page.iter().filter(|(_, info)| info.is_certified(epoch)) {
            batch.insert(&tables.blob_syncs, id, &SyncReason::FillShards)?;
            count = count.saturating_add(1);
        }
        batch.commit()?;
    }
}

/// Marks shards as complete when nothing that fills them is queued any more.
pub(crate) fn finish_filling(state: &NodeState) -> Result<(), StorageError> {
    let storage = &state.storage;
    let recovering: Vec<_> = storage
        .shards
        .states()
        .into_iter()
        .filter(|(_, state)| *state == ShardState::Recovering)
        .map(|(shard, _)| shard)
        .collect();
    if recovering.is_empty() {
        return Ok(());
    }
    let tables = &storage.tables;
    let mut after = None;
    loop {
        let page = tables.page::<SyncReason>(&tables.blob_syncs, after, SCAN_BATCH)?;
        let Some((last, _)) = page.last() else { break };
        if page
            .iter()
            .any(|(_, reason)| *reason == SyncReason::FillShards)
        {
            return Ok(());
        }
        after = Some(*last);
    }
    for shard in recovering {
        storage
            .shards
            .set_state(tables, shard, ShardState::Active)?;
    }
    tables.set_node_status(NodeStatus::Active)?;
    state.epoch_wake.notify_waiters();
    Ok(())
}
