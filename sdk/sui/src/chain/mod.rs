//! Typed access to a Sui network over gRPC; knows nothing of the Walrus contract.

mod client;
mod credentials;
mod error;
mod object;
mod retry;

pub use client::ChainClient;
pub use credentials::without_credentials;
pub use error::ChainError;
pub use object::{CoinObject, Funds, GasLimits, ObjectData};
pub use retry::conflict_pause;
pub(crate) use retry::{backoff, read as read_call};
