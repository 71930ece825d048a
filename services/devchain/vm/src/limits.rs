//! Named limits (devchain spec 3.1 and Appendix D).

/// Bytes of one module; a whole package has at most 102 400.
pub const MODULE_BYTES: usize = 131_072;
/// Tables in a module.
pub const TABLES: usize = 32;
/// Type parameters of a datatype or function.
pub const TYPE_PARAMETERS: usize = 32;
/// Tokens in one signature.
pub const SIGNATURE_TOKENS: usize = 255;
/// Type nodes in one signature.
pub const SIGNATURE_NODES: usize = 256;
/// Nesting of a type token.
pub const TOKEN_DEPTH: usize = 64;
/// Bytes of one constant.
pub const CONSTANT_BYTES: usize = 65_535;
/// Bytes of an identifier.
pub const IDENTIFIER_BYTES: usize = 128;
/// Fields of a struct or variant.
pub const FIELDS: usize = 32;
/// Variants of an enum.
pub const VARIANTS: usize = 127;
/// Parameters of a function.
pub const FUNCTION_PARAMETERS: usize = 128;
/// Locals of a frame, parameters included.
pub const LOCALS: usize = 255;
/// Operand stack entries.
pub const OPERAND_STACK: usize = 1024;
/// Call depth.
pub const CALL_DEPTH: usize = 1024;
/// Nesting of a value.
pub const VALUE_DEPTH: usize = 128;
/// Elements of a vector.
pub const VECTOR_LENGTH: usize = 262_144;
/// Nodes of an instantiated type.
pub const TYPE_NODES: usize = 256;
/// Nesting of an instantiated type.
pub const TYPE_DEPTH: usize = 64;
/// Nesting of datatypes through their fields.
pub const DATATYPE_DEPTH: usize = 128;
/// Type arguments of one call, and their nesting.
pub const TYPE_ARGUMENTS: usize = 16;
/// New, deleted and transferred ids of a transaction, each.
pub const IDS: usize = 2048;
/// The same for system transactions.
pub const SYSTEM_IDS: usize = 2048 * 16;
/// Distinct children looked up in a transaction.
pub const CHILDREN: usize = 1000;
/// The same for system transactions.
pub const SYSTEM_CHILDREN: usize = 1000 * 16;
/// Events of a transaction.
pub const EVENTS: usize = 1024;
/// Size of one event: contents and type tag.
pub const EVENT_BYTES: usize = 256_000;
/// Size of all events of a transaction.
pub const EVENTS_BYTES: usize = 65_536_000;
/// Contents of one object.
pub const OBJECT_BYTES: usize = 256_000;
/// Values that one transaction may make by copying, decoding and packing (a value takes up to about 100 bytes). An object
/// of the largest size has at most [`OBJECT_BYTES`] values.
pub const VALUES: u64 = 4_000_000;
/// The same for system transactions, genesis and unit tests.
pub const SYSTEM_VALUES: u64 = 64_000_000;
/// Basic blocks of a function.
pub const BASIC_BLOCKS: usize = 1024;
/// Values that one basic block may push.
pub const BLOCK_PUSHES: usize = 10_000;
/// Packages kept parsed; above it the cache starts anew.
pub const CACHED_PACKAGES: usize = 512;
/// Linkages kept resolved; above it the cache starts anew.
pub const CACHED_LINKAGES: usize = 256;
/// Datatypes kept resolved; above it the cache starts anew.
pub const CACHED_DATATYPES: usize = 32_768;
/// Work of natives in one transaction, in nanoseconds as they are rated: gas alone would allow minutes of curve arithmetic.
pub const NATIVE_WORK: u64 = 4_000_000_000;
