//! Address balances: `0x2::funds_accumulator` and `0x2::accumulator` (devchain spec 4.4).

use super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{
    error::VmError,
    host::State,
    object_runtime::{AccumulatorEvent, AccumulatorOperation},
    types::Type,
    value::Value,
};

/// Feature that must be on for deposits.
const FEATURE: &str = "enable_accumulators";

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("funds_accumulator", "add_to_accumulator_address") => add,
        ("funds_accumulator", "withdraw_from_accumulator_address") => withdraw,
        ("accumulator", "emit_deposit_event") => {
            |state, types, args| event(state, types, args, true)
        }
        ("accumulator", "emit_withdraw_event") => {
            |state, types, args| event(state, types, args, false)
        }
        ("accumulator_settlement", "record_settlement_sui_conservation") => {
            |_, _, _| Ok(Vec::new())
        }
        _ => return None,
    })
}

fn record(
    state: &mut State<'_>,
    types: &[Type],
    operation: AccumulatorOperation,
    (accumulator, owner): (sui_sdk_types::Address, sui_sdk_types::Address),
    amount: u64,
) -> NativeResult<()> {
    state.gas.native(52)?;
    if state.objects.accumulator_events.len() >= crate::limits::IDS {
        return Err(NativeError::Vm(VmError::primitive(
            "too many accumulator events",
        )));
    }
    let balance_type = arguments::type_argument(types, 0)?.to_tag()?;
    state.objects.accumulator_events.push(AccumulatorEvent {
        accumulator,
        owner,
        balance_type,
        operation,
        amount,
    });
    Ok(())
}

fn add(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let value = arguments::value(args)?;
    let owner = arguments::address(args)?;
    let accumulator = arguments::address(args)?;
    if !state.config.features.contains(FEATURE) {
        return Err(NativeError::Abort(1));
    }
    let amount = match &value {
        Value::Struct(fields) => match fields.as_slice() {
            [Value::U64(amount)] => *amount,
            _ => return Err(NativeError::Vm(VmError::invariant("balance expected"))),
        },
        _ => return Err(NativeError::Vm(VmError::invariant("balance expected"))),
    };
    record(
        state,
        types,
        AccumulatorOperation::Merge,
        (accumulator, owner),
        amount,
    )?;
    Ok(Vec::new())
}

fn withdraw(state: &mut State<'_>, types: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let amount = u64::try_from(arguments::u256(args)?).map_err(|_| NativeError::Abort(0))?;
    let owner = arguments::address(args)?;
    let accumulator = arguments::address(args)?;
    record(
        state,
        types,
        AccumulatorOperation::Split,
        (accumulator, owner),
        amount,
    )?;
    Ok(vec![Value::Struct(vec![Value::U64(amount)])])
}

fn event(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
    deposit: bool,
) -> NativeResult {
    let amount = arguments::u64(args)?;
    let owner = arguments::address(args)?;
    let accumulator = arguments::address(args)?;
    let operation = if deposit {
        AccumulatorOperation::Merge
    } else {
        AccumulatorOperation::Split
    };
    record(state, types, operation, (accumulator, owner), amount)?;
    Ok(Vec::new())
}
