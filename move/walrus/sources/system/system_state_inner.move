/// The state of the storage side: committee, capacity, prices, accounting of the coming epochs, event blobs, deny lists.
///
/// Invariants
/// 1. `committee.epoch` is the epoch of the system; slot 0 of `future_accounting` is that of this epoch.
/// 2. `used_capacity_size` equals the used capacity of slot 0.
/// 3. Every purchase keeps the slots it covers within `total_capacity_size`. Event blobs alone may exceed it.
/// 4. Payments are taken exactly: price times started MiB per epoch, into the slots of exactly the epochs bought; write
///    fees into slot 0.
///
/// In epoch 0 there is no committee, no capacity and no shard; nothing can be bought or registered.
///
/// Life cycle: created empty in epoch 0; the first epoch change brings committee, capacity and prices; lives as long as `System`.
///
/// Specification: contracts, sections 4.2, 7 and 8.7.
module walrus::system_state_inner;

use sui::balance::Balance;
use sui::coin::Coin;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::certification;
use walrus::deny_lists;
use walrus::epoch_parameters::EpochParams;
use walrus::event_blob::{Self, EventBlobCertificationState};
use walrus::events;
use walrus::extended_field::{Self, ExtendedField};
use walrus::reward_distribution;
use walrus::storage_accounting::{Self, FutureAccountingRingBuffer};
use walrus::storage_market;
use walrus::storage_node::StorageNodeCap;
use walrus::storage_pool::{Self, StoragePool};
use walrus::storage_resource::{Self, Storage};

// === Errors ===

/// The maximum number of epochs ahead is zero or too large.
const EInvalidMaxEpochsAhead: u64 = 0;
/// The total capacity would be exceeded in some epoch.
const EStorageExceeded: u64 = 1;
/// The number of epochs or the interval of epochs is not valid here.
const EInvalidEpochsAhead: u64 = 2;
/// The certificate or the argument is for another epoch.
const EInvalidIdEpoch: u64 = 3;
/// The new committee is not that of the next epoch.
const EIncorrectCommittee: u64 = 4;
/// The accounting of the ending epoch is that of another epoch.
const EInvalidAccountingEpoch: u64 = 5;
/// The node's previous attestation is still outstanding.
const EIncorrectAttestation: u64 = 6;
/// The node has attested to this or a later checkpoint in this epoch.
const ERepeatedAttestation: u64 = 7;
/// The node is not in the committee.
const ENotCommitteeMember: u64 = 8;
/// The sequence number of the deny list does not increase.
const EIncorrectDenyListSequence: u64 = 9;
/// The certificate is for the deny list of another node.
const EIncorrectDenyListNode: u64 = 10;
/// A reservation must not be empty.
const EInvalidResourceSize: u64 = 11;
/// The protocol version would start in the past.
const EInvalidStartEpoch: u64 = 12;

// === Constants ===

/// Upper bound of the deployment parameter `max_epochs_ahead`.
const MAX_MAX_EPOCHS_AHEAD: u32 = 1000;

// === Structs ===

/// The state, a dynamic field of `system::System`.
public struct SystemStateInnerV1 has store {
    committee: BlsCommittee,
    /// Encoded bytes that can be sold in any epoch.
    total_capacity_size: u64,
    /// Encoded bytes in use in the current epoch.
    used_capacity_size: u64,
    /// FROST per MiB and epoch.
    storage_price_per_unit_size: u64,
    /// FROST per MiB, once per registration.
    write_price_per_unit_size: u64,
    future_accounting: FutureAccountingRingBuffer,
    event_blob_certification_state: EventBlobCertificationState,
    /// Node ID to the encoded bytes of the blobs on its deny list.
    deny_list_sizes: ExtendedField<VecMap<ID, u64>>,
}

// === Constructors ===

