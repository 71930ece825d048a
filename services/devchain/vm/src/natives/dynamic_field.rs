//! `0x2::dynamic_field` and `0x2::config` (devchain spec 2.7, 4.2).

use super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{
    error::VmError,
    host::State,
    object_runtime::runtime::Absent,
    types::Type,
    value::{Reference, Value, bcs},
};

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("dynamic_field", "hash_type_and_key") => hash_type_and_key,
        ("dynamic_field", "add_child_object") => add_child_object,
        ("dynamic_field", "borrow_child_object" | "borrow_child_object_mut") => borrow_child_object,
        ("dynamic_field", "remove_child_object") => remove_child_object,
        ("dynamic_field", "has_child_object") => has_child_object,
        ("dynamic_field", "has_child_object_with_ty") => has_child_object_with_ty,
        ("config", "read_setting_impl") => read_setting,
        _ => return None,
    })
}

fn absent(absent: Absent) -> NativeError {
    NativeError::Abort(match absent {
        Absent::Missing => 1,
        Absent::OtherType => 2,
        Absent::Undecodable => 3,
    })
}

fn hash_type_and_key(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let key = bcs::encode(&arguments::value(args)?).map_err(|_| NativeError::Abort(3))?;
    let parent = arguments::address(args)?;
    let tag = arguments::type_argument(types, 0)?.to_tag()?;
    state.gas.native(52 + 10 * key.len() as u64)?;
    Ok(vec![Value::Address(
        parent.derive_dynamic_child_id(&tag, &key),
    )])
}

fn add_child_object(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let child = arguments::value(args)?;
    let parent = arguments::address(args)?;
    state.gas.native(52 + child.size())?;
    state
        .objects
        .add_child(parent, arguments::type_argument(types, 0)?.clone(), child)?;
    Ok(Vec::new())
}

fn borrow_child_object(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let id = arguments::address(args)?;
    let parent = arguments::id(args)?;
    let ty = arguments::type_argument(types, 0)?;
    let cell = state
        .objects
        .borrow_child(state.children, parent, id, ty)?
        .map_err(absent)?;
    state.gas.values(state.objects.take_decoded())?;
    let size = cell
        .try_borrow()
        .map(|value| value.size())
        .unwrap_or_default();
    state.gas.native(52 + size)?;
    Ok(vec![Value::Reference(Reference::root(cell))])
}

fn remove_child_object(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let id = arguments::address(args)?;
    let parent = arguments::address(args)?;
    let ty = arguments::type_argument(types, 0)?;
    let child = state
        .objects
        .remove_child(state.children, parent, id, ty)?
        .map_err(absent)?;
    state.gas.values(state.objects.take_decoded())?;
    state.gas.native(52 + child.size())?;
    Ok(vec![child])
}

fn has_child_object(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let id = arguments::address(args)?;
    let parent = arguments::address(args)?;
    state.gas.native(52)?;
    Ok(vec![Value::Bool(state.objects.has_child(
        state.children,
        parent,
        id,
    )?)])
}

fn has_child_object_with_ty(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let id = arguments::address(args)?;
    let parent = arguments::address(args)?;
    let ty = arguments::type_argument(types, 0)?;
    state.gas.native(52)?;
    Ok(vec![Value::Bool(state.objects.has_child_of(
        state.children,
        parent,
        id,
        ty,
    )?)])
}

/// `Field<Name, Setting<V>>` under `config`: the value valid in the current epoch.
fn read_setting(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let epoch = arguments::u64(args)?;
    let id = arguments::address(args)?;
    let parent = arguments::address(args)?;
    state.gas.native(52)?;
    let field = arguments::type_argument(types, 0)?;
    let none = || Value::Struct(vec![empty_vector(types.get(3))]);
    let cell = match state
        .objects
        .borrow_child(state.children, parent, id, field)?
    {
        Ok(cell) => cell,
        Err(Absent::Undecodable) => return Err(NativeError::Abort(2)),
        Err(_) => return Ok(vec![none()]),
    };
    let guard = cell
        .try_borrow()
        .map_err(|_| VmError::invariant("setting is borrowed"))?;
    let broken = || NativeError::Vm(VmError::invariant("setting of another shape"));
    // Field{id, name, value: Setting{data: Option<SettingData>}}
    let data = fields(&guard)
        .and_then(|field| fields(field.get(2)?)?.first())
        .ok_or_else(broken)?;
    let Some(data) = fields(data).and_then(<[Value]>::first) else {
        return Err(broken());
    };
    let Value::Vector(data) = data else {
        return Err(broken());
    };
    let Some(data) = data.first() else {
        return Ok(vec![none()]);
    };
    match fields(data) {
        Some([Value::U64(newer_epoch), newer, older]) => Ok(vec![if epoch > *newer_epoch {
            newer.clone()
        } else {
            older.clone()
        }]),
        _ => Err(broken()),
    }
}

fn fields(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Struct(fields) => Some(fields),
        _ => None,
    }
}

fn empty_vector(element: Option<&Type>) -> Value {
    if element == Some(&Type::U8) {
        Value::Bytes(Vec::new())
    } else {
        Value::Vector(Vec::new())
    }
}
