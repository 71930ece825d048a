//! Contract writer: the transactions of one deployment for one sender.

use sui_sdk_types::Address;
use sui_transaction_builder::Argument;

use super::{CoinNeed, ExecutedTransaction, GasCost, Ptb, TransactionError, TransactionExecutor};
use crate::{
    chain::Call,
    contract::{ContractObjects, ContractPackages, ContractReader},
    wallet::TransactionSigner,
};

/// Sends transactions of the Walrus contract. Cheap to clone; clones share the queue of the sender.
///
/// Methods are grouped by file: blobs, nodes, stake, coins.
#[derive(Clone)]
pub struct ContractWriter {
    reader: ContractReader,
    pub(super) executor: TransactionExecutor,
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
    /// A writer for the address of `signer`.
    pub fn new(reader: ContractReader, signer: impl Into<TransactionSigner>) -> Self {
        let executor = TransactionExecutor::new(reader.chain().clone(), signer);
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

    /// The same writer for plans that name objects at the versions their maker saw; see
    /// [`TransactionExecutor::with_one_attempt`].
    #[must_use]
    pub fn with_one_attempt(mut self) -> Self {
        self.executor = self.executor.with_one_attempt();
        self
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
        F: Fn(&mut Plan<'_>) -> Result<(), TransactionError> + Sync,
    {
        match self.run_once(wal, &plan).await {
            Err(error) if self.is_outdated(&error).await? => self.run_once(wal, &plan).await,
            result => result,
        }
    }

    /// What executing a plan would take; `None` if coins are merged before. Nothing is sent. After an upgrade of the contract it is
    /// asked once more with the new package.
    pub(super) async fn estimate<F>(
        &self,
        wal: Option<u64>,
        plan: F,
    ) -> Result<Option<GasCost>, TransactionError>
    where
        F: Fn(&mut Plan<'_>) -> Result<(), TransactionError> + Sync,
    {
        match self.estimate_once(wal, &plan).await {
            Err(error) if self.is_outdated(&error).await? => self.estimate_once(wal, &plan).await,
            result => result,
        }
    }

    /// Whether a plan failed because it called a package that was upgraded meanwhile; the next plan calls the new one.
    fn is_outdated<'a>(&'a self, error: &'a TransactionError) -> Call<'a, bool, TransactionError> {
        Box::pin(
            async move { Ok(error.is_wrong_version() && self.reader.refresh_packages().await?) },
        )
    }

    fn estimate_once<'a>(
        &'a self,
        wal: Option<u64>,
        make: &'a MakePlan<'a>,
    ) -> Call<'a, Option<GasCost>, TransactionError> {
        Box::pin(async move {
            let contract = Contract::of(&self.reader);
            let (need, sender) = (contract.need(wal), self.address());
            self.executor
                .estimate(need.as_ref(), |ptb, payment| {
                    make(&mut contract.plan(ptb, payment, sender))
                })
                .await
        })
    }

    fn run_once<'a>(
        &'a self,
        wal: Option<u64>,
        make: &'a MakePlan<'a>,
    ) -> Call<'a, ExecutedTransaction, TransactionError> {
        Box::pin(async move {
            let contract = Contract::of(&self.reader);
            let (need, sender) = (contract.need(wal), self.address());
            self.executor
                .execute(need.as_ref(), |ptb, payment| {
                    make(&mut contract.plan(ptb, payment, sender))
                })
                .await
        })
    }
}

/// What makes a plan with the packages and objects of the moment; may be called several times.
type MakePlan<'a> = dyn Fn(&mut Plan<'_>) -> Result<(), TransactionError> + Sync + 'a;

/// The contract at one moment.
struct Contract {
    packages: ContractPackages,
    objects: ContractObjects,
}

impl Contract {
    fn of(reader: &ContractReader) -> Self {
        Self {
            packages: reader.packages(),
            objects: reader.objects(),
        }
    }

    fn need(&self, wal: Option<u64>) -> Option<CoinNeed> {
        wal.map(|amount| CoinNeed {
            coin_type: self.packages.wal_type.clone(),
            amount,
        })
    }

    fn plan<'a>(
        &'a self,
        ptb: &'a mut Ptb,
        payment: Option<Argument>,
        sender: Address,
    ) -> Plan<'a> {
        Plan {
            ptb,
            packages: &self.packages,
            objects: self.objects,
            payment,
            sender,
        }
    }
}
