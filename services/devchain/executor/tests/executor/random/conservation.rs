//! What a store holds, read type by type from the bytes of its objects.

use sui_devchain_executor::MemoryStore;
use sui_devchain_vm::Signature;
use sui_devchain_vm::declarations::{DeclaredBody, FieldDeclaration};
use sui_sdk_types::*;

use super::Catalog;

/// All SUI there is outside of address balances: balances inside objects, and storage deposits.
pub fn total_sui(store: &MemoryStore, catalog: &Catalog) -> u128 {
    store
        .live()
        .map(|object| {
            let inside = object.as_struct().map_or(0, |value| {
                let tag = TypeTag::from(value.object_type().clone());
                let mut bytes = value.contents();
                let sum = read(catalog, &tag, &mut bytes).expect("an object of its type");
                assert!(bytes.is_empty(), "{tag} has {} bytes too many", bytes.len());
                sum
            });
            inside + u128::from(object.storage_rebate())
        })
        .sum()
}

/// Reads one value of a type; the SUI in it.
fn read(catalog: &Catalog, tag: &TypeTag, bytes: &mut &[u8]) -> Option<u128> {
    let length = match tag {
        TypeTag::Bool | TypeTag::U8 => 1,
        TypeTag::U16 => 2,
        TypeTag::U32 => 4,
        TypeTag::U64 => 8,
        TypeTag::U128 => 16,
        TypeTag::U256 | TypeTag::Address => 32,
        TypeTag::Signer => return None,
        TypeTag::Vector(inner) => {
            let count = uleb(bytes)?;
            return (0..count).try_fold(0, |sum, _| Some(sum + read(catalog, inner, bytes)?));
        }
        TypeTag::Struct(tag) => return datatype(catalog, tag, bytes),
    };
    *bytes = bytes.get(length..)?;
    Some(0)
}

fn datatype(catalog: &Catalog, tag: &StructTag, bytes: &mut &[u8]) -> Option<u128> {
    let is_balance = *tag.address() == Address::TWO && tag.name().as_str() == "Balance";
    if is_balance && tag.type_params() == [TypeTag::from(StructTag::sui())] {
        let (value, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        return Some(u128::from(u64::from_le_bytes(*value)));
    }
    let module = catalog
        .modules
        .get(&(*tag.address(), tag.module().to_string()))?;
    match &module.datatype(tag.name().as_str())?.body {
        DeclaredBody::Struct(fields) => all(catalog, fields, tag, bytes),
        DeclaredBody::Enum(variants) => {
            let variant = variants.get(uleb(bytes)?)?;
            all(catalog, &variant.fields, tag, bytes)
        }
    }
}

fn all(
    catalog: &Catalog,
    fields: &[FieldDeclaration],
    tag: &StructTag,
    bytes: &mut &[u8],
) -> Option<u128> {
    fields.iter().try_fold(0, |sum, field| {
        let tag = closed(&field.signature, tag.type_params())?;
        Some(sum + read(catalog, &tag, bytes)?)
    })
}

fn uleb(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The type tag of a declared type. All packages are at version 1, so original ids are defining ids.
pub fn closed(signature: &Signature, arguments: &[TypeTag]) -> Option<TypeTag> {
    signature.close(arguments, &|package, _, _| Some(package))
}
