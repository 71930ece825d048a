//! Batched upload: a node's part of a blob in one request, which it answers with the confirmation. Node spec 1.18.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use walrus_core::{Epoch, SliverType, sliver::SliverId};
use walrus_node_client::{
    NodeClient, PIECE_HEADER_BYTES, PieceHeader, PieceName, Reason, coalesced, payload_parts,
};

use super::{
    confirm::{self, Confirmation, Unconfirmed},
    on_demand::{Fed, Feed, Hold, SourceParts},
    quorum::NodeEvent,
    upload::BlobUpload,
};
use crate::{
    NodeProblem, limits,
    nodes::StorageNode,
    patience::{Patience, persist, within},
};

/// Sends a node what it lacks of a blob until it confirms; `None` if it does not offer that. What is sent first is `missing`; after
/// an interruption the node is asked what came.
pub(super) async fn deliver(
    node: &StorageNode,
    epoch: Epoch,
    upload: &BlobUpload,
    mut missing: Vec<PieceName>,
    events: &mpsc::Sender<NodeEvent>,
) -> Result<Option<Confirmation>, NodeProblem> {
    let client = node.client()?;
    let (mut patience, mut rounds) = (Patience::default(), 0);
    loop {
        match send(node, client, upload, missing, events).await {
            Ok(confirmation) => match confirm::check(node, epoch, upload, &confirmation) {
                Ok(()) => return Ok(Some(confirmation.signed().clone())),
                // All is there; only its epoch has to come.
                Err(problem @ NodeProblem::Behind(_)) => match patience.after_lag() {
                    Some(pause) => {
                        again(&mut rounds)?;
                        tokio::time::sleep(pause).await;
                    }
                    None => return Err(problem),
                },
                Err(problem) => return Err(problem),
            },
            Err(NodeProblem::Request(error)) if error.is_not_offered() => return Ok(None),
            Err(problem) if lacks_something(&problem) => again(&mut rounds)?,
            Err(problem) => match patience.after(&problem) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(problem),
            },
        }
        missing = lacking(node, client, upload).await?;
        if missing.is_empty() {
            match confirm::request(node, epoch, upload.blob_id(), &upload.persistence).await {
                Ok(confirmation) => return Ok(Some(confirmation)),
                Err(Unconfirmed::Lost(problem)) => return Err(problem),
                Err(Unconfirmed::MissingSlivers) => again(&mut rounds)?,
            }
        }
    }
}

/// Counts another round of sending what the node says that it misses.
fn again(rounds: &mut u32) -> Result<(), NodeProblem> {
    *rounds = rounds.saturating_add(1);
    if *rounds > limits::REUPLOAD_ROUNDS {
        return Err(NodeProblem::MissesSlivers);
    }
    Ok(())
}

/// Everything that a node is to hold of a blob, the metadata first.
pub(super) fn everything(node: &StorageNode, upload: &BlobUpload) -> Vec<PieceName> {
    let slivers = slivers(node, upload);
    std::iter::once(PieceName::Metadata)
        .chain(slivers)
        .collect()
}

/// What is sent to a node first: everything, but to one that may hold some of it, what it says that it lacks.
pub(super) async fn missing_at_first(
    node: &StorageNode,
    upload: &BlobUpload,
) -> Result<Vec<PieceName>, NodeProblem> {
    if !upload.resumes {
        return Ok(everything(node, upload));
    }
    match lacking(node, node.client()?, upload).await {
        Err(NodeProblem::Request(error)) if error.is_not_offered() => Ok(everything(node, upload)),
        lacking => lacking,
    }
}

/// The slivers that a node is to hold of a blob.
pub(super) fn slivers(node: &StorageNode, upload: &BlobUpload) -> Vec<PieceName> {
    let metadata = upload.blob.metadata();
    let pairs = node.pairs(metadata.blob_id(), metadata.n_shards());
    let both = [SliverType::Primary, SliverType::Secondary];
    let of_pair = |pair| both.map(|each| PieceName::Sliver(pair, each));
    pairs.into_iter().flat_map(of_pair).collect()
}

