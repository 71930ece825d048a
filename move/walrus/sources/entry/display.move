/// Object displays: how wallets and explorers show the objects of the protocol.
///
/// Initialization stores one `Display` per type, and the package's `Publisher`, in a shared object bag. No function edits
/// them afterwards.
///
/// Invariant: the publisher, and with it the right to change how objects look, never leaves the bag.
///
/// Specification: contracts, section 4.9.
module walrus::display;

use std::string::String;
use std::type_name;
use sui::display;
use sui::object_bag::{Self, ObjectBag};
use sui::package::Publisher;
use walrus::blob::Blob;
use walrus::staked_wal::StakedWal;
use walrus::storage_resource::Storage;

// === Constants ===

/// Project URL of every type.
const PROJECT_URL: vector<u8> = b"https://walrus.xyz/";

// === Structs ===

/// Shared holder of the displays, keyed by type name, and of the publisher, keyed by `PublisherKey()`.
public struct ObjectDisplay has key {
    id: UID,
    inner: ObjectBag,
}

/// Key of the publisher.
public struct PublisherKey() has copy, drop, store;

// === Package Functions ===

/// Creates the displays and shares them, together with the publisher of the package.
public(package) fun create(publisher: Publisher, ctx: &mut TxContext) {
    let mut inner = object_bag::new(ctx);
    add_display<Blob>(
        &mut inner,
        &publisher,
        b"Walrus Blob ({size}b)".to_string(),
        b"Registered: {registered_epoch}; certified: {certified_epoch}; deletable: {deletable}".to_string(),
        b"https://www.walrus.xyz/walrus-blob".to_string(),
        ctx,
    );
    add_display<Storage>(
        &mut inner,
        &publisher,
        b"Walrus Storage Resource ({storage_size}b)".to_string(),
        b"Start: {start_epoch}; end: {end_epoch}".to_string(),
        b"https://www.walrus.xyz/walrus-storage".to_string(),
        ctx,
    );
    add_display<StakedWal>(
        &mut inner,
        &publisher,
        b"Staked WAL ({principal} FROST)".to_string(),
        b"Staked for node: {node_id}, activates at: {activation_epoch}".to_string(),
        b"https://www.walrus.xyz/walrus-stakedwal".to_string(),
        ctx,
    );
    inner.add(PublisherKey(), publisher);
    transfer::share_object(ObjectDisplay { id: object::new(ctx), inner })
}

// === Private Functions ===

/// Adds the display of one type.
fun add_display<T: key>(
    displays: &mut ObjectBag,
    publisher: &Publisher,
    name: String,
    description: String,
    image_url: String,
    ctx: &mut TxContext,
) {
    let mut display = display::new<T>(publisher, ctx);
    display.add(b"name".to_string(), name);
    display.add(b"description".to_string(), description);
    display.add(b"image_url".to_string(), image_url);
    display.add(b"project_url".to_string(), PROJECT_URL.to_string());
    display.add(b"link".to_string(), b"".to_string());
    display.update_version();
    displays.add(type_name::with_defining_ids<T>(), display);
}

// === Test-Only Functions ===

/// The stored objects.
#[test_only]
public fun inner(self: &ObjectDisplay): &ObjectBag {
    &self.inner
}

/// The key of the publisher.
#[test_only]
public fun publisher_key(): PublisherKey {
    PublisherKey()
}
