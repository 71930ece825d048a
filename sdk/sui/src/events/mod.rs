//! Contract events: types, decoding and their place in the ledger (contracts spec section 5).

mod contract_event;
mod position;
mod types;

pub use contract_event::{ContractEvent, EVENTS_MODULE, UnknownEvent};
pub use position::{EventId, EventPosition};
pub use types::*;