/// The state of epoch 0, with `max_epochs_ahead` accounting slots.
///
/// Aborts `EInvalidMaxEpochsAhead` (0) above 1000, and for zero, with which no epoch could ever be bought or paid.
public(package) fun create_empty(max_epochs_ahead: u32, ctx: &mut TxContext): SystemStateInnerV1 {
    assert!(0 < max_epochs_ahead && max_epochs_ahead <= MAX_MAX_EPOCHS_AHEAD, EInvalidMaxEpochsAhead);
    SystemStateInnerV1 {
        committee: bls_aggregate::new_bls_committee(0, vector[]),
        total_capacity_size: 0,
        used_capacity_size: 0,
        storage_price_per_unit_size: 0,
        write_price_per_unit_size: 0,
        future_accounting: storage_accounting::ring_new(max_epochs_ahead),
        event_blob_certification_state: event_blob::create_with_empty_state(),
        deny_list_sizes: extended_field::new(vec_map::empty(), ctx),
    }
}

// === Package Functions: accessors ===

/// The current epoch.
public(package) fun epoch(self: &SystemStateInnerV1): u32 {
    self.committee.epoch()
}

/// Encoded bytes that can be sold in any epoch.
public(package) fun total_capacity_size(self: &SystemStateInnerV1): u64 {
    self.total_capacity_size
}

/// Encoded bytes in use in the current epoch.
public(package) fun used_capacity_size(self: &SystemStateInnerV1): u64 {
    self.used_capacity_size
}

/// Storage price in FROST per MiB and epoch, write price in FROST per MiB.
public(package) fun prices(self: &SystemStateInnerV1): (u64, u64) {
    (self.storage_price_per_unit_size, self.write_price_per_unit_size)
}

/// The number of shards, zero in epoch 0.
public(package) fun n_shards(self: &SystemStateInnerV1): u16 {
    self.committee.n_shards()
}

/// The current committee.
public(package) fun committee(self: &SystemStateInnerV1): &BlsCommittee {
    &self.committee
}

/// The accounting of the current and the coming epochs.
public(package) fun future_accounting(self: &SystemStateInnerV1): &FutureAccountingRingBuffer {
    &self.future_accounting
}

// === Package Functions: epoch change ===

/// Ends the current epoch: installs the committee and the capacity of the next one and returns what each node of the old
/// committee has earned, in the order of that committee, and how much moves on to the new epoch.
///
/// The rewards of the ending epoch are shared in proportion to `weight * (sold capacity - deny list size)`, where the sold capacity
/// is the used one with what was given back: `peak` is the most bytes that were sold for the epoch before something was given back.
/// What rounding leaves, or everything if nothing was sold, moves on to the new epoch.
///
/// Aborts `EIncorrectCommittee` (4), `EInvalidAccountingEpoch` (5).
public(package) fun advance_epoch(
    self: &mut SystemStateInnerV1,
    new_committee: BlsCommittee,
    new_epoch_params: &EpochParams,
    peak: u64,
): (VecMap<ID, Balance<WAL>>, u64) {
    let ended_epoch = self.epoch();
    assert!(new_committee.epoch() == ended_epoch + 1, EIncorrectCommittee);
    let old_committee = self.committee;
    self.committee = new_committee;

    let ended = self.future_accounting.ring_pop_expand();
    assert!(ended.epoch() == ended_epoch, EInvalidAccountingEpoch);
    self.event_blob_certification_state.reset();

    self.used_capacity_size = self.future_accounting[0].used_capacity();
    // The capacity covers what is sold in every slot, not only in the first one: otherwise a lower vote would leave later
    // slots over capacity and block every purchase that touches them.
    self.total_capacity_size = new_epoch_params
        .total_capacity_size()
        .max(storage_market::max_used_capacity(&self.future_accounting));

    let sold_capacity = ended.used_capacity().max(peak);
    let mut funds = ended.unwrap_balance();
    let rewards = reward_distribution::split_rewards(
        &old_committee,
        self.deny_list_sizes.borrow(),
        sold_capacity,
        &mut funds,
    );
    deny_lists::exchange(&mut self.deny_list_sizes, &self.committee, &old_committee);
    let leftover = funds.value();
    self.future_accounting[0].add_rewards(funds);
    (rewards, leftover)
}

/// Takes the part of the current epoch's rewards that is to be burned.
public(package) fun extract_burn_balance(self: &mut SystemStateInnerV1): Balance<WAL> {
    self.future_accounting[0].extract_burn_balance()
}

