/// A system in the middle of its life, and blobs for it.
#[test_only]
module walrus::test_system;

use sui::coin::{Self, Coin};
use wal::wal::WAL;
use walrus::blob::{Self, Blob};
use walrus::messages;
use walrus::system::{Self, System};
use walrus::system_state_inner;
use walrus::test_committee;

/// The epoch of the system.
const EPOCH: u32 = 21;
/// Encoded bytes the system can hold.
const CAPACITY: u64 = 1_000_000_000;
/// FROST per MiB and epoch.
const STORAGE_PRICE: u64 = 5;
/// FROST per MiB.
const WRITE_PRICE: u64 = 2;
/// Accounting slots.
const MAX_EPOCHS_AHEAD: u32 = 53;
/// Encoded bytes of a one-byte blob with ten shards.
const ENCODED_SIZE: u64 = 6_940;
/// Root hash of the test blob.
const ROOT_HASH: u256 = 0xABC;

public fun epoch(): u32 { EPOCH }

public fun capacity(): u64 { CAPACITY }

public fun max_epochs_ahead(): u32 { MAX_EPOCHS_AHEAD }

public fun encoded_size(): u64 { ENCODED_SIZE }

public fun root_hash(): u256 { ROOT_HASH }

/// A system in epoch 21 with the test committee.
public fun new(ctx: &mut TxContext): System {
    let inner = system_state_inner::new_for_testing(
        test_committee::committee(EPOCH),
        CAPACITY,
        STORAGE_PRICE,
        WRITE_PRICE,
        MAX_EPOCHS_AHEAD,
        ctx,
    );
    system::new_for_testing(inner, ctx)
}

/// A coin large enough for every test.
public fun wal(ctx: &mut TxContext): Coin<WAL> {
    coin::mint_for_testing(1_000_000_000, ctx)
}

/// The ID of the one-byte test blob.
public fun blob_id(): u256 {
    blob::derive_blob_id(ROOT_HASH, 1, 1)
}

/// Registers the one-byte test blob on exactly fitting storage for three epochs.
public fun register(system: &mut System, deletable: bool, ctx: &mut TxContext): Blob {
    let mut payment = wal(ctx);
    let storage = system.reserve_space(ENCODED_SIZE, 3, &mut payment, ctx);
    let blob = system.register_blob(
        storage,
        blob_id(),
        ROOT_HASH,
        1,
        1,
        deletable,
        &mut payment,
        ctx,
    );
    payment.burn_for_testing();
    blob
}

/// Certifies a blob as its nodes would.
public fun certify(system: &System, blob: &mut Blob) {
    let object_id = if (blob.is_deletable()) option::some(blob.object_id()) else option::none();
    let message = messages::blob_certificate_for_testing(system.epoch(), blob.blob_id(), object_id);
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.certify_blob(blob, signature, bitmap, message)
}

/// Moves the system to its next epoch with the same committee and capacity, and returns what the nodes earn.
public fun next_epoch(system: &mut System): sui::vec_map::VecMap<ID, sui::balance::Balance<WAL>> {
    let committee = test_committee::committee(system.epoch() + 1);
    let params = walrus::epoch_parameters::new(CAPACITY, 0, 0);
    system.advance_epoch(committee, &params)
}

/// Moves the system several epochs ahead and burns what the nodes earn.
public fun skip_epochs(system: &mut System, epochs: u32) {
    epochs.do!(|_| std::unit_test::destroy(next_epoch(system)));
}
