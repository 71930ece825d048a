//! Transaction executor, from a plan to a transaction in a checkpoint: coins, gas, signature, execution, repetition.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Digest, Transaction};
use sui_transaction_builder::Argument;

use super::{
    CoinNeed, ExecutedTransaction, GasCost, ObjectChangeKind, Ptb, TransactionError,
    known_coins::KnownCoins,
    later::LaterGas,
    payment::{Choice, Holdings, Payment, sum},
    signed::{Noting, SignedTransaction},
};
use crate::{
    chain::{Call, ChainClient, CoinObject, conflict_pause},
    limits,
    wallet::TransactionSigner,
};

/// Executes transactions of one address, one at a time: they share gas coins. Cheap to clone; clones share
/// the queue. Transactions that other programs send for the same address are noticed as conflicts, and the
/// plan is built anew.
#[derive(Clone)]
pub struct TransactionExecutor {
    pub(super) chain: ChainClient,
    signer: TransactionSigner,
    queue: Arc<tokio::sync::Mutex<()>>,
    pub(super) gas_budget: Option<u64>,
    attempts: u32,
    /// Nothing may be sent.
    pub(super) estimates: bool,
    spent: Arc<AtomicI64>,
    /// Coins that were seen lately.
    pub(super) known_coins: KnownCoins,
    /// What must be left after a transaction.
    pub(super) later: Option<LaterGas>,
    /// Who is told of a transaction before it is sent.
    pub(super) noting: Noting,
}

/// What adds the commands of a plan; may be called several times. Dynamic, as [`Build`]: each plan would be a copy of all that sends
/// transactions.
pub(super) type Commands<'a> =
    dyn Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError> + Sync + 'a;

/// What builds a transaction; may be called several times.
pub(super) type Build<'a> = dyn Fn() -> Result<Ptb, TransactionError> + Sync + 'a;

/// A try that failed, and whether another one may succeed because something else was in its way.
pub(super) struct Attempt {
    pub(super) error: TransactionError,
    pub(super) again: bool,
}

impl Attempt {
    /// Before anything was sent that the plan asked for.
    fn choosing(error: TransactionError) -> Self {
        // Whatever is not there any more, nobody but us has chosen it.
        let again = error.is_stale();
        Self { error, again }
    }

    /// After the plan was executed.
    pub(super) fn done(error: TransactionError) -> Self {
        let again = false;
        Self { error, again }
    }
}

impl TransactionExecutor {
    /// An executor for the address of `signer`, a [`Keypair`](crate::wallet::Keypair) for instance.
    pub fn new(chain: ChainClient, signer: impl Into<TransactionSigner>) -> Self {
        Self {
            chain,
            signer: signer.into(),
            queue: Arc::default(),
            gas_budget: None,
            attempts: limits::TRANSACTION_ATTEMPTS,
            estimates: false,
            spent: Arc::default(),
            known_coins: KnownCoins::default(),
            later: None,
            noting: Noting::default(),
        }
    }

    /// The same executor with a count of its own of what it and its clones spend on gas; it shares the queue.
    #[must_use]
    pub fn metered(mut self) -> Self {
        self.spent = Arc::default();
        self
    }

    /// MIST that all transactions have cost since [`TransactionExecutor::metered`], those that merge coins and those that failed
    /// when they were executed included; negative if more was returned for what they deleted.
    pub fn gas_spent(&self) -> i64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// The same executor with a fixed gas budget in MIST for each transaction, in place of an estimate; it shares the
    /// queue.
    #[must_use]
    pub fn with_gas_budget(mut self, gas_budget: Option<u64>) -> Self {
        self.gas_budget = gas_budget;
        self
    }

    /// The same executor for callers whose plans name objects at the versions they saw: a conflict is their error at once,
    /// because only they can make a new plan. It shares the queue. See [`TransactionError::is_stale`].
    #[must_use]
    pub fn with_one_attempt(mut self) -> Self {
        self.attempts = 1;
        self
    }

    /// The sender.
    pub fn sender(&self) -> Address {
        self.signer.address()
    }

    /// The connection.
    pub fn chain(&self) -> &ChainClient {
        &self.chain
    }

