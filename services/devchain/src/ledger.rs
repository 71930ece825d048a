//! Ledger with a single writer, which takes accepted transactions, executes them and seals checkpoints
//! (devchain spec 6.1).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use sui_devchain_executor::{
    AdmissionError, ChainParams, Executor, Interrupt, Mode, ObjectStore, Outcome, PROTOCOL_VERSION,
    system,
};
use sui_sdk_types::{
    Address, Digest, Input, SignedTransaction, Transaction, TransactionKind, ValidatorCommittee,
};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info};

use crate::account::derive_bytes;
use crate::checkpoint::{Stamp, Validator, rolling_gas, system_signatures};
use crate::clock::ChainClock;
use crate::error::LedgerError;
use crate::history::Executed;
use crate::indexes::{Indexes, Overlay};
use crate::keeper::Keeper;
use crate::limits::{MAX_TRANSACTIONS_PER_CHECKPOINT, WRITER_QUEUE};
use crate::record::{CheckpointRecord, TransactionRecord};
use crate::store::Place;

/// The object whose readers need a randomness update in their checkpoint.
const RANDOM: Address = Address::from_static("0x8");

/// What the writer is asked to do.
enum Command {
    Execute {
        transaction: Box<SignedTransaction>,
        reply: oneshot::Sender<Result<Arc<Executed>, LedgerError>>,
    },
    /// Move the clock and make an empty checkpoint.
    Tick {
        advance: Duration,
        reply: oneshot::Sender<Result<u64, LedgerError>>,
    },
    /// End the epoch with a checkpoint of its own.
    EndEpoch {
        reply: oneshot::Sender<Result<u64, LedgerError>>,
    },
    Stop,
}

/// Shared view of the chain and the way to its writer. Cheap to clone. The writer stops when the
/// last one is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    state: Arc<State>,
    writer: Way,
}

/// The way to the writer.
#[derive(Clone)]
enum Way {
    /// It has a thread of its own, which seals what has come meanwhile in one checkpoint.
    Queue(mpsc::Sender<Command>),
    /// It works where it is called; `None` when it has stopped.
    Here(Arc<Mutex<Option<Writer>>>),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Queue(_) => "Queue",
            Self::Here(_) => "Here",
        })
    }
}

/// The chain as readers and the writer share it.
#[derive(Debug)]
pub(crate) struct State {
    indexes: RwLock<Indexes>,
    executor: Executor,
    clock: Mutex<ChainClock>,
    height: watch::Sender<u64>,
    facts: Facts,
    /// As of the newest checkpoint; only the epoch changes.
    params: RwLock<ChainParams>,
    committee: ValidatorCommittee,
    /// Checkpoints before this one are told to nobody, as if a full node had forgotten them.
    lowest: AtomicU64,
}

/// What never changes on a running chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) params: ChainParams,
    pub(crate) seed: Digest,
    /// How long an epoch lasts; `None`: until it is ended by hand.
    pub(crate) epoch_duration: Option<Duration>,
}

/// The writer thread's handle.
pub(crate) type WriterThread = thread::JoinHandle<()>;

impl Ledger {
    /// Starts the writer on indexes that hold at least checkpoint 0.
    pub(crate) fn start(
        indexes: Indexes,
        keeper: Keeper,
        clock: ChainClock,
        validator: Validator,
        facts: Facts,
    ) -> std::io::Result<(Self, WriterThread)> {
        let writer = Writer::new(indexes, keeper, clock, validator, facts);
        let (commands, queue) = mpsc::channel(WRITER_QUEUE);
        let state = Arc::clone(&writer.state);
        let thread = thread::Builder::new()
            .name("devchain-writer".into())
            .spawn(move || writer.run(queue))?;
        let writer = Way::Queue(commands);
        Ok((Self { state, writer }, thread))
    }

