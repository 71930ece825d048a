//! Transactions of the Walrus contract: building, gas, signing, execution, typed failures
//! (contracts spec section 7).

mod abort_codes;
mod authorized;
mod blobs;
mod budget;
mod coins;
mod error;
mod exchange;
mod executed;
mod executor;
mod gas;
mod known_coins;
mod later;
mod nodes;
mod outputs;
mod payment;
mod ptb;
mod registration;
mod sending;
mod signed;
mod stake;
mod storage;
mod subsidies;
mod upkeep;
mod writer;

pub use authorized::Authentication;
pub use blobs::{BlobCertificate, Certification};
pub use error::{MoveAbort, TransactionError};
pub use executed::{ExecutedTransaction, ObjectChange, ObjectChangeKind};
pub use executor::TransactionExecutor;
pub use gas::GasCost;
pub use nodes::{EventBlobVote, NodeParameterUpdate, NodeRegistration};
pub use outputs::WithOutputs;
pub use payment::CoinNeed;
pub use ptb::Ptb;
pub use registration::{BlobRegistration, RegisteredBlobs};
pub use signed::{BeforeSending, SignedTransaction};
pub use storage::{PieceOrigin, StoragePiece, StorageSource, pieces_cost, registration_costs};
pub use subsidies::SubsidyRates;
pub use upkeep::CloseEpochChangeError;
pub use writer::ContractWriter;
