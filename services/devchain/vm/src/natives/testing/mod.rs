//! Natives that only unit tests call (devchain spec 4.5).

mod scenario;

use ethnum::U256;
use sui_sdk_types::{Address, Digest};

use super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{
    error::VmError,
    host::State,
    interpreter::vector,
    types::{Type, standard_id},
    value::{Value, bcs},
};

use scenario::Scenario;

/// `tx_context::last_created_id` without an id.
const NO_IDS_CREATED: u64 = 1;

pub(super) fn find(package: &Address, module: &str, name: &str) -> Option<NativeFunction> {
    if *package == standard_id(1) {
        return (module == "unit_test" && name == "poison").then_some(poison as NativeFunction);
    }
    if *package != standard_id(2) {
        return None;
    }
    Some(match (module, name) {
        ("test_scenario", name) => return scenario::find(name),
        ("transfer", "receive_impl") => scenario::receive,
        ("tx_context", "replace") => replace,
        ("tx_context", "last_created_id") => last_created_id,
        ("event", "num_events") => num_events,
        ("event", "events_by_type") => events_by_type,
        ("test_utils", "create_one_time_witness") => create_one_time_witness,
        ("random", "generate_rand_seed_for_testing") => random_seed,
        _ => return None,
    })
}

fn poison(_: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    Ok(Vec::new())
}

/// Everything `tx_context` reports, last argument on top: sponsor, budget, price, reference price, ids created,
/// timestamp, epoch, digest, sender.
fn replace(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let sponsor = arguments::vector(args)?;
    let context = &mut state.context;
    context.sponsor = match sponsor.first() {
        Some(Value::Address(sponsor)) => Some(*sponsor),
        _ => None,
    };
    context.gas_budget = arguments::u64(args)?;
    context.gas_price = arguments::u64(args)?;
    context.reference_gas_price = arguments::u64(args)?;
    state.ids_created = arguments::u64(args)?;
    context.epoch_timestamp_ms = arguments::u64(args)?;
    context.epoch = arguments::u64(args)?;
    let digest: [u8; 32] = arguments::bytes(args)?
        .try_into()
        .map_err(|_| NativeError::Vm(VmError::invariant("transaction digest of another length")))?;
    context.digest = Digest::new(digest);
    context.sender = arguments::address(args)?;
    Ok(Vec::new())
}

fn last_created_id(state: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let Some(last) = state.ids_created.checked_sub(1) else {
        return Err(NativeError::Abort(NO_IDS_CREATED));
    };
    let digest = state.context.digest.into_inner();
    Ok(vec![Value::Address(
        crate::object_runtime::fresh_object_id(&digest, last),
    )])
}

fn num_events(state: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let count = u32::try_from(state.objects.events().len()).unwrap_or(u32::MAX);
    Ok(vec![Value::U32(count)])
}

fn events_by_type(state: &mut State<'_>, types: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let ty = arguments::type_argument(types, 0)?;
    let tag = ty.to_struct_tag()?;
    let events = state.objects.events().iter();
    let values = events
        .filter(|event| event.event_type == tag)
        .map(|event| bcs::decode(ty, &event.contents))
        .collect::<Result<_, _>>()?;
    Ok(vec![vector::pack(ty, values)?])
}

fn create_one_time_witness(_: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    Ok(vec![Value::witness()])
}

/// Another seed at each call of a test, the same ones in each run of it.
fn random_seed(state: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    let scenario = state.extension.get::<Scenario>()?;
    scenario.seeds = scenario.seeds.saturating_add(1);
    let seed = U256::from(scenario.seeds).to_le_bytes();
    let hash = blake2b_simd::Params::new().hash_length(32).hash(&seed);
    Ok(vec![Value::Bytes(hash.as_bytes().to_vec())])
}
