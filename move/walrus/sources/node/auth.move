/// Authorization, who may act for a node: proof of an identity in a transaction, and the stored identity it is compared with.
///
/// Life cycle: a transaction makes an `Authenticated` with `authenticate_sender` or `authenticate_with_object` and hands
/// it to the function that needs it; pools store an `Authorized`.
///
/// Invariants
/// 1. `Authenticated` can neither be copied nor stored, so it proves something about the running transaction only.
/// 2. A sender never matches an object, an object never matches a sender.
///
/// Operators: everything a transaction can reference authenticates, shared and immutable objects included. Authorizing a
/// shared object authorizes everybody.
///
/// Specification: contracts, sections 4.5 and 7.10.
module walrus::auth;

// === Structs ===

/// An identity proven by the running transaction.
public enum Authenticated has drop {
    /// The sender of the transaction.
    Sender(address),
    /// An object that the transaction holds a reference to.
    Object(ID),
}

/// An identity that is allowed to do something.
public enum Authorized has copy, drop, store {
    /// An address, as sender of a transaction.
    Address(address),
    /// Whoever can present the object.
    ObjectID(ID),
}

// === Constructors ===

/// Authenticates the sender of the transaction.
///
/// #### Parameters
/// - `ctx`: names the sender.
///
/// #### Returns
/// The proof.
///
/// #### Aborts
/// Never.
public fun authenticate_sender(ctx: &TxContext): Authenticated {
    Authenticated::Sender(ctx.sender())
}

/// Authenticates with an object.
///
/// #### Parameters
/// - `obj`: any object the transaction can reference.
///
/// #### Returns
/// The proof.
///
/// #### Aborts
/// Never.
public fun authenticate_with_object<T: key>(obj: &T): Authenticated {
    Authenticated::Object(object::id(obj))
}

/// Authorizes an address.
///
/// #### Parameters
/// - `addr`: the address.
///
/// #### Returns
/// The identity to store.
///
/// #### Aborts
/// Never.
public fun authorized_address(addr: address): Authorized {
    Authorized::Address(addr)
}

/// Authorizes whoever can present an object.
///
/// #### Parameters
/// - `id`: the object's ID.
///
/// #### Returns
/// The identity to store.
///
/// #### Aborts
/// Never.
public fun authorized_object(id: ID): Authorized {
    Authorized::ObjectID(id)
}

// === Package Functions ===

/// Whether the proven identity is the authorized one.
public(package) fun matches(self: &Authenticated, authorized: &Authorized): bool {
    match (self) {
        Authenticated::Sender(sender) => match (authorized) {
            Authorized::Address(addr) => sender == addr,
            Authorized::ObjectID(_) => false,
        },
        Authenticated::Object(object) => match (authorized) {
            Authorized::Address(_) => false,
            Authorized::ObjectID(id) => object == id,
        },
    }
}
