//! The entry points: admit a signed transaction, execute a transaction.

use sui_devchain_vm::Interrupt;
use sui_sdk_types::{
    ObjectReference, ProgrammableTransaction, SignedTransaction, Transaction, TransactionKind,
};

use crate::admission::{check_transaction, verify_signatures};
use crate::inputs::{self, MOCK_COIN_ID, mock_coin};
use crate::run::{Caches, run};
use crate::{AdmissionError, ChainParams, Mode, ObjectStore, Outcome, system};

/// Runs transactions. Holds only caches of immutable things (verified bytecode), so one instance
/// serves a chain for its whole life, from many threads.
#[derive(Debug, Default)]
pub struct Executor {
    caches: Caches,
}

impl Executor {
    /// An executor with empty caches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn caches(&self) -> &Caches {
        &self.caches
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
        check_transaction(params, &transaction.transaction, Mode::Normal)?;
        verify_signatures(transaction)?;
        let programmable = programmable(&transaction.transaction)?;
        inputs::load(
            store,
            params,
            &transaction.transaction,
            programmable,
            Mode::Normal,
        )?;
        Ok(())
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
        self.execute_until(store, params, transaction, mode, &Interrupt::default())
    }

    /// As [`Executor::execute`], for outcomes that somebody may lose interest in: `interrupt` ends the run.
    ///
    /// # Errors
    /// As [`Executor::execute`], and [`AdmissionError::Interrupted`].
    pub fn execute_until(
        &self,
        store: &dyn ObjectStore,
        params: &ChainParams,
        transaction: &Transaction,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Outcome, AdmissionError> {
        if mode == Mode::System {
            return self.execute_system(store, params, transaction);
        }
        check_transaction(params, transaction, mode)?;
        let mut transaction = transaction.clone();
        if self.needs_mock_payment(store, &transaction, mode)? {
            let coin = mock_coin(transaction.gas_payment.owner)
                .ok_or_else(|| AdmissionError::Internal("mock coin".into()))?;
            transaction.gas_payment.objects =
                vec![ObjectReference::new(MOCK_COIN_ID, 1, coin.digest())];
        }
        let body = programmable(&transaction)?;
        run(
            &self.caches,
            store,
            params,
            &transaction,
            body,
            mode,
            interrupt,
        )
    }

    fn execute_system(
        &self,
        store: &dyn ObjectStore,
        params: &ChainParams,
        transaction: &Transaction,
    ) -> Result<Outcome, AdmissionError> {
        if let TransactionKind::Genesis(genesis) = &transaction.kind {
            return crate::genesis::execute(params, transaction, genesis);
        }
        let body = system::body(store, &transaction.kind)?;
        run(
            &self.caches,
            store,
            params,
            transaction,
            &body,
            Mode::System,
            &Interrupt::default(),
        )
    }

    /// A rehearsal without payment is paid by a mock coin, unless the address balance can pay.
    fn needs_mock_payment(
        &self,
        store: &dyn ObjectStore,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<bool, AdmissionError> {
        if !mode.is_rehearsal() || !transaction.gas_payment.objects.is_empty() {
            return Ok(false);
        }
        Ok(mode == Mode::DevInspect
            || !inputs::address_balance_can_pay(store, transaction, programmable(transaction)?))
    }
}

fn programmable(transaction: &Transaction) -> Result<&ProgrammableTransaction, AdmissionError> {
    match &transaction.kind {
        TransactionKind::ProgrammableTransaction(programmable) => Ok(programmable),
        _ => Err(AdmissionError::Unsupported(
            "only programmable transactions are accepted".into(),
        )),
    }
}
