//! Objects as messages.

use sui_rpc::field::FieldMaskTree;
use sui_rpc::merge::Merge;
use sui_rpc::proto::sui::rpc::v2::Object as ProtoObject;
use sui_sdk_types::{Object, ObjectData};

use super::{json, package, type_text};
use crate::indexes::{Indexes, coin_of};

/// An object, cut to the mask.
pub(crate) fn object(indexes: &Indexes, object: &Object, mask: &FieldMaskTree) -> ProtoObject {
    let mut message = ProtoObject::merge_from(object.clone(), mask);
    type_text::canonicalize(&mut message.object_type);
    if let Some(contents) = &mut message.contents {
        type_text::canonicalize(&mut contents.name);
    }
    if mask.contains(ProtoObject::BALANCE_FIELD.name) {
        message.balance = coin_of(object).map(|coin| coin.balance());
    }
    match object.data() {
        ObjectData::Struct(value) => {
            if mask.contains(ProtoObject::JSON_FIELD.name) {
                message.json = json::render_struct(indexes, value.object_type(), value.contents())
                    .map(Box::new);
            }
        }
        ObjectData::Package(value) => {
            if let Some(submask) = mask.subtree(ProtoObject::PACKAGE_FIELD.name) {
                message.package = Some(package::package(value, &submask));
            }
        }
    }
    message
}
