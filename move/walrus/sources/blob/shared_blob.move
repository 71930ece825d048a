/// Blobs as shared objects whose life anybody may prolong.
///
/// Life cycle: a blob is wrapped for good. It can never be unwrapped, deleted, certified or given attributes again, because
/// only a shared reference to it is exposed; funds can be added but never withdrawn, only spent on extensions.
///
/// Invariant: the funds of a shared blob are only ever spent on its own extension.
///
/// Specification: contracts, section 7.5.
module walrus::shared_blob;

use sui::balance::{Self, Balance};
use sui::coin::Coin;
use wal::wal::WAL;
use walrus::blob::Blob;
use walrus::system::System;

// === Structs ===

/// A blob and the funds for its extensions.
public struct SharedBlob has key, store {
    id: UID,
    blob: Blob,
    funds: Balance<WAL>,
}

// === Constructors ===

/// Shares a blob without funds. Also callable as `blob.share(ctx)`.
///
/// #### Parameters
/// - `blob`: the blob to wrap.
/// - `ctx`: source of the object ID.
///
/// #### Aborts
/// Never.
public fun new(blob: Blob, ctx: &mut TxContext) {
    share(blob, balance::zero(), ctx)
}

/// Shares a blob with funds.
///
/// #### Parameters
/// - `blob`: the blob to wrap.
/// - `funds`: WAL to spend on extensions.
/// - `ctx`: source of the object ID.
///
/// #### Aborts
/// Never.
public fun new_funded(blob: Blob, funds: Coin<WAL>, ctx: &mut TxContext) {
    share(blob, funds.into_balance(), ctx)
}

// === Public Functions ===

/// Adds funds.
///
/// #### Parameters
/// - `self`: the shared blob.
/// - `added_funds`: WAL to spend on extensions.
///
/// #### Aborts
/// Never.
public fun fund(self: &mut SharedBlob, added_funds: Coin<WAL>) {
    self.funds.join(added_funds.into_balance());
}

/// Extends the blob with the stored funds.
///
/// #### Parameters
/// - `self`: the shared blob.
/// - `system`: the Walrus system.
/// - `extended_epochs`: number of epochs to add.
/// - `ctx`: transaction context.
///
/// #### Aborts
/// - As `system::extend_blob`; in `0x2::balance` if the funds do not suffice.
public fun extend(
    self: &mut SharedBlob,
    system: &mut System,
    extended_epochs: u32,
    ctx: &mut TxContext,
) {
    let mut payment = self.funds.withdraw_all().into_coin(ctx);
    system.extend_blob(&mut self.blob, extended_epochs, &mut payment);
    self.funds.join(payment.into_balance());
}

/// The wrapped blob.
///
/// #### Parameters
/// - `self`: the shared blob.
///
/// #### Returns
/// A reference to the blob.
///
/// #### Aborts
/// Never.
public fun blob(self: &SharedBlob): &Blob {
    &self.blob
}

/// The remaining funds.
///
/// #### Parameters
/// - `self`: the shared blob.
///
/// #### Returns
/// A reference to the funds.
///
/// #### Aborts
/// Never.
public fun funds(self: &SharedBlob): &Balance<WAL> {
    &self.funds
}

// === Private Functions ===

/// Wraps and shares.
fun share(blob: Blob, funds: Balance<WAL>, ctx: &mut TxContext) {
    transfer::share_object(SharedBlob { id: object::new(ctx), blob, funds })
}
