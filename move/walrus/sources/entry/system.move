/// The shared `System` object: the entry point of everything that stores data.
///
/// `System` is a versioned shell. The state lives in the dynamic field `(u64, version)`; every access first checks that the
/// object's version is the one this package was compiled for, so that after a migration old packages stop working and before
/// it new ones do not start. Clients read `package_id` to learn which package to call.
///
/// Invariants
/// 1. Exactly one state exists, in the field named by `version`.
/// 2. What is sold of an epoch never exceeds the total capacity.
/// 3. What the accounting holds is what was paid and donated for coming epochs; it leaves only at the end of its epoch.
///
/// Life cycle: `init::initialize_walrus` creates and shares the only `System`; an upgrade records the new package's ID in
/// `new_package_id`; `init::migrate_v2` of the new package moves the state to its version.
///
/// What all functions have in common is not repeated below:
/// - Every function that reads or changes the state aborts `EWrongVersion` (1) if the versions differ. A function without a list
///   of aborts does so for no other reason. Errors named without a module are those of `system_state_inner`.
/// - `self`, `system`: the system. `ctx`: source of object IDs. `blob`, `storage_pool`, `blob_id`: what to act on.
/// - `storage`, `extension`: the reservation to use up. `storage_amount` and names that end in `capacity_bytes`: encoded bytes.
/// - `epochs_ahead`: number of epochs, the current one included. `extended_epochs`: number of epochs to add.
/// - `cap`: the capability of the node that acts, which must be in the committee.
/// - `deletable`: whether the blob can be deleted before it, or its pool, ends.
/// - `payment`: coin from which exactly `storage price * started MiB * epochs` is taken for what is bought. `write_payment`: coin
///   from which exactly `write price * started MiB of the encoded size` is taken. Both abort in `0x2::balance` (2) if the coin
///   is too small, arithmetically if the price overflows.
/// - `blob_id`, `root_hash`, `size` or `unencoded_size`, `encoding_type` of a registration: the blob ID and what it is derived
///   from; the size is unencoded.
/// - Every function on a storage pool aborts `storage_pool::EWrongVersion` (10) if the pool is of another version.
/// - `signature`: aggregated BLS signature, compressed G2. `signers_bitmap`, `members_bitmap`: signers by position in the
///   committee, least significant bit first. `message`: the signed bytes. *Certificate errors* are `bls_aggregate::EInvalidBitmap` (0),
///   `ENotEnoughStake` (2), `ESigVerification` (1), `messages::EIncorrectIntentVersion` (3), `EIncorrectAppId` (0),
///   `EIncorrectEpoch` (1), `EInvalidMsgType` (2), and an abort in `0x2::bcs` if the message is incomplete.
///
/// Specification: contracts, sections 4.1 and 7.
module walrus::system;

use sui::balance::Balance;
use sui::coin::Coin;
use sui::dynamic_field;
use sui::vec_map::VecMap;
use wal::wal::WAL;
use walrus::blob::{Self, Blob};
use walrus::bls_aggregate::BlsCommittee;
use walrus::certification;
use walrus::epoch_ledger;
use walrus::epoch_parameters::EpochParams;
use walrus::storage_accounting::FutureAccountingRingBuffer;
use walrus::storage_node::StorageNodeCap;
use walrus::storage_pool::StoragePool;
use walrus::storage_resource::Storage;
use walrus::system_state_inner::{Self, SystemStateInnerV1};

// === Errors ===

/// The object cannot be migrated to this package's version.
const EInvalidMigration: u64 = 0;
/// The object belongs to another version of the package.
const EWrongVersion: u64 = 1;
/// Nothing would be split off a storage pool.
const EZeroExtractSize: u64 = 2;

// === Constants ===

/// Version of the objects this package works on.
const VERSION: u64 = 4;
/// Name of the ledger of FROST that no buyer paid.
const DONATIONS: vector<u8> = b"donations";
/// Name of the ledger of the most bytes that were sold for an epoch.
const PEAKS: vector<u8> = b"peaks";

// === Structs ===

/// The system. Exactly one exists, and it is shared.
public struct System has key {
    id: UID,
    version: u64,
    /// The package to call.
    package_id: ID,
    /// The package that will replace it with the next migration.
    new_package_id: Option<ID>,
}

// === Public Functions: storage ===

