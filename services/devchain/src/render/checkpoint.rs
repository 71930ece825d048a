//! Checkpoints.

use std::collections::BTreeMap;

use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::{object, transaction};
use crate::indexes::{Checkpoint, Indexes};

/// A checkpoint with its transactions, cut to the mask.
pub(crate) fn checkpoint(
    indexes: &Indexes,
    checkpoint: &Checkpoint,
    mask: &FieldMaskTree,
) -> proto::Checkpoint {
    type Message = proto::Checkpoint;
    let mut message = Message::default();
    message.merge(&checkpoint.summary, mask);
    message.merge(checkpoint.signature.clone(), mask);
    message.merge(checkpoint.contents.clone(), mask);
    if let Some(submask) = mask.subtree(Message::TRANSACTIONS_FIELD.name) {
        message.transactions = indexes
            .transactions_of(checkpoint)
            .iter()
            .map(|executed| transaction::executed(indexes, executed, &submask))
            .collect();
    }
    if let Some(submask) = mask.subtree(Message::OBJECTS_FIELD.name) {
        message.objects = Some(objects(indexes, checkpoint, &submask));
    }
    message
}

/// Every object version that the transactions read or wrote, once, sorted by id and version.
fn objects(indexes: &Indexes, checkpoint: &Checkpoint, mask: &FieldMaskTree) -> proto::ObjectSet {
    let mut set = proto::ObjectSet::default();
    if let Some(submask) = mask.subtree(proto::ObjectSet::OBJECTS_FIELD.name) {
        let found: BTreeMap<_, _> = indexes
            .transactions_of(checkpoint)
            .iter()
            .flat_map(|executed| transaction::touched_on_chain(indexes, executed))
            .map(|object| ((object.object_id(), object.version()), object))
            .collect();
        set.objects = found
            .values()
            .map(|found| object::object(indexes, found, &submask))
            .collect();
    }
    set
}
