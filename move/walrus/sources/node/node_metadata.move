/// Descriptive data of a storage node, shown by explorers and staking sites. The protocol does not interpret it.
///
/// Life cycle: `new`, the setters, then `staking::register_candidate` or `staking::set_node_metadata`.
///
/// Invariant: none; every text is allowed.
///
/// Specification: contracts, sections 4.5 and 7.10.
module walrus::node_metadata;

use std::string::String;
use sui::vec_map::{Self, VecMap};

// === Structs ===

/// Descriptive data of a storage node.
public struct NodeMetadata has copy, drop, store {
    image_url: String,
    project_url: String,
    description: String,
    extra_fields: VecMap<String, String>,
}

// === Constructors ===

/// Creates metadata without extra fields.
///
/// #### Parameters
/// - `image_url`: where the node's logo lies.
/// - `project_url`: the operator's site.
/// - `description`: free text.
///
/// #### Returns
/// The metadata.
///
/// #### Aborts
/// Never.
public fun new(image_url: String, project_url: String, description: String): NodeMetadata {
    NodeMetadata { image_url, project_url, description, extra_fields: vec_map::empty() }
}


// === Public Functions ===

/// Replaces the URL of the logo with `image_url`. Never aborts.
public fun set_image_url(metadata: &mut NodeMetadata, image_url: String) {
    metadata.image_url = image_url;
}

/// Replaces the operator's site with `project_url`. Never aborts.
public fun set_project_url(metadata: &mut NodeMetadata, project_url: String) {
    metadata.project_url = project_url;
}

/// Replaces the free text with `description`. Never aborts.
public fun set_description(metadata: &mut NodeMetadata, description: String) {
    metadata.description = description;
}

/// Replaces all extra fields with `extra_fields`. Never aborts.
public fun set_extra_fields(metadata: &mut NodeMetadata, extra_fields: VecMap<String, String>) {
    metadata.extra_fields = extra_fields;
}

/// Returns the URL of the logo. Never aborts.
public fun image_url(metadata: &NodeMetadata): String {
    metadata.image_url
}

/// Returns the operator's site. Never aborts.
public fun project_url(metadata: &NodeMetadata): String {
    metadata.project_url
}

/// Returns the free text. Never aborts.
public fun description(metadata: &NodeMetadata): String {
    metadata.description
}

/// Returns the extra fields. Never aborts.
public fun extra_fields(metadata: &NodeMetadata): &VecMap<String, String> {
    &metadata.extra_fields
}