/// Buys storage from the current epoch on and returns the reservation.
/// - Aborts `EInvalidEpochsAhead` (2) unless `1 <= epochs_ahead <= max_epochs_ahead`; `EInvalidResourceSize` (11) for zero
///   bytes; `EStorageExceeded` (1) if an epoch has not enough capacity left.
public fun reserve_space(
    self: &mut System,
    storage_amount: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    let epoch = self.epoch();
    let inner = self.inner_mut();
    inner.assert_epochs_ahead(epochs_ahead);
    inner.reserve_space_for_epochs(storage_amount, epoch, epoch + epochs_ahead, payment, ctx)
}

/// Buys storage for `[start_epoch, end_epoch)` and returns the reservation. A start in the past is moved to the current epoch.
/// - `start_epoch`: first epoch. `end_epoch`: end epoch, exclusive.
/// - Aborts `EInvalidEpochsAhead` (2) if the interval is empty or ends later than `max_epochs_ahead` from now;
///   `EInvalidResourceSize` (11) for zero bytes; `EStorageExceeded` (1) if an epoch has not enough capacity left.
public fun reserve_space_for_epochs(
    self: &mut System,
    storage_amount: u64,
    start_epoch: u32,
    end_epoch: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    self.inner_mut().reserve_space_for_epochs(storage_amount, start_epoch, end_epoch, payment, ctx)
}

/// Gives unused storage, ended or not, back to the system, so that its capacity can be sold again from the next epoch on. In the
/// current epoch the capacity stays used. Nothing is refunded: what was paid stays with the nodes, each epoch's share of it in
/// proportion to what was sold for the epoch, whatever of that was given back. (`storage_resource::destroy` has no access to the
/// system and leaves the capacity occupied.)
public fun release_storage(self: &mut System, storage: Storage) {
    let sold = self.inner_mut().release_storage(storage);
    epoch_ledger::raise(&mut self.id, PEAKS, sold)
}

// === Public Functions: blobs ===