/// Sets the storage price, FROST per MiB and epoch, and the write price, FROST per MiB.
public(package) fun set_prices(self: &mut SystemStateInnerV1, storage_price: u64, write_price: u64) {
    self.storage_price_per_unit_size = storage_price;
    self.write_price_per_unit_size = write_price;
}

// === Package Functions: storage ===

/// Sells `storage_amount` bytes for `[start_epoch, end_epoch)`; a start in the past is moved to the current epoch. Aborts
/// `EInvalidEpochsAhead` (2), `EInvalidResourceSize` (11), `EStorageExceeded` (1), in `0x2::balance` if the payment is too small.
public(package) fun reserve_space_for_epochs(
    self: &mut SystemStateInnerV1,
    storage_amount: u64,
    start_epoch: u32,
    end_epoch: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): Storage {
    let epoch = self.epoch();
    let start_epoch = start_epoch.max(epoch);
    assert!(end_epoch > start_epoch, EInvalidEpochsAhead);
    assert!(end_epoch - epoch <= self.future_accounting.max_epochs_ahead(), EInvalidEpochsAhead);
    assert!(storage_amount > 0, EInvalidResourceSize);

    self.buy_capacity(storage_amount, start_epoch - epoch, end_epoch - epoch, payment);
    storage_resource::create_storage(start_epoch, end_epoch, storage_amount, ctx)
}

/// Releases the capacity of a reservation that nothing uses, in the coming epochs that are left of it, and deletes it. Returns the
/// capacity that was used before, from the current epoch on; zero where nothing is released.
///
/// The share of a node in the rewards of an epoch is `weight * (sold capacity - size of its deny list)`: whoever could take capacity
/// out of what an epoch is paid by could take the rewards of nodes that honour deny lists and give them to the others.
public(package) fun release_storage(self: &mut SystemStateInnerV1, storage: Storage): vector<u64> {
    let epoch = self.epoch();
    let start_epoch = storage.start_epoch().max(epoch + 1);
    let end_epoch = storage.end_epoch().max(start_epoch);
    let size = storage.size();
    storage.destroy();
    storage_market::release(&mut self.future_accounting, size, start_epoch - epoch, end_epoch - epoch)
}

// === Package Functions: blobs ===

/// Extends a blob by `extended_epochs`, paying for the size of its storage.
///
/// Aborts `blob::ENotCertified` (0), `blob::EResourceBounds` (2), `EInvalidEpochsAhead` (2), `EStorageExceeded` (1), in
/// `0x2::balance` if the payment is too small.
public(package) fun extend_blob(
    self: &mut SystemStateInnerV1,
    blob: &mut Blob,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    blob.assert_certified_not_expired(self.epoch());
    self.buy_extension(blob.storage().size(), blob.end_epoch(), extended_epochs, payment);
    blob.extend(extended_epochs)
}

// === Package Functions: event blobs ===

/// Counts a node's vote for an event blob and certifies the blob once the votes reach a quorum.
///
/// Aborts `ENotCommitteeMember` (8), `EInvalidIdEpoch` (3), `ERepeatedAttestation` (7), `EIncorrectAttestation` (6), and, for
/// the vote that reaches the quorum, as `blob::new`.
public(package) fun certify_event_blob(
    self: &mut SystemStateInnerV1,
    cap: &mut StorageNodeCap,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    ending_checkpoint_sequence_num: u64,
    epoch: u32,
    ctx: &mut TxContext,
) {
    let weight = self.assert_member(cap);
    assert!(epoch == self.epoch(), EInvalidIdEpoch);
    self.assert_may_attest(cap, ending_checkpoint_sequence_num);
    cap.set_last_event_blob_attestation(
        event_blob::new_attestation(ending_checkpoint_sequence_num, epoch),
    );

    let n_shards = self.n_shards();
    let state = &mut self.event_blob_certification_state;
    if (state.is_blob_already_certified(ending_checkpoint_sequence_num)) return;
    let votes = state.add_vote(blob_id, ending_checkpoint_sequence_num, weight, n_shards);
    if (!self.committee.is_quorum(votes)) return;

    certification::certify_event_blob(
        &self.committee,
        &mut self.future_accounting,
        blob_id,
        root_hash,
        size,
        encoding_type,
        ctx,
    );
    self.used_capacity_size = self.future_accounting[0].used_capacity();
    let state = &mut self.event_blob_certification_state;
    state.update_latest_certified_event_blob(ending_checkpoint_sequence_num, blob_id);
    state.reset();
}

