//! Object inputs: loading and checking those of a transaction.

use std::sync::Arc;

use sui_sdk_types::{
    Address, Input, Object, ObjectData, ObjectReference, Owner, ProgrammableTransaction,
    SharedInput,
};

use super::{Access, InputObject, Inputs, packages, payment, withdrawals};
use crate::execution::Execution;
use crate::limits::MAX_INPUT_OBJECTS;
use crate::{AdmissionError, Mode, ObjectStore};

/// Loads everything that the transaction names. Ownership and versions are enforced when the mode has
/// checks; existence always is.
pub(crate) fn load(
    execution: Execution<'_>,
    programmable: &ProgrammableTransaction,
) -> Result<Inputs, AdmissionError> {
    let Execution {
        store,
        transaction,
        mode,
        ..
    } = execution;
    let loader = Loader {
        store,
        sender: transaction.sender,
        mode,
    };
    let mut inputs = Inputs {
        packages: packages::load(store, programmable)?,
        ..Inputs::none()
    };
    for input in &programmable.inputs {
        loader.load_input(input, &mut inputs)?;
    }
    if mode != Mode::System {
        let objects = &mut inputs.objects;
        let loaded = payment::load(execution, programmable, objects)?;
        inputs.payment = loaded.payment;
        inputs.gas_reserved = loaded.reserved;
        require_some_input(&inputs)?;
    }
    inputs.shortage = withdrawals::shortage(store, transaction, programmable, &inputs)?;
    let count = inputs.objects.len() + inputs.receiving.len() + inputs.packages.len();
    if count > MAX_INPUT_OBJECTS {
        return Err(AdmissionError::LimitExceeded {
            what: "input objects",
            got: count as u64,
            limit: MAX_INPUT_OBJECTS as u64,
        });
    }
    Ok(inputs)
}

fn require_some_input(inputs: &Inputs) -> Result<(), AdmissionError> {
    if inputs.objects.is_empty()
        && inputs.packages.is_empty()
        && inputs.receiving.is_empty()
        && inputs.gas_reserved == 0
    {
        return Err(AdmissionError::Malformed(
            "the transaction has no object input".into(),
        ));
    }
    Ok(())
}

struct Loader<'a> {
    store: &'a dyn ObjectStore,
    sender: Address,
    mode: Mode,
}

impl Loader<'_> {
    fn load_input(&self, input: &Input, inputs: &mut Inputs) -> Result<(), AdmissionError> {
        match input {
            Input::ImmutableOrOwned(reference) => {
                let input = self.owned_or_immutable(reference)?;
                inputs.objects.insert(*reference.object_id(), input);
            }
            Input::Shared(shared) => {
                let input = self.consensus(shared)?;
                inputs.consensus_order.push(shared.object_id());
                inputs.objects.insert(shared.object_id(), input);
            }
            Input::Receiving(reference) => {
                let object = self.receiving(reference)?;
                inputs.receiving.insert(*reference.object_id(), object);
            }
            _ => {}
        }
        Ok(())
    }

    fn move_object(&self, id: &Address) -> Result<Arc<Object>, AdmissionError> {
        let object = self
            .store
            .latest(id)
            .ok_or(AdmissionError::ObjectNotFound { id: *id })?;
        match object.data() {
            ObjectData::Struct(_) => Ok(object),
            ObjectData::Package(_) => Err(ownership(id, "is a package, not an object")),
        }
    }

    fn owned_or_immutable(
        &self,
        reference: &ObjectReference,
    ) -> Result<InputObject, AdmissionError> {
        let id = reference.object_id();
        let object = self.move_object(id)?;
        if self.mode.checks() {
            check_reference(&object, reference)?;
        }
        let access = match object.owner() {
            Owner::Immutable => Access::Immutable,
            Owner::Address(owner) if *owner == self.sender => Access::Owned,
            _ if !self.mode.checks() => Access::Owned,
            Owner::Address(owner) => {
                return Err(ownership(
                    id,
                    format!("is owned by {owner}, the sender is {}", self.sender),
                ));
            }
            Owner::Object(parent) => {
                return Err(ownership(
                    id,
                    format!("is owned by object {parent} and cannot be an input"),
                ));
            }
            _ => return Err(ownership(id, "is shared but given as an owned object")),
        };
        Ok(InputObject { object, access })
    }

    fn consensus(&self, shared: &SharedInput) -> Result<InputObject, AdmissionError> {
        let id = shared.object_id();
        let object = self.move_object(&id)?;
        let mutable = shared.mutability().is_mutable();
        if self.mode.checks() {
            let start = match object.owner() {
                Owner::Shared(version) => *version,
                Owner::ConsensusAddress {
                    start_version,
                    owner,
                } => {
                    if *owner != self.sender {
                        return Err(ownership(
                            &id,
                            format!("is owned by {owner}, the sender is {}", self.sender),
                        ));
                    }
                    *start_version
                }
                _ => return Err(ownership(&id, "is not shared but given as a shared object")),
            };
            if start != shared.version() {
                return Err(ownership(
                    &id,
                    format!(
                        "was shared at version {start}, the transaction names {}",
                        shared.version()
                    ),
                ));
            }
        }
        Ok(InputObject {
            object,
            access: Access::Consensus { mutable },
        })
    }

    fn receiving(&self, reference: &ObjectReference) -> Result<Arc<Object>, AdmissionError> {
        let id = reference.object_id();
        let object = self.move_object(id)?;
        if self.mode.checks() {
            check_reference(&object, reference)?;
        }
        if !matches!(object.owner(), Owner::Address(_)) {
            return Err(ownership(id, "is not address-owned and cannot be received"));
        }
        Ok(object)
    }
}

/// The reference names the latest version and its digest.
pub(super) fn check_reference(
    object: &Object,
    reference: &ObjectReference,
) -> Result<(), AdmissionError> {
    let id = *reference.object_id();
    if object.version() != reference.version() {
        return Err(AdmissionError::VersionMismatch {
            id,
            given: reference.version(),
            current: object.version(),
        });
    }
    let current = object.digest();
    if current != *reference.digest() {
        return Err(AdmissionError::DigestMismatch {
            id,
            given: *reference.digest(),
            current,
        });
    }
    Ok(())
}

pub(super) fn ownership(id: &Address, reason: impl Into<String>) -> AdmissionError {
    AdmissionError::Ownership {
        id: *id,
        reason: reason.into(),
    }
}
