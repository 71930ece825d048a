//! Dynamic fields as messages (devchain spec 1.3, 2.7).

use sui_devchain_executor::ObjectStore;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::dynamic_field::DynamicFieldKind;
use sui_sdk_types::{Address, Object, StructTag, TypeTag};

use crate::indexes::Indexes;
use crate::render::{self, type_text};

/// A field taken apart.
struct Parts<'a> {
    name_type: TypeTag,
    name: &'a [u8],
    value_type: TypeTag,
    value: &'a [u8],
    child: Option<Address>,
}

/// `None` for children that are not fields: objects behind dynamic object fields.
pub(super) fn render(
    indexes: &Indexes,
    parent: Address,
    object: &Object,
    mask: &FieldMaskTree,
) -> Option<proto::DynamicField> {
    type Message = proto::DynamicField;
    let parts = split(indexes, object)?;
    let child = parts.child.and_then(|id| indexes.latest(&id));
    let mut message = Message::default();
    if mask.contains(Message::KIND_FIELD.name) {
        message.set_kind(match parts.child {
            Some(_) => DynamicFieldKind::Object,
            None => DynamicFieldKind::Field,
        });
    }
    if mask.contains(Message::PARENT_FIELD.name) {
        message.parent = Some(parent.to_string());
    }
    if mask.contains(Message::FIELD_ID_FIELD.name) {
        message.field_id = Some(object.object_id().to_string());
    }
    if let Some(submask) = mask.subtree(Message::FIELD_OBJECT_FIELD.name) {
        message.field_object = Some(render::object::object(indexes, object, &submask));
    }
    if mask.contains(Message::NAME_FIELD.name) {
        message.name = Some(bcs(&parts.name_type, parts.name));
    }
    if mask.contains(Message::VALUE_FIELD.name) {
        message.value = Some(bcs(&parts.value_type, parts.value));
    }
    if mask.contains(Message::VALUE_TYPE_FIELD.name) {
        message.value_type = match &child {
            Some(child) => child
                .as_struct()
                .map(|found| type_text::canonical(found.object_type())),
            None => Some(type_text::canonical(&parts.value_type)),
        };
    }
    if mask.contains(Message::CHILD_ID_FIELD.name) {
        message.child_id = parts.child.map(|id| id.to_string());
    }
    if let Some(submask) = mask.subtree(Message::CHILD_OBJECT_FIELD.name) {
        message.child_object = child
            .as_ref()
            .map(|child| render::object::object(indexes, child, &submask));
    }
    Some(message)
}

fn bcs(name: &TypeTag, value: &[u8]) -> proto::Bcs {
    let mut message = proto::Bcs::default();
    message.name = Some(type_text::canonical(name));
    message.value = Some(value.to_vec().into());
    message
}

fn is(tag: &StructTag, module: &str, name: &str) -> bool {
    *tag.address() == Address::TWO && tag.module().as_str() == module && tag.name().as_str() == name
}

/// `Field<K, V>` is its id, the name and the value in BCS; a dynamic object field has the name type
/// `Wrapper<K>`, encoded as K alone, and the id of the child for a value.
fn split<'a>(indexes: &Indexes, object: &'a Object) -> Option<Parts<'a>> {
    let data = object.as_struct()?;
    let tag = data.object_type();
    if !is(tag, "dynamic_field", "Field") {
        return None;
    }
    let [name_type, value_type] = tag.type_params() else {
        return None;
    };
    let rest = data.contents().get(Address::LENGTH..)?;
    if let TypeTag::Struct(wrapper) = name_type
        && is(wrapper, "dynamic_object_field", "Wrapper")
    {
        let (name, id) = rest.split_at_checked(rest.len().checked_sub(Address::LENGTH)?)?;
        return Some(Parts {
            name_type: wrapper.type_params().first()?.clone(),
            name,
            value_type: value_type.clone(),
            value: id,
            child: Some(Address::from_bytes(id).ok()?),
        });
    }
    let length = render::json::encoded_length(indexes, name_type, rest)?;
    let (name, value) = rest.split_at_checked(length)?;
    Some(Parts {
        name_type: name_type.clone(),
        name,
        value_type: value_type.clone(),
        value,
        child: None,
    })
}