// === Package Functions: deny lists and protocol version ===

/// Announces a node's new deny list. Aborts `ENotCommitteeMember` (8), `EIncorrectDenyListSequence` (9).
public(package) fun register_deny_list_update(
    self: &SystemStateInnerV1,
    cap: &StorageNodeCap,
    deny_list_root: u256,
    deny_list_sequence: u64,
) {
    self.assert_member(cap);
    assert!(deny_list_sequence > cap.deny_list_sequence(), EIncorrectDenyListSequence);
    let node_id = cap.node_id();
    events::emit_register_deny_list_update(self.epoch(), deny_list_root, deny_list_sequence, node_id);
}

/// Records a node's certified deny list. Aborts `ENotCommitteeMember` (8), as `bls_aggregate::verify_quorum_in_epoch` and
/// `messages::deny_list_update_message`, `EIncorrectDenyListNode` (10), `EIncorrectDenyListSequence` (9).
public(package) fun update_deny_list(
    self: &mut SystemStateInnerV1,
    cap: &mut StorageNodeCap,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.assert_member(cap);
    let certificate = self.committee.verify_quorum_in_epoch(signature, signers_bitmap, message);
    let update = certificate.deny_list_update_message();
    let node_id = update.storage_node_id();
    let (root, sequence) = (update.deny_list_root(), update.deny_list_sequence_number());
    let size = update.deny_list_size();
    assert!(node_id == cap.node_id(), EIncorrectDenyListNode);
    assert!(sequence > cap.deny_list_sequence(), EIncorrectDenyListSequence);

    cap.set_deny_list_properties(root, sequence, size);
    deny_lists::set_size(self.deny_list_sizes.borrow_mut(), node_id, size);
    events::emit_deny_list_update(self.epoch(), root, sequence, node_id);
}

/// Accepts a protocol version and emits `ProtocolVersionUpdated`; nothing is stored. Aborts `ENotCommitteeMember` (8), as
/// `bls_aggregate::verify_quorum_in_epoch` and `messages::protocol_version_message`, `EInvalidStartEpoch` (12).
public(package) fun update_protocol_version(
    self: &SystemStateInnerV1,
    cap: &StorageNodeCap,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.assert_member(cap);
    let certificate = self.committee.verify_quorum_in_epoch(signature, signers_bitmap, message);
    let update = certificate.protocol_version_message();
    assert!(update.start_epoch() >= self.epoch(), EInvalidStartEpoch);
    events::emit_protocol_version_updated(
        self.epoch(),
        update.start_epoch(),
        update.protocol_version(),
    );
}

// === Package Functions: storage pools ===

/// Creates a pool from a reservation. Aborts `EInvalidResourceSize` (11) if it is empty, `EInvalidEpochsAhead` (2) unless it
/// covers the current epoch.
public(package) fun create_storage_pool_with_storage(
    self: &SystemStateInnerV1,
    storage: Storage,
    ctx: &mut TxContext,
): StoragePool {
    let epoch = self.epoch();
    assert!(storage.size() > 0, EInvalidResourceSize);
    assert!(storage.start_epoch() <= epoch && epoch < storage.end_epoch(), EInvalidEpochsAhead);
    storage_pool::new(storage, epoch, ctx)
}

/// Registers a blob in a pool and charges the write fee. Aborts `EInvalidEpochsAhead` (2) unless the pool covers the current
/// epoch, as `storage_pool::register`, in `0x2::balance` if the payment is too small.
public(package) fun register_pooled_blob(
    self: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    let epoch = self.epoch();
    assert!(storage_pool.start_epoch() <= epoch, EInvalidEpochsAhead);
    self.assert_pool_not_ended(storage_pool);
    let encoded_size = storage_pool.register(
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        epoch,
        self.n_shards(),
        ctx,
    );
    self.charge_write_fee(encoded_size, write_payment);
}