    /// A writer that works in the thread of whoever asks, one transaction a checkpoint: nothing happens beside its callers.
    pub(crate) fn in_place(
        indexes: Indexes,
        keeper: Keeper,
        clock: ChainClock,
        validator: Validator,
        facts: Facts,
    ) -> Self {
        let writer = Writer::new(indexes, keeper, clock, validator, facts);
        Self {
            state: Arc::clone(&writer.state),
            writer: Way::Here(Arc::new(Mutex::new(Some(writer)))),
        }
    }

    /// The chain as readers see it.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Executes a signed transaction and returns when it is durable in a checkpoint. A transaction
    /// that was executed before is answered from the record.
    pub(crate) async fn execute(
        &self,
        transaction: SignedTransaction,
    ) -> Result<Arc<Executed>, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Execute {
            transaction: Box::new(transaction),
            reply,
        })
        .await?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Moves the clock forward and makes an empty checkpoint; its sequence number.
    pub(crate) async fn tick(&self, advance: Duration) -> Result<u64, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Tick { advance, reply }).await?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Ends the epoch; the number of the one that begins.
    pub(crate) async fn end_epoch(&self) -> Result<u64, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::EndEpoch { reply }).await?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Asks the writer to finish what is queued and stop.
    pub(crate) async fn stop(&self) {
        // An error means that it has stopped already.
        let _ = self.send(Command::Stop).await;
    }

    /// As [`Ledger::stop`], for places that cannot wait. A full queue is left to its senders.
    pub(crate) fn stop_soon(&self) {
        match &self.writer {
            Way::Queue(commands) => drop(commands.try_send(Command::Stop)),
            Way::Here(writer) => drop(obey(writer, Command::Stop)),
        }
    }

    async fn send(&self, command: Command) -> Result<(), LedgerError> {
        match &self.writer {
            Way::Queue(commands) => commands
                .send(command)
                .await
                .map_err(|_| LedgerError::Stopped),
            Way::Here(writer) => obey(writer, command),
        }
    }
}

impl State {
    /// The oldest checkpoint that is served.
    pub(crate) fn lowest(&self) -> u64 {
        self.lowest.load(Ordering::Relaxed)
    }

    /// Forgets the checkpoints before this one, until the chain is started again.
    pub(crate) fn prune(&self, lowest: u64) {
        self.lowest.fetch_max(lowest, Ordering::Relaxed);
    }

