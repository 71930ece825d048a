//! Admission: whether a transaction may enter the chain at all (devchain spec 2.3).
//!
//! `structure` looks at the transaction alone, `signatures` at who signed it, `expiration` at
//! the epoch. What depends on stored objects is decided while the inputs are loaded.

mod expiration;
#[cfg(test)]
mod limit_tests;
mod signatures;
mod structure;

pub(crate) use signatures::verify as verify_signatures;
pub(crate) use structure::check as check_structure;

use sui_sdk_types::{Transaction, TransactionKind};

use crate::{AdmissionError, ChainParams, Mode};

/// The rules that need no stored object: kind, size, structure, expiration, price and budget.
pub(crate) fn check_transaction(
    params: &ChainParams,
    transaction: &Transaction,
    mode: Mode,
) -> Result<(), AdmissionError> {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return Err(AdmissionError::Unsupported(
            "only programmable transactions are accepted".into(),
        ));
    };
    check_size(transaction)?;
    check_structure(&transaction.gas_payment.objects, programmable)?;
    if mode.checks() {
        expiration::check(params, &transaction.expiration)?;
        structure::check_gas(params, transaction)?;
    }
    Ok(())
}

fn check_size(transaction: &Transaction) -> Result<(), AdmissionError> {
    let bytes = bcs::serialized_size(transaction)
        .map_err(|error| AdmissionError::Malformed(error.to_string()))?;
    within(
        "transaction bytes",
        bytes,
        crate::limits::MAX_TRANSACTION_BYTES,
    )
}

/// `got <= limit`.
fn within(what: &'static str, got: usize, limit: usize) -> Result<(), AdmissionError> {
    if got <= limit {
        return Ok(());
    }
    Err(AdmissionError::LimitExceeded {
        what,
        got: got as u64,
        limit: limit as u64,
    })
}

/// `got < bound`.
fn below(what: &'static str, got: usize, bound: usize) -> Result<(), AdmissionError> {
    within(what, got, bound.saturating_sub(1))
}
