//! Blobs: what a node takes in, serves and signs. Node spec 1 and 4.
//!
//! Each deed is a type of its own, owns what it needs and has an error enum of its own: [`Uploads`], [`Intake`], [`Reads`], [`Confirmations`],
//! [`Symbols`], [`Inconsistencies`]. None of them knows HTTP.

mod arrivals;
mod batch;
mod confirmations;
mod holdings;
mod inconsistencies;
mod intake;
mod pending;
mod reads;
mod stripes;
mod symbol_answer;
mod symbol_trees;
mod symbols;
mod uploads;

pub(crate) use self::{
    arrivals::Arrivals,
    confirmations::LongPolls,
    pending::{PendingCache, PendingSweep},
    stripes::Stripes,
    symbol_trees::SymbolTrees,
    symbols::symbol_requests,
};
pub use walrus_service::blocklist::{Blocked, Blocklist, BlocklistError, read_blocklist};

pub use self::{
    confirmations::{ConfirmationError, Confirmations},
    holdings::{Holdings, PairOutOfRange},
    inconsistencies::{AttestationError, Inconsistencies},
    intake::{Arriving, Intake, IntakeError},
    reads::{ReadError, Reads},
    symbol_answer::SymbolAnswer,
    symbols::{SymbolError, SymbolSelection, Symbols},
    uploads::{Accepted, UploadError, Uploads},
};
