//! Checkpoint events: the contract's events of one checkpoint.

use std::collections::BTreeSet;

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Digest, StructTag};

use super::{EventSource, StreamItem};
use crate::{
    chain::ChainError,
    events::{ContractEvent, EventId, EventPosition},
};

/// What every checkpoint read asks for.
pub(super) const CHECKPOINT_MASK: [&str; 4] = [
    "sequence_number",
    "summary.timestamp",
    "transactions.digest",
    "transactions.events",
];

const CALL: &str = "GetCheckpoint";

/// The items of a checkpoint from `cursor` on, in order, without the watermark.
pub(super) fn items(
    checkpoint: &proto::Checkpoint,
    source: &EventSource,
    cursor: EventPosition,
) -> Result<Vec<StreamItem>, ChainError> {
    let mut items = Vec::new();
    let sequence = checkpoint
        .sequence_number_opt()
        .ok_or_else(|| ChainError::malformed(CALL, "no sequence number"))?;
    for (transaction_index, transaction) in (0u32..).zip(checkpoint.transactions()) {
        for (event_index, event) in (0u32..).zip(transaction.events().events()) {
            let position = EventPosition {
                checkpoint: sequence,
                transaction_index,
                event_index,
            };
            let tag: StructTag = event.event_type().parse().map_err(|error| {
                ChainError::malformed(CALL, format!("event {position}: {error}"))
            })?;
            match source.is_ours(tag.address()) {
                Some(true) => {}
                Some(false) => continue,
                // Silently dropped, it would shift the numbers of all events after it.
                None => {
                    return Err(ChainError::malformed(
                        CALL,
                        format!("the package of event {position}, {tag}, was not looked up"),
                    ));
                }
            }
            let item = decode(
                &tag,
                event.contents().value(),
                position,
                transaction.digest(),
            )?;
            if position >= cursor {
                items.push(item);
            }
        }
    }
    Ok(items)
}

/// Packages whose types the events of a checkpoint have, each once.
pub(super) fn packages(checkpoint: &proto::Checkpoint) -> Result<BTreeSet<Address>, ChainError> {
    let transactions = checkpoint.transactions().iter();
    let events = transactions.flat_map(|transaction| transaction.events().events());
    events
        .map(|event| {
            let tag: StructTag = event.event_type().parse().map_err(|error| {
                ChainError::malformed(CALL, format!("{}: {error}", event.event_type()))
            })?;
            Ok(*tag.address())
        })
        .collect()
}

fn decode(
    tag: &StructTag,
    contents: &[u8],
    position: EventPosition,
    digest: &str,
) -> Result<StreamItem, ChainError> {
    let transaction_digest: Digest = digest.parse().map_err(|error| {
        ChainError::malformed(CALL, format!("digest of event {position}: {error}"))
    })?;
    let id = EventId {
        transaction_digest,
        event_index: position.event_index,
    };
    Ok(match ContractEvent::decode(tag, contents) {
        Ok(event) => StreamItem::Event {
            position,
            id,
            event,
        },
        Err(error) => StreamItem::Malformed {
            position,
            reason: format!("{tag}: {error}"),
        },
    })
}

/// Milliseconds since 1970; 0 where the checkpoint does not say.
pub(super) fn timestamp_ms(checkpoint: &proto::Checkpoint) -> u64 {
    let Some(time) = checkpoint.summary().timestamp.as_ref() else {
        return 0;
    };
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let millis = u64::try_from(time.nanos).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(millis)
}