/// Removes a blob from a pool that has ended. Aborts `EInvalidEpochsAhead` (2) if it has not, 1 in `0x2::dynamic_field` if
/// the blob is not in the pool.
public(package) fun burn_expired_pooled_blob(
    self: &SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    blob_id: u256,
) {
    assert!(storage_pool.end_epoch() <= self.epoch(), EInvalidEpochsAhead);
    storage_pool.burn_blob(blob_id, self.n_shards())
}

/// Extends a pool by `extended_epochs`, paying for its whole capacity. Aborts `EInvalidEpochsAhead` (2),
/// `EStorageExceeded` (1), in `0x2::balance` if the payment is too small.
public(package) fun extend_storage_pool(
    self: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.assert_pool_not_ended(storage_pool);
    self.buy_extension(
        storage_pool.reserved_encoded_capacity_bytes(),
        storage_pool.end_epoch(),
        extended_epochs,
        payment,
    );
    storage_pool.extend(extended_epochs, self.epoch())
}

/// Adds bought capacity to a pool for the rest of its life. Aborts `EInvalidResourceSize` (11), `EInvalidEpochsAhead` (2),
/// `EStorageExceeded` (1), in `0x2::balance` if the payment is too small.
public(package) fun increase_storage_pool_capacity(
    self: &mut SystemStateInnerV1,
    storage_pool: &mut StoragePool,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    assert!(additional_encoded_capacity_bytes > 0, EInvalidResourceSize);
    self.assert_pool_not_ended(storage_pool);
    let end_offset = storage_pool.end_epoch() - self.epoch();
    self.buy_capacity(additional_encoded_capacity_bytes, 0, end_offset, payment);
    storage_pool.increase_capacity(additional_encoded_capacity_bytes)
}

/// Aborts `EInvalidEpochsAhead` (2) if the pool has ended.
public(package) fun assert_pool_not_ended(self: &SystemStateInnerV1, storage_pool: &StoragePool) {
    assert!(storage_pool.end_epoch() > self.epoch(), EInvalidEpochsAhead);
}

// === Package Functions: subsidies ===

/// Spreads `subsidy` evenly over the next `epochs_ahead` epochs; what rounding leaves goes to the current one. Returns the
/// amount per epoch. Aborts `EInvalidEpochsAhead` (2).
public(package) fun add_subsidy(
    self: &mut SystemStateInnerV1,
    subsidy: Coin<WAL>,
    epochs_ahead: u32,
): vector<u64> {
    self.assert_epochs_ahead(epochs_ahead);
    storage_market::spread(&mut self.future_accounting, subsidy.into_balance(), epochs_ahead)
}

/// Adds the `i`-th balance to the `i`-th epoch from the current one on. Aborts `EInvalidEpochsAhead` (2) if there are more
/// balances than slots.
public(package) fun add_per_epoch_subsidies(
    self: &mut SystemStateInnerV1,
    subsidies: vector<Balance<WAL>>,
) {
    assert!(
        subsidies.length() <= self.future_accounting.max_epochs_ahead() as u64,
        EInvalidEpochsAhead,
    );
    storage_market::add_each(&mut self.future_accounting, subsidies)
}

// === Private Functions: members ===

/// The weight of the node of a capability. Aborts `ENotCommitteeMember` (8).
fun assert_member(self: &SystemStateInnerV1, cap: &StorageNodeCap): u16 {
    let weight = self.committee.member_weight(&cap.node_id());
    assert!(weight.is_some(), ENotCommitteeMember);
    weight.destroy_some()
}

/// A node may attest in increasing order and, within an epoch, only after the blob it attested to before is certified.
/// Aborts `ERepeatedAttestation` (7), `EIncorrectAttestation` (6).
fun assert_may_attest(self: &SystemStateInnerV1, cap: &mut StorageNodeCap, ending_checkpoint: u64) {
    cap.last_event_blob_attestation().do!(|last| {
        if (last.last_attested_event_blob_epoch() < self.epoch()) return;
        let last_checkpoint = last.last_attested_event_blob_checkpoint_seq_num();
        assert!(ending_checkpoint > last_checkpoint, ERepeatedAttestation);
        assert!(
            self.event_blob_certification_state.is_blob_already_certified(last_checkpoint),
            EIncorrectAttestation,
        );
    });
}

