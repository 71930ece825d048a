//! Transfers of gained shards: when each was begun, so that a restart gives nobody more time. Node spec 5.11.

use walrus_core::{Epoch, ShardIndex};

use super::{Storage, StorageError, records::TransferRecord, tables::ShardKey};

impl Storage {
    /// When the transfer of a shard that is the node's from `epoch` on was begun, in milliseconds since 1970: `now_ms`, if it is
    /// now.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn transfer_begun(
        &self,
        shard: ShardIndex,
        epoch: Epoch,
        now_ms: u64,
    ) -> Result<u64, StorageError> {
        let (table, key) = (&self.tables.transfers, ShardKey(shard));
        if let Some(known) = table.get(&key)?.filter(|known| known.epoch == epoch) {
            return Ok(known.begun_ms);
        }
        let mut batch = self.tables.batch();
        let record = TransferRecord {
            epoch,
            begun_ms: now_ms,
        };
        batch.insert(table, &key, &record)?;
        batch.commit()?;
        Ok(now_ms)
    }
}
