//! Protocol configuration: limits and features under their public names (devchain spec 1.2).

use std::collections::BTreeMap;

use prost_types::Value;
use prost_types::value::Kind;
use sui_devchain_executor::gas::{
    PUBLISH_INTERNAL_PER_BYTE, READ_INTERNAL_PER_BYTE, REBATE_BASIS_POINTS,
};
use sui_devchain_executor::{FEATURES, PROTOCOL_VERSION, limits};
use sui_devchain_vm::limits as vm;
use sui_rpc::proto::sui::rpc::v2 as proto;

/// A limit. Its width in the public configuration decides how it is written: numbers of 64 bits are decimal text, since a
/// `Value` holds a double.
#[derive(Clone, Copy)]
enum Limit {
    Narrow(u32),
    Wide(u64),
}

impl Limit {
    fn text(self) -> String {
        match self {
            Self::Narrow(value) => value.to_string(),
            Self::Wide(value) => value.to_string(),
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Narrow(value) => Kind::NumberValue(value.into()),
            Self::Wide(_) => Kind::StringValue(self.text()),
        }
    }
}

/// Limits with 16 or 32 bits.
const NARROW: [(&str, usize); 28] = [
    ("max_gas_payment_objects", limits::MAX_GAS_OBJECTS),
    ("max_modules_in_publish", limits::MODULES_BOUND),
    ("max_package_dependencies", limits::DEPENDENCIES_BOUND),
    ("max_arguments", limits::ARGUMENTS_BOUND),
    ("max_type_arguments", limits::TYPE_NODES_BOUND),
    ("max_type_argument_depth", limits::TYPE_DEPTH_BOUND),
    ("max_pure_argument_size", limits::PURE_BOUND),
    ("max_programmable_tx_commands", limits::COMMANDS_BOUND),
    ("move_binary_format_version", 7),
    ("min_move_binary_format_version", 6),
    ("binary_module_handles", vm::MODULE_HANDLES),
    ("binary_struct_handles", vm::DATATYPE_HANDLES),
    ("binary_function_handles", vm::FUNCTION_HANDLES),
    (
        "binary_function_instantiations",
        vm::FUNCTION_INSTANTIATIONS,
    ),
    ("binary_signatures", vm::SIGNATURES),
    ("binary_constant_pool", vm::CONSTANTS),
    ("binary_identifiers", vm::IDENTIFIERS),
    ("binary_address_identifiers", vm::ADDRESSES),
    ("binary_struct_defs", vm::DATATYPE_DEFINITIONS),
    (
        "binary_struct_def_instantiations",
        vm::STRUCT_INSTANTIATIONS,
    ),
    ("binary_function_defs", vm::FUNCTION_DEFINITIONS),
    ("binary_field_handles", vm::FIELD_HANDLES),
    ("binary_field_instantiations", vm::FIELD_INSTANTIATIONS),
    ("binary_friend_decls", vm::FRIENDS),
    ("binary_enum_defs", vm::DATATYPE_DEFINITIONS),
    ("binary_enum_def_instantiations", vm::ENUM_INSTANTIATIONS),
    ("binary_variant_handles", vm::VARIANT_HANDLES),
    ("binary_variant_instantiation_handles", vm::VARIANT_HANDLES),
];

