//! Executed transactions, their effects and events.

use std::sync::Arc;

use prost_types::Timestamp;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::execution_error::{ErrorDetails, ExecutionErrorKind};
use sui_rpc::proto::timestamp_ms_to_proto;
use sui_sdk_types::{
    Address, ChangedObject, Event, Object, ObjectIn, ObjectOut, ObjectType, TransactionEffects,
    TransactionEffectsV2, TransactionEvents, UnchangedConsensusKind, Version,
};

use super::cut::cut;
use super::{clever, json, object, type_text};
use crate::history::{Executed, Unreadable};
use crate::indexes::Indexes;
use crate::record::{Amount, TransactionRecord};

/// The `object_type` of packages.
const PACKAGE: &str = "package";

/// Where a transaction stands on the chain; `None` in simulations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) checkpoint: u64,
    pub(crate) timestamp_ms: u64,
    pub(crate) index: u64,
}

/// Where objects that the transaction wrote or read are looked up.
pub(crate) struct Objects<'a> {
    pub(crate) indexes: &'a Indexes,
    /// Objects that are not on the chain: those of a simulation.
    pub(crate) pending: &'a [Arc<Object>],
}

impl Objects<'_> {
    fn at(&self, id: &Address, version: Version) -> Result<Option<Arc<Object>>, Unreadable> {
        let mut pending = self.pending.iter();
        match pending.find(|object| object.object_id() == *id && object.version() == version) {
            Some(object) => Ok(Some(Arc::clone(object))),
            None => self.indexes.at_version(id, version),
        }
    }

    fn type_at(&self, id: &Address, version: Version) -> Result<Option<String>, Unreadable> {
        let found = self.at(id, version)?;
        Ok(found.map(|object| type_name(&object)))
    }
}

fn type_name(object: &Object) -> String {
    match object.object_type() {
        ObjectType::Package => PACKAGE.into(),
        ObjectType::Struct(tag) => type_text::canonical(&tag),
    }
}

/// A transaction of the chain, cut to the mask.
pub(crate) fn executed(
    indexes: &Indexes,
    executed: &Executed,
    mask: &FieldMaskTree,
) -> Result<proto::ExecutedTransaction, Unreadable> {
    let objects = Objects {
        indexes,
        pending: &[],
    };
    let position = Position {
        checkpoint: executed.checkpoint,
        timestamp_ms: executed.timestamp_ms,
        index: executed.index,
    };
    transaction(&objects, &executed.record, Some(position), mask)
}

/// Every object version that a transaction of the chain read or wrote.
pub(crate) fn touched_on_chain(
    indexes: &Indexes,
    executed: &Executed,
) -> Result<Vec<Arc<Object>>, Unreadable> {
    let objects = Objects {
        indexes,
        pending: &[],
    };
    touched(&objects, &executed.record.effects)
}

/// A transaction with or without a place on the chain, cut to the mask.
pub(crate) fn transaction(
    objects: &Objects<'_>,
    record: &TransactionRecord,
    position: Option<Position>,
    mask: &FieldMaskTree,
) -> Result<proto::ExecutedTransaction, Unreadable> {
    type Message = proto::ExecutedTransaction;
    let mut message = Message::default();
    if mask.contains(Message::DIGEST_FIELD.name) {
        message.digest = Some(record.digest().to_string());
    }
    if let Some(submask) = mask.subtree(Message::TRANSACTION_FIELD.name) {
        let mut transaction = proto::Transaction::merge_from(record.transaction.clone(), &submask);
        type_text::canonicalize_transaction(&mut transaction);
        message.transaction = Some(cut(transaction, &submask));
    }
    if let Some(submask) = mask.subtree(Message::SIGNATURES_FIELD.name) {
        message.signatures = record
            .signatures
            .iter()
            .map(|signature| proto::UserSignature::merge_from(signature.clone(), &submask))
            .collect();
    }
    if let Some(submask) = mask.subtree(Message::EFFECTS_FIELD.name) {
        message.effects = Some(effects(objects, record, &submask)?);
    }
    if let Some(submask) = mask.subtree(Message::EVENTS_FIELD.name) {
        message.events = record
            .events
            .as_ref()
            .map(|list| events(objects.indexes, record, list, position, &submask));
    }
    if let Some(position) = position {
        if mask.contains(Message::CHECKPOINT_FIELD.name) {
            message.checkpoint = Some(position.checkpoint);
        }
        if mask.contains(Message::TIMESTAMP_FIELD.name) {
            message.timestamp = Some(timestamp(position.timestamp_ms));
        }
        if mask.contains(Message::TRANSACTION_INDEX_FIELD.name) {
            message.transaction_index = Some(position.index);
        }
    }
    if mask.contains(Message::BALANCE_CHANGES_FIELD.name) {
        message.balance_changes = record.balance_changes.iter().map(balance_change).collect();
    }
    if let Some(submask) = mask.subtree(Message::OBJECTS_FIELD.name)
        && let Some(submask) = submask.subtree(proto::ObjectSet::OBJECTS_FIELD.name)
    {
        let mut set = proto::ObjectSet::default();
        set.objects = touched(objects, &record.effects)?
            .iter()
            .map(|found| object::object(objects.indexes, found, &submask))
            .collect();
        message.objects = Some(set);
    }
    Ok(message)
}

