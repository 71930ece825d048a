//! Shard source: what the new owner of a shard is sent by the old one. Node spec 1.14.

use std::{io, iter, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use walrus_core::{
    BlobId, BlsPublicKey, Epoch, ShardIndex, SliverType,
    messages::{MessageError, ProtocolMessage, SyncShardRequest, SyncShardRequestV1},
    signed_message::SignedMessage,
};
use walrus_sui::contract::Committee;

use super::{SyncTurn, turns::SyncTurns};
use crate::{
    committee::{CommitteeHolder, CommitteeView},
    limits::{MAX_SHARD_SYNCS, MAX_SYNC_ANSWER_BYTES},
    storage::{Storage, StorageError},
    work::{Work, WorkError},
};

/// Longest wait of a request for those before it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a shard is not sent.
#[derive(Debug, thiserror::Error)]
pub enum ShardSyncError {
    /// The caller has nothing to do with the network, as far as this node has seen the chain.
    #[error("the key {0} is in none of the previous, the current and the next committee")]
    Stranger(BlsPublicKey),
    /// The request is not what it should be, or not signed by the caller.
    #[error("the request does not verify: {0}")]
    Message(#[from] MessageError),
    /// The caller is in another epoch.
    #[error("the request is for epoch {requested}, and this node is in epoch {current}")]
    WrongEpoch {
        /// That of the request.
        requested: Epoch,
        /// That of this node.
        current: Epoch,
    },
    /// The caller has no business with the shard.
    #[error("shard {shard} is the caller's neither in epoch {epoch} nor in the next")]
    NotOwner {
        /// The shard.
        shard: ShardIndex,
        /// The epoch of this node.
        epoch: Epoch,
    },
    /// Too much at once.
    #[error("{count} slivers are more than the {limit} that this node sends at once")]
    TooMany {
        /// Slivers asked for.
        count: u64,
        /// Most that are sent.
        limit: u64,
    },
    /// The shard is not here.
    #[error("shard {0} is not stored here")]
    NotStored(ShardIndex),
    /// Others are being served.
    #[error("{MAX_SHARD_SYNCS} requests are being served; retry later")]
    Busy,
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Slivers of an answer that are read before they are sent, while the one before them is.
const READ_AHEAD: usize = 2;

/// Consecutive slivers of a shard: which ones, and how long they are. They are read as they are sent.
#[derive(Debug)]
pub struct ShardSlice {
    source: Arc<ShardSource>,
    shard: ShardIndex,
    sliver_type: SliverType,
    /// Each with its length in bytes.
    slivers: Vec<(BlobId, u32)>,
    turn: SyncTurn,
}

impl ShardSlice {
    /// Bytes of the answer.
    pub fn length(&self) -> u64 {
        let slivers = self.slivers.iter();
        let each = slivers.map(|(_, length)| u64::from(*length).saturating_add(ITEM_HEAD_BYTES));
        let head = head(self.slivers.len()).len() as u64;
        each.fold(head, u64::saturating_add)
    }

    /// The answer in its BCS form. It breaks off at a sliver that turns out to be damaged or gone; the next one is made without it.
    pub fn into_pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let Self {
            source,
            shard,
            sliver_type,
            slivers,
            turn,
        } = self;
        let begin = stream::iter([Ok(head(slivers.len()))]);
        let reading = stream::iter(slivers).map(move |(blob_id, length)| {
            let source = Arc::clone(&source);
            async move {
                let storage = Arc::clone(&source.storage);
                let read = move || {
                    let sliver = storage.sliver(shard, &blob_id, sliver_type)?;
                    Ok::<_, ShardSyncError>(sliver)
                };
                let sliver = source.work.run(read).await.map_err(io::Error::other)?;
                let sliver = sliver.filter(|sliver| u32::try_from(sliver.len()) == Ok(length));
                let sliver = sliver.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
                Ok([head_of(&blob_id, sliver_type), Bytes::from(sliver)])
            }
        });
        let slivers = reading.buffered(READ_AHEAD).flat_map(move |read| {
            // Given back with the last piece: it stands for their memory.
            let _turn = &turn;
            let pieces: Vec<io::Result<Bytes>> = match read {
                Ok(pieces) => pieces.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(pieces)
        });
        begin.chain(slivers)
    }
}

/// Bytes before each sliver of an answer: its blob, and its sliver type.
const ITEM_HEAD_BYTES: u64 = 33;

/// Sends shards to those who own them next.
#[derive(Debug)]
pub struct ShardSource {
    pub(crate) storage: Arc<Storage>,
    pub(crate) committees: Arc<CommitteeHolder>,
    /// Most slivers of one answer, if there is a limit besides that of bytes.
    pub(crate) max_slivers: Option<u64>,
    /// One for each answer in memory.
    pub(crate) turns: SyncTurns,
    pub(crate) work: Work,
}

impl ShardSource {
    /// The slivers that a signed request of the node with this key asks for: those of blobs certified before the current epoch and
    /// still, by ascending ID, until there are as many as were asked for or as fit an answer. At least one, if there is one.
    ///
    /// # Errors
    /// [`ShardSyncError`], in the order of its variants.
    pub async fn slice(
        self: &Arc<Self>,
        caller: BlsPublicKey,
        request: SignedMessage<SyncShardRequest>,
    ) -> Result<ShardSlice, ShardSyncError> {
        let view = self.committees.get();
        if !committees(&view).any(|committee| shards_of(committee, &caller).is_some()) {
            return Err(ShardSyncError::Stranger(caller));
        }
        let verify = move || {
            let message = request.message_unverified()?;
            request.verify(&caller, message.epoch)?;
            Ok::<_, ShardSyncError>(message)
        };
        let message = self.work.run(verify).await?;
        let request = self.permitted(&view, &caller, message)?;
        let turn = tokio::time::timeout(PATIENCE, self.turns.take(caller)).await;
        let turn = turn.map_err(|_| ShardSyncError::Busy)?;
        let turn = turn.map_err(WorkError::from)?;
        let (this, epoch) = (Arc::clone(self), view.epoch());
        let (shard, sliver_type) = (request.shard_index, request.sliver_type);
        let gather = move || this.gather(&request, epoch);
        let slivers = self.work.run(gather).await?;
        Ok(ShardSlice {
            source: Arc::clone(self),
            shard,
            sliver_type,
            slivers,
            turn,
        })
    }

    /// The request, if the caller may make it now.
    fn permitted(
        &self,
        view: &CommitteeView,
        caller: &BlsPublicKey,
        message: ProtocolMessage<SyncShardRequest>,
    ) -> Result<SyncShardRequestV1, ShardSyncError> {
        let SyncShardRequest::V1(request) = message.body;
        let (current, shard) = (view.epoch(), request.shard_index);
        if let Some(requested) = [message.epoch, request.epoch]
            .into_iter()
            .find(|epoch| *epoch != current)
        {
            return Err(ShardSyncError::WrongEpoch { requested, current });
        }
        let committees = &view.committees;
        // Those of the next committee as well: what they have when it begins does not hold its epoch up.
        let owns = |committee| shards_of(committee, caller).is_some_and(|own| own.contains(&shard));
        if !owns(&committees.current) && !committees.next.as_ref().is_some_and(owns) {
            return Err(ShardSyncError::NotOwner {
                shard,
                epoch: current,
            });
        }
        if let Some(limit) = self.max_slivers
            && request.sliver_count > limit
        {
            return Err(ShardSyncError::TooMany {
                count: request.sliver_count,
                limit,
            });
        }
        if self.storage.shard_state(shard).is_none() {
            return Err(ShardSyncError::NotStored(shard));
        }
        Ok(request)
    }

    /// What an answer has, by the index alone.
    fn gather(
        &self,
        request: &SyncShardRequestV1,
        epoch: Epoch,
    ) -> Result<Vec<(BlobId, u32)>, ShardSyncError> {
        let (storage, shard, sliver_type) =
            (&self.storage, request.shard_index, request.sliver_type);
        let mut slivers = Vec::new();
        let (mut count, mut bytes) = (0_u64, 0_usize);
        // The first one is included, the walk begins behind it.
        let first = request.starting_blob_id;
        let at_first = storage.sliver_length(shard, &first, sliver_type)?;
        let at_first = at_first.map(|length| (first, length)).into_iter().collect();
        let behind = storage.stored_slivers(shard, sliver_type, Some(first));
        'walk: for page in iter::once(Ok(at_first)).chain(behind) {
            for (blob_id, length) in page? {
                if count >= request.sliver_count {
                    break 'walk;
                }
                if !is_synced(storage, &blob_id, epoch)? {
                    continue;
                }
                bytes = bytes.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                if count > 0 && bytes > MAX_SYNC_ANSWER_BYTES {
                    break 'walk;
                }
                slivers.push((blob_id, length));
                count = count.saturating_add(1);
            }
        }
        Ok(slivers)
    }
}

/// Whether slivers of a blob go with a shard in `epoch`: it was certified before, and still is.
pub(crate) fn is_synced(
    storage: &Storage,
    blob_id: &BlobId,
    epoch: Epoch,
) -> Result<bool, StorageError> {
    let info = storage.blob_info(blob_id)?;
    Ok(info.is_some_and(|info| info.is_synced_in(epoch)))
}

fn committees(view: &CommitteeView) -> impl Iterator<Item = &Committee> {
    let all = &view.committees;
    let others = all.previous.iter().chain(&all.next);
    others.chain([&all.current])
}

/// The shards of the member with this key.
fn shards_of<'a>(committee: &'a Committee, key: &BlsPublicKey) -> Option<&'a [ShardIndex]> {
    let mut members = committee.members.iter();
    let member = members.find(|member| member.public_key.as_ref() == Some(key))?;
    Some(&member.shards)
}

/// What stands before the slivers: the version of the answer, and how many there are.
fn head(count: usize) -> Bytes {
    let mut head = vec![0];
    head.extend(walrus_core::bounded_bcs::uleb(count));
    head.into()
}

/// What stands before a sliver: its blob, and its sliver type.
fn head_of(blob_id: &BlobId, sliver_type: SliverType) -> Bytes {
    let mut head = blob_id.0.to_vec();
    head.push(match sliver_type {
        SliverType::Primary => 0,
        SliverType::Secondary => 1,
    });
    head.into()
}
