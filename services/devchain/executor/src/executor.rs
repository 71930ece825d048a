//! The entry points: admit a signed transaction, execute a transaction.

use sui_sdk_types::{SignedTransaction, Transaction};

use crate::{AdmissionError, ChainParams, Mode, ObjectStore, Outcome};

/// Runs transactions. Holds only caches of immutable things (verified bytecode), so one instance
/// serves a chain for its whole life, from many threads.
#[derive(Debug, Default)]
pub struct Executor {}

impl Executor {
    /// An executor with empty caches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks a signed user transaction: size, signatures, and everything [`Executor::execute`]
    /// checks in [`Mode::Normal`] before it runs (devchain spec 2.3).
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn admit(
        &self,
        store: &dyn ObjectStore,
        params: &ChainParams,
        transaction: &SignedTransaction,
    ) -> Result<(), AdmissionError> {
        let _ = (store, params, transaction);
        Err(AdmissionError::Internal("not connected yet".into()))
    }

    /// Executes a transaction. In [`Mode::Normal`] and [`Mode::Simulate`] the admission rules other
    /// than signatures are checked first. A transaction that aborts is an `Ok` outcome with a
    /// failure status.
    ///
    /// # Errors
    /// A broken admission rule; nothing was executed.
    pub fn execute(
        &self,
        store: &dyn ObjectStore,
        params: &ChainParams,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<Outcome, AdmissionError> {
        let _ = (store, params, transaction, mode);
        Err(AdmissionError::Internal("not connected yet".into()))
    }
}
