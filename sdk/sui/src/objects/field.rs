//! Framework building blocks (`Field`, `VecMap`, tables) and the IDs of dynamic fields, derived locally.

use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

/// `0x2::dynamic_field::Field<N, V>`: the object that holds a dynamic field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field<N, V> {
    /// ID of the field object.
    pub id: Address,
    /// The field's name.
    pub name: N,
    /// The field's value.
    pub value: V,
}

/// One entry of a [`VecMap`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VecMapEntry<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
}

/// `0x2::vec_map::VecMap<K, V>`: entries in stored order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VecMap<K, V> {
    /// The entries.
    pub contents: Vec<VecMapEntry<K, V>>,
}

impl<K, V> Default for VecMap<K, V> {
    fn default() -> Self {
        Self {
            contents: Vec::new(),
        }
    }
}

impl<K: PartialEq, V> VecMap<K, V> {
    /// The value under `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Entries in stored order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.contents.iter().map(|entry| (&entry.key, &entry.value))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.contents.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }
}

/// `0x2::table::Table`, `0x2::object_table::ObjectTable` and `0x2::bag::Bag`: entries are dynamic fields
/// of `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRef {
    /// The parent of the entries.
    pub id: Address,
    /// Number of entries.
    pub size: u64,
}

/// `extended_field::ExtendedField<T>`: the value is the dynamic field `Key()` of `id`, see
/// [`extended_field_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedField {
    /// The parent of the value.
    pub id: Address,
}

/// `0x2::group_ops::Element`: 96 bytes for an uncompressed G1 point, 48 for a compressed one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// The point in its standard encoding.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Element(0x{})", hex::encode(&self.bytes))
    }
}

/// ID of the dynamic field of `parent` with the given name (BCS) and name type.
pub fn dynamic_field_id(parent: Address, name_type: &TypeTag, name_bcs: &[u8]) -> Address {
    parent.derive_dynamic_child_id(name_type, name_bcs)
}

/// ID of the `Field` object behind a dynamic *object* field: the name is wrapped in
/// `0x2::dynamic_object_field::Wrapper`, whose BCS is that of the name.
pub fn dynamic_object_field_id(parent: Address, name_type: TypeTag, name_bcs: &[u8]) -> Address {
    let wrapper = StructTag::new(
        Address::TWO,
        Identifier::from_static("dynamic_object_field"),
        Identifier::from_static("Wrapper"),
        vec![name_type],
    );
    dynamic_field_id(parent, &TypeTag::from(wrapper), name_bcs)
}

/// ID of the field `(u64, version)` that holds the inner state of `System`, `Staking` and `StoragePool`
/// (contracts spec 4.1).
pub fn versioned_field_id(parent: Address, version: u64) -> Address {
    dynamic_field_id(parent, &TypeTag::U64, &version.to_le_bytes())
}

/// ID of the field that holds the value of an [`ExtendedField`]; `origin` is the package that defines
/// `extended_field::Key`.
pub fn extended_field_id(field: ExtendedField, origin: Address) -> Address {
    let key = StructTag::new(
        origin,
        Identifier::from_static("extended_field"),
        Identifier::from_static("Key"),
        vec![],
    );
    // An empty struct is one `false` byte (contracts spec section 0).
    dynamic_field_id(field.id, &TypeTag::from(key), &[0])
}

/// ID of the field `b"metadata"` that holds a blob's attributes (contracts spec 4.8).
pub fn attributes_field_id(blob_object: Address) -> Address {
    let name_type = TypeTag::Vector(Box::new(TypeTag::U8));
    dynamic_field_id(blob_object, &name_type, b"\x08metadata")
}