/// Limits with 64 bits.
const WIDE: [(&str, u64); 40] = [
    ("max_tx_size_bytes", limits::MAX_TRANSACTION_BYTES as u64),
    ("max_input_objects", limits::MAX_INPUT_OBJECTS as u64),
    (
        "max_serialized_tx_effects_size_bytes",
        limits::MAX_EFFECTS_BYTES,
    ),
    (
        "max_publish_or_upgrade_per_ptb",
        limits::MAX_PUBLISHES as u64,
    ),
    ("max_tx_gas", limits::MAX_GAS_BUDGET),
    ("max_gas_price", limits::GAS_PRICE_BOUND),
    ("max_gas_computation_bucket", limits::MAX_GAS_UNITS),
    ("base_tx_cost_fixed", limits::MIN_GAS_UNITS),
    ("max_move_package_size", limits::MAX_PACKAGE_BYTES),
    ("max_move_object_size", limits::MAX_OBJECT_BYTES),
    ("storage_rebate_rate", REBATE_BASIS_POINTS),
    ("obj_access_cost_read_per_byte", READ_INTERNAL_PER_BYTE),
    ("package_publish_cost_per_byte", PUBLISH_INTERNAL_PER_BYTE),
    ("storage_gas_price", 76),
    ("obj_data_cost_refundable", 100),
    ("max_loop_depth", vm::LOOP_DEPTH as u64),
    (
        "max_generic_instantiation_length",
        vm::TYPE_PARAMETERS as u64,
    ),
    ("max_function_parameters", vm::FUNCTION_PARAMETERS as u64),
    ("max_basic_blocks", vm::BASIC_BLOCKS as u64),
    ("max_value_stack_size", vm::OPERAND_STACK as u64),
    ("max_type_nodes", vm::TYPE_WEIGHT as u64),
    ("max_push_size", vm::BLOCK_PUSHES as u64),
    ("max_struct_definitions", vm::DATATYPE_DEFINITIONS as u64),
    ("max_function_definitions", vm::FUNCTION_DEFINITIONS as u64),
    ("max_fields_in_struct", vm::FIELDS as u64),
    ("max_move_enum_variants", vm::VARIANTS as u64),
    ("max_move_identifier_len", vm::IDENTIFIER_BYTES as u64),
    ("max_move_vector_len", vm::VECTOR_LENGTH as u64),
    ("max_num_event_emit", vm::EVENTS as u64),
    ("max_event_emit_size", vm::EVENT_BYTES as u64),
    ("max_event_emit_size_total", vm::EVENTS_BYTES as u64),
    ("max_num_new_move_object_ids", vm::IDS as u64),
    (
        "max_num_new_move_object_ids_system_tx",
        vm::SYSTEM_IDS as u64,
    ),
    ("max_num_deleted_move_object_ids", vm::IDS as u64),
    (
        "max_num_deleted_move_object_ids_system_tx",
        vm::SYSTEM_IDS as u64,
    ),
    ("max_num_transferred_move_object_ids", vm::IDS as u64),
    (
        "max_num_transferred_move_object_ids_system_tx",
        vm::SYSTEM_IDS as u64,
    ),
    ("object_runtime_max_num_cached_objects", vm::CHILDREN as u64),
    (
        "object_runtime_max_num_cached_objects_system_tx",
        vm::SYSTEM_CHILDREN as u64,
    ),
    ("object_runtime_max_num_store_entries", vm::CHILDREN as u64),
];

/// The configuration, both in its own map and in the two that it replaces.
pub(super) fn config() -> proto::ProtocolConfig {
    let narrow = NARROW.into_iter().map(|(name, value)| {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        (name, Limit::Narrow(value))
    });
    let wide = WIDE
        .into_iter()
        .map(|(name, value)| (name, Limit::Wide(value)));
    let limits: BTreeMap<&str, Limit> = narrow.chain(wide).collect();
    let mut message = proto::ProtocolConfig::default();
    message.protocol_version = Some(PROTOCOL_VERSION);
    message.attributes = limits
        .iter()
        .map(|(name, limit)| ((*name).to_owned(), limit.text()))
        .collect();
    message.feature_flags = FEATURES
        .into_iter()
        .map(|name| (name.to_owned(), true))
        .collect();
    let features = FEATURES
        .into_iter()
        .map(|name| (name, Kind::BoolValue(true)));
    message.configs = limits
        .iter()
        .map(|(name, limit)| (*name, limit.kind()))
        .chain(features)
        .map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }))
        .collect();
    message
}
