//! Natives of package 0x1 (devchain spec 4.1).

use sha2::{Digest, Sha256};
use sha3::Sha3_256;

use super::{NativeError, NativeFunction, NativeResult, arguments, work};
use crate::{
    error::VmError,
    host::State,
    interpreter::vector,
    types::Type,
    value::{Value, bcs},
};

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("vector", "empty") => vector_empty,
        ("vector", "length") => vector_length,
        ("vector", "borrow" | "borrow_mut") => vector_borrow,
        ("vector", "push_back") => vector_push_back,
        ("vector", "pop_back") => vector_pop_back,
        ("vector", "destroy_empty") => vector_destroy_empty,
        ("vector", "swap") => vector_swap,
        ("bcs", "to_bytes") => bcs_to_bytes,
        ("hash", "sha2_256") => sha2_256,
        ("hash", "sha3_256") => sha3_256,
        ("string", "internal_check_utf8") => check_utf8,
        ("string", "internal_is_char_boundary") => is_char_boundary,
        ("string", "internal_sub_string") => sub_string,
        ("string", "internal_index_of") => index_of,
        ("type_name", "with_defining_ids" | "get") => with_defining_ids,
        ("type_name", "with_original_ids" | "get_with_original_ids") => with_original_ids,
        ("type_name", "defining_id") => defining_id,
        ("type_name", "original_id") => original_id,
        ("debug", "print") => print,
        ("debug", "print_stack_trace") => nothing,
        ("unit_test", "destroy") => destroy,
        _ => return None,
    })
}

fn vector_empty(_: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    Ok(vec![vector::pack(
        arguments::type_argument(types, 0)?,
        Vec::new(),
    )?])
}

fn vector_length(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    Ok(vec![Value::U64(
        vector::length(&arguments::value(args)?)? as u64
    )])
}

fn vector_borrow(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let index = arguments::u64(args)?;
    Ok(vec![vector::borrow(&arguments::value(args)?, index)?])
}

fn vector_push_back(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let item = arguments::value(args)?;
    vector::push(&arguments::value(args)?, item)?;
    Ok(Vec::new())
}

fn vector_pop_back(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    Ok(vec![vector::pop(&arguments::value(args)?)?])
}

fn vector_destroy_empty(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    vector::unpack(arguments::value(args)?, 0)?;
    Ok(Vec::new())
}

fn vector_swap(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (right, left) = (arguments::u64(args)?, arguments::u64(args)?);
    vector::swap(&arguments::value(args)?, left, right)?;
    Ok(Vec::new())
}

fn bcs_to_bytes(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = bcs::encode(&arguments::value(args)?)?;
    state.gas.native(52 + 2 * bytes.len() as u64)?;
    Ok(vec![Value::Bytes(bytes)])
}

fn sha2_256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    state.gas.native(52 + 2 * bytes.len() as u64)?;
    state.gas.work(work::hashing(bytes.len()))?;
    Ok(vec![Value::Bytes(Sha256::digest(&bytes).to_vec())])
}

fn sha3_256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    state.gas.native(52 + 2 * bytes.len() as u64)?;
    state.gas.work(work::hashing(bytes.len()))?;
    Ok(vec![Value::Bytes(Sha3_256::digest(&bytes).to_vec())])
}

fn text<R>(value: &Value, look: impl FnOnce(Option<&str>) -> NativeResult<R>) -> NativeResult<R> {
    let bytes = vector::with_bytes(value, |bytes| Ok(bytes.to_vec()))?;
    look(std::str::from_utf8(&bytes).ok())
}

fn charge_bytes(state: &mut State<'_>, value: &Value) -> NativeResult<()> {
    Ok(state.gas.native(52 + 2 * value.target_size()?)?)
}

fn check_utf8(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::value(args)?;
    charge_bytes(state, &bytes)?;
    text(&bytes, |text| Ok(vec![Value::Bool(text.is_some())]))
}

fn is_char_boundary(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let index = arguments::u64(args)?;
    let bytes = arguments::value(args)?;
    charge_bytes(state, &bytes)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    text(&bytes, |text| {
        Ok(vec![Value::Bool(
            text.is_some_and(|text| text.is_char_boundary(index)),
        )])
    })
}

fn sub_string(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (to, from) = (arguments::u64(args)?, arguments::u64(args)?);
    let bytes = arguments::value(args)?;
    charge_bytes(state, &bytes)?;
    let part = vector::with_bytes(&bytes, |bytes| {
        let range =
            usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
        bytes
            .get(range)
            .map(<[u8]>::to_vec)
            .ok_or_else(|| VmError::invariant("substring out of range"))
    })?;
    Ok(vec![Value::Bytes(part)])
}

fn index_of(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let needle = arguments::value(args)?;
    let haystack = arguments::value(args)?;
    charge_bytes(state, &haystack)?;
    charge_bytes(state, &needle)?;
    let found = text(&haystack, |haystack| {
        text(&needle, |needle| match (haystack, needle) {
            (Some(haystack), Some(needle)) => Ok(haystack.find(needle).unwrap_or(haystack.len())),
            _ => Err(NativeError::Vm(VmError::invariant("string is not UTF-8"))),
        })
    })?;
    Ok(vec![Value::U64(found as u64)])
}

/// The text of a type tag as `type_name` gives it: full addresses without `0x`.
fn type_text(tag: &sui_sdk_types::TypeTag) -> String {
    use sui_sdk_types::TypeTag;
    match tag {
        TypeTag::Vector(inner) => format!("vector<{}>", type_text(inner)),
        TypeTag::Struct(tag) => {
            let mut text = format!(
                "{}::{}::{}",
                hex::encode(tag.address().as_bytes()),
                tag.module(),
                tag.name()
            );
            if !tag.type_params().is_empty() {
                let arguments: Vec<_> = tag.type_params().iter().map(type_text).collect();
                text.push_str(&format!("<{}>", arguments.join(",")));
            }
            text
        }
        TypeTag::Bool => "bool".into(),
        TypeTag::U8 => "u8".into(),
        TypeTag::U16 => "u16".into(),
        TypeTag::U32 => "u32".into(),
        TypeTag::U64 => "u64".into(),
        TypeTag::U128 => "u128".into(),
        TypeTag::U256 => "u256".into(),
        TypeTag::Address => "address".into(),
        TypeTag::Signer => "signer".into(),
    }
}

fn type_name(state: &mut State<'_>, text: String) -> NativeResult {
    state.gas.native(52 + 2 * text.len() as u64)?;
    Ok(vec![Value::Struct(vec![Value::Struct(vec![
        Value::Bytes(text.into_bytes()),
    ])])])
}

fn with_defining_ids(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let text = type_text(&arguments::type_argument(types, 0)?.to_tag()?);
    type_name(state, text)
}

fn with_original_ids(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let text = type_text(&arguments::type_argument(types, 0)?.to_original_tag()?);
    type_name(state, text)
}

fn defining_id(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    match arguments::type_argument(types, 0)? {
        Type::Datatype(datatype, _) => Ok(vec![Value::Address(datatype.defining_id)]),
        _ => Err(NativeError::Abort(0)),
    }
}

fn original_id(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    match arguments::type_argument(types, 0)? {
        Type::Datatype(datatype, _) => Ok(vec![Value::Address(datatype.original_id)]),
        _ => Err(NativeError::Abort(0)),
    }
}

fn print(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    tracing::debug!(target: "move", value = ?arguments::value(args)?, "debug::print");
    Ok(Vec::new())
}

fn nothing(_: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    Ok(Vec::new())
}

fn destroy(_: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    arguments::value(args)?;
    Ok(Vec::new())
}
