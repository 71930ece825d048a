//! Abort codes that carry words: `assert!` without a code, and constants marked `#[error]` (devchain
//! spec 2.11).

use std::fmt::Write as _;

use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::{Constant, Signature};
use sui_devchain_vm::package::Module;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::clever_error::Value;
use sui_sdk_types::{Identifier, ObjectData, TypeTag};

use super::{json, type_text};
use crate::indexes::Indexes;

/// "None" in the eight bits of the code and in the sixteen bits of an index.
const NO_CODE: u8 = u8::MAX;
const NO_INDEX: u16 = u16::MAX;

/// The parts of a code, most significant bits first: four of version, four reserved, eight of the
/// author's error code, sixteen of the line, sixteen each of two indices into the constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    code: Option<u8>,
    line: u16,
    identifier: Option<u16>,
    value: Option<u16>,
}

impl Parts {
    fn of(abort_code: u64) -> Option<Self> {
        let [
            head,
            code,
            line_high,
            line_low,
            id_high,
            id_low,
            value_high,
            value_low,
        ] = abort_code.to_be_bytes();
        let index = |high, low| {
            let index = u16::from_be_bytes([high, low]);
            (index != NO_INDEX).then_some(index)
        };
        matches!(head, 0x80 | 0xc0).then_some(Self {
            code: (code != NO_CODE).then_some(code),
            line: u16::from_be_bytes([line_high, line_low]),
            identifier: index(id_high, id_low),
            value: index(value_high, value_low),
        })
    }
}

/// Adds the words to an abort, if its code has the form and the module the constants.
pub(crate) fn explain(indexes: &Indexes, abort: &mut proto::MoveAbort) {
    abort.clever_error = abort
        .abort_code
        .and_then(Parts::of)
        .zip(abort.location.as_ref())
        .and_then(|(parts, location)| clever_error(indexes, location, parts));
}

fn clever_error(
    indexes: &Indexes,
    location: &proto::MoveLocation,
    parts: Parts,
) -> Option<proto::CleverError> {
    let object = indexes.latest(&location.package.as_deref()?.parse().ok()?)?;
    let ObjectData::Package(package) = object.data() else {
        return None;
    };
    let name = Identifier::new(location.module.as_deref()?).ok()?;
    let module = Module::parse(package.modules.get(&name)?).ok()?;
    let mut message = proto::CleverError::default();
    message.error_code = parts.code.map(Into::into);
    message.line_number = Some(parts.line.into());
    if let Some(index) = parts.identifier {
        message.constant_name = Some(words(&module.constant(index)?)?);
    }
    if let Some(index) = parts.value {
        let constant = module.constant(index)?;
        // Primitives and vectors of them: there is no datatype to find.
        let type_ = constant.signature.close(&[], &|_, _, _| None)?;
        message.constant_type = Some(type_text::canonical(&type_));
        message.value = Some(match rendered(indexes, &constant, &type_) {
            Some(text) => Value::Rendered(text),
            None => Value::Raw(constant.bytes.to_vec().into()),
        });
    }
    Some(message)
}

/// A `vector<u8>` that is text.
fn words(constant: &Constant<'_>) -> Option<String> {
    let bytes: Vec<u8> = match &constant.signature {
        Signature::Vector(element) if **element == Signature::U8 => {
            bcs::from_bytes(constant.bytes).ok()?
        }
        _ => return None,
    };
    String::from_utf8(bytes).ok()
}

/// Text as it is, other bytes in hex, numbers, truth values and addresses as they are written.
fn rendered(indexes: &Indexes, constant: &Constant<'_>, type_: &TypeTag) -> Option<String> {
    use prost_types::value::Kind;
    if let Some(text) = words(constant) {
        return Some(text);
    }
    if *type_ == TypeTag::Vector(Box::new(TypeTag::U8)) {
        let bytes: Vec<u8> = bcs::from_bytes(constant.bytes).ok()?;
        let mut text = String::from("0x");
        for byte in bytes {
            write!(text, "{byte:02x}").ok()?;
        }
        return Some(text);
    }
    match json::render(indexes, type_, constant.bytes)?.kind? {
        Kind::NumberValue(number) => Some(number.to_string()),
        Kind::StringValue(text) => Some(text),
        Kind::BoolValue(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_taken_apart_as_the_compiler_puts_them_together() {
        assert_eq!(
            Parts::of(0xc0ff_000c_0000_0001),
            Some(Parts {
                code: None,
                line: 12,
                identifier: Some(0),
                value: Some(1),
            })
        );
        assert_eq!(
            Parts::of(0xc0ff_000d_ffff_ffff),
            Some(Parts {
                code: None,
                line: 13,
                identifier: None,
                value: None,
            })
        );
        assert_eq!(
            Parts::of(0xc007_000d_ffff_ffff).and_then(|p| p.code),
            Some(7)
        );
        assert_eq!(Parts::of(7), None);
    }
}
