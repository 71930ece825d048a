//! Regulated coins: who may not use them, and who may not receive them (devchain spec 2.3 row 11 and
//! 2.10 step 4).
//!
//! The settings live below the DenyList object: a `Config` per coin type as a dynamic object field, and
//! in it a `Setting<bool>` per address and one for the global pause as dynamic fields. A change holds for
//! senders at once, for receivers from the next epoch on.

use std::collections::BTreeSet;

use sui_sdk_types::{
    Address, ExecutionError, Identifier, Input, Object, ObjectData, Owner, ProgrammableTransaction,
    StructTag, TypeTag,
};

use crate::bridge::original_id;
use crate::changes::Changes;
use crate::failure::Failure;
use crate::gas::READ_INTERNAL_PER_BYTE;
use crate::inputs::Inputs;
use crate::{AdmissionError, ObjectStore};

/// The list.
pub(crate) const DENY_LIST: Address = Address::from_static("0x403");
/// The index under which the list keeps coins.
const COINS: u64 = 0;
/// Bytes of an object id at the start of every object.
const ID_BYTES: usize = 32;

/// `SettingData<bool>`: the epoch of the last change, the value after it, the value before.
type SettingData = (u64, Option<bool>, Option<bool>);

/// Internal gas units of looking up whether somebody may receive a coin: reading a setting of 1000 bytes.
const RECEIVER_INTERNAL: u64 = 1000 * READ_INTERNAL_PER_BYTE;

/// Refuses a sender who may not use one of the coins among the inputs, or in an address balance that is withdrawn from.
pub(crate) fn check_sender(
    store: &dyn ObjectStore,
    sender: Address,
    inputs: &Inputs,
    programmable: &ProgrammableTransaction,
) -> Result<(), AdmissionError> {
    let objects = inputs.objects.values().map(|input| &input.object);
    let withdrawn = programmable.inputs.iter().filter_map(|input| match input {
        Input::FundsWithdrawal(withdrawal) => not_sui(withdrawal.coin_type()),
        _ => None,
    });
    let coins: BTreeSet<&TypeTag> = objects
        .chain(inputs.receiving.values())
        .filter_map(|object| regulated_coin(object))
        .chain(withdrawn)
        .collect();
    for coin in coins {
        let Some(config) = config(store, coin) else {
            continue;
        };
        let now = |data: SettingData| data.1;
        if address_setting(store, config, sender).and_then(now) == Some(true)
            || pause_setting(store, config).and_then(now) == Some(true)
        {
            return Err(AdmissionError::Denied {
                address: sender,
                coin_type: coin.to_string(),
            });
        }
    }
    Ok(())
}

/// What the question about receivers took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consulted {
    /// The list as it was at the start of the epoch was read.
    pub(crate) list: bool,
    /// Internal gas units.
    pub(crate) units: u64,
}

/// Fails a transaction that gives a coin to somebody who may not have it in this epoch.
pub(crate) fn check_receivers(
    store: &dyn ObjectStore,
    epoch: u64,
    changes: &Changes,
    consulted: &mut Consulted,
) -> Result<(), Failure> {
    let receivers = receivers(changes);
    let count = u64::try_from(receivers.len()).unwrap_or(u64::MAX);
    consulted.units = count.saturating_mul(RECEIVER_INTERNAL);
    consulted.list = count > 0 && store.latest(&DENY_LIST).is_some();
    for (coin, address) in receivers {
        let Some(config) = config(store, coin) else {
            continue;
        };
        let in_force = |(changed, newer, older): SettingData| {
            if epoch > changed { newer } else { older }
        };
        let coin_type = coin.to_string();
        if pause_setting(store, config).and_then(in_force) == Some(true) {
            let message = format!("coin type {coin_type} is paused");
            let error = ExecutionError::CoinTypeGlobalPause { coin_type };
            return Err(Failure::new(error, message));
        }
        if address_setting(store, config, address).and_then(in_force) == Some(true) {
            let message = format!("address {address} is denied for coin type {coin_type}");
            let error = ExecutionError::AddressDeniedForCoin { address, coin_type };
            return Err(Failure::new(error, message));
        }
    }
    Ok(())
}