// === Private Functions: money and capacity ===

/// Aborts `EInvalidEpochsAhead` (2) unless the number of epochs is within the accounting.
public(package) fun assert_epochs_ahead(self: &SystemStateInnerV1, epochs_ahead: u32) {
    assert!(
        epochs_ahead > 0 && epochs_ahead <= self.future_accounting.max_epochs_ahead(),
        EInvalidEpochsAhead,
    );
}

/// Buys `amount` bytes for `extended_epochs` from `end_epoch` on, which lies in the future. Aborts
/// `EInvalidEpochsAhead` (2), then as `buy_capacity`.
fun buy_extension(
    self: &mut SystemStateInnerV1,
    amount: u64,
    end_epoch: u32,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    let max_epochs_ahead = self.future_accounting.max_epochs_ahead();
    let start_offset = end_epoch - self.epoch();
    assert!(extended_epochs > 0, EInvalidEpochsAhead);
    // Sums in 64 bits, so that absurd numbers meet the same error.
    assert!(
        (start_offset as u64) + (extended_epochs as u64) <= (max_epochs_ahead as u64),
        EInvalidEpochsAhead,
    );
    self.buy_capacity(amount, start_offset, start_offset + extended_epochs, payment)
}

/// Sells `amount` bytes in every slot of `[start_offset, end_offset)`. Aborts `EStorageExceeded` (1), in `0x2::balance` if the
/// payment is too small.
fun buy_capacity(
    self: &mut SystemStateInnerV1,
    amount: u64,
    start_offset: u32,
    end_offset: u32,
    payment: &mut Coin<WAL>,
) {
    let largest = storage_market::sell(
        &mut self.future_accounting,
        self.storage_price_per_unit_size,
        amount,
        start_offset,
        end_offset,
        payment,
    );
    assert!(largest <= self.total_capacity_size, EStorageExceeded);
    self.used_capacity_size = self.future_accounting[0].used_capacity();
}

/// Charges the write fee for `encoded_size` bytes. Aborts in `0x2::balance` if the payment is too small.
public(package) fun charge_write_fee(
    self: &mut SystemStateInnerV1,
    encoded_size: u64,
    payment: &mut Coin<WAL>,
) {
    storage_market::charge_write_fee(
        &mut self.future_accounting,
        self.write_price_per_unit_size,
        encoded_size,
        payment,
    )
}

// === Test-Only Functions ===

/// A state with the given committee, prices (FROST per MiB) and capacity, in the committee's epoch.
#[test_only]
public fun new_for_testing(
    committee: BlsCommittee,
    total_capacity_size: u64,
    storage_price: u64,
    write_price: u64,
    max_epochs_ahead: u32,
    ctx: &mut TxContext,
): SystemStateInnerV1 {
    let mut self = create_empty(max_epochs_ahead, ctx);
    committee.epoch().do!(|_| {
        self.future_accounting.ring_pop_expand().unwrap_balance().destroy_zero();
    });
    self.committee = committee;
    self.total_capacity_size = total_capacity_size;
    self.storage_price_per_unit_size = storage_price;
    self.write_price_per_unit_size = write_price;
    self
}

/// The certification state of event blobs.
#[test_only]
public fun event_blob_state(self: &SystemStateInnerV1): &EventBlobCertificationState {
    &self.event_blob_certification_state
}

/// The recorded size of a node's deny list.
#[test_only]
public fun deny_list_size(self: &SystemStateInnerV1, node_id: ID): Option<u64> {
    self.deny_list_sizes.borrow().try_get(&node_id)
}

/// The accounting, mutably.
#[test_only]
public fun accounting_mut_for_testing(self: &mut SystemStateInnerV1): &mut FutureAccountingRingBuffer {
    &mut self.future_accounting
}