/// What the node says that it does not have.
pub(super) async fn lacking(
    node: &StorageNode,
    client: &NodeClient,
    upload: &BlobUpload,
) -> Result<Vec<PieceName>, NodeProblem> {
    let held = persist(|| within(limits::SMALL_REQUEST, client.held(upload.blob_id()))).await?;
    let mut missing = everything(node, upload);
    missing.retain(|piece| !held.has(*piece));
    Ok(missing)
}

/// Whether the node says that something is not there which was not sent to it this time.
fn lacks_something(problem: &NodeProblem) -> bool {
    matches!(problem, NodeProblem::Request(error)
        if error.is_reason(Reason::MissingSlivers) || error.is_reason(Reason::MetadataRequired))
}

/// One request with these pieces.
async fn send(
    node: &StorageNode,
    client: &NodeClient,
    upload: &BlobUpload,
    missing: Vec<PieceName>,
    events: &mpsc::Sender<NodeEvent>,
) -> Result<walrus_core::signed_message::StorageConfirmation, NodeProblem> {
    let bytes = length(upload, &missing);
    let wait = node.tuning().confirmation_long_poll;
    let unread = Unread::default();
    let sending = Sending {
        pieces: Pieces::new(upload, missing),
        upload: upload.clone(),
        current: None,
        events: events.clone(),
        unread: unread.clone(),
    };
    let (blob_id, persistence) = (upload.blob_id(), &upload.persistence);
    let sent = client.upload(blob_id, persistence, wait, bytes, sending.into_stream());
    let sent = sent.await.map_err(NodeProblem::from);
    // What could not be read here looks like a broken connection there.
    sent.map_err(|problem| unread.take().unwrap_or(problem))
}

/// Bytes that these pieces take.
fn length(upload: &BlobUpload, pieces: &[PieceName]) -> u64 {
    let metadata = upload.blob.metadata();
    let lengths = pieces.iter().map(|piece| match piece {
        PieceName::Metadata => size_of_val(metadata.metadata().hashes()),
        PieceName::Sliver(_, sliver_type) => metadata.sliver_bcs_length(*sliver_type),
    });
    let total: usize = lengths.map(|length| length + PIECE_HEADER_BYTES).sum();
    total as u64
}

/// Why a piece could not be read, if one could not.
#[derive(Debug, Clone, Default)]
struct Unread(Arc<Mutex<Option<NodeProblem>>>);

impl Unread {
    fn take(&self) -> Option<NodeProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, problem: &NodeProblem) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.clone());
    }
}

/// Pieces that are to be sent.
enum Pieces {
    /// As they are named.
    InOrder(std::vec::IntoIter<PieceName>),
    /// The metadata, and slivers as they are made.
    AsMade {
        metadata: Option<PieceName>,
        slivers: Feed,
    },
}

impl Pieces {
    fn new(upload: &BlobUpload, missing: Vec<PieceName>) -> Self {
        let Some(blob) = upload.blob.made_on_demand() else {
            return Self::InOrder(missing.into_iter());
        };
        let n_shards = blob.metadata().n_shards();
        let slivers = missing.iter().filter_map(|piece| match *piece {
            PieceName::Metadata => None,
            PieceName::Sliver(pair, sliver_type) => {
                let index = pair.to_sliver_index(sliver_type, n_shards);
                Some(SliverId::new(sliver_type, index))
            }
        });
        Self::AsMade {
            slivers: Feed::new(blob, slivers),
            metadata: missing
                .contains(&PieceName::Metadata)
                .then_some(PieceName::Metadata),
        }
    }

    async fn next(&mut self) -> Result<Option<Next>, NodeProblem> {
        match self {
            Self::InOrder(pieces) => Ok(pieces.next().map(Next::Named)),
            Self::AsMade { metadata, slivers } => match metadata.take() {
                Some(metadata) => Ok(Some(Next::Named(metadata))),
                None => Ok(slivers.next().await?.map(Next::Fed)),
            },
        }
    }
}

/// What is sent next.
enum Next {
    Named(PieceName),
    Fed(Fed),
}

/// Pieces on their way out, one after the other. Each is in memory only while it is being sent.
struct Sending {
    upload: BlobUpload,
    pieces: Pieces,
    current: Option<Current>,
    events: mpsc::Sender<NodeEvent>,
    unread: Unread,
}