/// Milliseconds since 1970 as a proto timestamp.
pub(crate) fn timestamp(timestamp_ms: u64) -> Timestamp {
    timestamp_ms_to_proto(timestamp_ms)
}

fn balance_change(change: &Amount) -> proto::BalanceChange {
    let mut message = proto::BalanceChange::default();
    message.address = Some(change.address.to_string());
    message.coin_type = Some(type_text::canonical(&change.coin_type));
    message.amount = Some(change.amount.to_string());
    message
}

fn effects(
    objects: &Objects<'_>,
    record: &TransactionRecord,
    mask: &FieldMaskTree,
) -> Result<proto::TransactionEffects, Unreadable> {
    type Message = proto::TransactionEffects;
    let mut message = Message::merge_from(&record.effects, mask);
    for changed in message
        .changed_objects
        .iter_mut()
        .chain(&mut message.gas_object)
    {
        if let Some(write) = &mut changed.accumulator_write {
            type_text::canonicalize(&mut write.accumulator_type);
        }
    }
    if let TransactionEffects::V2(effects) = &record.effects {
        add_types(objects, effects, mask, &mut message)?;
    }
    if let Some(error) = message.status.as_mut().and_then(|s| s.error.as_mut()) {
        if let Some(ErrorDetails::Abort(abort)) = &mut error.error_details {
            clever::explain(objects.indexes, abort);
        }
        if error.description.is_none() {
            error.description = describe(error.kind(), record.error_message.as_deref());
        }
    }
    Ok(message)
}

/// BCS effects hold no types; they come from the objects themselves, whatever else the mask leaves of them.
fn add_types(
    objects: &Objects<'_>,
    effects: &TransactionEffectsV2,
    mask: &FieldMaskTree,
    message: &mut proto::TransactionEffects,
) -> Result<(), Unreadable> {
    let wanted = |list: &str, field: &str| {
        mask.subtree(list)
            .is_some_and(|submask| submask.contains(field))
    };
    let field = proto::ChangedObject::OBJECT_TYPE_FIELD.name;
    if wanted(proto::TransactionEffects::CHANGED_OBJECTS_FIELD.name, field) {
        let all = message.changed_objects.iter_mut();
        for (shown, changed) in all.zip(&effects.changed_objects) {
            shown.object_type = changed_type(objects, effects, changed)?;
        }
    }
    if wanted(proto::TransactionEffects::GAS_OBJECT_FIELD.name, field)
        && let Some(shown) = &mut message.gas_object
        && let Some(index) = effects.gas_object_index
        && let Ok(index) = usize::try_from(index)
        && let Some(changed) = effects.changed_objects.get(index)
    {
        shown.object_type = changed_type(objects, effects, changed)?;
    }
    if wanted(
        proto::TransactionEffects::UNCHANGED_CONSENSUS_OBJECTS_FIELD.name,
        proto::UnchangedConsensusObject::OBJECT_TYPE_FIELD.name,
    ) {
        let all = message.unchanged_consensus_objects.iter_mut();
        for (shown, unchanged) in all.zip(&effects.unchanged_consensus_objects) {
            shown.object_type = match unchanged.kind {
                UnchangedConsensusKind::ReadOnlyRoot { version, .. } => {
                    objects.type_at(&unchanged.object_id, version)?
                }
                _ => None,
            };
        }
    }
    Ok(())
}

