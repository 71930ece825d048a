/// The system state object of an embedded chain: which epoch it is, since when, and under which terms.
///
/// The package lies at 0x3 and its one object at 0x5, where clients of a public network look for them. An embedded chain
/// has one validator that nobody stakes with, so the functions about validators and stake are not here; what clients hold
/// on to is: the type of the object, that it is shared since version 1, and that its state hangs below it in a dynamic
/// field under the object's version, which lets the shape of the state change without the type of the object changing.
module sui_system::sui_system;

use sui::dynamic_field;

// === Constants ===

/// Version of the state below the object, and the key of its dynamic field.
const VERSION: u64 = 1;

// === Errors ===

/// Only the chain itself makes and changes the state.
#[error]
const ENotSystemAddress: vector<u8> = b"only the system address may call this";
/// The state below the object is of a version that this package does not know.
#[error]
const EWrongInnerVersion: vector<u8> = b"the system state has another version";
/// An epoch is followed by the one with the next number.
#[error]
const EAdvancedToWrongEpoch: vector<u8> = b"epochs follow each other one by one";

// === Structs ===

/// The shared object at 0x5.
///
/// Dynamic field: `version` -> `SuiSystemStateInner`.
public struct SuiSystemState has key {
    id: UID,
    /// Version of the state.
    version: u64,
}

/// The state.
public struct SuiSystemStateInner has store {
    /// The running epoch.
    epoch: u64,
    /// The protocol version that the chain claims to run.
    protocol_version: u64,
    /// Price of a unit of computation in MIST.
    reference_gas_price: u64,
    /// When the epoch began, in milliseconds since 1970.
    epoch_start_timestamp_ms: u64,
}

// === What everybody may ask ===

/// The running epoch.
public fun epoch(self: &SuiSystemState): u64 {
    self.inner().epoch
}

/// The protocol version that the chain claims to run.
public fun protocol_version(self: &SuiSystemState): u64 {
    self.inner().protocol_version
}

/// Price of a unit of computation in MIST.
public fun reference_gas_price(self: &SuiSystemState): u64 {
    self.inner().reference_gas_price
}

/// When the epoch began, in milliseconds since 1970.
public fun epoch_start_timestamp_ms(self: &SuiSystemState): u64 {
    self.inner().epoch_start_timestamp_ms
}

// === What the chain does ===

/// Makes and shares the object, once, at genesis. `id` is the one that `0x2::object` makes for it.
#[allow(unused_function, lint(share_owned))]
fun create(
    mut id: UID,
    protocol_version: u64,
    reference_gas_price: u64,
    epoch_start_timestamp_ms: u64,
    ctx: &TxContext,
) {
    assert!(ctx.sender() == @0x0, ENotSystemAddress);
    let inner = SuiSystemStateInner {
        epoch: ctx.epoch(),
        protocol_version,
        reference_gas_price,
        epoch_start_timestamp_ms,
    };
    dynamic_field::add(&mut id, VERSION, inner);
    transfer::share_object(SuiSystemState { id, version: VERSION });
}

/// Ends the running epoch.
#[allow(unused_function)]
fun advance_epoch(
    self: &mut SuiSystemState,
    new_epoch: u64,
    next_protocol_version: u64,
    epoch_start_timestamp_ms: u64,
    ctx: &TxContext,
) {
    assert!(ctx.sender() == @0x0, ENotSystemAddress);
    let inner = self.inner_mut();
    assert!(new_epoch == inner.epoch + 1, EAdvancedToWrongEpoch);
    inner.epoch = new_epoch;
    inner.protocol_version = next_protocol_version;
    inner.epoch_start_timestamp_ms = epoch_start_timestamp_ms;
}

// === The state below the object ===

fun inner(self: &SuiSystemState): &SuiSystemStateInner {
    assert!(self.version == VERSION, EWrongInnerVersion);
    dynamic_field::borrow(&self.id, VERSION)
}

fun inner_mut(self: &mut SuiSystemState): &mut SuiSystemStateInner {
    assert!(self.version == VERSION, EWrongInnerVersion);
    dynamic_field::borrow_mut(&mut self.id, VERSION)
}
