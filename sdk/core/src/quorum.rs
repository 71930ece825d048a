//! Quorum predicates over weights in shards (encoding spec 5.4).

use crate::parameters::max_faulty;

/// On-chain quorum, `3 w >= 2 n + 1`, which is `w >= n - f`: what a certificate needs.
pub const fn is_certificate_quorum(weight: u64, n_shards: u16) -> bool {
    3 * weight as u128 > 2 * n_shards as u128
}

/// On-chain "one correct node", `3 w >= n + 1`: what an invalid-blob certificate needs.
pub const fn is_one_correct_node(weight: u64, n_shards: u16) -> bool {
    3 * weight as u128 > n_shards as u128
}

/// The client's quorum for reads and status decisions: `w > 2 f`.
pub const fn is_quorum(weight: u64, n_shards: u16) -> bool {
    weight > 2 * max_faulty(n_shards) as u64
}

/// The client's validity threshold: `w > f`.
pub const fn is_above_validity(weight: u64, n_shards: u16) -> bool {
    weight > max_faulty(n_shards) as u64
}

/// Smallest weight that certifies: `n - f`.
pub const fn min_certificate_weight(n_shards: u16) -> u16 {
    n_shards - max_faulty(n_shards)
}
