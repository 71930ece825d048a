//! Blobs: what a node takes in, serves and signs. Node spec 1 and 4.
//!
//! Each deed is a type of its own, owns what it needs and has an error enum of its own: [`Uploads`], [`Reads`], [`Confirmations`],
//! [`Symbols`], [`Inconsistencies`]. None of them knows HTTP.

mod arrivals;
mod blocklist;
mod confirmations;
mod holdings;
mod inconsistencies;
mod pending;
mod reads;
mod symbol_trees;
mod symbols;
mod uploads;

pub(crate) use self::{
    arrivals::Arrivals, confirmations::LongPolls, pending::PendingCache, symbol_trees::SymbolTrees,
    symbols::symbol_requests,
};
pub use self::{
    blocklist::{Blocked, Blocklist, BlocklistError, read_blocklist},
    confirmations::{ConfirmationError, Confirmations},
    holdings::{Holdings, PairOutOfRange},
    inconsistencies::{AttestationError, Inconsistencies},
    reads::{ReadError, Reads},
    symbols::{SymbolError, SymbolSelection, Symbols},
    uploads::{Accepted, UploadError, Uploads},
};
