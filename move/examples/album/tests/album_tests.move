/// Albums in a running system of three nodes.
#[test_only]
module album::album_tests;

use album::album::{
    Self,
    Album,
    EAlbumFull,
    EDuplicateName,
    EExpired,
    ENotCertified,
    EUnknownName
};
use album::sale::{Self, ENotSeller, EWrongPrice, Offer};
use std::string::String;
use std::unit_test::{assert_eq, destroy};
use sui::coin;
use walrus::blob::{Self, Blob};
use walrus::messages;
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};

/// Encoded bytes of a one-byte blob with ten shards.
const ENCODED_SIZE: u64 = 6_940;
/// Epochs for which a new photo is stored.
const EPOCHS: u32 = 2;
const SUNSET: vector<u8> = b"sunset";
const BEACH: vector<u8> = b"beach";

/// A running system, an empty album, and the stakes that carry the system.
fun setup(): (World, Album, vector<StakedWal>) {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1, 1]);
    let album = album::new(b"Holidays".to_string(), world.ctx());
    (world, album, stakes)
}

fun end(world: World, stakes: vector<StakedWal>) {
    destroy(stakes);
    world.destroy();
}

/// A registered blob of one byte.
fun registered(world: &mut World, root_hash: u256, deletable: bool): Blob {
    let mut payment = world.mint(0);
    let (_, system, _, _, ctx) = world.parts();
    let storage = system.reserve_space(ENCODED_SIZE, EPOCHS, &mut payment, ctx);
    let blob_id = blob::derive_blob_id(root_hash, 1, 1);
    let blob = system.register_blob(
        storage,
        blob_id,
        root_hash,
        1,
        1,
        deletable,
        &mut payment,
        ctx,
    );
    payment.destroy_zero();
    blob
}

/// A blob that all nodes have confirmed.
fun certified(world: &mut World, root_hash: u256, deletable: bool): Blob {
    let mut blob = registered(world, root_hash, deletable);
    let object_id = if (deletable) option::some(blob.object_id()) else option::none();
    let message = messages::blob_certificate_for_testing(world.epoch(), blob.blob_id(), object_id);
    let (signature, bitmap) = world.sign_by_all(&message);
    world.system().certify_blob(&mut blob, signature, bitmap, message);
    blob
}

fun add(world: &mut World, album: &mut Album, name: vector<u8>, root_hash: u256) {
    let blob = certified(world, root_hash, true);
    album.add(world.system(), name.to_string(), blob);
}

fun names(album: &Album): vector<String> { *album.names() }

#[test]
fun photos_come_and_go_in_their_order() {
    let (mut world, mut album, stakes) = setup();
    assert_eq!(album.title(), b"Holidays".to_string());
    assert_eq!(album.end_epoch(), option::none());
    add(&mut world, &mut album, SUNSET, 1);
    add(&mut world, &mut album, BEACH, 2);
    assert_eq!(names(&album), vector[SUNSET.to_string(), BEACH.to_string()]);
    assert_eq!(album.photo(BEACH.to_string()).blob_id(), blob::derive_blob_id(2, 1, 1));
    let blob = album.remove(SUNSET.to_string());
    assert_eq!(blob.blob_id(), blob::derive_blob_id(1, 1, 1));
    assert_eq!(names(&album), vector[BEACH.to_string()]);
    // Its place is free again.
    album.add(world.system(), SUNSET.to_string(), blob);
    assert_eq!(names(&album), vector[BEACH.to_string(), SUNSET.to_string()]);
    destroy(album.destroy(world.system()));
    end(world, stakes);
}

#[test]
fun all_photos_are_extended_to_the_same_end() {
    let (mut world, mut album, stakes) = setup();
    add(&mut world, &mut album, SUNSET, 1);
    world.next_epoch();
    add(&mut world, &mut album, BEACH, 2);
    let first = world.epoch() - 1 + EPOCHS;
    assert_eq!(album.end_epoch(), option::some(first));
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    album.extend_to(system, first + 3, &mut payment);
    assert_eq!(album.end_epoch(), option::some(first + 3));
    assert_eq!(album.photo(BEACH.to_string()).end_epoch(), first + 3);
    // A nearer end changes nothing.
    album.extend_to(system, first, &mut payment);
    assert_eq!(album.end_epoch(), option::some(first + 3));
    payment.destroy_zero();
    destroy(album.destroy(world.system()));
    end(world, stakes);
}

