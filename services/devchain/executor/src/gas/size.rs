//! Object sizes as they are charged (devchain spec 2.10).

use sui_sdk_types::{MovePackage, MoveStruct, Object, ObjectData, StructTag, TypeTag};

/// Owner, previous transaction and rebate fields of a stored object.
const ENVELOPE_BYTES: u64 = 80;
/// `has_public_transfer` and version of a Move object.
const MOVE_OBJECT_FIXED_BYTES: u64 = 9;
/// Version of a package.
const PACKAGE_FIXED_BYTES: u64 = 8;
/// One linkage entry: two ids and a version.
const LINKAGE_ENTRY_BYTES: u64 = 72;
/// The package id in one type origin entry.
const ORIGIN_ID_BYTES: u64 = 32;

/// Bytes of an object as stored: the unit of storage costs.
///
/// A SUI coin has 130:
///
/// ```
/// # use sui_devchain_executor::gas::stored_bytes;
/// # use sui_sdk_types::*;
/// let coin = MoveStruct::new(StructTag::gas_coin(), true, 1, vec![0; 40]).unwrap();
/// let object = Object::new(ObjectData::Struct(coin), Owner::Immutable, Digest::ZERO, 0);
/// assert_eq!(stored_bytes(&object), 130);
/// ```
#[must_use]
pub fn stored_bytes(object: &Object) -> u64 {
    ENVELOPE_BYTES + object_bytes(object)
}

/// Bytes of an object's data, without the envelope.
#[must_use]
pub fn object_bytes(object: &Object) -> u64 {
    match object.data() {
        ObjectData::Struct(value) => move_object_bytes(value),
        ObjectData::Package(package) => package_bytes(package),
    }
}

/// Bytes of a Move object's data: contents, compressed type and nine bytes.
#[must_use]
pub fn move_object_bytes(value: &MoveStruct) -> u64 {
    value.contents().len() as u64
        + compressed_type_bytes(value.object_type())
        + MOVE_OBJECT_FIXED_BYTES
}

/// Bytes of a package's data; also what the package size limit is about.
#[must_use]
pub fn package_bytes(package: &MovePackage) -> u64 {
    let modules: usize = package
        .modules
        .iter()
        .map(|(name, bytes)| name.as_str().len() + bytes.len())
        .sum();
    let origins: u64 = package
        .type_origin_table
        .iter()
        .map(|origin| {
            (origin.module_name.as_str().len() + origin.struct_name.as_str().len()) as u64
                + ORIGIN_ID_BYTES
        })
        .sum();
    PACKAGE_FIXED_BYTES
        + modules as u64
        + origins
        + LINKAGE_ENTRY_BYTES * package.linkage_table.len() as u64
}

/// BCS length of the compressed type of an object (devchain spec 2.2): a tag, and for coins only
/// the coin's type.
fn compressed_type_bytes(tag: &StructTag) -> u64 {
    if let Some(inner) = tag.is_coin() {
        let sui = TypeTag::from(StructTag::sui());
        return if *inner == sui {
            1
        } else {
            1 + bcs_bytes(inner)
        };
    }
    if *tag == StructTag::staked_sui() {
        return 1;
    }
    1 + bcs_bytes(tag)
}

fn bcs_bytes<T: serde::Serialize>(value: &T) -> u64 {
    bcs::serialized_size(value).unwrap_or_default() as u64
}