    /// Builds, signs and executes a transaction and waits until it is in a checkpoint.
    ///
    /// `plan` adds the commands; it may be called several times. With `payment` it is given a coin that holds
    /// at least that amount, from the sender's coins and address balance; what is not taken from it stays with the sender.
    /// An amount that lies in more coins than a transaction takes is merged by transactions of their own before.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn execute<F>(
        &self,
        payment: Option<&CoinNeed>,
        plan: F,
    ) -> Result<ExecutedTransaction, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError> + Sync,
    {
        self.execute_commands(payment, &plan).await
    }

    fn execute_commands<'a>(
        &'a self,
        payment: Option<&'a CoinNeed>,
        commands: &'a Commands<'a>,
    ) -> Call<'a, ExecutedTransaction, TransactionError> {
        Box::pin(async move {
            // On the heap: the futures of callers would be too large for small stacks.
            self.in_turn(|| Box::pin(self.try_once(payment, commands)))
                .await
        })
    }

    /// Waits until no other transaction of this executor is under way.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.queue.lock().await
    }

    /// Tries, while no other transaction of this executor is under way, as long as others were only in the way.
    pub(super) async fn in_turn<T, F>(
        &self,
        try_once: impl Fn() -> F,
    ) -> Result<T, TransactionError>
    where
        F: Future<Output = Result<T, Attempt>>,
    {
        let _turn = self.turn().await;
        let mut attempt = 1;
        loop {
            match try_once().await {
                Err(Attempt { error, again: true }) if attempt < self.attempts => {
                    tracing::debug!(%error, attempt, "building a transaction anew");
                    tokio::time::sleep(conflict_pause(attempt)).await;
                    attempt += 1;
                }
                result => return result.map_err(|attempt| attempt.error),
            }
        }
    }

    /// What [`TransactionExecutor::execute`] would pay for gas now; `None` if it would merge coins before, so that nobody knows.
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`TransactionError`], as executing would have them.
    pub async fn estimate<F>(
        &self,
        payment: Option<&CoinNeed>,
        plan: F,
    ) -> Result<Option<GasCost>, TransactionError>
    where
        F: Fn(&mut Ptb, Option<Argument>) -> Result<(), TransactionError> + Sync,
    {
        let mut executor = self.clone();
        executor.estimates = true;
        match executor.estimate_now(payment, &plan).await {
            Ok(cost) => Ok(Some(cost)),
            Err(TransactionError::TooManyCoins { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn estimate_now<'a>(
        &'a self,
        payment: Option<&'a CoinNeed>,
        commands: &'a Commands<'a>,
    ) -> Call<'a, GasCost, TransactionError> {
        Box::pin(async move {
            let coins = self.choose(payment).await?;
            let build = || self.build(payment.zip(coins.as_ref()), commands);
            let inputs = coins.as_ref().map_or(&[][..], |payment| &payment.coins);
            let transaction = Box::pin(self.resolve(&build, inputs)).await?;
            self.check_later(&transaction).await?;
            self.simulate(&transaction).await
        })
    }

    async fn try_once(
        &self,
        payment: Option<&CoinNeed>,
        commands: &Commands<'_>,
    ) -> Result<ExecutedTransaction, Attempt> {
        let chosen = self.choose(payment).await.map_err(Attempt::choosing)?;
        let build = || self.build(payment.zip(chosen.as_ref()), commands);
        let coins = chosen.as_ref().map_or(&[][..], |payment| &payment.coins);
        let transaction = self.resolve(&build, coins).await;
        let transaction = transaction.map_err(|error| {
            // What the plan names itself is gone for good; coins that we chose were spent by somebody else.
            let ours = |coin: &CoinObject| error.names(coin.reference.object_id());
            let again = error.is_conflict() || error.is_missing() && coins.iter().any(ours);
            Attempt { error, again }
        })?;
        let left = self.check_later(&transaction);
        left.await.map_err(Attempt::done)?;
        let signed = self.sign(&transaction).await.map_err(Attempt::done)?;
        let noted = self.noting.note(&signed);
        noted.await.map_err(Attempt::done)?;
        let executed = self.send_signed(&signed).await.map_err(|error| {
            // It could be executed a moment ago.
            let again = error.is_overtaken();
            let error = if again { error.overtaken() } else { error };
            Attempt { error, again }
        })?;
        self.fill_types(executed).await.map_err(Attempt::done)
    }

    /// Chooses what pays; merges coins as long as they are too many.
    async fn choose(&self, need: Option<&CoinNeed>) -> Result<Option<Payment>, TransactionError> {
        let Some(need) = need else { return Ok(None) };
        let owner = self.sender();
        let mut round = 0;
        loop {
            let coins = self.chain.coins(owner, &need.coin_type).await?;
            // Coins pay first: the address balance counts only for what they lack.
            let first = coins.get(..limits::MAX_PAYMENT_COINS).unwrap_or(&coins);
            let address_balance = match sum(first) >= need.amount && !first.is_empty() {
                true => 0,
                false => {
                    let funds = self.chain.funds(owner, &need.coin_type).await?;
                    funds.address_balance
                }
            };
            let holdings = Holdings {
                owner,
                coins: &coins,
                address_balance,
            };
            match need.choose(holdings)? {
                Choice::Pay(payment) => return Ok(Some(payment)),
                Choice::Merge(_) if round == limits::MERGE_ROUNDS => {
                    return Err(need.in_pieces(holdings));
                }
                Choice::Merge(merged) => {
                    tracing::info!(
                        coins = merged.len(),
                        "merging coins: one transaction cannot use as many as the payment needs"
                    );
                    let merging = Box::pin(self.merge(need, merged)).await?;
                    if self.estimates {
                        return Err(need.in_pieces(holdings));
                    }
                    self.send(&merging).await?;
                }
            }
            round += 1;
        }
    }

    /// A transaction that makes one coin of many.
    async fn merge(
        &self,
        need: &CoinNeed,
        coins: Vec<CoinObject>,
    ) -> Result<Transaction, TransactionError> {
        let withdrawal = 0;
        let payment = Payment { coins, withdrawal };
        let build = || self.build(Some((need, &payment)), &|_, _| Ok(()));
        self.resolve(&build, &payment.coins).await
    }

    pub(super) fn build(
        &self,
        payment: Option<(&CoinNeed, &Payment)>,
        commands: &Commands<'_>,
    ) -> Result<Ptb, TransactionError> {
        let mut ptb = Ptb::new();
        let Some((need, payment)) = payment else {
            commands(&mut ptb, None)?;
            return Ok(ptb);
        };
        let coin = need.gather(&mut ptb, payment)?;
        commands(&mut ptb, Some(coin))?;
        need.give_back(&mut ptb, payment, coin, self.sender())?;
        Ok(ptb)
    }

    /// Signs and executes. Whatever servers do meanwhile, nothing else is signed until it is known what became of this one.
    pub(super) async fn send(
        &self,
        transaction: &Transaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let signed = self.sign(transaction).await?;
        self.send_signed(&signed).await
    }

    async fn sign(&self, transaction: &Transaction) -> Result<SignedTransaction, TransactionError> {
        let signature = self.signer.sign(transaction.clone()).await;
        let signature = signature.map_err(|error| TransactionError::Unsigned(Arc::new(error)))?;
        Ok(SignedTransaction::new(transaction.clone(), signature))
    }

    async fn send_signed(
        &self,
        signed: &SignedTransaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let answer = signed.sending().execute(&self.chain).await?;
        self.executed(signed.digest(), &answer)
    }

    /// What came of a transaction, which is paid for.
    pub(super) fn executed(
        &self,
        digest: Digest,
        answer: &proto::ExecutedTransaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let gas = i64::try_from(GasCost::of(answer.effects()).net()).unwrap_or_default();
        self.spent.fetch_add(gas, Ordering::Relaxed);
        let executed = ExecutedTransaction::from_proto(digest, answer)?;
        self.known_coins.note(&executed.objects);
        Ok(executed)
    }

    /// Asks for the types of new objects where the effects did not carry them.
    pub(super) async fn fill_types(
        &self,
        mut executed: ExecutedTransaction,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let untyped: Vec<Address> = executed
            .changes
            .iter()
            .filter(|c| c.kind == ObjectChangeKind::Created && c.object_type.is_none())
            .map(|change| change.id)
            .collect();
        if untyped.is_empty() {
            return Ok(executed);
        }
        let known = |id: &Address| executed.objects.iter().find(|object| object.id == *id);
        let told: Option<Vec<_>> = untyped.iter().map(|id| known(id).cloned()).collect();
        let objects = match told {
            Some(told) => told,
            None => {
                let read = self.chain.objects(&untyped).await?;
                read.into_iter().flatten().collect()
            }
        };
        for object in objects {
            if let Some(change) = executed.changes.iter_mut().find(|c| c.id == object.id) {
                change.object_type = object.object_type;
            }
        }
        Ok(executed)
    }
}
