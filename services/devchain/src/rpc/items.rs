//! Items of the ledger that lists and subscriptions hand out: checkpoints, transactions, events.

use std::sync::Arc;

use sui_rpc::field::{FieldMaskTree, MessageFields};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::{QueryEnd, Watermark};
use tonic::Status;

use super::cursor::Cursor;
use super::filter::Filter;
use crate::history::{Checkpoint, Executed, Ordinal, Unreadable};
use crate::indexes::Indexes;
use crate::render;
use crate::render::transaction::Position;

/// A kind of item.
pub(super) trait Item: Send + 'static {
    /// An item as it is sent.
    type Message: MessageFields;
    /// One frame of a list of them.
    type Listed: Send + 'static;

    /// The mask when the request names none.
    const MASK: &'static str;
    /// Whether an item is a whole checkpoint, so that its frame covers it.
    const WHOLE: bool = false;

    /// The positions of the matching items of a checkpoint, in ascending order.
    fn matching(checkpoint: &Checkpoint, filter: Option<&Filter>) -> Vec<Cursor>;

    /// The item at a position, cut to the mask.
    fn render(
        indexes: &Indexes,
        position: Cursor,
        mask: &FieldMaskTree,
    ) -> Result<Option<Self::Message>, Status>;

    /// A frame of a list.
    fn listed(
        item: Option<Self::Message>,
        watermark: Watermark,
        end: Option<QueryEnd>,
    ) -> Self::Listed;
}

/// An item whose subscriptions have watermarks.
pub(super) trait Subscribed: Item {
    /// One frame of a subscription to them.
    type Sent: Send + 'static;

    /// A frame of a subscription.
    fn sent(item: Option<Self::Message>, watermark: Watermark) -> Self::Sent;
}

fn admits(filter: Option<&Filter>, executed: &Executed) -> bool {
    filter.is_none_or(|filter| filter.matches_transaction(executed))
}

/// The transaction at a position.
fn at(indexes: &Indexes, position: Cursor) -> Result<Option<Arc<Executed>>, Unreadable> {
    indexes.executed(Ordinal {
        checkpoint: position.checkpoint,
        index: position.transaction,
    })
}

/// Checkpoints; a filter is about their transactions.
pub(super) struct Checkpoints;

impl Item for Checkpoints {
    type Message = proto::Checkpoint;
    type Listed = proto::ListCheckpointsResponse;

    const MASK: &'static str = "sequence_number,digest";
    const WHOLE: bool = true;

    fn matching(checkpoint: &Checkpoint, filter: Option<&Filter>) -> Vec<Cursor> {
        let mut transactions = checkpoint.transactions.iter();
        let wanted = filter.is_none() || transactions.any(|executed| admits(filter, executed));
        wanted
            .then(|| Cursor::end_of(checkpoint.summary.sequence_number))
            .into_iter()
            .collect()
    }

    fn render(
        indexes: &Indexes,
        position: Cursor,
        mask: &FieldMaskTree,
    ) -> Result<Option<Self::Message>, Status> {
        let Some(checkpoint) = indexes.checkpoint(position.checkpoint)? else {
            return Ok(None);
        };
        let message = render::checkpoint::checkpoint(indexes, &checkpoint, mask)?;
        Ok(Some(message))
    }

    fn listed(
        item: Option<Self::Message>,
        watermark: Watermark,
        end: Option<QueryEnd>,
    ) -> Self::Listed {
        let mut message = Self::Listed::default();
        message.checkpoint = item;
        message.watermark = Some(watermark);
        message.end = end;
        message
    }
}

/// Executed transactions.
pub(super) struct Transactions;

impl Item for Transactions {
    type Message = proto::ExecutedTransaction;
    type Listed = proto::ListTransactionsResponse;

    const MASK: &'static str = "digest,checkpoint,transaction_index";

    fn matching(checkpoint: &Checkpoint, filter: Option<&Filter>) -> Vec<Cursor> {
        let transactions = checkpoint.transactions.iter();
        transactions
            .filter(|executed| admits(filter, executed))
            .map(|executed| Cursor::transaction(executed.checkpoint, executed.index))
            .collect()
    }

    fn render(
        indexes: &Indexes,
        position: Cursor,
        mask: &FieldMaskTree,
    ) -> Result<Option<Self::Message>, Status> {
        let Some(executed) = at(indexes, position)? else {
            return Ok(None);
        };
        Ok(Some(render::transaction::executed(
            indexes, &executed, mask,
        )?))
    }

    fn listed(
        item: Option<Self::Message>,
        watermark: Watermark,
        end: Option<QueryEnd>,
    ) -> Self::Listed {
        let mut message = Self::Listed::default();
        message.transaction = item;
        message.watermark = Some(watermark);
        message.end = end;
        message
    }
}

impl Subscribed for Transactions {
    type Sent = proto::SubscribeTransactionsResponse;

    fn sent(item: Option<Self::Message>, watermark: Watermark) -> Self::Sent {
        let mut message = Self::Sent::default();
        message.transaction = item;
        message.watermark = Some(watermark);
        message
    }
}

/// Events.
pub(super) struct Events;

impl Item for Events {
    type Message = proto::Event;
    type Listed = proto::ListEventsResponse;

    const MASK: &'static str = "checkpoint,transaction_index,event_index,event_type";

    fn matching(checkpoint: &Checkpoint, filter: Option<&Filter>) -> Vec<Cursor> {
        let transactions = checkpoint.transactions.iter();
        transactions
            .flat_map(|executed| {
                let events = executed.record.events.iter().flat_map(|events| &events.0);
                events
                    .enumerate()
                    .filter(move |(_, event)| {
                        filter.is_none_or(|filter| filter.matches_event(event))
                    })
                    .map(move |(index, _)| Cursor {
                        checkpoint: executed.checkpoint,
                        transaction: executed.index,
                        event: u32::try_from(index).unwrap_or(u32::MAX),
                    })
            })
            .collect()
    }

    fn render(
        indexes: &Indexes,
        position: Cursor,
        mask: &FieldMaskTree,
    ) -> Result<Option<Self::Message>, Status> {
        let (Some(executed), Ok(index)) = (at(indexes, position)?, usize::try_from(position.event))
        else {
            return Ok(None);
        };
        let record = &executed.record;
        let events = record.events.as_ref();
        let place = Position {
            checkpoint: executed.checkpoint,
            timestamp_ms: executed.timestamp_ms,
            index: executed.index,
        };
        Ok(events.and_then(|events| events.0.get(index)).map(|event| {
            render::transaction::event(indexes, record, event, index, Some(place), mask)
        }))
    }

    fn listed(
        item: Option<Self::Message>,
        watermark: Watermark,
        end: Option<QueryEnd>,
    ) -> Self::Listed {
        let mut message = Self::Listed::default();
        message.event = item;
        message.watermark = Some(watermark);
        message.end = end;
        message
    }
}

impl Subscribed for Events {
    type Sent = proto::SubscribeEventsResponse;

    fn sent(item: Option<Self::Message>, watermark: Watermark) -> Self::Sent {
        let mut message = Self::Sent::default();
        message.event = item;
        message.watermark = Some(watermark);
        message
    }
}
