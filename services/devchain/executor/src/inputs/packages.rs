//! Packages that a programmable transaction names (devchain spec 2.3 row 8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_sdk_types::{Address, Command, Object, ObjectData, ProgrammableTransaction, TypeTag};

use crate::{AdmissionError, ObjectStore};

/// Loads every package named by a call, an upgrade, a dependency list or a type argument.
pub(super) fn load(
    store: &dyn ObjectStore,
    programmable: &ProgrammableTransaction,
) -> Result<BTreeMap<Address, Arc<Object>>, AdmissionError> {
    named(programmable)
        .into_iter()
        .map(|id| {
            let object = store
                .latest(&id)
                .ok_or(AdmissionError::PackageNotFound { id })?;
            match object.data() {
                ObjectData::Package(_) => Ok((id, object)),
                ObjectData::Struct(_) => Err(AdmissionError::Ownership {
                    id,
                    reason: "is an object, not a package".into(),
                }),
            }
        })
        .collect()
}

fn named(programmable: &ProgrammableTransaction) -> BTreeSet<Address> {
    let mut ids = BTreeSet::new();
    for command in &programmable.commands {
        match command {
            Command::MoveCall(call) => {
                ids.insert(call.package);
                for tag in &call.type_arguments {
                    collect(tag, &mut ids);
                }
            }
            Command::Publish(publish) => ids.extend(&publish.dependencies),
            Command::Upgrade(upgrade) => {
                ids.insert(upgrade.package);
                ids.extend(&upgrade.dependencies);
            }
            Command::MakeMoveVector(make) => {
                if let Some(tag) = &make.type_ {
                    collect(tag, &mut ids);
                }
            }
            _ => {}
        }
    }
    ids
}

/// Packages in a type tag. The recursion is bounded by the nesting limit of admission.
fn collect(tag: &TypeTag, ids: &mut BTreeSet<Address>) {
    match tag {
        TypeTag::Vector(inner) => collect(inner, ids),
        TypeTag::Struct(tag) => {
            ids.insert(*tag.address());
            for inner in tag.type_params() {
                collect(inner, ids);
            }
        }
        _ => {}
    }
}