/// Coin types and the addresses that a transaction gives such coins or deposits to.
fn receivers(changes: &Changes) -> BTreeSet<(&TypeTag, Address)> {
    let written = changes.written.values().filter_map(|object| {
        let coin = regulated_coin(object)?;
        match object.owner() {
            Owner::Address(owner) | Owner::ConsensusAddress { owner, .. } => Some((coin, *owner)),
            _ => None,
        }
    });
    let deposits = changes
        .balances
        .iter()
        .filter(|(_, amount)| **amount > 0)
        .filter_map(|((owner, coin), _)| Some((not_sui(coin)?, *owner)));
    written.chain(deposits).collect()
}

/// The type of a coin that is not SUI.
fn regulated_coin(object: &Object) -> Option<&TypeTag> {
    not_sui(object.as_struct()?.object_type().is_coin()?)
}

fn not_sui(coin: &TypeTag) -> Option<&TypeTag> {
    (*coin != TypeTag::from(StructTag::sui())).then_some(coin)
}

/// The config object of a coin type; `None` for coins that nobody ever regulated.
fn config(store: &dyn ObjectStore, coin: &TypeTag) -> Option<Address> {
    let name = original_name(store, coin)?;
    let key = bcs::to_bytes(&(COINS, name.as_bytes())).ok()?;
    let key_type = framework_type("deny_list", "ConfigKey", vec![]);
    let wrapper = framework_type("dynamic_object_field", "Wrapper", vec![key_type]);
    let field = DENY_LIST.derive_dynamic_child_id(&wrapper, &key);
    let value = field_value(store, field, key.len())?;
    bcs::from_bytes(&value).ok()
}

fn address_setting(
    store: &dyn ObjectStore,
    config: Address,
    address: Address,
) -> Option<SettingData> {
    let key_type = framework_type("deny_list", "AddressKey", vec![]);
    setting(store, config, &key_type, address.as_bytes())
}

/// The key is a struct without fields, which has one byte.
fn pause_setting(store: &dyn ObjectStore, config: Address) -> Option<SettingData> {
    let key_type = framework_type("deny_list", "GlobalPauseKey", vec![]);
    setting(store, config, &key_type, &[0])
}

fn setting(
    store: &dyn ObjectStore,
    config: Address,
    key_type: &TypeTag,
    key: &[u8],
) -> Option<SettingData> {
    let field = config.derive_dynamic_child_id(key_type, key);
    let value = field_value(store, field, key.len())?;
    bcs::from_bytes::<Option<SettingData>>(&value).ok()?
}

/// The value in a `Field`: behind the id and the key.
fn field_value(store: &dyn ObjectStore, field: Address, key_bytes: usize) -> Option<Vec<u8>> {
    let object = store.latest(&field)?;
    let contents = object.as_struct()?.contents();
    let value = contents.get(ID_BYTES.checked_add(key_bytes)?..)?;
    Some(value.to_vec())
}

fn framework_type(module: &'static str, name: &'static str, arguments: Vec<TypeTag>) -> TypeTag {
    StructTag::new(
        Address::TWO,
        Identifier::from_static(module),
        Identifier::from_static(name),
        arguments,
    )
    .into()
}

/// `type_name::with_original_ids`: addresses without `0x`, of the first versions of the packages. The
/// recursion is bounded by the nesting of types that the chain accepts.
fn original_name(store: &dyn ObjectStore, tag: &TypeTag) -> Option<String> {
    Some(match tag {
        TypeTag::Struct(tag) => {
            let package = store.latest(tag.address())?;
            let ObjectData::Package(package) = package.data() else {
                return None;
            };
            let id = original_id(package).ok()?.to_string();
            let id = id.trim_start_matches("0x");
            let arguments = tag
                .type_params()
                .iter()
                .map(|argument| original_name(store, argument))
                .collect::<Option<Vec<_>>>()?;
            let arguments = match arguments.as_slice() {
                [] => String::new(),
                some => format!("<{}>", some.join(",")),
            };
            format!("{id}::{}::{}{arguments}", tag.module(), tag.name())
        }
        TypeTag::Vector(element) => format!("vector<{}>", original_name(store, element)?),
        primitive => primitive.to_string(),
    })
}
