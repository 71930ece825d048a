//! Executed transaction: what it did.

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Digest, Owner, StructTag};

use super::{GasCost, TransactionError};
use crate::chain::ObjectData;

/// A transaction that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutedTransaction {
    /// Digest.
    pub digest: Digest,
    /// The checkpoint it is in, once it is known.
    pub checkpoint: Option<u64>,
    /// Objects it changed.
    pub changes: Vec<ObjectChange>,
    /// Events: type and BCS.
    pub events: Vec<(StructTag, Vec<u8>)>,
    /// Objects as it left them, as far as the chain told.
    pub objects: Vec<ObjectData>,
    /// Gas paid in MIST: computation + storage - rebate; may be negative.
    pub gas_used: i128,
}

/// One changed object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectChange {
    /// Object ID.
    pub id: Address,
    /// What happened.
    pub kind: ObjectChangeKind,
    /// Version before; `None` if it was not there.
    pub input_version: Option<u64>,
    /// The type; `None` for packages and where the chain did not say.
    pub object_type: Option<StructTag>,
    /// The owner afterwards.
    pub owner: Option<Owner>,
    /// Version and digest afterwards.
    pub output: Option<(u64, Digest)>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectChangeKind {
    /// It is new.
    Created,
    /// It is a new package.
    Published,
    /// It was written, wrapped or unwrapped.
    Mutated,
    /// It is gone.
    Deleted,
}

impl ExecutedTransaction {
    /// IDs of the objects created with the type `module::name`, of whatever package.
    pub fn created(&self, module: &str, name: &str) -> Vec<Address> {
        self.changes
            .iter()
            .filter(|change| change.kind == ObjectChangeKind::Created)
            .filter(|change| {
                change.object_type.as_ref().is_some_and(|tag| {
                    tag.module().as_str() == module && tag.name().as_str() == name
                })
            })
            .map(|change| change.id)
            .collect()
    }

    /// The only object created with the type `module::name`.
    ///
    /// # Errors
    /// [`TransactionError::UnexpectedEffects`] when there is none or more than one.
    pub fn created_one(&self, module: &str, name: &str) -> Result<Address, TransactionError> {
        match self.created(module, name).as_slice() {
            [id] => Ok(*id),
            _ => Err(self.unexpected(format!("single new {module}::{name}"))),
        }
    }

    /// The package published by this transaction.
    ///
    /// # Errors
    /// [`TransactionError::UnexpectedEffects`].
    pub fn published(&self) -> Result<Address, TransactionError> {
        self.changes
            .iter()
            .find(|change| change.kind == ObjectChangeKind::Published)
            .map(|change| change.id)
            .ok_or_else(|| self.unexpected("published package".to_owned()))
    }

    pub(super) fn unexpected(&self, expected: String) -> TransactionError {
        TransactionError::UnexpectedEffects {
            digest: self.digest,
            expected,
        }
    }

    /// Reads the chain's answer; an execution that failed is an error.
    pub(super) fn from_proto(
        digest: Digest,
        answer: &proto::ExecutedTransaction,
    ) -> Result<Self, TransactionError> {
        let effects = answer.effects();
        let status = effects.status();
        if !status.success() {
            return Err(TransactionError::from_execution(
                status.error(),
                Some(digest),
            ));
        }
        let events = answer.events().events().iter().filter_map(|event| {
            Some((
                event.event_type().parse().ok()?,
                event.contents().value().to_vec(),
            ))
        });
        let changes = effects.changed_objects().iter();
        let changes: Vec<_> = changes.filter_map(change).collect();
        let objects = answer.objects().objects().iter();
        let objects = objects.filter_map(|object| ObjectData::from_proto("", object).ok());
        let objects = objects.filter(|object| is_left(&changes, object)).collect();
        Ok(Self {
            digest,
            checkpoint: answer.checkpoint_opt(),
            changes,
            objects,
            events: events.collect(),
            gas_used: GasCost::of(effects).net(),
        })
    }
}

/// Whether an object is what a transaction left, not what it found.
fn is_left(changes: &[ObjectChange], object: &ObjectData) -> bool {
    let left = |change: &ObjectChange| {
        let version = change.output.map(|(version, _)| version);
        change.id == object.id && version == Some(object.version)
    };
    changes.iter().any(left)
}

/// Reads one changed object; `None` for accumulator entries and objects that never left the transaction.
fn change(changed: &proto::ChangedObject) -> Option<ObjectChange> {
    use proto::changed_object::{IdOperation, OutputObjectState};
    let state = changed.output_state();
    let kind = match (changed.id_operation(), state) {
        (_, OutputObjectState::PackageWrite) => ObjectChangeKind::Published,
        (IdOperation::Created, OutputObjectState::ObjectWrite) => ObjectChangeKind::Created,
        (IdOperation::Deleted, _) => ObjectChangeKind::Deleted,
        (_, OutputObjectState::ObjectWrite) => ObjectChangeKind::Mutated,
        (IdOperation::None, OutputObjectState::DoesNotExist) => ObjectChangeKind::Mutated,
        _ => return None,
    };
    Some(ObjectChange {
        id: changed.object_id().parse().ok()?,
        kind,
        input_version: changed.input_version_opt(),
        object_type: changed.object_type().parse().ok(),
        owner: changed
            .output_owner_opt()
            .and_then(|owner| Owner::try_from(owner).ok()),
        output: changed
            .output_version_opt()
            .zip(changed.output_digest().parse().ok()),
    })
}