/// The type of an object as it was after the transaction, or before it if there is none after it.
fn changed_type(
    objects: &Objects<'_>,
    effects: &TransactionEffectsV2,
    changed: &ChangedObject,
) -> Result<Option<String>, Unreadable> {
    let output = match changed.output_state {
        ObjectOut::ObjectWrite { .. } => Some(effects.lamport_version),
        ObjectOut::PackageWrite { version, .. } => Some(version),
        _ => None,
    };
    let input = match changed.input_state {
        ObjectIn::Exist { version, .. } => Some(version),
        _ => None,
    };
    for version in [output, input].into_iter().flatten() {
        if let Some(found) = objects.type_at(&changed.object_id, version)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A sentence that names the kind of the error: `InsufficientGas: …`.
fn describe(kind: ExecutionErrorKind, message: Option<&str>) -> Option<String> {
    let message = message?;
    let name: String = kind
        .as_str_name()
        .split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .into_iter()
                .chain(letters.map(|letter| letter.to_ascii_lowercase()))
        })
        .collect();
    Some(if message.contains(&name) {
        message.to_owned()
    } else {
        format!("{name}: {message}")
    })
}

/// Every object version that the effects read or wrote, sorted by id and version.
fn touched(
    objects: &Objects<'_>,
    effects: &TransactionEffects,
) -> Result<Vec<Arc<Object>>, Unreadable> {
    let message = proto::TransactionEffects::merge_from(effects, &FieldMaskTree::new_wildcard());
    let mut keys: Vec<(Address, Version)> = message
        .changed_objects
        .iter()
        .filter_map(|changed| {
            let id: Address = changed.object_id.as_deref()?.parse().ok()?;
            Some((id, [changed.input_version, changed.output_version]))
        })
        .flat_map(|(id, versions)| versions.into_iter().flatten().map(move |v| (id, v)))
        .collect();
    keys.extend(message.unchanged_consensus_objects.iter().filter_map(|u| {
        let id: Address = u.object_id.as_deref()?.parse().ok()?;
        Some((id, u.version?))
    }));
    keys.sort_unstable();
    keys.dedup();
    keys.iter()
        .filter_map(|(id, version)| objects.at(id, *version).transpose())
        .collect()
}

fn events(
    indexes: &Indexes,
    record: &TransactionRecord,
    list: &TransactionEvents,
    position: Option<Position>,
    mask: &FieldMaskTree,
) -> proto::TransactionEvents {
    type Message = proto::TransactionEvents;
    let mut message = Message::merge_from(list.clone(), mask);
    if let Some(submask) = mask.subtree(Message::EVENTS_FIELD.name) {
        message.events = list
            .0
            .iter()
            .enumerate()
            .map(|(index, found)| event(indexes, record, found, index, position, &submask))
            .collect();
    }
    message
}

/// One event with its place, cut to the mask.
pub(crate) fn event(
    indexes: &Indexes,
    record: &TransactionRecord,
    event: &Event,
    event_index: usize,
    position: Option<Position>,
    mask: &FieldMaskTree,
) -> proto::Event {
    type Message = proto::Event;
    let mut message = Message::merge_from(event.clone(), mask);
    type_text::canonicalize(&mut message.event_type);
    if let Some(contents) = &mut message.contents {
        type_text::canonicalize(&mut contents.name);
    }
    if mask.contains(Message::JSON_FIELD.name) {
        message.json = json::render_struct(indexes, &event.type_, &event.contents).map(Box::new);
    }
    if mask.contains(Message::TRANSACTION_DIGEST_FIELD.name) {
        message.transaction_digest = Some(record.digest().to_string());
    }
    if mask.contains(Message::EVENT_INDEX_FIELD.name) {
        message.event_index = u32::try_from(event_index).ok();
    }
    if let Some(position) = position {
        if mask.contains(Message::CHECKPOINT_FIELD.name) {
            message.checkpoint = Some(position.checkpoint);
        }
        if mask.contains(Message::TRANSACTION_INDEX_FIELD.name) {
            message.transaction_index = Some(position.index);
        }
    }
    message
}
