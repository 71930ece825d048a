//! Effects version 2 from the changes of a transaction (devchain spec 2.6 and 2.9).

use std::collections::{BTreeMap, BTreeSet};

use sui_sdk_types::{
    AccumulatorOperation, AccumulatorValue, AccumulatorWrite, Address, ChangedObject, Digest,
    EpochId, ExecutionStatus, GasCostSummary, IdOperation, Identifier, Object, ObjectData,
    ObjectIn, ObjectOut, StructTag, TransactionEffectsV2, TransactionEvents, TypeTag,
    UnchangedConsensusKind, UnchangedConsensusObject, Version,
};

use crate::changes::Changes;
use crate::inputs::{Inputs, is_consensus};
use crate::payment::Payment;

const ACCUMULATOR_ROOT: Address = Address::from_static("0xacc");

/// What effects say besides the changes.
pub(crate) struct Frame {
    pub(crate) status: ExecutionStatus,
    pub(crate) epoch: EpochId,
    pub(crate) gas: GasCostSummary,
    pub(crate) digest: Digest,
    pub(crate) lamport_version: Version,
    pub(crate) dependencies: BTreeSet<Digest>,
}

/// Builds the effects.
pub(crate) fn build(frame: Frame, inputs: &Inputs, changes: &Changes) -> TransactionEffectsV2 {
    let changed = changed_objects(inputs, changes);
    let unchanged_consensus_objects =
        unchanged_consensus_objects(inputs, &changed, &changes.config_reads);
    let gas_object_index = match &inputs.payment {
        Payment::Coins(coins) => coins
            .first()
            .and_then(|gas| changed.keys().position(|id| id == gas))
            .and_then(|index| u32::try_from(index).ok()),
        _ => None,
    };
    let events_digest =
        (!changes.events.is_empty()).then(|| TransactionEvents(changes.events.clone()).digest());
    TransactionEffectsV2 {
        status: frame.status,
        epoch: frame.epoch,
        gas_used: frame.gas,
        transaction_digest: frame.digest,
        gas_object_index,
        events_digest,
        dependencies: frame.dependencies.into_iter().collect(),
        lamport_version: frame.lamport_version,
        changed_objects: changed.into_values().collect(),
        unchanged_consensus_objects,
        auxiliary_data_digest: None,
    }
}

/// Every id with a state transition, in id order.
fn changed_objects(inputs: &Inputs, changes: &Changes) -> BTreeMap<Address, ChangedObject> {
    let ids: BTreeSet<Address> = changes
        .written
        .keys()
        .chain(&changes.created)
        .copied()
        .chain(changes.removed(inputs))
        .collect();
    let mut changed: BTreeMap<Address, ChangedObject> = ids
        .into_iter()
        .map(|id| (id, changed_object(inputs, changes, id)))
        .collect();
    for ((owner, coin_type), amount) in &changes.balances {
        if let Some(change) = accumulator_write(*owner, coin_type, *amount) {
            changed.insert(change.object_id, change);
        }
    }
    changed
}

fn changed_object(inputs: &Inputs, changes: &Changes, id: Address) -> ChangedObject {
    let input_state = match changes.before(inputs, &id) {
        Some(object) => ObjectIn::Exist {
            version: object.version(),
            digest: object.digest(),
            owner: *object.owner(),
        },
        None => ObjectIn::NotExist,
    };
    let output_state = changes
        .written
        .get(&id)
        .map_or(ObjectOut::NotExist, written_state);
    let id_operation = if changes.created.contains(&id) {
        IdOperation::Created
    } else if changes.deleted.contains(&id) {
        IdOperation::Deleted
    } else {
        IdOperation::None
    };
    ChangedObject {
        object_id: id,
        input_state,
        output_state,
        id_operation,
    }
}

fn written_state(object: &Object) -> ObjectOut {
    match object.data() {
        ObjectData::Struct(_) => ObjectOut::ObjectWrite {
            digest: object.digest(),
            owner: *object.owner(),
        },
        ObjectData::Package(package) => ObjectOut::PackageWrite {
            version: package.version,
            digest: object.digest(),
        },
    }
}

/// Shared inputs that were only read, in the order of the transaction; then configurations that are no inputs.
fn unchanged_consensus_objects(
    inputs: &Inputs,
    changed: &BTreeMap<Address, ChangedObject>,
    config_reads: &BTreeSet<Address>,
) -> Vec<UnchangedConsensusObject> {
    let configs = config_reads
        .iter()
        .filter(|id| !inputs.objects.contains_key(id))
        .map(|id| UnchangedConsensusObject {
            object_id: *id,
            kind: UnchangedConsensusKind::PerEpochConfig,
        });
    let read = inputs
        .consensus_order
        .iter()
        .filter(|id| !changed.contains_key(id))
        .filter_map(|id| {
            let object = &inputs.objects.get(id)?.object;
            is_consensus(object.owner()).then(|| UnchangedConsensusObject {
                object_id: *id,
                kind: UnchangedConsensusKind::ReadOnlyRoot {
                    version: object.version(),
                    digest: object.digest(),
                },
            })
        });
    read.chain(configs).collect()
}

/// `0x2::balance::Balance<T>`.
pub(crate) fn balance_type(coin_type: &TypeTag) -> TypeTag {
    StructTag::new(
        Address::TWO,
        Identifier::from_static("balance"),
        Identifier::from_static("Balance"),
        vec![coin_type.clone()],
    )
    .into()
}

/// Id of the accumulator of an address balance (devchain spec 2.2).
///
/// ```
/// # use sui_devchain_executor::accumulator_id;
/// # use sui_sdk_types::*;
/// let id = accumulator_id(Address::from_static("0x1234"), &StructTag::sui().into());
/// assert_eq!(
///     id.to_string(),
///     "0xaa6bedc57cb2d3d94fbff715659cc05459f431c59c723688de864f69b13bfb04"
/// );
/// ```
#[must_use]
pub fn accumulator_id(owner: Address, coin_type: &TypeTag) -> Address {
    let key_type = StructTag::new(
        Address::TWO,
        Identifier::from_static("accumulator"),
        Identifier::from_static("Key"),
        vec![balance_type(coin_type)],
    );
    ACCUMULATOR_ROOT.derive_dynamic_child_id(&key_type.into(), owner.as_bytes())
}

fn accumulator_write(owner: Address, coin_type: &TypeTag, amount: i128) -> Option<ChangedObject> {
    let operation = match amount {
        0 => return None,
        1.. => AccumulatorOperation::Merge,
        _ => AccumulatorOperation::Split,
    };
    let value = u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX);
    Some(ChangedObject {
        object_id: accumulator_id(owner, coin_type),
        input_state: ObjectIn::NotExist,
        output_state: ObjectOut::AccumulatorWrite(AccumulatorWrite::new(
            owner,
            balance_type(coin_type),
            operation,
            AccumulatorValue::Integer(value),
        )),
        id_operation: IdOperation::None,
    })
}
