/// Attributes of a blob: an ordered map from string to string.
///
/// `Metadata` is built by its owner, attached to a `Blob` or a pooled blob as the dynamic field `b"metadata"`, and can be
/// taken back. It is not copyable; the only limits on it are those of Sui objects.
///
/// Invariant: a blob has at most one `Metadata`; keys are unique.
///
/// Specification: contracts, section 7.4.
module walrus::metadata;

use std::string::String;
use sui::dynamic_field;
use sui::vec_map::{Self, VecMap};

// === Constants ===

/// Name of the dynamic field that holds the attributes of an object; its type is `vector<u8>`.
const METADATA_FIELD: vector<u8> = b"metadata";

// === Structs ===

/// The attributes, in order of their last insertion.
public struct Metadata has drop, store {
    metadata: VecMap<String, String>,
}

// === Constructors ===

/// An empty set of attributes.
///
/// #### Returns
/// The empty map.
///
/// #### Aborts
/// Never.
public fun new(): Metadata {
    Metadata { metadata: vec_map::empty() }
}

// === Public Functions ===

/// Sets an attribute. A key that was present moves to the end of the map.
///
/// #### Parameters
/// - `self`: the attributes.
/// - `key`, `value`: the pair to set.
///
/// #### Aborts
/// Never.
public fun insert_or_update(self: &mut Metadata, key: String, value: String) {
    if (self.metadata.contains(&key)) {
        self.metadata.remove(&key);
    };
    self.metadata.insert(key, value);
}

/// Removes an attribute that must exist.
///
/// #### Parameters
/// - `self`: the attributes.
/// - `key`: the key to remove.
///
/// #### Returns
/// The removed key and value.
///
/// #### Aborts
/// - Framework abort 1 in `0x2::vec_map` (`get_idx`) if the key is missing.
public fun remove(self: &mut Metadata, key: &String): (String, String) {
    self.metadata.remove(key)
}

/// Removes an attribute if it exists.
///
/// #### Parameters
/// - `self`: the attributes.
/// - `key`: the key to remove.
///
/// #### Returns
/// The removed value, or none if the key is missing.
///
/// #### Aborts
/// Never.
public fun remove_if_exists(self: &mut Metadata, key: &String): Option<String> {
    if (self.metadata.contains(key)) {
        let (_, value) = self.metadata.remove(key);
        option::some(value)
    } else {
        option::none()
    }
}

// === Package Functions ===

/// Whether an object has attributes.
#[allow(deprecated_usage)]
public(package) fun is_attached(object: &UID): bool {
    dynamic_field::exists_(object, METADATA_FIELD)
}

/// Attaches attributes to an object that has none. Aborts 0 in `0x2::dynamic_field` if it has some.
public(package) fun attach(object: &mut UID, metadata: Metadata) {
    dynamic_field::add(object, METADATA_FIELD, metadata)
}

/// Takes the attributes of an object, if it has some.
public(package) fun detach(object: &mut UID): Option<Metadata> {
    if (is_attached(object)) {
        option::some(dynamic_field::remove(object, METADATA_FIELD))
    } else {
        option::none()
    }
}

/// Attaches metadata; returns what it replaces.
public(package) fun replace(object: &mut UID, metadata: Metadata): Option<Metadata> {
    let previous = detach(object);
    attach(object, metadata);
    previous
}

/// Adds a pair to the attached metadata, which is created if there is none, or replaces the value of its key.
public(package) fun insert_or_update_attached(object: &mut UID, key: String, value: String) {
    if (!is_attached(object)) attach(object, new());
    borrow_attached_mut(object).insert_or_update(key, value)
}

/// Removes a pair from the attached metadata, if there is any; returns its value, if there is one.
public(package) fun remove_attached_if_exists(object: &mut UID, key: &String): Option<String> {
    if (is_attached(object)) borrow_attached_mut(object).remove_if_exists(key) else option::none()
}

/// Borrows the attributes of an object. Aborts 1 in `0x2::dynamic_field` if it has none.
public(package) fun borrow_attached_mut(object: &mut UID): &mut Metadata {
    dynamic_field::borrow_mut(object, METADATA_FIELD)
}

// === Test-Only Functions ===

/// The value of a key.
#[test_only]
public fun get(self: &Metadata, key: &String): Option<String> {
    self.metadata.try_get(key)
}

/// All keys in map order.
#[test_only]
public fun keys(self: &Metadata): vector<String> {
    self.metadata.keys()
}
