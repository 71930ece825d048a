//! State of the Walrus contract, read from the chain (contracts spec 12.3).

mod committee;
mod packages;
mod price;
mod rates;
mod reader;
mod state;
mod upkeep;

pub use committee::{Committee, CommitteeMember, Committees, Keys};
pub use price::{BYTES_PER_UNIT, Prices};
pub use reader::{ContractObjects, ContractPackages, ContractReader, PoolSummary};
pub use state::Sales;
pub use upkeep::Subsidies;
