//! Limits, each with a name (devchain spec 3.1 and Appendix D), all inclusive, and where each is from:
//!
//! * a name like `max_type_nodes` is the entry of the public protocol configuration that has this value in the protocol
//!   versions this machine follows;
//! * "format" is a constant of the public binary format, "VM" one of the public virtual machine: no configuration changes
//!   them;
//! * "own" is a bound of this machine; it says why code that the public network accepts does not come near.

/// Bytes of one module. Own: a package with everything around it has at most 102 400 (`max_move_package_size`).
pub const MODULE_BYTES: usize = 131_072;
/// Tables in a module. Format; there are 19 kinds, each at most once.
pub const TABLES: usize = 255;
/// Entries of the table of module handles. `binary_module_handles`
pub const MODULE_HANDLES: usize = 100;
/// Entries of the table of datatype handles. `binary_struct_handles`
pub const DATATYPE_HANDLES: usize = 300;
/// Entries of the table of function handles. `binary_function_handles`
pub const FUNCTION_HANDLES: usize = 1500;
/// Entries of the table of function instantiations. `binary_function_instantiations`
pub const FUNCTION_INSTANTIATIONS: usize = 750;
/// Entries of the table of signatures. `binary_signatures`
pub const SIGNATURES: usize = 1000;
/// Entries of the table of constants. `binary_constant_pool`
pub const CONSTANTS: usize = 4000;
/// Entries of the table of identifiers. `binary_identifiers`
pub const IDENTIFIERS: usize = 10_000;
/// Entries of the table of addresses. `binary_address_identifiers`
pub const ADDRESSES: usize = 100;
/// Entries of the table of struct definitions, of that of enum definitions, and of both together. `binary_struct_defs`,
/// `binary_enum_defs`, `max_struct_definitions`
pub const DATATYPE_DEFINITIONS: usize = 200;
/// Entries of the table of struct instantiations. `binary_struct_def_instantiations`
pub const STRUCT_INSTANTIATIONS: usize = 100;
/// Entries of the table of function definitions. `binary_function_defs`, `max_function_definitions`
pub const FUNCTION_DEFINITIONS: usize = 1000;
/// Entries of the table of field handles. `binary_field_handles`
pub const FIELD_HANDLES: usize = 500;
/// Entries of the table of field instantiations. `binary_field_instantiations`
pub const FIELD_INSTANTIATIONS: usize = 250;
/// Entries of the table of friends. `binary_friend_decls`
pub const FRIENDS: usize = 100;
/// Entries of the table of enum instantiations. `binary_enum_def_instantiations`
pub const ENUM_INSTANTIATIONS: usize = 100;
/// Entries of the tables of variant handles and of their instantiations. `binary_variant_handles`,
/// `binary_variant_instantiation_handles`
pub const VARIANT_HANDLES: usize = 1024;
/// Type parameters of a datatype or function. `max_generic_instantiation_length`
pub const TYPE_PARAMETERS: usize = 32;
/// Tokens in one signature. Format
pub const SIGNATURE_TOKENS: usize = 255;
/// Weight of one type of a signature, constant or field: a datatype and a type parameter count 4, for they may stand for
/// more, everything else 1. Nothing nests deeper than it weighs. `max_type_nodes`
pub const TYPE_WEIGHT: usize = 256;
/// What a datatype or a type parameter counts in [`TYPE_WEIGHT`]. The verifier of the public VM
pub const HEAVY_NODE: usize = 4;
/// Bytes of one constant. Format
pub const CONSTANT_BYTES: usize = 65_535;
/// Bytes of an identifier. `max_move_identifier_len`
pub const IDENTIFIER_BYTES: usize = 128;
/// Fields of a struct, or of all variants of an enum together. `max_fields_in_struct`
pub const FIELDS: usize = 32;
/// Variants of an enum. `max_move_enum_variants`
pub const VARIANTS: usize = 127;
/// Jump tables of a function. Format
pub const JUMP_TABLES: usize = 127;
/// Parameters of a function. `max_function_parameters`
pub const FUNCTION_PARAMETERS: usize = 128;
/// Locals of a frame, parameters included. Format
pub const LOCALS: usize = 255;
/// Instructions of a function. Format
pub const INSTRUCTIONS: usize = 65_535;
/// Basic blocks of a function. `max_basic_blocks`
pub const BASIC_BLOCKS: usize = 1024;
/// Loops inside each other. `max_loop_depth`
pub const LOOP_DEPTH: usize = 5;
/// Values that one basic block may push. `max_push_size`
pub const BLOCK_PUSHES: usize = 10_000;
/// Nodes of types that verification makes by replacing type parameters, in one package. Own; the public verifier has
/// 16 000 000 ticks (`max_meter_ticks_per_package`), which it spends on these and on everything else.
pub const VERIFIED_NODES: usize = 16_000_000;
/// Operand stack entries, when code is verified and when it runs. `max_value_stack_size`, VM
pub const OPERAND_STACK: usize = 1024;
/// Call depth. VM
pub const CALL_DEPTH: usize = 1024;
/// Nesting of a value. VM
pub const VALUE_DEPTH: usize = 128;
/// Elements of a vector. `max_move_vector_len`
pub const VECTOR_LENGTH: usize = 262_144;
/// Nodes of the type arguments of a running function and of the ones that it gives to a call, and one more. VM
pub const INSTANTIATION_NODES: usize = 128;
/// Nodes of a type that is loaded by its name. Own: a transaction names types of at most 15 (`max_type_arguments`), and
/// what a function can store is made of [`INSTANTIATION_NODES`].
pub const TYPE_NODES: usize = 256;
/// Nesting of a type that is loaded by its name. Own: a transaction names types of at most 15 (`max_type_argument_depth`).
pub const TYPE_DEPTH: usize = 64;
/// Nesting of datatypes through their fields. Own: no value of a deeper one can be made ([`VALUE_DEPTH`]).
pub const DATATYPE_DEPTH: usize = 128;
/// New, deleted and transferred ids of a transaction, each. `max_num_new_move_object_ids`,
/// `max_num_deleted_move_object_ids`, `max_num_transferred_move_object_ids`
pub const IDS: usize = 2048;
/// The same for system transactions. The same names with `_system_tx`
pub const SYSTEM_IDS: usize = 2048 * 16;
/// Distinct children looked up in a transaction. `object_runtime_max_num_cached_objects`,
/// `object_runtime_max_num_store_entries`
pub const CHILDREN: usize = 1000;
/// The same for system transactions. The same names with `_system_tx`
pub const SYSTEM_CHILDREN: usize = 1000 * 16;
/// Events of a transaction. `max_num_event_emit`
pub const EVENTS: usize = 1024;
/// Size of one event: contents and type tag. `max_event_emit_size`
pub const EVENT_BYTES: usize = 256_000;
/// Size of all events of a transaction. `max_event_emit_size_total`
pub const EVENTS_BYTES: usize = 65_536_000;
/// Values that one transaction may make by copying, decoding and packing (a value takes up to about 100 bytes). Own: gas
/// alone would allow more memory than a machine has. An object of the largest size (`max_move_object_size`) has at most
/// 256 000 values.
pub const VALUES: u64 = 4_000_000;
/// The same for system transactions, genesis and unit tests. Own
pub const SYSTEM_VALUES: u64 = 64_000_000;
/// Packages kept parsed; above it the cache starts anew. Own
pub const CACHED_PACKAGES: usize = 512;
/// Linkages kept resolved; above it the cache starts anew. Own
pub const CACHED_LINKAGES: usize = 256;
/// Datatypes kept resolved; above it the cache starts anew. Own
pub const CACHED_DATATYPES: usize = 32_768;
/// Work of natives in one transaction, in nanoseconds as they are rated. Own: gas alone would allow minutes of curve
/// arithmetic.
pub const NATIVE_WORK: u64 = 4_000_000_000;
