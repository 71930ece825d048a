//! Tables of the node, all on one screen. Node spec 3.2.
//!
//! Nobody outside of the storage sees them: reading is in [`queries`](super::queries), writing in [`update`](super::update).

use std::path::Path;

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};
use walrus_service::tables::{
    Batch, Bytes, Cell, Codec, Database, Format, Key, Options, Raw, Table, TableError,
};
use walrus_sui::Address;

use super::{
    StorageError,
    blob_info::BlobInfo,
    records::{
        CertifiedEventBlob, Cursor, DiskRecord, EventBlobCut, EventRecording, FirstPlace,
        NodeStatus, ObjectRecord, Place, PoolRecord, PooledObjectRecord, SegmentRecord, ShardState,
        TransferRecord,
    },
    repairs::{self, Part, RepairKey, RepairRecord},
};
use crate::limits::{RESIDENT_EVENT_BLOBS, RESIDENT_REPAIRS, SCAN_BATCH};

/// The format of the tables. A change of a key or of a record is another one, and its migration belongs here.
///
/// 2. `places`, `segments` and `disks` instead of `slivers`: they are filled from the segment files at the start, with `slivers`,
///    which is emptied afterwards, as the witness of what there was.
/// 3. `repairs` instead of `blob_syncs`: slivers are queued, not blobs.
/// 4. `ahead`: without what it has, slivers in the index may not be in their segments after a crash. There is nothing in it before.
const FORMAT: Format = Format::after(&[|_| Ok(()), repairs::migrate, |_| Ok(())]);

/// Every table. Keys are fixed-width and big-endian; values are BCS.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    database: Database,
    /// How far events are processed.
    pub(super) cursor: Cell<Cursor>,
    /// The epoch of the last processed `EpochChangeStart`.
    pub(super) event_epoch: Cell<Epoch>,
    /// The status of the node.
    pub(super) status: Cell<NodeStatus>,
    /// There while the database is closed in good order.
    closed: Cell<()>,
    /// Metadata, in its own bytes.
    pub(super) metadata: Table<BlobKey, Bytes, Raw>,
    /// What all objects of a blob amount to.
    pub(super) blob_info: Table<BlobKey, BlobInfo>,
    /// Objects with a lifetime of their own.
    pub(super) objects: Table<ObjectKey, ObjectRecord>,
    /// Objects in storage pools.
    pub(super) pooled_objects: Table<ObjectKey, PooledObjectRecord>,
    /// Storage pools.
    pub(super) pools: Table<ObjectKey, PoolRecord>,
    /// Where slivers lie.
    pub(super) places: Table<SliverKey, Place>,
    /// What was appended to segments and may not be durable there.
    pub(super) ahead: Table<AheadKey, Bytes, Raw>,
    /// Where slivers lay in the first format; empty once they are read again.
    pub(super) first_places: Table<SliverKey, FirstPlace>,
    /// Segment files.
    pub(super) segments: Table<SegmentKey, SegmentRecord>,
    /// Disks.
    pub(super) disks: Table<DiskNumber, DiskRecord>,
    /// Shards that are kept.
    pub(super) shards: Table<ShardKey, ShardState>,
    /// The last transfers of gained shards.
    pub(super) transfers: Table<ShardKey, TransferRecord>,
    /// What is to be recovered.
    pub(super) repairs: Table<RepairKey, RepairRecord>,
    /// Invalid blobs whose data is still to be deleted.
    pub(super) deletions: Table<BlobKey, ()>,
    /// How far the elements of events are recorded.
    pub(super) event_recording: Cell<EventRecording>,
    /// The newest certified event blob.
    pub(super) certified_event_blob: Cell<CertifiedEventBlob>,
    /// Elements of no certified event blob, by index, in their own bytes.
    pub(super) event_elements: Table<u64, Bytes, Raw>,
    /// Event blobs that are complete and not certified, by their first element.
    pub(super) event_cuts: Table<u64, EventBlobCut>,
    /// Event blobs that were stored before anybody registered them, with their last checkpoints.
    pub(super) offered_event_blobs: Table<BlobKey, u64>,
}

/// A blob ID.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobKey(pub(super) BlobId);

/// An object ID.
#[derive(Debug, Clone, Copy)]
pub(super) struct ObjectKey(pub(super) Address);

/// A shard, in two bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShardKey(pub(super) ShardIndex);

/// A sliver: shard (2), sliver type (1), blob ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SliverKey {
    pub(super) shard: ShardIndex,
    pub(super) sliver_type: SliverType,
    pub(super) blob_id: BlobId,
}

/// A segment: shard, number.
pub(super) type SegmentKey = (ShardKey, u32);

/// What was appended to a segment: a number that grows, the segment, and where it begins there.
pub(super) type AheadKey = (u64, (SegmentKey, u64));

/// A disk, in two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct DiskNumber(pub(super) u16);

impl DiskNumber {
    /// That of the directory of the storage, where the database is.
    pub(super) const FIRST: Self = Self(0);
}

impl Key for DiskNumber {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Key::decode(bytes).map(Self)
    }
}

impl Key for BlobKey {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.0.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Key::decode(bytes).map(|id| Self(BlobId(id)))
    }
}

impl Key for ObjectKey {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.into_inner().encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Key::decode(bytes).map(|id| Self(Address::new(id)))
    }
}

