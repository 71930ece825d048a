//! `0x2::object`, `transfer`, `event` and `types` (devchain spec 4.2).

use super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{
    error::VmError,
    host::State,
    object_runtime::{NewOwner, runtime::Absent},
    types::{DatatypeBody, Type},
    value::Value,
};

/// All permissions of a party member: read 1, write 2, delete 4, transfer 8.
const ALL_PERMISSIONS: u64 = 15;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("object", "borrow_uid") => borrow_uid,
        ("object", "delete_impl") => delete_impl,
        ("object", "record_new_uid") => record_new_uid,
        ("transfer", "transfer_impl") => transfer_impl,
        ("transfer", "freeze_object_impl") => freeze_object_impl,
        ("transfer", "share_object_impl") => share_object_impl,
        ("transfer", "party_transfer_impl") => party_transfer_impl,
        ("transfer", "receive_impl") => receive_impl,
        ("event", "emit") => emit,
        ("event", "emit_authenticated_impl") => emit_authenticated,
        ("types", "is_one_time_witness") => is_one_time_witness,
        _ => return None,
    })
}

fn borrow_uid(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    Ok(vec![Value::Reference(arguments::reference(args)?.child(0))])
}

fn delete_impl(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    state.objects.record_deleted(arguments::address(args)?)?;
    Ok(Vec::new())
}

fn record_new_uid(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    state.objects.record_new(arguments::address(args)?)?;
    Ok(Vec::new())
}

fn give(state: &mut State<'_>, types: &[Type], owner: NewOwner, value: Value) -> NativeResult {
    state.gas.native(52)?;
    let ty = arguments::type_argument(types, 0)?.clone();
    if state.objects.transfer(owner, ty, value)? {
        Ok(Vec::new())
    } else {
        Err(NativeError::Abort(0))
    }
}

fn transfer_impl(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let owner = arguments::address(args)?;
    let value = arguments::value(args)?;
    give(state, types, NewOwner::Address(owner), value)
}

fn freeze_object_impl(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let value = arguments::value(args)?;
    give(state, types, NewOwner::Immutable, value)
}

fn share_object_impl(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let value = arguments::value(args)?;
    give(state, types, NewOwner::Shared, value)
}

fn party_transfer_impl(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let permissions = arguments::vector(args)?;
    let addresses = arguments::vector(args)?;
    let default = arguments::u64(args)?;
    let value = arguments::value(args)?;
    match (default, addresses.as_slice(), permissions.as_slice()) {
        (0, [Value::Address(owner)], [Value::U64(ALL_PERMISSIONS)]) => {
            give(state, types, NewOwner::ConsensusAddress(*owner), value)
        }
        _ => Err(NativeError::Vm(VmError::invariant(
            "party with other than one full member",
        ))),
    }
}

pub(super) fn receive_impl(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    state.gas.native(52)?;
    let version = arguments::u64(args)?;
    let id = arguments::id(args)?;
    let parent = arguments::address(args)?;
    let ty = arguments::type_argument(types, 0)?;
    match state
        .objects
        .receive(state.children, parent, id, version, ty)?
    {
        Ok(value) => {
            state.gas.values(state.objects.take_decoded())?;
            Ok(vec![value])
        }
        Err(Absent::Undecodable) => Err(NativeError::Abort(1)),
        Err(Absent::OtherType) => Err(NativeError::Abort(2)),
        Err(Absent::Missing) => Err(NativeError::Abort(3)),
    }
}

fn emit(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let value = arguments::value(args)?;
    let size = state
        .objects
        .emit(arguments::type_argument(types, 0)?, &value)?;
    state.gas.native(52 + 10 * size as u64)?;
    Ok(Vec::new())
}

fn emit_authenticated(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let value = arguments::value(args)?;
    let size = state
        .objects
        .emit(arguments::type_argument(types, 1)?, &value)?;
    state.gas.native(52 + 10 * size as u64)?;
    Ok(Vec::new())
}

fn is_one_time_witness(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    let witness = match arguments::type_argument(types, 0)? {
        Type::Datatype(datatype, arguments) => {
            let one_bool = matches!(&datatype.body, DatatypeBody::Struct(fields)
                if matches!(fields.as_slice(), [field] if field.ty == Type::Bool));
            arguments.is_empty()
                && one_bool
                && datatype.name == datatype.module.to_ascii_uppercase()
        }
        _ => false,
    };
    Ok(vec![Value::Bool(witness)])
}
