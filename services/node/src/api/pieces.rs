//! Piece routes: what nodes offer beyond the API that all have. Node spec 1.18.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
};
use futures::Stream;
use walrus_core::{BlobId, SliverPairIndex, SliverType, messages::BlobPersistence};
use walrus_node_client::{PieceHeader, PieceName, PieceReader, Reason};
use walrus_service::{
    envelope::{Answer, Refusal},
    memory::{Budget, BudgetError, Taken},
    request::{PathParts, QueryPairs, invalid_query},
    server::Caller,
};
use walrus_sui::Address;

use super::{
    Memory,
    extract::{NodePath as _, Sender, require_octet_stream},
    refusal::of_pieces,
};
use crate::{
    blobs::{Intake, ReadError, Reads},
    limits::{LEAST_PACE, MAX_SLIVERS_PER_REQUEST, SLIVER_HEADROOM},
    metrics::Metrics,
};

type Result<T = Answer> = std::result::Result<T, Refusal>;

/// POST upload.
pub(super) async fn upload(
    State(intake): State<Arc<Intake>>,
    Sender(caller): Sender,
    path: PathParts,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Result {
    let blob_id = path.blob_id()?;
    query.only(&["object_id", "wait_millis"])?;
    require_octet_stream(&headers)?;
    let persistence = match query.one::<Address>("object_id")? {
        Some(object_id) => BlobPersistence::Deletable {
            object_id: object_id.into_inner(),
        },
        None => BlobPersistence::Permanent,
    };
    let wait = query.one("wait_millis")?.unwrap_or_default();
    let mut arriving = intake.begin(blob_id, caller, Duration::from_millis(wait));
    let mut pieces = PieceReader::new(body.into_data_stream());
    while let Some(header) = pieces.header().await.map_err(|error| of_pieces(&error))? {
        let memory = arriving.expect(&header).await?;
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let payload = pieces.payload(&header);
        let time = LEAST_PACE.time_for(length);
        let payload = tokio::time::timeout(time, payload).await;
        let payload = payload.map_err(|_| {
            let slow = format!(
                "{} did not come within {} s: {length} bytes are to come at {} bytes in {} s, at the least",
                header.name,
                time.as_secs(),
                LEAST_PACE.bytes,
                LEAST_PACE.within.as_secs()
            );
            Refusal::new(Reason::InvalidContentType, slow)
        })?;
        let payload = payload.map_err(|error| of_pieces(&error))?;
        arriving.take(header.name, payload, memory);
    }
    Ok(Answer::json(200, arriving.finish(persistence).await?))
}

/// GET have.
pub(super) async fn have(State(intake): State<Arc<Intake>>, path: PathParts) -> Result {
    Ok(Answer::json(200, intake.held(path.blob_id()?).await?))
}

/// GET slivers.
pub(super) async fn slivers(
    State(reads): State<Arc<Reads>>,
    State(memory): State<Memory>,
    State(metrics): State<Arc<Metrics>>,
    Sender(caller): Sender,
    path: PathParts,
    query: QueryPairs,
) -> Result {
    let blob_id = path.blob_id()?;
    query.only(&["sliver_type", "pair"])?;
    let sliver_type = query.one("sliver_type")?;
    let sliver_type = sliver_type.ok_or_else(|| invalid_query("`sliver_type` is missing"))?;
    if query.all("pair").count() > MAX_SLIVERS_PER_REQUEST {
        let most = format!("at most {MAX_SLIVERS_PER_REQUEST} slivers are sent at once");
        return Err(invalid_query(most));
    }
    let parse = |text: Cow<'_, str>| {
        let pair = text.parse().map(SliverPairIndex);
        pair.map_err(|_| invalid_query(format!("`{text}` is not a sliver pair index")))
    };
    let pairs: Vec<_> = query.all("pair").map(parse).collect::<Result<_>>()?;
    let length = reads
        .sliver_length(blob_id, pairs.clone(), sliver_type)
        .await?;
    let length = length.saturating_add(SLIVER_HEADROOM);
    let sending = Sending {
        reads,
        memory: memory.answers,
        metrics,
        caller,
        blob_id,
        sliver_type,
        length,
        pairs: pairs.into_iter(),
        current: None,
    };
    Ok(Answer::stream(sending.into_stream()))
}

/// Slivers on their way out, one after the other. Each is in memory only while it is being sent.
struct Sending {
    reads: Arc<Reads>,
    memory: Budget,
    metrics: Arc<Metrics>,
    caller: Caller,
    blob_id: BlobId,
    sliver_type: SliverType,
    /// Bytes of one.
    length: usize,
    pairs: std::vec::IntoIter<SliverPairIndex>,
    current: Option<Current>,
}

/// What is left of a sliver, and the memory that it is in.
struct Current {
    parts: Box<dyn Iterator<Item = Bytes> + Send>,
    _memory: Taken,
}

/// Why an answer ends before its end.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Memory(#[from] BudgetError),
}

impl Sending {
    fn into_stream(self) -> impl Stream<Item = std::result::Result<Bytes, SendError>> + Send {
        futures::stream::try_unfold(self, |mut this| async move {
            let part = this.next().await?;
            Ok(part.map(|part| (part, this)))
        })
    }

    /// The next part; slivers that are not there are left out.
    async fn next(&mut self) -> std::result::Result<Option<Bytes>, SendError> {
        loop {
            if let Some(current) = &mut self.current
                && let Some(part) = current.parts.next()
            {
                return Ok(Some(part));
            }
            // Its memory is given back before more is taken.
            self.current = None;
            let Some(pair) = self.pairs.next() else {
                return Ok(None);
            };
            let memory = self.memory.take(self.caller, self.length).await?;
            let payload = match self
                .reads
                .sliver(self.blob_id, pair, self.sliver_type)
                .await
            {
                Ok(payload) => payload,
                Err(ReadError::SliverNotFound) => continue,
                Err(error) => return Err(error.into()),
            };
            let name = PieceName::Sliver(pair, self.sliver_type);
            if let Some(header) = PieceHeader::of(name, &payload) {
                self.metrics.user.sliver_retrieved(self.sliver_type);
                self.current = Some(Current {
                    parts: Box::new(header.parts(payload.into())),
                    _memory: memory,
                });
            }
        }
    }
}
