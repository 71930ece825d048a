//! `0x2::tx_context` (devchain spec 4.2).

use super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{error::VmError, host::State, types::Type, value::Value};

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "native_sender" => |state, _, _| one(state, |state| Value::Address(state.context.sender)),
        "native_epoch" => |state, _, _| one(state, |state| Value::U64(state.context.epoch)),
        "native_epoch_timestamp_ms" => {
            |state, _, _| one(state, |state| Value::U64(state.context.epoch_timestamp_ms))
        }
        "native_rgp" => {
            |state, _, _| one(state, |state| Value::U64(state.context.reference_gas_price))
        }
        "native_gas_price" => |state, _, _| one(state, |state| Value::U64(state.context.gas_price)),
        "native_gas_budget" => {
            |state, _, _| one(state, |state| Value::U64(state.context.gas_budget))
        }
        "native_ids_created" => |state, _, _| one(state, |state| Value::U64(state.ids_created)),
        "native_sponsor" => |state, _, _| {
            one(state, |state| {
                Value::Vector(
                    state
                        .context
                        .sponsor
                        .iter()
                        .map(|id| Value::Address(*id))
                        .collect(),
                )
            })
        },
        "fresh_id" => fresh_id,
        "derive_id" => derive_id,
        _ => return None,
    })
}

fn one(state: &mut State<'_>, get: impl FnOnce(&State<'_>) -> Value) -> NativeResult {
    state.gas.native(30)?;
    Ok(vec![get(state)])
}

fn fresh_id(state: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    Ok(vec![Value::Address(state.fresh_id()?)])
}

fn derive_id(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    let counter = arguments::u64(args)?;
    let digest: [u8; 32] = arguments::bytes(args)?
        .try_into()
        .map_err(|_| NativeError::Vm(VmError::invariant("transaction digest of another length")))?;
    let id = crate::object_runtime::fresh_object_id(&digest, counter);
    state.objects.record_new(id)?;
    Ok(vec![Value::Address(id)])
}
