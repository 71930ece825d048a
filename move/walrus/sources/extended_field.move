/// Extended field: a value kept in its own dynamic field, so that large values do not weigh on every access to their parent.
///
/// Life cycle: `new` creates the field, `destroy` takes the value out and deletes it.
///
/// Invariant: from `new` to `destroy` exactly one dynamic field exists, named `Key()`, of type `T`.
///
/// Specification: contracts, section 8.12.
module walrus::extended_field;

use sui::dynamic_field;

// === Structs ===

/// Holder of one value of type `T` in the dynamic field `Key()`.
public struct ExtendedField<phantom T: store> has key, store {
    id: UID,
}

/// Name of the dynamic field; serializes as the single byte `0x00`.
public struct Key() has copy, drop, store;

// === Constructors ===

/// Stores `value` in a new field.
///
/// #### Parameters
/// - `value`: the value to store.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// The holder.
///
/// #### Aborts
/// Never.
public fun new<T: store>(value: T, ctx: &mut TxContext): ExtendedField<T> {
    let mut id = object::new(ctx);
    dynamic_field::add(&mut id, Key(), value);
    ExtendedField { id }
}

// === Package Functions ===

/// The object ID, for further fields that belong to the value.
public(package) fun id<T: store>(field: &ExtendedField<T>): &UID {
    &field.id
}

/// The object ID, mutably.
public(package) fun id_mut<T: store>(field: &mut ExtendedField<T>): &mut UID {
    &mut field.id
}

// === Public Functions ===

/// Reads the value.
///
/// #### Parameters
/// - `field`: the holder.
///
/// #### Returns
/// A reference to the value.
///
/// #### Aborts
/// Never.
public fun borrow<T: store>(field: &ExtendedField<T>): &T {
    dynamic_field::borrow(&field.id, Key())
}

/// Borrows the value mutably.
///
/// #### Parameters
/// - `field`: the holder.
///
/// #### Returns
/// A mutable reference to the value.
///
/// #### Aborts
/// Never.
public fun borrow_mut<T: store>(field: &mut ExtendedField<T>): &mut T {
    dynamic_field::borrow_mut(&mut field.id, Key())
}

/// Replaces the value.
///
/// #### Parameters
/// - `field`: the holder.
/// - `value`: the new value.
///
/// #### Returns
/// The previous value.
///
/// #### Aborts
/// Never.
public fun swap<T: store>(field: &mut ExtendedField<T>, value: T): T {
    let previous = dynamic_field::remove(&mut field.id, Key());
    dynamic_field::add(&mut field.id, Key(), value);
    previous
}

/// Deletes the holder.
///
/// #### Parameters
/// - `field`: the holder.
///
/// #### Returns
/// The value it held.
///
/// #### Aborts
/// Never.
public fun destroy<T: store>(field: ExtendedField<T>): T {
    let ExtendedField { mut id } = field;
    let value = dynamic_field::remove(&mut id, Key());
    id.delete();
    value
}
