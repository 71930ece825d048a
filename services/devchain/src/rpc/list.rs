//! ListCheckpoints, ListTransactions, ListEvents: bounded scans with resumable cursors and
//! watermarks (devchain spec 1.2).

use std::sync::Arc;

use futures::StreamExt;
use prost_types::FieldMask;
use sui_rpc::proto::sui::rpc::v2::{Ordering, QueryEnd, QueryEndReason, QueryOptions, Watermark};
use tonic::Status;
use tonic::codegen::BoxStream;

use super::cursor::Cursor;
use super::error::invalid;
use super::filter::Filter;
use super::items::Item;
use super::{Context, parse};
use crate::history::{Spot, Unreadable};
use crate::indexes::Indexes;
use crate::limits::{DEFAULT_STREAM_LIMIT, MAX_STREAM_LIMIT, MAX_STREAM_SCAN};

/// The bounds of a scan.
pub(super) struct Query {
    start: Option<u64>,
    end: Option<u64>,
    after: Option<Cursor>,
    before: Option<Cursor>,
    descending: bool,
    limit: usize,
}

impl Query {
    pub(super) fn new(
        start: Option<u64>,
        end: Option<u64>,
        options: Option<QueryOptions>,
    ) -> Result<Self, Status> {
        let options = options.unwrap_or_default();
        let cursor = |field: &str, bytes: &Option<prost::bytes::Bytes>| {
            bytes
                .as_deref()
                .map(|bytes| Cursor::decode(field, bytes))
                .transpose()
        };
        let descending = match options.ordering.map(Ordering::try_from) {
            None | Some(Ok(Ordering::Ascending)) => false,
            Some(Ok(Ordering::Descending)) => true,
            Some(_) => return Err(invalid("options.ordering", "unknown ordering")),
        };
        Ok(Self {
            start,
            end,
            after: cursor("options.after", &options.after)?,
            before: cursor("options.before", &options.before)?,
            descending,
            limit: options.limit.map_or(DEFAULT_STREAM_LIMIT, |limit| {
                usize::try_from(limit)
                    .unwrap_or(MAX_STREAM_LIMIT)
                    .clamp(1, MAX_STREAM_LIMIT)
            }),
        })
    }

    fn admits(&self, position: Cursor) -> bool {
        self.after.is_none_or(|after| position > after)
            && self.before.is_none_or(|before| position < before)
    }

    /// The first checkpoint that can hold admitted items.
    fn lowest(&self) -> u64 {
        let after = self.after.map_or(0, |after| after.checkpoint);
        self.start.unwrap_or(0).max(after)
    }

    /// The checkpoint after the last one that can hold admitted items, and what sets that bound.
    fn upper(&self, tip: u64) -> (u64, QueryEndReason) {
        let mut upper = (tip.saturating_add(1), QueryEndReason::LedgerTip);
        if let Some(end) = self.end.filter(|end| *end <= upper.0) {
            upper = (end, QueryEndReason::CheckpointBound);
        }
        if let Some(before) = self.before.filter(|before| before.checkpoint < upper.0) {
            upper = (
                before.checkpoint.saturating_add(1),
                QueryEndReason::CursorBound,
            );
        }
        upper
    }
}

/// One frame before rendering.
#[derive(Clone, Debug)]
struct Frame {
    item: Option<Cursor>,
    watermark: Watermark,
    end: Option<QueryEnd>,
}

fn end(reason: QueryEndReason) -> Option<QueryEnd> {
    let mut end = QueryEnd::default();
    end.reason = Some(reason.into());
    Some(end)
}

/// Plans all frames.
fn plan<I: Item>(
    query: &Query,
    indexes: &Indexes,
    filter: Option<&Filter>,
) -> Result<Vec<Frame>, Unreadable> {
    let tip = indexes.tip().map_or(0, |tip| tip.summary.sequence_number);
    let (upper, reason) = query.upper(tip);
    let lowest = query.lowest();
    let mut frames = Vec::new();
    let mut covered = None;
    let mut last_cursor = None;
    let mut scanned = 0u64;
    let mut numbers: Box<dyn Iterator<Item = u64>> = if query.descending {
        Box::new((lowest..upper).rev())
    } else {
        Box::new(lowest..upper)
    };
    while let Some(number) = numbers.next()
        && let Some(spot) = indexes.spot(number)
    {
        let mut found = matching::<I>(indexes, number, &spot, filter)?;
        found.retain(|position| query.admits(*position));
        if query.descending {
            found.reverse();
        }
        last_cursor = found.last().copied().or(last_cursor);
        let covered_by_item = if I::WHOLE { Some(number) } else { covered };
        if emit(&mut frames, query.limit, found, covered_by_item) {
            return Ok(frames);
        }
        if !cut(query, number) {
            covered = Some(number);
        }
        scanned = scanned.saturating_add(spot.weight);
        let more = if query.descending {
            number > lowest
        } else {
            number.saturating_add(1) < upper
        };
        if scanned >= MAX_STREAM_SCAN && more {
            let frontier = frontier(query.descending, number);
            frames.push(Frame {
                item: None,
                watermark: frontier.watermark(covered),
                end: end(QueryEndReason::ScanLimit),
            });
            return Ok(frames);
        }
    }
    frames.push(last_frame(
        query,
        lowest,
        upper,
        reason,
        tip,
        covered,
        last_cursor,
    ));
    Ok(frames)
}

