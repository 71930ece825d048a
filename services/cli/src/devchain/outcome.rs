//! Transaction outcome: what it made, for people and programs.

use serde::Serialize;
use walrus_sui::{
    Address,
    transactions::{ExecutedTransaction, ObjectChangeKind},
};

use super::short_addresses::short_addresses;
use crate::report::Reporter;

/// An object that a transaction created.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewObject {
    object_id: Address,
    #[serde(rename = "type")]
    object_type: Option<String>,
    owner: Option<walrus_sui::Owner>,
}

pub(crate) fn created_objects(executed: &ExecutedTransaction) -> Vec<NewObject> {
    executed
        .changes
        .iter()
        .filter(|change| change.kind == ObjectChangeKind::Created)
        .map(|change| NewObject {
            object_id: change.id,
            object_type: change.object_type.as_ref().map(ToString::to_string),
            owner: change.owner,
        })
        .collect()
}

pub(crate) fn show_created(reporter: &Reporter, created: &[NewObject]) {
    for object in created {
        let object_type = object.object_type.as_deref().unwrap_or("object");
        let object_type = short_addresses(object_type);
        reporter.field("created", format!("{} {object_type}", object.object_id));
    }
}
