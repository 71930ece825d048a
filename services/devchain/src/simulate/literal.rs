//! Literal inputs: JSON-like values as BCS of the parameter they are used for
//! (devchain spec 1.5, step 2).

use std::sync::Arc;

use ethnum::U256;
use prost_types::Value;
use prost_types::value::Kind;
use sui_devchain_vm::Signature;
use sui_sdk_types::Address;
use tonic::Status;

use crate::limits::MAX_JSON_DEPTH;
use crate::rpc::{invalid, parse_address};

const FIELD: &str = "literal";

/// Serialises a literal; all uses have to agree on the type.
pub(super) fn serialize(value: &Value, types: &[Arc<Signature>]) -> Result<Vec<u8>, Status> {
    let mut all = types.iter().map(|type_| {
        let mut bytes = Vec::new();
        encode(value, type_, &mut bytes, 0).map(|()| bytes)
    });
    let first = all
        .next()
        .ok_or_else(|| invalid(FIELD, "an unused literal has no type"))??;
    for other in all {
        if other? != first {
            return Err(invalid(FIELD, "used as values of different types"));
        }
    }
    Ok(first)
}

fn mismatch(type_: &Signature) -> Status {
    invalid(FIELD, format!("does not fit the type {type_:?}"))
}

fn encode(value: &Value, type_: &Signature, out: &mut Vec<u8>, depth: usize) -> Result<(), Status> {
    if depth > MAX_JSON_DEPTH {
        return Err(invalid(FIELD, "nested too deeply"));
    }
    let refuse = || mismatch(type_);
    let kind = value.kind.as_ref().ok_or_else(refuse)?;
    match (type_, kind) {
        (Signature::Bool, Kind::BoolValue(value)) => out.push((*value).into()),
        (Signature::U8, kind) => integer::<u8, 1>(kind, out, type_, u8::to_le_bytes)?,
        (Signature::U16, kind) => integer::<u16, 2>(kind, out, type_, u16::to_le_bytes)?,
        (Signature::U32, kind) => integer::<u32, 4>(kind, out, type_, u32::to_le_bytes)?,
        (Signature::U64, kind) => integer::<u64, 8>(kind, out, type_, u64::to_le_bytes)?,
        (Signature::U128, kind) => integer::<u128, 16>(kind, out, type_, u128::to_le_bytes)?,
        (Signature::U256, kind) => integer::<U256, 32>(kind, out, type_, U256::to_le_bytes)?,
        (Signature::Address, Kind::StringValue(text)) => {
            out.extend_from_slice(parse_address(FIELD, Some(text))?.as_bytes());
        }
        (Signature::Vector(element), Kind::ListValue(list)) => {
            length(list.values.len(), out);
            for value in &list.values {
                encode(value, element, out, depth.saturating_add(1))?;
            }
        }
        (type_, kind) => datatype(type_, kind, value, out, depth)?,
    }
    Ok(())
}

fn datatype(
    type_: &Signature,
    kind: &Kind,
    value: &Value,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), Status> {
    let one = Address::from_static("0x1");
    let is_text =
        type_.is_datatype(one, "string", "String") || type_.is_datatype(one, "ascii", "String");
    if let (Signature::Datatype { arguments, .. }, true) =
        (type_, type_.is_datatype(one, "option", "Option"))
    {
        if matches!(kind, Kind::NullValue(_)) {
            out.push(0);
            return Ok(());
        }
        out.push(1);
        let element = arguments.first().ok_or_else(|| mismatch(type_))?;
        return encode(value, element, out, depth.saturating_add(1));
    }
    match kind {
        Kind::StringValue(text) if is_text => {
            length(text.len(), out);
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        Kind::StringValue(text) if type_.is_datatype(Address::TWO, "object", "ID") => {
            out.extend_from_slice(parse_address(FIELD, Some(text))?.as_bytes());
            Ok(())
        }
        _ => Err(mismatch(type_)),
    }
}

/// A number or its decimal form.
fn integer<T: std::str::FromStr, const N: usize>(
    kind: &Kind,
    out: &mut Vec<u8>,
    type_: &Signature,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<(), Status> {
    let text = match kind {
        Kind::NumberValue(number) if number.fract() == 0.0 => format!("{number:.0}"),
        Kind::StringValue(text) => text.clone(),
        _ => return Err(mismatch(type_)),
    };
    let number: T = text.parse().map_err(|_| mismatch(type_))?;
    out.extend_from_slice(&bytes(number));
    Ok(())
}

fn length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    loop {
        let byte = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}