/// Registers a blob on a reservation and returns it, not certified yet. Emits `BlobRegistered`.
/// - `storage`: the reservation to use up; it must cover the current epoch and the encoded size.
/// - Aborts `blob::EResourceBounds` (2), `blob::EResourceSize` (3), `blob::EInvalidBlobId` (6);
///   `encoding::EInvalidEncodingType` (0); arithmetic error in epoch 0 and for blobs too large to encode.
public fun register_blob(
    self: &mut System,
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Blob {
    let (epoch, n_shards) = (self.epoch(), self.n_shards());
    let blob = blob::new(
        storage,
        blob_id,
        root_hash,
        size,
        encoding_type,
        deletable,
        epoch,
        n_shards,
        ctx,
    );
    self.inner_mut().charge_write_fee(blob.encoded_size(n_shards), write_payment);
    blob
}

/// Certifies a blob with a certificate (message type 1) signed by a quorum. Emits `BlobCertified`.
/// - Aborts certificate errors, `messages::EInvalidBlobPersistenceType` (4); `blob::EInvalidBlobId` (6),
///   `blob::EAlreadyCertified` (5), `blob::EResourceBounds` (2), `blob::EInvalidBlobPersistenceType` (9),
///   `blob::EInvalidBlobObject` (10).
public fun certify_blob(
    self: &System,
    blob: &mut Blob,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let committee = self.inner().committee();
    certification::certify_blob(committee, blob, signature, signers_bitmap, message)
}

/// Deletes a deletable blob, certified or not, before its end and returns its storage, for another use. Emits `BlobDeleted`.
/// - Aborts `blob::EBlobNotDeletable` (1), `blob::EResourceBounds` (2) if the blob has ended.
public fun delete_blob(self: &System, blob: Blob): Storage {
    blob.delete(self.epoch())
}

/// Extends a certified blob with a reservation of the same size that begins where the blob ends. Emits `BlobCertified`.
/// - Aborts `blob::ENotCertified` (0), `blob::EResourceBounds` (2) if the blob has ended or would not end later;
///   `storage_resource::EIncompatibleAmount` (2), `storage_resource::EIncompatibleEpochs` (1).
public fun extend_blob_with_resource(self: &System, blob: &mut Blob, extension: Storage) {
    blob.extend_with_resource(extension, self.epoch())
}

/// Extends a certified blob, paying for the size of its storage. Emits `BlobCertified`.
/// - Aborts `blob::ENotCertified` (0), `blob::EResourceBounds` (2) if the blob has ended; `EInvalidEpochsAhead` (2) for zero
///   epochs or an end later than `max_epochs_ahead` from now; `EStorageExceeded` (1) if an added epoch has not enough
///   capacity left.
public fun extend_blob(
    self: &mut System,
    blob: &mut Blob,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.inner_mut().extend_blob(blob, extended_epochs, payment)
}

/// Accepts a certificate (message type 2), signed by at least one correct node, that a blob ID is invalid, and returns the ID.
/// Emits `InvalidBlobID`.
/// - Aborts certificate errors.
public fun invalidate_blob_id(
    system: &System,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
): u256 {
    let committee = system.inner().committee();
    certification::invalidate_blob_id(committee, signature, members_bitmap, message)
}

/// Votes for an event blob; the vote that reaches a quorum certifies it. At the quorum emits `BlobRegistered` and
/// `BlobCertified`.
/// - `ending_checkpoint_sequence_num`: last checkpoint whose events the blob holds.
/// - `epoch`: the current epoch.
/// - Aborts `ENotCommitteeMember` (8), `EInvalidIdEpoch` (3), `ERepeatedAttestation` (7), `EIncorrectAttestation` (6); at the
///   quorum also `encoding::EInvalidEncodingType` (0), `blob::EInvalidBlobId` (6), and arithmetically for blobs too large to
///   encode.
public fun certify_event_blob(
    system: &mut System,
    cap: &mut StorageNodeCap,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    ending_checkpoint_sequence_num: u64,
    epoch: u32,
    ctx: &mut TxContext,
) {
    let inner = system.inner_mut();
    inner.certify_event_blob(
        cap,
        blob_id,
        root_hash,
        size,
        encoding_type,
        ending_checkpoint_sequence_num,
        epoch,
        ctx,
    )
}

// === Public Functions: storage pools ===

/// Buys storage, creates a pool from it and returns the pool. Emits `StoragePoolCreated`. Aborts as `reserve_space`.
public fun create_storage_pool(
    self: &mut System,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): StoragePool {
    let storage = self.reserve_space(reserved_encoded_capacity_bytes, epochs_ahead, payment, ctx);
    self.create_storage_pool_with_storage(storage, ctx)
}

/// Creates a pool from a reservation and returns the pool. Emits `StoragePoolCreated`.
/// - Aborts `EInvalidResourceSize` (11) for an empty reservation; `EInvalidEpochsAhead` (2) unless it covers the current
///   epoch.
public fun create_storage_pool_with_storage(
    self: &System,
    storage: Storage,
    ctx: &mut TxContext,
): StoragePool {
    self.inner().create_storage_pool_with_storage(storage, ctx)
}

/// Registers a blob in a pool. Emits `PooledBlobRegistered`.
/// - Aborts `EInvalidEpochsAhead` (2) unless the pool covers the current epoch; `storage_pool::EInvalidBlobId` (3),
///   `storage_pool::EInsufficientCapacity` (6); `encoding::EInvalidEncodingType` (0);
///   arithmetic error for blobs too large to encode; framework abort 0 in `0x2::dynamic_field` if the pool has the blob.
public fun register_pooled_blob(
    self: &mut System,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    let inner = self.inner_mut();
    inner.register_pooled_blob(
        storage_pool,
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        write_payment,
        ctx,
    )
}

/// Certifies a pooled blob with a certificate (message type 1) signed by a quorum. Emits `PooledBlobCertified`.
/// - Aborts certificate errors; framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool;
///   `storage_pool::EInvalidBlobId` (3), `storage_pool::EResourceBounds` (1), `storage_pool::EAlreadyCertified` (2),
///   `storage_pool::EInvalidBlobPersistenceType` (4), `storage_pool::EInvalidBlobObject` (5).
public fun certify_pooled_blob(
    self: &System,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    certification::certify_pooled_blob(
        self.inner().committee(),
        storage_pool,
        blob_id,
        signature,
        signers_bitmap,
        message,
    )
}

/// Deletes a deletable blob from a pool that has not ended. Emits `PooledBlobDeleted`.
/// - Aborts `EInvalidEpochsAhead` (2) if the pool has ended; framework abort 1 in `0x2::dynamic_field` if the blob is not in
///   the pool; `storage_pool::EBlobNotDeletable` (0), `storage_pool::EInvalidBlobSize` (8), `storage_pool::EInvalidBlobCount`
///   (9).
public fun delete_pooled_blob(self: &System, storage_pool: &mut StoragePool, blob_id: u256) {
    self.inner().assert_pool_not_ended(storage_pool);
    storage_pool.delete_blob(blob_id, self.epoch(), self.n_shards())
}

/// Removes a blob, deletable or not, from a pool that has ended. Emits nothing.
/// - Aborts `EInvalidEpochsAhead` (2) if the pool has not ended; framework abort 1 in `0x2::dynamic_field` if the blob is not
///   in the pool; `storage_pool::EInvalidBlobSize` (8), `storage_pool::EInvalidBlobCount` (9).
public fun burn_expired_pooled_blob(self: &System, storage_pool: &mut StoragePool, blob_id: u256) {
    self.inner().burn_expired_pooled_blob(storage_pool, blob_id)
}

/// Extends a pool, paying for its whole capacity. Emits `StoragePoolExtended`.
/// - Aborts `EInvalidEpochsAhead` (2) for zero epochs, a pool that has ended, or an end later than `max_epochs_ahead` from
///   now; `EStorageExceeded` (1) if an added epoch has not enough capacity left.
public fun extend_storage_pool(
    self: &mut System,
    storage_pool: &mut StoragePool,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.inner_mut().extend_storage_pool(storage_pool, extended_epochs, payment)
}

/// Buys more capacity for the rest of a pool's life.
/// - Aborts `EInvalidResourceSize` (11) for zero bytes, `EInvalidEpochsAhead` (2) if the pool has ended; `EStorageExceeded`
///   (1) if an epoch has not enough capacity left.
public fun increase_storage_pool_capacity(
    self: &mut System,
    storage_pool: &mut StoragePool,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    let inner = self.inner_mut();
    inner.increase_storage_pool_capacity(storage_pool, additional_encoded_capacity_bytes, payment)
}

/// Adds a reservation that ends with the pool to its capacity.
/// - Aborts `EInvalidEpochsAhead` (2) if the pool has ended; `storage_pool::EResourceBounds` (1) if the reservation has not
///   started, `storage_pool::EIncompatibleEndEpoch` (11).
public fun increase_storage_pool_capacity_with_storage(
    self: &System,
    storage_pool: &mut StoragePool,
    storage: Storage,
) {
    self.inner().assert_pool_not_ended(storage_pool);
    storage_pool.absorb(storage, self.epoch())
}

/// Splits `size` bytes of unused capacity off a pool and returns a reservation for the period of the pool.
/// - Aborts `EInvalidEpochsAhead` (2) if the pool has ended; `EZeroExtractSize` (2, this module) for zero bytes;
///   `storage_pool::EInsufficientCapacity` (6).
public fun decrease_storage_pool_capacity_by_size(
    self: &System,
    storage_pool: &mut StoragePool,
    size: u64,
    ctx: &mut TxContext,
): Storage {
    self.inner().assert_pool_not_ended(storage_pool);
    assert!(size > 0, EZeroExtractSize);
    storage_pool.extract(size, ctx)
}

/// Splits a percentage of the unused capacity off a pool and returns a reservation for the period of the pool.
/// - `percent`: per cent of the unused bytes; the result is rounded down.
/// - Aborts `storage_pool::EInvalidPercent` (14) above 100; `EInvalidEpochsAhead` (2) if the pool has ended;
///   `EZeroExtractSize` (2, this module) if the result is zero bytes.
public fun decrease_storage_pool_unused_capacity_by_percent(
    self: &System,
    storage_pool: &mut StoragePool,
    percent: u8,
    ctx: &mut TxContext,
): Storage {
    let size = storage_pool.percent_of_available(percent);
    self.decrease_storage_pool_capacity_by_size(storage_pool, size, ctx)
}

// === Public Functions: subsidies ===

/// Spreads a subsidy evenly over the coming epochs; what rounding leaves goes to the current one. Permissionless.
/// - `subsidy`: the coin to spend.
/// - Aborts `EInvalidEpochsAhead` (2) unless `1 <= epochs_ahead <= max_epochs_ahead`.
public fun add_subsidy(system: &mut System, subsidy: Coin<WAL>, epochs_ahead: u32) {
    let donated = system.inner_mut().add_subsidy(subsidy, epochs_ahead);
    epoch_ledger::add(&mut system.id, DONATIONS, donated)
}

/// Adds the `i`-th balance to the rewards of the `i`-th epoch from the current one on. Permissionless.
/// - `subsidies`: one balance per epoch.
/// - Aborts `EInvalidEpochsAhead` (2) for more than `max_epochs_ahead` balances.
public fun add_per_epoch_subsidies(system: &mut System, subsidies: vector<Balance<WAL>>) {
    let donated = subsidies.map_ref!(|subsidy| subsidy.value());
    system.inner_mut().add_per_epoch_subsidies(subsidies);
    epoch_ledger::add(&mut system.id, DONATIONS, donated)
}

// === Public Functions: protocol version and deny lists ===

/// Announces a protocol version that a quorum has signed (message type 6). Emits `ProtocolVersionUpdated`; stores nothing.
/// - Aborts `ENotCommitteeMember` (8); certificate errors; `EInvalidStartEpoch` (12) if the version would start in the past.
public fun update_protocol_version(
    self: &mut System,
    cap: &StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner().update_protocol_version(cap, signature, members_bitmap, message)
}

/// Announces a node's new deny list. Emits `RegisterDenyListUpdate`.
/// - `deny_list_root`: root hash of the list.
/// - `deny_list_sequence`: sequence number, larger than that of the last certified list.
/// - Aborts `ENotCommitteeMember` (8), `EIncorrectDenyListSequence` (9).
public fun register_deny_list_update(
    self: &mut System,
    cap: &StorageNodeCap,
    deny_list_root: u256,
    deny_list_sequence: u64,
) {
    self.inner().register_deny_list_update(cap, deny_list_root, deny_list_sequence)
}

/// Records a node's new deny list, which a quorum has signed (message type 4). Emits `DenyListUpdate`.
/// - Aborts `ENotCommitteeMember` (8); certificate errors; `EIncorrectDenyListNode` (10), `EIncorrectDenyListSequence` (9).
public fun update_deny_list(
    self: &mut System,
    cap: &mut StorageNodeCap,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner_mut().update_deny_list(cap, signature, members_bitmap, message)
}

/// Accepts a certificate (message type 5), signed by at least one correct node, that a deny-listed blob was deleted. Emits
/// `DenyListBlobDeleted`. Aborts certificate errors.
public fun delete_deny_listed_blob(
    self: &System,
    signature: vector<u8>,
    members_bitmap: vector<u8>,
    message: vector<u8>,
) {
    let committee = self.inner().committee();
    certification::delete_deny_listed_blob(committee, signature, members_bitmap, message)
}

// === Public Functions: accessors ===

/// Returns the current epoch, which is that of the committee.
public fun epoch(self: &System): u32 {
    self.inner().epoch()
}

/// Returns the capacity that can be sold in any epoch, in encoded bytes.
public fun total_capacity_size(self: &System): u64 {
    self.inner().total_capacity_size()
}

/// Returns the capacity in use in the current epoch, in encoded bytes.
public fun used_capacity_size(self: &System): u64 {
    self.inner().used_capacity_size()
}

/// Returns the price of storage, in FROST per started MiB of encoded data and epoch.
public fun storage_price_per_unit_size(self: &System): u64 {
    let (storage_price, _) = self.inner().prices();
    storage_price
}

/// Returns the price of a registration, in FROST per started MiB of encoded data.
public fun write_price_per_unit_size(self: &System): u64 {
    let (_, write_price) = self.inner().prices();
    write_price
}

/// Returns the number of shards of the committee, zero in epoch 0.
public fun n_shards(self: &System): u16 {
    self.inner().n_shards()
}

/// Returns the accounting of the current and the coming epochs.
public fun future_accounting(self: &System): &FutureAccountingRingBuffer {
    self.inner().future_accounting()
}

/// Returns what buyers have paid for storage and writes, in FROST: one number for each of `max_epochs_ahead` epochs, from the
/// current one on. These are the rewards of the accounting slots without subsidies, donations and the leftover of past epochs.
public fun user_payments(self: &System): vector<u64> {
    let donations = epoch_ledger::amounts(&self.id, DONATIONS);
    let accounting = self.future_accounting();
    vector::tabulate!(accounting.max_epochs_ahead() as u64, |offset| {
        let donated = if (offset < donations.length()) donations[offset] else 0;
        accounting[offset as u32].rewards() - donated
    })
}

/// Returns the version of the object, whatever it is. Never aborts.
public fun version(system: &System): u64 {
    system.version
}

// === Package Functions ===

/// Creates and shares the system in epoch 0. Aborts as `system_state_inner::create_empty`.
public(package) fun create_empty(max_epochs_ahead: u32, package_id: ID, ctx: &mut TxContext) {
    let inner = system_state_inner::create_empty(max_epochs_ahead, ctx);
    transfer::share_object(new(inner, package_id, ctx))
}

/// Ends the current epoch; see `system_state_inner::advance_epoch`.
public(package) fun advance_epoch(
    self: &mut System,
    new_committee: BlsCommittee,
    new_epoch_params: &EpochParams,
): VecMap<ID, Balance<WAL>> {
    let peak = epoch_ledger::advance(&mut self.id, PEAKS);
    let (rewards, leftover) = self.inner_mut().advance_epoch(new_committee, new_epoch_params, peak);
    epoch_ledger::advance(&mut self.id, DONATIONS);
    // What an epoch leaves over was paid, and subsidized, in that epoch already.
    epoch_ledger::add(&mut self.id, DONATIONS, vector[leftover]);
    rewards
}

/// Takes the part of the current epoch's rewards that is to be burned.
public(package) fun extract_burn_balance(self: &mut System): Balance<WAL> {
    self.inner_mut().extract_burn_balance()
}

/// Sets the storage price, FROST per MiB and epoch, and the write price, FROST per MiB.
public(package) fun set_prices(self: &mut System, storage_price: u64, write_price: u64) {
    self.inner_mut().set_prices(storage_price, write_price)
}

/// Records the package that the next migration switches to.
public(package) fun set_new_package_id(self: &mut System, new_package_id: ID) {
    self.new_package_id = option::some(new_package_id)
}

/// The package that the next migration belongs to, if one was announced.
public(package) fun new_package_id(self: &System): Option<ID> {
    self.new_package_id
}

/// Takes the announcement back.
public(package) fun discard_new_package_id(self: &mut System) {
    self.new_package_id = option::none();
}

/// The package clients must call.
public(package) fun package_id(self: &System): ID {
    self.package_id
}

/// Moves the state to this package's version and switches `package_id`. Aborts `EInvalidMigration` (0) if the object has this
/// version already or no new package is recorded.
public(package) fun migrate(self: &mut System) {
    assert!(self.version < VERSION, EInvalidMigration);
    assert!(self.new_package_id.is_some(), EInvalidMigration);
    let inner: SystemStateInnerV1 = dynamic_field::remove(&mut self.id, self.version);
    dynamic_field::add(&mut self.id, VERSION, inner);
    self.version = VERSION;
    self.package_id = self.new_package_id.extract();
}

/// The state.
public(package) fun inner(self: &System): &SystemStateInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow(&self.id, VERSION)
}

// === Private Functions ===

/// The state, mutably.
fun inner_mut(self: &mut System): &mut SystemStateInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow_mut(&mut self.id, VERSION)
}

/// A system with a state.
fun new(inner: SystemStateInnerV1, package_id: ID, ctx: &mut TxContext): System {
    let mut id = object::new(ctx);
    dynamic_field::add(&mut id, VERSION, inner);
    System { id, version: VERSION, package_id, new_package_id: option::none() }
}

// === Test-Only Functions ===

/// A system that is not shared, with the given state.
#[test_only]
public fun new_for_testing(inner: SystemStateInnerV1, ctx: &mut TxContext): System {
    new(inner, @walrus.to_id(), ctx)
}

/// The state, mutably.
#[test_only]
public fun inner_mut_for_testing(self: &mut System): &mut SystemStateInnerV1 {
    self.inner_mut()
}

/// Makes the system look like one of another version.
#[test_only]
public fun set_version_for_testing(self: &mut System, version: u64) {
    let inner: SystemStateInnerV1 = dynamic_field::remove(&mut self.id, self.version);
    dynamic_field::add(&mut self.id, version, inner);
    self.version = version;
}
