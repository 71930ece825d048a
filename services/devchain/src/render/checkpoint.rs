//! Checkpoints as messages.

use std::collections::BTreeMap;

use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::{RenderError, object, together, transaction};
use crate::history::Checkpoint;
use crate::indexes::Indexes;

/// A checkpoint with its transactions, cut to the mask.
pub(crate) fn checkpoint(
    indexes: &Indexes,
    checkpoint: &Checkpoint,
    mask: &FieldMaskTree,
) -> Result<proto::Checkpoint, RenderError> {
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
) -> Result<proto::ObjectSet, RenderError> {
    let mut set = proto::ObjectSet::default();
    if let Some(submask) = mask.subtree(proto::ObjectSet::OBJECTS_FIELD.name) {
        let mut found = BTreeMap::new();
        for executed in &checkpoint.transactions {
            let touched = transaction::touched_on_chain(indexes, executed)?;
            let keyed = touched.into_iter();
            found.extend(keyed.map(|object| ((object.object_id(), object.version()), object)));
        }
        let rendered = found
            .values()
            .map(|found| Ok::<_, RenderError>(object::object(indexes, found, &submask)));
        set.objects = together(rendered)?;
    }
    Ok(set)
}
