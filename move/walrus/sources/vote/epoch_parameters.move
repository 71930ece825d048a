/// Parameters the next committee has voted for.
///
/// Since prices take effect immediately, the two price fields only keep the layout that clients decode; they hold
/// `u64::MAX` placeholders and nothing reads them.
///
/// Life cycle: made when a vote ends, used by the next epoch change, kept until the vote after it; never edited.
///
/// Specification: contracts, sections 4.4 and 7.12.
module walrus::epoch_parameters;

// === Structs ===

/// Outcome of the parameter vote for one epoch.
public struct EpochParams has copy, drop, store {
    /// Encoded capacity of the system, in bytes.
    total_capacity_size: u64,
    /// Placeholder, FROST per MiB and epoch.
    storage_price_per_unit_size: u64,
    /// Placeholder, FROST per MiB.
    write_price_per_unit_size: u64,
}

// === Package Functions ===

/// Creates the parameters from a capacity in bytes and the two price fields in FROST.
public(package) fun new(
    total_capacity_size: u64,
    storage_price_per_unit_size: u64,
    write_price_per_unit_size: u64,
): EpochParams {
    EpochParams { total_capacity_size, storage_price_per_unit_size, write_price_per_unit_size }
}

/// The capacity in bytes.
public(package) fun total_capacity_size(self: &EpochParams): u64 {
    self.total_capacity_size
}

/// The storage price field, FROST per MiB and epoch.
public(package) fun storage_price(self: &EpochParams): u64 {
    self.storage_price_per_unit_size
}

/// The write price field, FROST per MiB.
public(package) fun write_price(self: &EpochParams): u64 {
    self.write_price_per_unit_size
}