/// The matching items of a checkpoint, which is read only if its marks allow any.
fn matching<I: Item>(
    indexes: &Indexes,
    number: u64,
    spot: &Spot,
    filter: Option<&Filter>,
) -> Result<Vec<Cursor>, Unreadable> {
    if filter.is_some_and(|filter| !filter.may_match(&spot.marks)) {
        return Ok(Vec::new());
    }
    let checkpoint = indexes.checkpoint(number)?;
    Ok(checkpoint.map_or_else(Vec::new, |checkpoint| I::matching(&checkpoint, filter)))
}

/// Plans a list away from the threads that serve connections, as many at a time as there are places.
async fn planned(
    context: &Context,
    work: impl FnOnce(&Indexes) -> Result<Vec<Frame>, Unreadable> + Send + 'static,
) -> Result<Vec<Frame>, Status> {
    let permit = Arc::clone(&context.scans)
        .acquire_owned()
        .await
        .map_err(|_| Status::unavailable("the chain is shutting down"))?;
    let indexes = context.ledger.state().read();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work(&indexes)
    })
    .await
    .map_err(|error| Status::internal(format!("the list could not be made: {error}")))?
    .map_err(Status::from)
}

/// Adds item frames; whether the limit is reached, which the last frame then says.
fn emit(frames: &mut Vec<Frame>, limit: usize, found: Vec<Cursor>, covered: Option<u64>) -> bool {
    let room = limit.saturating_sub(frames.len());
    frames.extend(found.into_iter().take(room).map(|position| Frame {
        item: Some(position),
        watermark: position.watermark(covered),
        end: None,
    }));
    let full = frames.len() >= limit;
    if let Some(last) = frames.last_mut().filter(|_| full) {
        last.end = end(QueryEndReason::ItemLimit);
    }
    full
}

/// Whether the cursor at the far end of the scan cuts this checkpoint, which then is not covered.
fn cut(query: &Query, number: u64) -> bool {
    if query.descending {
        query.after.is_some_and(|after| after.checkpoint == number)
    } else {
        query
            .before
            .is_some_and(|before| before.checkpoint == number)
    }
}

/// The resume point behind a completely scanned checkpoint.
fn frontier(descending: bool, number: u64) -> Cursor {
    if descending {
        Cursor::start_of(number)
    } else {
        Cursor::end_of(number)
    }
}

fn last_frame(
    query: &Query,
    lowest: u64,
    upper: u64,
    reason: QueryEndReason,
    tip: u64,
    covered: Option<u64>,
    last_cursor: Option<Cursor>,
) -> Frame {
    let (cursor, reason) = if query.descending {
        match query.after {
            _ if lowest > tip => (
                query.before.unwrap_or(Cursor::end_of(tip)),
                QueryEndReason::LedgerTip,
            ),
            Some(after) if after.checkpoint >= query.start.unwrap_or(0) => {
                (after, QueryEndReason::CursorBound)
            }
            _ => {
                let bound = Cursor::start_of(query.start.unwrap_or(0));
                let floor = query.before.map_or(bound, |before| before.min(bound));
                (floor, QueryEndReason::CheckpointBound)
            }
        }
    } else {
        let bound = match (reason, query.before) {
            (QueryEndReason::CursorBound, Some(before)) => before,
            _ => upper
                .checked_sub(1)
                .map_or(Cursor::start_of(0), Cursor::end_of),
        };
        (query.after.map_or(bound, |after| after.max(bound)), reason)
    };
    // Never behind an item that was already sent.
    let cursor = match last_cursor {
        Some(last) if query.descending => cursor.min(last),
        Some(last) => cursor.max(last),
        None => cursor,
    };
    Frame {
        item: None,
        watermark: cursor.watermark(covered),
        end: end(reason),
    }
}

/// Lists the items that match.
///
/// # Errors
/// A mask that names fields which items do not have; a chain that stops.
pub(super) async fn items<I: Item>(
    context: &Context,
    mask: Option<FieldMask>,
    filter: Option<Filter>,
    query: Query,
) -> Result<BoxStream<I::Listed>, Status> {
    let mask = parse::mask::<I::Message>(mask, I::MASK)?;
    let frames = planned(context, move |indexes| {
        plan::<I>(&query, indexes, filter.as_ref())
    })
    .await?;
    let ledger = context.ledger.clone();
    // One frame is rendered when the transport asks for it, so a slow reader costs no memory.
    let stream = futures::stream::iter(frames).map(move |frame| {
        let indexes = ledger.state().read();
        let item = match frame.item {
            Some(position) => I::render(&indexes, position, &mask)?,
            None => None,
        };
        Ok(I::listed(item, frame.watermark, frame.end))
    });
    Ok(stream.boxed())
}
