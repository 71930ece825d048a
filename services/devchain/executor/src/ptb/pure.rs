//! Pure inputs: which types they can take, and checks beyond BCS (devchain spec 2.4).

use sui_devchain_vm::{Type, Value};
use sui_sdk_types::Address;

/// bool, integers, address, ID, strings, and vectors and options of those.
pub(super) fn is_pure_type(type_: &Type) -> bool {
    match type_ {
        Type::Bool
        | Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::U128
        | Type::U256
        | Type::Address => true,
        Type::Vector(inner) => is_pure_type(inner),
        Type::Datatype(_, arguments) => match datatype_kind(type_) {
            Some(Kind::Option) => arguments.first().is_some_and(is_pure_type),
            Some(_) => true,
            None => false,
        },
        _ => false,
    }
}

/// Whether every ASCII string in the value is printable and every string is UTF-8.
pub(super) fn strings_are_valid(type_: &Type, value: &Value) -> bool {
    match (type_, value) {
        (Type::Vector(inner), Value::Vector(elements)) => elements
            .iter()
            .all(|element| strings_are_valid(inner, element)),
        (Type::Datatype(_, arguments), Value::Struct(fields)) => {
            match (datatype_kind(type_), fields.first(), arguments.first()) {
                (Some(Kind::Ascii), Some(Value::Bytes(bytes)), _) => bytes.is_ascii(),
                (Some(Kind::Utf8), Some(Value::Bytes(bytes)), _) => {
                    std::str::from_utf8(bytes).is_ok()
                }
                (Some(Kind::Option), Some(Value::Vector(elements)), Some(inner)) => elements
                    .iter()
                    .all(|element| strings_are_valid(inner, element)),
                _ => true,
            }
        }
        _ => true,
    }
}

/// An option in BCS is a vector of at most one element, which the type does not say.
pub(super) fn options_are_valid(type_: &Type, value: &Value) -> bool {
    match (type_, value) {
        (Type::Vector(inner), Value::Vector(elements)) => elements
            .iter()
            .all(|element| options_are_valid(inner, element)),
        (Type::Datatype(_, arguments), Value::Struct(fields)) => {
            if datatype_kind(type_) != Some(Kind::Option) {
                return true;
            }
            match (fields.first(), arguments.first()) {
                (Some(Value::Bytes(bytes)), _) => bytes.len() <= 1,
                (Some(Value::Vector(elements)), Some(inner)) => {
                    elements.len() <= 1
                        && elements
                            .iter()
                            .all(|element| options_are_valid(inner, element))
                }
                _ => true,
            }
        }
        _ => true,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Ascii,
    Utf8,
    Option,
}

fn datatype_kind(type_: &Type) -> Option<Kind> {
    const STD: Address = Address::from_static("0x1");
    if type_.is_datatype(&Address::TWO, "object", "ID") {
        Some(Kind::Id)
    } else if type_.is_datatype(&STD, "ascii", "String") {
        Some(Kind::Ascii)
    } else if type_.is_datatype(&STD, "string", "String") {
        Some(Kind::Utf8)
    } else if type_.is_datatype(&STD, "option", "Option") {
        Some(Kind::Option)
    } else {
        None
    }
}
