//! Chain parameters that a transaction depends on, and modes: how strictly it is run.

use sui_sdk_types::{Digest, EpochId};

/// The protocol version that the chain claims to run.
pub const PROTOCOL_VERSION: u64 = 110;

/// Names for which `0x2::protocol_config::is_feature_enabled` answers true.
pub const FEATURES: [&str; 3] = [
    "enable_accumulators",
    "enable_object_funds_withdraw",
    "enable_party_transfer",
];

/// Facts about the chain at the moment of execution (devchain spec 2.3, 2.10, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainParams {
    /// Digest of checkpoint 0; `ValidDuring` expirations and coin reservations name it.
    pub chain_id: Digest,
    /// Current epoch.
    pub epoch: EpochId,
    /// Start of the current epoch in milliseconds since 1970.
    pub epoch_start_ms: u64,
    /// Reference gas price in MIST per gas unit; 1000 on local networks.
    pub reference_gas_price: u64,
}

/// How a transaction is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A transaction that will be committed: every check, real gas.
    Normal,
    /// A rehearsal with every check. Without payment objects a mock gas coin pays; it is put into
    /// the payment of the executed copy before the digest is computed (devchain spec 1.5 step 4).
    Simulate,
    /// An inspection: no ownership, visibility, gas or budget enforcement; arbitrary pure values,
    /// private functions and returned references are allowed. A missing payment is mocked.
    DevInspect,
    /// A transaction of the engine itself: unmetered and without visibility checks (devchain
    /// spec 2.12).
    System,
}

impl Mode {
    /// Whether rules about ownership, visibility and gas are enforced.
    #[must_use]
    pub fn checks(self) -> bool {
        matches!(self, Self::Normal | Self::Simulate)
    }

    /// Whether the outcome is only looked at and never committed.
    #[must_use]
    pub fn is_rehearsal(self) -> bool {
        matches!(self, Self::Simulate | Self::DevInspect)
    }
}
