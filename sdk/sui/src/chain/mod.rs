//! Typed access to a Sui network over gRPC; knows nothing of the Walrus contract.

mod client;
mod error;
mod object;
mod payment;
mod retry;
mod roots;
mod servers;
mod url;

/// A call under way.
///
/// On the heap where it is made: what speaks to the chain is compiled in this crate, and not again in each that asks it.
pub type Call<'a, T, E = ChainError> = futures::future::BoxFuture<'a, Result<T, E>>;

pub use client::ChainClient;
pub use error::ChainError;
pub use object::{CoinObject, Funds, GasLimits, ObjectData};
pub use payment::Payment;
pub(crate) use retry::backoff;
pub use retry::conflict_pause;
pub(crate) use servers::Position;
pub use url::shown as shown_url;