/// What is left of a piece.
struct Current {
    parts: Box<dyn Iterator<Item = Bytes> + Send>,
    /// What is read when those are sent.
    unread: Option<SourceParts>,
    /// Bytes of the sliver, as they are counted for people.
    counted: Option<u64>,
    _memory: Option<Memory>,
}

/// What a piece in memory takes of what there may be of them.
enum Memory {
    Permit(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit),
    Made(#[expect(dead_code, reason = "held until it is dropped")] Hold),
}

impl Sending {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, NodeProblem>> + Send + 'static {
        coalesced(futures::stream::try_unfold(self, |mut this| async move {
            let part = this
                .next()
                .await
                .inspect_err(|error| this.unread.note(error))?;
            Ok(part.map(|part| (part, this)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, NodeProblem> {
        loop {
            if let Some(current) = &mut self.current {
                if let Some(part) = current.next().await? {
                    return Ok(Some(part));
                }
                if let Some(bytes) = current.counted {
                    // Nobody listens any more once there is a quorum.
                    let _ = self.events.send(NodeEvent::Sent(bytes)).await;
                }
            }
            self.current = None;
            let Some(next) = self.pieces.next().await? else {
                return Ok(None);
            };
            let next = match next {
                Next::Named(piece) => self.load(piece).await?,
                Next::Fed(fed) => self.fed(fed).await?,
            };
            self.current = Some(next);
        }
    }

    async fn load(&mut self, piece: PieceName) -> Result<Current, NodeProblem> {
        let (blob, metadata) = (&self.upload.blob, self.upload.blob.metadata());
        let (payload, counted, permit) = match piece {
            PieceName::Metadata => (metadata.metadata().to_bcs().into(), None, None),
            PieceName::Sliver(pair, sliver_type) => {
                let permit = Arc::clone(&self.upload.permits).acquire_owned().await.ok();
                let payload = blob.sliver(pair, sliver_type).await?;
                (payload, Some(self.counted(sliver_type)), permit)
            }
        };
        Current::whole(piece, payload, counted, permit.map(Memory::Permit))
    }

    /// A sliver of a blob of which none are kept.
    async fn fed(&mut self, fed: Fed) -> Result<Current, NodeProblem> {
        let name = |sliver: SliverId| {
            let n_shards = self.upload.blob.metadata().n_shards();
            let pair = sliver.index().to_pair_index(sliver.sliver_type(), n_shards);
            PieceName::Sliver(pair, sliver.sliver_type())
        };
        match fed {
            Fed::Made(sliver, payload, hold) => {
                let counted = Some(self.counted(sliver.sliver_type()));
                Current::whole(name(sliver), payload, counted, Some(Memory::Made(hold)))
            }
            Fed::Source(sliver) => {
                let blob = self.upload.blob.made_on_demand();
                let blob =
                    blob.ok_or_else(|| NodeProblem::NothingToSend(name(sliver).to_string()))?;
                let (header, parts) = SourceParts::begin(blob, sliver, name(sliver)).await?;
                Ok(Current {
                    parts: Box::new(std::iter::once(header.to_bytes())),
                    unread: Some(parts),
                    counted: Some(self.counted(sliver.sliver_type())),
                    _memory: None,
                })
            }
        }
    }

    fn counted(&self, sliver_type: SliverType) -> u64 {
        self.upload.blob.metadata().sliver_length(sliver_type) as u64
    }
}

impl Current {
    /// A piece that is in memory.
    fn whole(
        piece: PieceName,
        payload: Bytes,
        counted: Option<u64>,
        memory: Option<Memory>,
    ) -> Result<Self, NodeProblem> {
        let header = PieceHeader::of(piece, &payload).ok_or_else(|| {
            NodeProblem::NothingToSend(format!("{piece} is too large to be sent"))
        })?;
        Ok(Self {
            parts: Box::new(header.parts(payload)),
            unread: None,
            counted,
            _memory: memory,
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, NodeProblem> {
        if let Some(part) = self.parts.next() {
            return Ok(Some(part));
        }
        let Some(unread) = &mut self.unread else {
            return Ok(None);
        };
        let Some(read) = unread.next().await? else {
            return Ok(None);
        };
        self.parts = Box::new(payload_parts(read));
        Ok(self.parts.next())
    }
}
