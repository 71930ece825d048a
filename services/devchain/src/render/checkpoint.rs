//! Checkpoints.

use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::transaction;
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

fn objects(indexes: &Indexes, checkpoint: &Checkpoint, mask: &FieldMaskTree) -> proto::ObjectSet {
    let mut wrapped = FieldMaskTree::default();
    let paths = mask.to_field_mask().paths;
    if paths.is_empty() {
        wrapped.add_field_path("objects");
    }
    for path in paths {
        wrapped.add_field_path(&format!("objects.{path}"));
    }
    let mut set = proto::ObjectSet::default();
    for executed in indexes.transactions_of(checkpoint) {
        let rendered = transaction::executed(indexes, executed, &wrapped);
        set.objects
            .extend(rendered.objects.unwrap_or_default().objects);
    }
    set.objects
        .dedup_by(|a, b| a.object_id == b.object_id && a.version == b.version);
    set
}
