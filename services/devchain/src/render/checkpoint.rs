//! Checkpoints as messages.

use std::collections::BTreeMap;

use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::{TooLarge, object, together, transaction};
use crate::indexes::{Checkpoint, Indexes};

/// A checkpoint with its transactions, cut to the mask.
pub(crate) fn checkpoint(
    indexes: &Indexes,
    checkpoint: &Checkpoint,
    mask: &FieldMaskTree,
) -> Result<proto::Checkpoint, TooLarge> {
    type Message = proto::Checkpoint;
    let mut message = Message::default();
    message.merge(&checkpoint.summary, mask);
    message.merge(checkpoint.signature.clone(), mask);
    message.merge(checkpoint.contents.clone(), mask);
    if let Some(submask) = mask.subtree(Message::TRANSACTIONS_FIELD.name) {
        let transactions = checkpoint.transactions.iter();
        message.transactions = together(
            transactions.map(|executed| transaction::executed(indexes, executed, &submask)),
        )?;
    }
    if let Some(submask) = mask.subtree(Message::OBJECTS_FIELD.name) {
        message.objects = Some(objects(indexes, checkpoint, &submask)?);
    }
    Ok(message)
}

/// Every object version that the transactions read or wrote, once, sorted by id and version.
fn objects(
    indexes: &Indexes,
    checkpoint: &Checkpoint,
    mask: &FieldMaskTree,
) -> Result<proto::ObjectSet, TooLarge> {
    let mut set = proto::ObjectSet::default();
    if let Some(submask) = mask.subtree(proto::ObjectSet::OBJECTS_FIELD.name) {
        let found: BTreeMap<_, _> = checkpoint
            .transactions
            .iter()
            .flat_map(|executed| transaction::touched_on_chain(indexes, executed))
            .map(|object| ((object.object_id(), object.version()), object))
            .collect();
        let rendered = found
            .values()
            .map(|found| object::object(indexes, found, &submask));
        set.objects = together(rendered)?;
    }
    Ok(set)
}