#[test]
fun destroying_an_album_returns_the_storage_of_what_can_be_deleted() {
    let (mut world, mut album, stakes) = setup();
    add(&mut world, &mut album, SUNSET, 1);
    let permanent = certified(&mut world, 2, false);
    album.add(world.system(), BEACH.to_string(), permanent);
    let storage = album.destroy(world.system());
    assert_eq!(storage.length(), 1);
    assert_eq!(storage[0].size(), ENCODED_SIZE);
    destroy(storage);
    end(world, stakes);
}

#[test]
fun photos_that_have_ended_go_with_their_album() {
    let (mut world, mut album, stakes) = setup();
    add(&mut world, &mut album, SUNSET, 1);
    EPOCHS.do!(|_| world.next_epoch());
    let storage = album.destroy(world.system());
    assert!(storage.is_empty());
    storage.destroy_empty();
    end(world, stakes);
}

#[test]
fun an_album_is_sold_with_its_photos() {
    let (mut world, mut album, stakes) = setup();
    add(&mut world, &mut album, SUNSET, 1);
    sale::offer(album, 500, world.ctx());
    world.next_tx();
    let offer = world.take_shared<Offer>();
    assert_eq!(offer.price(), 500);
    assert_eq!(names(offer.album()), vector[SUNSET.to_string()]);
    let payment = coin::mint_for_testing(500, world.ctx());
    let album = offer.buy(payment, world.ctx());
    assert_eq!(names(&album), vector[SUNSET.to_string()]);
    destroy(album);
    end(world, stakes);
}

#[test]
fun an_offer_is_withdrawn_by_the_seller() {
    let (mut world, album, stakes) = setup();
    sale::offer(album, 500, world.ctx());
    world.next_tx();
    let album = world.take_shared<Offer>().withdraw(world.ctx());
    assert_eq!(album.title(), b"Holidays".to_string());
    destroy(album);
    end(world, stakes);
}

#[test, expected_failure(abort_code = EWrongPrice)]
fun a_wrong_price_is_refused() {
    let (mut world, album, _stakes) = setup();
    sale::offer(album, 500, world.ctx());
    world.next_tx();
    let payment = coin::mint_for_testing(499, world.ctx());
    let _album = world.take_shared<Offer>().buy(payment, world.ctx());
    abort
}

#[test, expected_failure(abort_code = ENotSeller)]
fun nobody_else_withdraws_an_offer() {
    let (mut world, album, _stakes) = setup();
    sale::offer(album, 500, world.ctx());
    world.next_tx();
    let offer = world.take_shared<Offer>();
    let stranger = tx_context::dummy();
    let _album = offer.withdraw(&stranger);
    abort
}

#[test, expected_failure(abort_code = EDuplicateName)]
fun a_name_is_used_once() {
    let (mut world, mut album, _stakes) = setup();
    add(&mut world, &mut album, SUNSET, 1);
    add(&mut world, &mut album, SUNSET, 2);
    abort
}

#[test, expected_failure(abort_code = EUnknownName)]
fun a_photo_that_is_not_there_cannot_be_removed() {
    let (_world, mut album, _stakes) = setup();
    let _blob = album.remove(SUNSET.to_string());
    abort
}

#[test, expected_failure(abort_code = EUnknownName)]
fun a_photo_that_is_not_there_cannot_be_seen() {
    let (_world, album, _stakes) = setup();
    album.photo(SUNSET.to_string());
    abort
}

#[test, expected_failure(abort_code = ENotCertified)]
fun a_blob_that_is_not_certified_is_no_photo() {
    let (mut world, mut album, _stakes) = setup();
    let blob = registered(&mut world, 1, true);
    album.add(world.system(), SUNSET.to_string(), blob);
    abort
}

#[test, expected_failure(abort_code = EExpired)]
fun a_blob_that_has_ended_is_no_photo() {
    let (mut world, mut album, _stakes) = setup();
    let blob = certified(&mut world, 1, true);
    EPOCHS.do!(|_| world.next_epoch());
    album.add(world.system(), SUNSET.to_string(), blob);
    abort
}

#[test, expected_failure(abort_code = EAlbumFull)]
fun a_full_album_takes_no_more() {
    let (mut world, mut album, _stakes) = setup();
    201u64.do!(|i| {
        let blob = certified(&mut world, i as u256 + 1, true);
        album.add(world.system(), i.to_string(), blob);
    });
    abort
}
