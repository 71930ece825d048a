//! Event names, as records keep them. Node spec 0.1 and 2.3.

use serde::{Deserialize, Serialize};
use walrus_node_client::EventId;

/// A transaction and the number of the event among the contract's events of that transaction, from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventName {
    /// Digest of the transaction.
    pub tx_digest: [u8; 32],
    /// Number of the event.
    pub event_seq: u64,
}

impl From<EventName> for EventId {
    fn from(name: EventName) -> Self {
        Self {
            tx_digest: name.tx_digest,
            event_seq: name.event_seq,
        }
    }
}
