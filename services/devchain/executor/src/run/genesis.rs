//! Execution of the genesis transaction.

use std::collections::BTreeSet;

use sui_sdk_types::{
    GasCostSummary, GenesisObject, GenesisTransaction, MoveStruct, Object, ObjectData, Owner,
    Version,
};

use super::End;
use crate::changes::Changes;
use crate::execution::Execution;
use crate::gas::Settled;
use crate::inputs::Inputs;
use crate::stamp::Stamp;
use crate::{AdmissionError, Outcome};

/// Writes the raw objects of a genesis transaction: version 1, no rebates, every id created.
///
/// # Errors
/// An object without an id.
pub(crate) fn run(
    execution: Execution<'_>,
    genesis: &GenesisTransaction,
) -> Result<Outcome, AdmissionError> {
    let inputs = Inputs::none();
    let stamp = Stamp {
        version: inputs.lamport_version(),
        digest: execution.transaction.digest(),
    };
    let mut changes = Changes::default();
    for object in &genesis.objects {
        let object = final_object(object, stamp)?;
        changes.created.insert(object.object_id());
        changes.written.insert(object.object_id(), object);
    }
    let settled = Settled {
        changes,
        gas: GasCostSummary::default(),
        failure: None,
    };
    let end = End {
        inputs: &inputs,
        stamp,
        settled,
        dependencies: BTreeSet::new(),
        command_outputs: Vec::new(),
    };
    Ok(end.outcome(execution))
}

fn final_object(object: &GenesisObject, stamp: Stamp) -> Result<Object, AdmissionError> {
    let data = match object.data() {
        ObjectData::Struct(value) => with_version(value, stamp.version)
            .map(ObjectData::Struct)
            .ok_or_else(|| AdmissionError::Malformed("a genesis object has no id".into()))?,
        package => package.clone(),
    };
    let owner = match object.owner() {
        Owner::Shared(_) => Owner::Shared(stamp.version),
        owner => *owner,
    };
    Ok(Object::new(data, owner, stamp.digest, 0))
}

/// The same object at another version; `None` if it has no id.
pub(crate) fn with_version(value: &MoveStruct, version: Version) -> Option<MoveStruct> {
    MoveStruct::new(
        value.object_type().clone(),
        value.has_public_transfer(),
        version,
        value.contents().to_vec(),
    )
}
