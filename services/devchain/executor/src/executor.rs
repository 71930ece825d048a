//! Entry points: admit a signed transaction, execute a transaction.

use sui_devchain_vm::Interrupt;
use sui_sdk_types::{
    ObjectReference, ProgrammableTransaction, SignedTransaction, Transaction, TransactionKind,
};

use crate::admission::{check_transaction, verify_signatures};
use crate::execution::Execution;
use crate::inputs::{self, MOCK_COIN_ID, mock_coin};
use crate::run::{Caches, load, run, run_genesis};
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
        let execution = Execution {
            store,
            params,
            transaction: &transaction.transaction,
            mode: Mode::Normal,
            interrupt: &Interrupt::default(),
        };
        load(execution, programmable)?;
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
        let execution = Execution {
            store,
            params,
            transaction,
            mode,
            interrupt,
        };
        if mode == Mode::System {
            return self.execute_system(execution);
        }
        check_transaction(params, transaction, mode)?;
        if !self.needs_mock_payment(execution)? {
            return run(&self.caches, execution, programmable(transaction)?);
        }
        let mut paid = transaction.clone();
        let coin = mock_coin(paid.gas_payment.owner)
            .ok_or_else(|| AdmissionError::Internal("mock coin".into()))?;
        paid.gas_payment.objects = vec![ObjectReference::new(MOCK_COIN_ID, 1, coin.digest())];
        let execution = Execution {
            transaction: &paid,
            ..execution
        };
        run(&self.caches, execution, programmable(&paid)?)
    }

    fn execute_system(&self, execution: Execution<'_>) -> Result<Outcome, AdmissionError> {
        let execution = Execution {
            interrupt: &Interrupt::default(),
            ..execution
        };
        let kind = &execution.transaction.kind;
        if let TransactionKind::Genesis(genesis) = kind {
            return run_genesis(execution, genesis);
        }
        let body = system::body(execution.store, kind)?;
        run(&self.caches, execution, &body)
    }

    /// A rehearsal without payment is paid by a mock coin, unless the address balance can pay.
    fn needs_mock_payment(&self, execution: Execution<'_>) -> Result<bool, AdmissionError> {
        let Execution {
            store,
            transaction,
            mode,
            ..
        } = execution;
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
