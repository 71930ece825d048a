//! How a node is. Node spec 1.16.

use walrus_node_client::{
    EventProgress, HealthInfo, ShardDetail, ShardHealth, ShardStatus, ShardSummary,
};

use crate::{
    limits::MAX_COUNTED, refusal::Refusal, state::NodeState, storage::records::ShardState,
};

impl NodeState {
    /// The health document.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn health(&self, detailed: bool) -> Result<HealthInfo, Refusal> {
        use base64::Engine as _;
        let view = self.committees.get();
        let states = self.storage.shards.states();
        let mut summary = ShardSummary {
            owned: view.own_shards.len(),
            ..ShardSummary::default()
        };
        let mut detail = ShardDetail::default();
        for shard in &view.own_shards {
            let status = match states.get(shard) {
                Some(ShardState::Active) => {
                    summary.owned_shard_status.ready += 1;
                    ShardStatus::Ready
                }
                Some(ShardState::Recovering) => {
                    summary.owned_shard_status.in_recovery += 1;
                    ShardStatus::InRecovery
                }
                // Assigned to us, but the event that says so is not processed yet.
                Some(ShardState::Locked) | None => {
                    summary.owned_shard_status.unknown += 1;
                    ShardStatus::Unknown
                }
            };
            detail.owned.push(ShardHealth {
                shard: shard.get(),
                status,
            });
        }
        for (shard, _) in states
            .iter()
            .filter(|(shard, _)| !view.own_shards.contains(shard))
        {
            summary.read_only += 1;
            detail.other.push(ShardHealth {
                shard: shard.get(),
                status: ShardStatus::ReadOnly,
            });
        }
        let tables = &self.storage.tables;
        let persisted = tables.cursor()?.map_or(0, |cursor| cursor.next_index);
        let key = self.protocol_key.public_key();
        Ok(HealthInfo {
            uptime: self.started.elapsed().into(),
            epoch: view.epoch(),
            public_key: base64::engine::general_purpose::STANDARD.encode(key.0),
            node_status: tables.node_status()?.to_string(),
            event_progress: EventProgress {
                persisted,
                pending: tables.count(&tables.blob_syncs, MAX_COUNTED)?,
                highest_finished_event_index: persisted.checked_sub(1),
            },
            shard_summary: summary,
            shard_detail: detailed.then_some(detail),
            latest_checkpoint_sequence_number: self.latest_checkpoint(),
        })
    }
}