impl Key for ShardKey {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.get().encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Key::decode(bytes).map(|shard| Self(ShardIndex(shard)))
    }
}

impl SliverKey {
    /// What is missing of the blob if the sliver is.
    pub(super) fn part(&self) -> Part {
        Part::Sliver(self.shard, self.sliver_type)
    }
}

impl Key for SliverKey {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let sliver_type = u8::from(self.sliver_type == SliverType::Secondary);
        ShardKey(self.shard).encode(bytes);
        sliver_type.encode(bytes);
        BlobKey(self.blob_id).encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let ShardKey(shard) = Key::decode(bytes)?;
        let sliver_type = match u8::decode(bytes)? {
            0 => SliverType::Primary,
            1 => SliverType::Secondary,
            _ => return None,
        };
        let BlobKey(blob_id) = Key::decode(bytes)?;
        Some(Self {
            shard,
            sliver_type,
            blob_id,
        })
    }
}

impl Tables {
    /// Opens the database, creating it if needed.
    pub(super) fn open(path: &Path, cache_bytes: u64) -> Result<Self, TableError> {
        let options = Options {
            format: FORMAT,
            cache_bytes,
            ..Options::default()
        };
        let database = Database::open(path, &options)?;
        Ok(Self {
            cursor: database.cell("node", "cursor")?,
            event_epoch: database.cell("node", "epoch")?,
            status: database.cell("node", "status")?,
            closed: database.cell("node", "closed")?,
            metadata: database.raw_table("metadata")?,
            blob_info: database.table("blob_info")?,
            objects: database.table("objects")?,
            pooled_objects: database.table("pooled_objects")?,
            pools: database.table("pools")?,
            places: database.table("places")?,
            ahead: database.raw_table("ahead")?,
            first_places: database.table("slivers")?,
            segments: database.table("segments")?,
            disks: database.table("disks")?,
            shards: database.table("shards")?,
            transfers: database.table("transfers")?,
            repairs: database.resident_table("repairs", RESIDENT_REPAIRS)?,
            deletions: database.table("deletions")?,
            event_recording: database.cell("node", "event_recording")?,
            certified_event_blob: database.cell("node", "certified_event_blob")?,
            event_elements: database.raw_table("event_elements")?,
            event_cuts: database.resident_table("event_cuts", RESIDENT_EVENT_BLOBS)?,
            offered_event_blobs: database
                .resident_table("offered_event_blobs", RESIDENT_EVENT_BLOBS)?,
            database,
        })
    }

    /// What moves the cursor together with other writes.
    pub(super) fn cursor_parts(&self) -> (Database, Cell<Cursor>) {
        (self.database.clone(), self.cursor.clone())
    }

    /// Copies everything as it is now into a new database; nothing if `goes_on` said no.
    pub(super) fn copy_to(
        &self,
        directory: &Path,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<u64>, StorageError> {
        Ok(self.database.copy_to(directory, goes_on)?)
    }

    /// An empty batch.
    pub(super) fn batch(&self) -> Batch {
        self.database.batch()
    }

    /// Reads everything, so that damage is noticed now.
    pub(super) fn check(&self) -> Result<(), TableError> {
        fn read<K: Key, V, C: Codec<V>>(table: &Table<K, V, C>) -> Result<(), TableError> {
            table.pages(SCAN_BATCH).try_for_each(|page| page.map(drop))
        }
        self.cursor.get()?;
        self.event_epoch.get()?;
        self.status.get()?;
        read(&self.metadata)?;
        read(&self.blob_info)?;
        read(&self.objects)?;
        read(&self.pooled_objects)?;
        read(&self.pools)?;
        read(&self.places)?;
        read(&self.ahead)?;
        read(&self.first_places)?;
        read(&self.segments)?;
        read(&self.disks)?;
        read(&self.shards)?;
        read(&self.transfers)?;
        read(&self.repairs)?;
        read(&self.deletions)?;
        self.event_recording.get()?;
        self.certified_event_blob.get()?;
        read(&self.event_elements)?;
        read(&self.event_cuts)?;
        read(&self.offered_event_blobs)
    }

    /// Makes everything that was written survive the death of the machine.
    pub(super) fn sync(&self) -> Result<(), StorageError> {
        Ok(self.database.sync()?)
    }

    /// Makes everything that was committed survive the death of the machine; those who ask at the same time share a synchronization.
    pub(super) fn sync_shared(&self) -> Result<(), StorageError> {
        Ok(self.database.sync_shared()?)
    }

    /// Whether [`Tables::mark_closed`] was the last thing that happened.
    pub(super) fn was_closed(&self) -> Result<bool, TableError> {
        Ok(self.closed.get()?.is_some())
    }

    pub(super) fn mark_open(&self) -> Result<(), StorageError> {
        let mut batch = self.batch();
        batch.clear(&self.closed);
        batch.commit()?;
        Ok(self.database.sync()?)
    }

    /// Makes everything durable, and the next start short.
    pub(super) fn mark_closed(&self) -> Result<(), StorageError> {
        // What the mark speaks of has to be there before it.
        self.database.sync()?;
        let mut batch = self.batch();
        batch.set(&self.closed, &())?;
        batch.commit()?;
        self.database.sync()?;
        Ok(self.database.shorten_start()?)
    }
}
