/// Photo albums: blobs that are kept, extended, sold and deleted together.
///
/// An album owns its blobs: who owns the album decides what happens to them, and who buys it gets all of them. It shows how a
/// package builds on `walrus`: holding `Blob` objects, paying for more epochs, and taking blobs apart again.
///
/// Invariants
/// 1. Every photo of an album is certified: its content can be read until the blob ends.
/// 2. `names` holds exactly the keys of `photos`, in the order in which they came.
module album::album;

use std::string::String;
use sui::coin::Coin;
use sui::event;
use sui::object_table::{Self, ObjectTable};
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::storage_resource::Storage;
use walrus::system::System;

// === Errors ===

/// The album holds as many photos as it can.
const EAlbumFull: u64 = 0;
/// The album holds a photo of this name.
const EDuplicateName: u64 = 1;
/// The album holds no photo of this name.
const EUnknownName: u64 = 2;
/// The nodes have not confirmed that they store the blob.
#[error]
const ENotCertified: vector<u8> = b"only certified blobs can be read by others";
/// The blob has ended.
#[error]
const EExpired: vector<u8> = b"a blob that has ended is no photo any more";

// === Constants ===

/// Most photos of an album: all of them are touched by one transaction when the album is extended.
const MAX_PHOTOS: u64 = 200;

// === Structs ===

/// Photos under one title.
public struct Album has key, store {
    id: UID,
    title: String,
    /// The names of the photos, oldest first.
    names: vector<String>,
    photos: ObjectTable<String, Blob>,
}

/// A photo came into an album.
public struct PhotoAdded has copy, drop {
    album_id: ID,
    name: String,
    blob_id: u256,
}

/// A photo left an album.
public struct PhotoRemoved has copy, drop {
    album_id: ID,
    name: String,
    blob_id: u256,
}

/// The photos of an album are stored for longer.
public struct AlbumExtended has copy, drop {
    album_id: ID,
    end_epoch: u32,
}

// === Public Functions ===

/// An empty album.
public fun new(title: String, ctx: &mut TxContext): Album {
    Album { id: object::new(ctx), title, names: vector[], photos: object_table::new(ctx) }
}

/// Puts a blob into the album. Emits `PhotoAdded`.
///
/// - Aborts `EAlbumFull` (0), `EDuplicateName` (1), `ENotCertified`, `EExpired`.
public fun add(self: &mut Album, system: &System, name: String, blob: Blob) {
    assert!(self.names.length() < MAX_PHOTOS, EAlbumFull);
    assert!(!self.photos.contains(name), EDuplicateName);
    assert!(blob.certified_epoch().is_some(), ENotCertified);
    assert!(system.epoch() < blob.end_epoch(), EExpired);
    event::emit(PhotoAdded { album_id: object::id(self), name, blob_id: blob.blob_id() });
    self.names.push_back(name);
    self.photos.add(name, blob);
}

/// Takes a blob out of the album. Emits `PhotoRemoved`.
///
/// - Aborts `EUnknownName` (2).
public fun remove(self: &mut Album, name: String): Blob {
    assert!(self.photos.contains(name), EUnknownName);
    let (_, index) = self.names.index_of(&name);
    self.names.remove(index);
    let blob = self.photos.remove(name);
    event::emit(PhotoRemoved { album_id: object::id(self), name, blob_id: blob.blob_id() });
    blob
}

/// Pays for the storage of all photos until `end_epoch` (exclusive); photos that last as long already cost nothing. Emits
/// `AlbumExtended`.
///
/// - `payment`: is charged, and keeps the rest.
/// - Aborts as `System::extend_blob`, for example when a photo has ended or the payment is too small; nothing is extended then.
public fun extend_to(self: &mut Album, system: &mut System, end_epoch: u32, payment: &mut Coin<WAL>) {
    let (names, photos) = (&self.names, &mut self.photos);
    names.do_ref!(|name| {
        let blob = &mut photos[*name];
        let end = blob.end_epoch();
        if (end < end_epoch) system.extend_blob(blob, end_epoch - end, payment);
    });
    event::emit(AlbumExtended { album_id: object::id(self), end_epoch });
}

/// Destroys the album with all photos.
///
/// - Returns the storage of the photos that were deleted before their end, for other blobs. A permanent photo cannot be deleted:
///   its object goes, and the nodes keep it until it ends.
public fun destroy(mut self: Album, system: &System): vector<Storage> {
    let mut storage = vector[];
    while (!self.names.is_empty()) {
        let name = self.names[0];
        let blob = self.remove(name);
        if (blob.is_deletable() && system.epoch() < blob.end_epoch()) {
            storage.push_back(system.delete_blob(blob));
        } else {
            blob.burn();
        };
    };
    let Album { id, photos, .. } = self;
    photos.destroy_empty();
    id.delete();
    storage
}

// === View Functions ===

/// The title.
public fun title(self: &Album): String { self.title }

/// The names of the photos, oldest first.
public fun names(self: &Album): &vector<String> { &self.names }

/// The blob of a photo.
///
/// - Aborts `EUnknownName` (2).
public fun photo(self: &Album, name: String): &Blob {
    assert!(self.photos.contains(name), EUnknownName);
    &self.photos[name]
}

/// The first epoch in which not all photos are stored; `None` when there are none.
public fun end_epoch(self: &Album): Option<u32> {
    if (self.names.is_empty()) return option::none();
    let ends = self.names.map_ref!(|name| self.photos[*name].end_epoch());
    option::some(ends.fold!(std::u32::max_value!(), |least, end| least.min(end)))
}
