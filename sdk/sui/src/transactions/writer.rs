//! The transactions of one deployment for one sender.

use std::sync::Arc;

use sui_sdk_types::Address;
use sui_transaction_builder::Argument;

use super::{CoinNeed, ExecutedTransaction, Ptb, TransactionError, TransactionExecutor};
use crate::{
    contract::{ContractObjects, ContractPackages, ContractReader},
    wallet::Keypair,
};

/// Sends transactions of the Walrus contract. Cheap to clone; clones share the queue of the sender.
///
/// Methods are grouped by file: blobs, nodes, stake, coins.
#[derive(Clone)]
pub struct ContractWriter {
    reader: ContractReader,
    executor: TransactionExecutor,
}

/// What a plan needs to name the contract: packages, shared objects and the payment coin.
pub(super) struct Plan<'a> {
    pub(super) ptb: &'a mut Ptb,
    pub(super) packages: &'a ContractPackages,
    pub(super) objects: ContractObjects,
    pub(super) payment: Option<Argument>,
    pub(super) sender: Address,
}

impl Plan<'_> {
    /// Calls a function of package `walrus`.
    pub(super) fn call(
        &mut self,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Result<Argument, TransactionError> {
        self.ptb
            .call(self.packages.current, module, function, vec![], arguments)
    }

    pub(super) fn system(&mut self) -> Argument {
        self.ptb.object(self.objects.system)
    }

    pub(super) fn staking(&mut self) -> Argument {
        self.ptb.object(self.objects.staking)
    }

    /// The coin that pays; plans that use it are executed with a [`CoinNeed`].
    pub(super) fn payment(&self) -> Result<Argument, TransactionError> {
        self.payment
            .ok_or_else(|| TransactionError::build("no payment coin"))
    }
}

impl ContractWriter {
    /// A writer for the address of `keypair`.
    pub fn new(reader: ContractReader, keypair: Arc<Keypair>) -> Self {
        let executor = TransactionExecutor::new(reader.chain().clone(), keypair);
        Self { reader, executor }
    }

    /// A writer that shares the queue of an executor.
    pub fn with_executor(reader: ContractReader, executor: TransactionExecutor) -> Self {
        Self { reader, executor }
    }

    /// The sender.
    pub fn address(&self) -> Address {
        self.executor.sender()
    }

    /// Reads of the same deployment.
    pub fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// The executor, for transactions of one's own.
    pub fn executor(&self) -> &TransactionExecutor {
        &self.executor
    }

    /// Executes a plan; after an upgrade of the contract once more with the new package
    /// (contracts spec 6.1).
    pub(super) async fn run<F>(
        &self,
        wal: Option<u64>,
        plan: F,
    ) -> Result<ExecutedTransaction, TransactionError>
    where
        F: Fn(&mut Plan<'_>) -> Result<(), TransactionError>,
    {
        let first = self.run_once(wal, &plan).await;
        match first {
            Err(error) if error.is_wrong_version() => {
                if self.reader.refresh_packages().await? {
                    self.run_once(wal, &plan).await
                } else {
                    Err(error)
                }
            }
            result => result,
        }
    }

    async fn run_once<F>(
        &self,
        wal: Option<u64>,
        plan: &F,
    ) -> Result<ExecutedTransaction, TransactionError>
    where
        F: Fn(&mut Plan<'_>) -> Result<(), TransactionError>,
    {
        let packages = self.reader.packages();
        let objects = self.reader.objects();
        let need = wal.map(|amount| CoinNeed {
            coin_type: packages.wal_type.clone(),
            amount,
        });
        let sender = self.address();
        self.executor
            .execute(need.as_ref(), |ptb, payment| {
                plan(&mut Plan {
                    ptb,
                    packages: &packages,
                    objects,
                    payment,
                    sender,
                })
            })
            .await
    }
}
