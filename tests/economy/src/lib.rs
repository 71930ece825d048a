//! Economy model: the protocol's economy in plain Rust, written from the contracts specification alone.
//!
//! The contracts of `move/` and this model share nothing but the specification ("contracts spec"). The tests of this
//! crate run both on the same input and compare: single formulas on thousands of seeded random inputs, and a network
//! of nodes, stakers and users over many epochs on the embedded chain, balance by balance.
//!
//! The model prefers the obvious to the fast: sorted maps, linear searches, 128-bit arithmetic. Amounts are FROST,
//! sizes are bytes, times are milliseconds, rates are basis points. What the chain refuses is an [`Abort`].

mod abort;
pub mod active_set;
pub mod apportionment;
pub mod assignment;
pub mod economy;
pub mod encoded_size;
pub mod exchange_rate;
mod identity;
pub mod pending;
pub mod pool;
pub mod price;
pub mod rewards;
pub mod ring;
pub mod slashing;
pub mod stake;
pub mod staking;
pub mod storage;
pub mod subsidies;
pub mod system;
pub mod votes;

pub use abort::Abort;
pub use identity::NodeId;

/// A Walrus epoch.
pub type Epoch = u32;

/// An amount in FROST.
pub type Frost = u64;

/// Whether `weight` of `n_shards` shards is a quorum (contracts spec 2).
#[must_use]
pub fn is_quorum(weight: u64, n_shards: u16) -> bool {
    3 * weight > 2 * u64::from(n_shards)
}
