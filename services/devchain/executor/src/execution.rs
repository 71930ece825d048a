//! Execution: one transaction, what it reads, and how it is run.

use sui_devchain_vm::Interrupt;
use sui_sdk_types::Transaction;

use crate::{ChainParams, Mode, ObjectStore};

/// A transaction on its way from its inputs to its outcome.
#[derive(Clone, Copy)]
pub(crate) struct Execution<'a> {
    /// The objects of the chain.
    pub(crate) store: &'a dyn ObjectStore,
    /// Facts about the chain.
    pub(crate) params: &'a ChainParams,
    /// The transaction. Its digest and gas data apply, whatever its commands are taken from.
    pub(crate) transaction: &'a Transaction,
    /// How strictly it is run.
    pub(crate) mode: Mode,
    /// Ends the run early.
    pub(crate) interrupt: &'a Interrupt,
}