    /// The indexes as they are now; what is committed later is not in them.
    pub(crate) fn read(&self) -> Indexes {
        self.indexes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What executes; it also knows about functions.
    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The facts of the chain that execution depends on.
    pub(crate) fn params(&self) -> ChainParams {
        *self.params.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Digest of checkpoint 0.
    pub(crate) fn chain_id(&self) -> Digest {
        self.facts.params.chain_id
    }

    /// The committee that signs the checkpoints of an epoch: the same one in all of them.
    pub(crate) fn committee(&self, epoch: u64) -> ValidatorCommittee {
        ValidatorCommittee {
            epoch,
            members: self.committee.members.clone(),
        }
    }

    /// How long an epoch lasts, in milliseconds; `None`: until it is ended by hand.
    pub(crate) fn epoch_duration_ms(&self) -> Option<u64> {
        self.facts
            .epoch_duration
            .map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    /// Announces every new checkpoint by its sequence number.
    pub(crate) fn heights(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    /// Makes a durable checkpoint visible, whose record is at this place.
    pub(crate) fn publish(&self, record: CheckpointRecord, place: Place) {
        let height = record.summary.sequence_number;
        if record.summary.end_of_epoch_data.is_some() {
            let mut params = self.params.write().unwrap_or_else(PoisonError::into_inner);
            params.epoch = record.summary.epoch.saturating_add(1);
            params.epoch_start_ms = record.summary.timestamp_ms;
        }
        self.indexes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(record, place);
        self.height.send_replace(height);
    }

    /// Runs a transaction on a state, with the Clock at the current time, and forgets it.
    pub(crate) fn rehearse(
        &self,
        indexes: &Indexes,
        transaction: &Transaction,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Outcome, LedgerError> {
        let mut overlay = Overlay::new(indexes);
        let now = self.now();
        let tick = self.run(&overlay, &self.prologue(indexes, now), Mode::System)?;
        overlay.apply(&tick);
        fence(|| {
            self.executor
                .execute_until(&overlay, &self.params(), transaction, mode, interrupt)
        })
    }

    fn now(&self) -> u64 {
        self.clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .peek()
    }

    fn prologue(&self, indexes: &Indexes, timestamp_ms: u64) -> Transaction {
        let round = indexes
            .tip()
            .map_or(0, |tip| tip.summary.sequence_number.saturating_add(1));
        system::consensus_commit_prologue(self.params().epoch, round, timestamp_ms)
    }

    /// Executes with a fence around bugs: a panic becomes an internal error.
    fn run(
        &self,
        store: &dyn ObjectStore,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<Outcome, LedgerError> {
        fence(|| {
            self.executor
                .execute(store, &self.params(), transaction, mode)
        })
    }
}

/// Turns a panic of the executor into an internal error: the store is not changed by it.
fn fence<T>(run: impl FnOnce() -> Result<T, AdmissionError>) -> Result<T, LedgerError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(LedgerError::from),
        Err(_) => Err(LedgerError::Internal("the executor panicked".into())),
    }
}

type Reply = oneshot::Sender<Result<Arc<Executed>, LedgerError>>;

/// Transactions for one checkpoint.
type Batch = Vec<(Box<SignedTransaction>, Reply)>;

/// Has a writer do something in this thread; after [`Command::Stop`] there is none any more.
fn obey(writer: &Mutex<Option<Writer>>, command: Command) -> Result<(), LedgerError> {
    let mut place = writer.lock().unwrap_or_else(PoisonError::into_inner);
    let writer = place.as_mut().ok_or(LedgerError::Stopped)?;
    if !writer.obey(command, |_| None).0
        && let Some(writer) = place.take()
    {
        writer.end();
    }
    Ok(())
}

struct Writer {
    state: Arc<State>,
    keeper: Keeper,
    validator: Validator,
}

impl Writer {
    fn new(
        indexes: Indexes,
        keeper: Keeper,
        clock: ChainClock,
        validator: Validator,
        facts: Facts,
    ) -> Self {
        let height = indexes.tip().map_or(0, |tip| tip.summary.sequence_number);
        let state = State {
            indexes: RwLock::new(indexes),
            executor: Executor::new(),
            clock: Mutex::new(clock),
            height: watch::Sender::new(height),
            facts,
            params: RwLock::new(facts.params),
            committee: validator.committee(facts.params.epoch),
            lowest: AtomicU64::new(0),
        };
        Self {
            state: Arc::new(state),
            keeper,
            validator,
        }
    }

    fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut put_back = None;
        while let Some(command) = put_back.take().or_else(|| queue.blocking_recv()) {
            let (goes_on, next) = self.obey(command, |batch| collect(&mut queue, batch));
            put_back = next;
            if !goes_on {
                break;
            }
        }
        self.end();
    }

    /// Does what it is asked; whether it goes on, and what it is asked next. `more` adds to a batch of transactions.
    fn obey(
        &mut self,
        command: Command,
        more: impl FnOnce(&mut Batch) -> Option<Command>,
    ) -> (bool, Option<Command>) {
        let mut next = None;
        match command {
            Command::Execute { transaction, reply } => {
                self.end_epoch_if_due();
                let mut batch = vec![(transaction, reply)];
                next = more(&mut batch);
                self.execute(batch);
            }
            Command::Tick { advance, reply } => self.tick(advance, reply),
            Command::EndEpoch { reply } => {
                // A caller who left does not need the answer.
                let _ = reply.send(self.end_epoch());
            }
            Command::Stop => return (false, None),
        }
        (true, next)
    }

    fn end(self) {
        let indexes = self.state.read();
        if let Err(error) = self.keeper.end(indexes) {
            error!(%error, "the log could not be synced at shutdown");
        }
        info!("the chain's writer has stopped");
    }

    fn tick(&mut self, advance: Duration, reply: oneshot::Sender<Result<u64, LedgerError>>) {
        self.state
            .clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .advance(advance);
        self.end_epoch_if_due();
        // A caller who left does not need the answer.
        let _ = reply.send(
            self.checkpoint(Vec::new())
                .map(|()| *self.state.height.borrow()),
        );
    }

    fn end_epoch_if_due(&mut self) {
        let now = self.state.now();
        let start = self.state.params().epoch_start_ms;
        let due = |duration| start.saturating_add(duration) <= now;
        if self.state.epoch_duration_ms().is_some_and(due)
            && let Err(error) = self.end_epoch()
        {
            error!(%error, "the epoch could not be ended");
        }
    }

    /// Seals a checkpoint whose last transaction ends the epoch; the number of the next epoch.
    fn end_epoch(&mut self) -> Result<u64, LedgerError> {
        let (timestamp_ms, mut records) = self.assemble(Vec::new(), &mut Vec::new())?;
        let next = self.state.params().epoch.saturating_add(1);
        {
            let indexes = self.state.read();
            let previous = indexes.previous();
            let gas = rolling_gas(previous.as_ref(), self.state.params().epoch, &records);
            let change =
                system::end_of_epoch_transaction(next, PROTOCOL_VERSION, &gas, timestamp_ms);
            let mut overlay = Overlay::new(&indexes);
            records.push(self.run_system(&mut overlay, &change)?);
        }
        self.commit(timestamp_ms, records, true)?;
        info!(epoch = next, "a new epoch");
        Ok(next)
    }

    fn execute(&mut self, batch: Batch) {
        let mut admitted = Vec::with_capacity(batch.len());
        for (transaction, reply) in batch {
            let indexes = self.state.read();
            let digest = transaction.transaction.digest();
            // Whoever left does not need the answer.
            match indexes.transaction(&digest) {
                Ok(None) => {}
                Ok(Some(done)) => {
                    let _ = reply.send(Ok(done));
                    continue;
                }
                Err(error) => {
                    let _ = reply.send(Err(error.into()));
                    continue;
                }
            }
            let verdict = fence(|| {
                self.state
                    .executor
                    .admit(&indexes, &self.state.params(), &transaction)
            });
            match verdict {
                Ok(()) => admitted.push((transaction, reply)),
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            }
        }
        if !admitted.is_empty() {
            // The errors of single transactions went to their callers.
            if let Err(error) = self.checkpoint(admitted) {
                error!(%error, "no checkpoint was made");
            }
        }
    }

    /// Executes transactions behind a clock tick and seals them. Transactions that conflict with
    /// an earlier one of the batch are refused one by one; without survivors nothing is sealed.
    fn checkpoint(&mut self, batch: Batch) -> Result<(), LedgerError> {
        let wanted = !batch.is_empty();
        let mut replies = Vec::with_capacity(batch.len());
        let sealed = match self.assemble(batch, &mut replies) {
            Ok((_, records)) if wanted && replies.is_empty() => {
                drop(records);
                return Ok(());
            }
            Ok((timestamp_ms, records)) => self.commit(timestamp_ms, records, false),
            Err(error) => Err(error),
        };
        match &sealed {
            Ok(()) => {
                let indexes = self.state.read();
                let sealed = indexes.tip().map(|tip| tip.transactions.as_slice());
                let sealed = sealed.unwrap_or_default();
                for (digest, reply) in replies {
                    let answer = sealed
                        .iter()
                        .find(|executed| executed.digest == digest)
                        .cloned()
                        .ok_or_else(|| LedgerError::Internal("committed and not found".into()));
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                for (_, reply) in replies {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
        sealed
    }

    fn assemble(
        &self,
        batch: Batch,
        replies: &mut Vec<(Digest, Reply)>,
    ) -> Result<(u64, Vec<TransactionRecord>), LedgerError> {
        let indexes = self.state.read();
        let mut overlay = Overlay::new(&indexes);
        let timestamp_ms = self
            .state
            .clock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tick();
        let prologue = self.state.prologue(&indexes, timestamp_ms);
        let mut records = vec![self.run_system(&mut overlay, &prologue)?];
        let mut randomness_is_fresh = false;
        for (signed, reply) in batch {
            let digest = signed.transaction.digest();
            if replies.iter().any(|(known, _)| *known == digest) {
                replies.push((digest, reply));
                continue;
            }
            if !randomness_is_fresh && uses_random(&signed.transaction) {
                let update = self.randomness(&indexes);
                records.push(self.run_system(&mut overlay, &update)?);
                randomness_is_fresh = true;
            }
            match self.state.run(&overlay, &signed.transaction, Mode::Normal) {
                Ok(outcome) => {
                    overlay.apply(&outcome);
                    records.push(TransactionRecord::new(outcome, signed.signatures));
                    replies.push((digest, reply));
                }
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            }
        }
        Ok((timestamp_ms, records))
    }

    fn run_system(
        &self,
        overlay: &mut Overlay<'_>,
        transaction: &Transaction,
    ) -> Result<TransactionRecord, LedgerError> {
        let outcome = self.state.run(overlay, transaction, Mode::System)?;
        if !outcome.is_success() {
            return Err(LedgerError::Internal(format!(
                "a system transaction failed: {}",
                outcome.error_message.unwrap_or_default()
            )));
        }
        overlay.apply(&outcome);
        Ok(TransactionRecord::new(
            outcome,
            system_signatures(&transaction.kind),
        ))
    }

    fn randomness(&self, indexes: &Indexes) -> Transaction {
        let round = indexes
            .randomness_round()
            .map_or(0, |round| round.saturating_add(1));
        let index = u32::try_from(round).unwrap_or(u32::MAX);
        let epoch = self.state.params().epoch;
        let purpose = match epoch {
            0 => "randomness".to_owned(),
            epoch => format!("randomness {epoch}"),
        };
        let bytes = derive_bytes(&self.state.facts.seed, &purpose, index);
        system::randomness_update(epoch, round, bytes.to_vec())
    }

    /// Durable first, visible second.
    fn commit(
        &mut self,
        timestamp_ms: u64,
        records: Vec<TransactionRecord>,
        ends_epoch: bool,
    ) -> Result<(), LedgerError> {
        let previous = self.state.read().previous();
        let stamp = Stamp {
            epoch: self.state.params().epoch,
            timestamp_ms,
            ends_epoch,
        };
        let record = self.validator.seal(previous.as_ref(), stamp, records);
        let place = self.keeper.append(&record).map_err(|error| {
            error!(%error, "a checkpoint could not be written");
            LedgerError::Internal(error.to_string())
        })?;
        self.state.publish(record, place);
        self.keeper.follow(|| self.state.read());
        Ok(())
    }
}

/// Takes the transactions that are already waiting; the first other command is handed back.
fn collect(queue: &mut mpsc::Receiver<Command>, batch: &mut Batch) -> Option<Command> {
    while batch.len() < MAX_TRANSACTIONS_PER_CHECKPOINT {
        match queue.try_recv() {
            Ok(Command::Execute { transaction, reply }) => batch.push((transaction, reply)),
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}

fn uses_random(transaction: &Transaction) -> bool {
    let TransactionKind::ProgrammableTransaction(programmable) = &transaction.kind else {
        return false;
    };
    programmable
        .inputs
        .iter()
        .any(|input| matches!(input, Input::Shared(shared) if shared.object_id() == RANDOM))
}
