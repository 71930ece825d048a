//! Jobs: every accepted store is one, on disk before anything is paid, so that a publisher that is killed at any moment finishes it, or
//! forgets it, when it starts again. What was paid is known to the [`Uploader`] by the ID of the job, and never paid twice.
//!
//! Two stores of the same content in the same way by the same account at the same time are one; so are two with the same idempotency
//! key until it expires. A store whose client did not wait for the answer can be asked for by sending the same again for a while.

mod bodies;
mod expiry;
mod id;
mod index;
mod live;
mod parts;
mod preview;
mod record;
mod run;
mod tables;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::Semaphore;
use walrus_node_client::ErrorEnvelope;
use walrus_sdk::BlobData;
use walrus_service::{clock::Clock, envelope::Refusal, tables::TableError};

use self::{
    bodies::Bodies,
    index::{Index, Known},
    record::{BodyPlace, Content},
};
pub(crate) use self::{
    bodies::{Held, Received, disk_failed},
    expiry::Upkeep,
    id::JobId,
    live::{Live, News, Outcome, Stage, Waiter},
    parts::{NewUpload, Part, PartCheck, PartEnd},
    preview::{Announced, Repeats},
    record::{Record, State, idempotency_key},
    tables::{Holding, Tables, Usage, holding_key},
};
use super::{
    PublisherOptions, UploadOptions, Uploader,
    account::{Account, Caller},
    refusal::WriteReason,
    tokens::Ticket,
};
use crate::{limits, reason::GatewayReason, spool::SliverMemory, store::Store};

/// Entries of a table that are read at once.
const PAGE: usize = 1000;

/// Why jobs cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// The directory cannot be made or read.
    #[error("bodies of uploads cannot be kept: {0}")]
    Bodies(#[from] std::io::Error),
    /// The tables cannot be opened.
    #[error("jobs cannot be kept: {0}")]
    Tables(#[from] TableError),
}

/// The jobs of a publisher. Cheap to clone; clones are the same.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

struct Inner {
    tables: Tables,
    bodies: Bodies,
    uploader: Arc<dyn Uploader>,
    /// Who hears first of what was stored.
    readers: Vec<Arc<dyn Store>>,
    /// Stores that are being done.
    places: Semaphore,
    /// What they have slivers in.
    memory: SliverMemory,
    /// Requests that write to uploads.
    writers: Semaphore,
    index: Mutex<Index>,
    /// Held while what an account has had is added up.
    usage: Mutex<()>,
    /// Milliseconds that an upload lives without a new byte, and an answer is kept.
    lifetime_ms: u64,
    clock: Clock,
}

/// A store that is asked for, with its body.
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    pub(crate) caller: Caller,
    pub(crate) options: UploadOptions,
    /// Attributes of the blob object.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) body: Received,
    /// As [`idempotency_key`] makes it.
    pub(crate) idempotency: Option<[u8; 32]>,
    /// Whether the client asks for the answer later.
    pub(crate) keep: bool,
    /// The token that lets its bearer store.
    pub(crate) ticket: Option<Ticket>,
}

impl Jobs {
    /// Opens the jobs in `directory`. Those that were not finished go on with [`Self::resume`].
    ///
    /// # Errors
    /// [`JobsError`].
    pub(crate) fn open(
        directory: &Path,
        uploader: Arc<dyn Uploader>,
        options: &PublisherOptions,
        readers: Vec<Arc<dyn Store>>,
        clock: Clock,
    ) -> Result<Self, JobsError> {
        let tables = Tables::open(&directory.join("jobs"))?;
        let bodies = Bodies::open(directory.join("bodies"), options.spool_bounds)?;
        let index = Index::load(&tables, &bodies)?;
        bodies.remove_others(|id| index.live(id).is_some() || index.is_kept(id))?;
        let lifetime_ms = u64::try_from(options.upload_lifetime.as_millis());
        Ok(Self(Arc::new(Inner {
            tables,
            bodies,
            uploader,
            readers,
            places: Semaphore::new(
                options
                    .max_concurrent_requests
                    .clamp(1, Semaphore::MAX_PERMITS),
            ),
            memory: SliverMemory::new(),
            writers: Semaphore::new(limits::UPLOAD_WRITERS),
            index: Mutex::new(index),
            usage: Mutex::default(),
            lifetime_ms: lifetime_ms.unwrap_or(u64::MAX),
            clock,
        })))
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.0.tables
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expiry(&self) -> u64 {
        self.0.clock.unix_ms().saturating_add(self.0.lifetime_ms)
    }

    /// Takes in a body for [`Self::submit`].
    ///
    /// # Errors
    /// A refusal.
    pub(crate) async fn receive(
        &self,
        caller: Caller,
        body: &mut axum::body::BodyDataStream,
        limit: u64,
        told: Option<u64>,
    ) -> Result<(JobId, Received), Refusal> {
        let id = JobId::random();
        let received = self.0.bodies.receive(id, caller.account, body, limit, told);
        Ok((id, received.await?))
    }

    /// The same with what this process has put together.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) async fn take_in(
        &self,
        caller: Caller,
        data: &BlobData,
    ) -> Result<(JobId, Received), Refusal> {
        let id = JobId::random();
        Ok((id, self.0.bodies.copy(id, caller.account, data).await?))
    }

    /// Begins a store, or joins one that is the same. It goes on though nobody waits for it.
    ///
    /// # Errors
    /// A refusal: the budget is used up, the idempotency key was used for something else, or too much is kept.
    pub(crate) async fn submit(&self, new: NewJob) -> Result<Waiter, Refusal> {
        let reserved = self
            .price(&new.caller, new.body.length, &new.options)
            .await?;
        let begun = {
            let mut index = self.index();
            match index.known(&self.0.tables, &new)? {
                Some(Known::Live(live)) => return Ok(live.wait()),
                Some(Known::Answered(live)) => return Ok(live.wait()),
                Some(Known::Unfinished(id, record)) => {
                    self.begin_again(&mut index, id, *record, reserved, &new.caller)?
                }
                None => self.begin(&mut index, new, reserved)?,
            }
        };
        let waiter = begun.live.wait();
        let this = self.clone();
        // A task: a client that leaves does not keep what is paid for from being certified.
        tokio::spawn(async move { this.accept_and_run(begun).await });
        Ok(waiter)
    }

    /// What is set aside for a store, if the account has a budget.
    async fn price(
        &self,
        caller: &Caller,
        bytes: u64,
        options: &UploadOptions,
    ) -> Result<u64, Refusal> {
        if caller.allowance.frost.is_none() {
            return Ok(0);
        }
        Ok(self.0.uploader.price(bytes, options).await?)
    }

    fn begin(&self, index: &mut Index, new: NewJob, reserved: u64) -> Result<Begun, Refusal> {
        let Received {
            length,
            digest,
            held,
        } = new.body;
        index.check_count(new.caller.account)?;
        self.check_allowance(index, &new.caller, reserved, length)?;
        let (place, body) = match held {
            Held::Memory(bytes) => (BodyPlace::Table, NewBody::Memory(bytes)),
            Held::File(file, room) => (BodyPlace::File, NewBody::File(file, room)),
        };
        let record = Record {
            account: new.caller.account,
            options: new.options,
            attributes: new.attributes,
            length,
            body: place,
            digest: Some(digest),
            idempotency: new.idempotency,
            created_ms: self.0.clock.unix_ms(),
            expires_ms: self.expiry(),
            keep: new.keep,
            metadata: String::new(),
            charged: 0,
            counted: false,
            state: State::Accepted { reserved },
        };
        let live = Arc::new(Live::new(new.id, length, Stage::Receiving));
        live.tell(|news| news.received = length);
        live.keep_ticket(new.ticket);
        index.insert(&live, &record);
        Ok(Begun { live, record, body })
    }

    /// The same for a store that failed after something was paid: it goes on with its own body.
    fn begin_again(
        &self,
        index: &mut Index,
        id: JobId,
        mut record: Record,
        reserved: u64,
        caller: &Caller,
    ) -> Result<Begun, Refusal> {
        if !record.counted {
            self.check_allowance(index, caller, reserved, record.length)?;
            record.state = State::Accepted { reserved };
        } else {
            record.state = State::Accepted { reserved: 0 };
        }
        record.expires_ms = self.expiry();
        let live = Arc::new(Live::new(id, record.length, Stage::Receiving));
        live.tell(|news| news.received = record.length);
        live.hold(
            self.0
                .bodies
                .room_taken(record.account, record.spool_bytes()),
        );
        index.insert(&live, &record);
        let body = NewBody::There;
        Ok(Begun { live, record, body })
    }

    /// That a store is within what an account may have, with all that is set aside for others.
    fn check_allowance(
        &self,
        index: &Index,
        caller: &Caller,
        frost: u64,
        bytes: u64,
    ) -> Result<(), Refusal> {
        if caller.allowance == super::account::Allowance::default() {
            return Ok(());
        }
        let usage = self.usage(caller.account)?;
        let open = index.set_aside(caller.account);
        let left =
            |bound: u64, used: u64, open: u64| bound.saturating_sub(used).saturating_sub(open);
        if let Some(bound) = caller.allowance.frost {
            let left = left(bound, usage.frost, open.frost);
            if frost > left {
                let message = format!(
                    "this may cost {frost} FROST, and {left} are left of the budget of {bound}"
                );
                return Err(Refusal::new(WriteReason::BudgetExceeded, message));
            }
        }
        if let Some(bound) = caller.allowance.bytes {
            let left = left(bound, usage.bytes, open.bytes);
            if bytes > left {
                let message = format!(
                    "the body has {bytes} bytes, and {left} are left of the {bound} that may be stored"
                );
                return Err(Refusal::new(WriteReason::BudgetExceeded, message));
            }
        }
        Ok(())
    }

    /// What an account has had.
    pub(crate) fn usage(&self, account: Account) -> Result<Usage, Refusal> {
        let usage = self.0.tables.usage.get(&account.bytes());
        Ok(usage.map_err(disk_failed)?.unwrap_or_default())
    }

    /// FROST and bytes that are set aside for stores of an account that are not done.
    pub(crate) fn set_aside(&self, account: Account) -> Usage {
        self.index().set_aside(account)
    }

    /// Counts FROST towards what an account may have, before they are paid.
    ///
    /// # Errors
    /// A refusal if that is too much.
    pub(crate) async fn charge(&self, caller: Caller, frost: u64) -> Result<(), Refusal> {
        let this = self.clone();
        let charged = tokio::task::spawn_blocking(move || {
            let _adding_up = this.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
            this.check_allowance(&this.index(), &caller, frost, 0)?;
            let mut usage = this.usage(caller.account)?;
            usage.frost = usage.frost.saturating_add(frost);
            this.write_usage(caller.account, &usage)
        });
        charged.await.map_err(disk_failed)?
    }

    /// Takes that back, because nothing was paid.
    ///
    /// # Errors
    /// A refusal if the tables fail.
    pub(crate) async fn refund(&self, account: Account, frost: u64) -> Result<(), Refusal> {
        let this = self.clone();
        let refunded = tokio::task::spawn_blocking(move || {
            let _adding_up = this.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
            let mut usage = this.usage(account)?;
            usage.frost = usage.frost.saturating_sub(frost);
            this.write_usage(account, &usage)
        });
        refunded.await.map_err(disk_failed)?
    }

    fn write_usage(&self, account: Account, usage: &Usage) -> Result<(), Refusal> {
        let mut batch = self.0.tables.database.batch();
        let usages = &self.0.tables.usage;
        batch
            .insert(usages, &account.bytes(), usage)
            .map_err(disk_failed)?;
        batch.commit_durably().map_err(disk_failed)
    }

    /// A job whose end is open, or one whose end is kept.
    ///
    /// # Errors
    /// A refusal if there is none.
    pub(crate) fn find(&self, id: JobId) -> Result<(Arc<Live>, Record), Refusal> {
        let record = self.0.tables.jobs.get(&id.bytes()).map_err(disk_failed)?;
        let record = record.ok_or_else(super::refusal::no_upload)?;
        if let Some(live) = self.index().live(id) {
            return Ok((live, record));
        }
        let outcome = match &record.state {
            State::Stored { answer } => serde_json::from_str::<Value>(answer).map_err(disk_failed),
            State::Failed { refusal, .. } => Err(told_again(refusal)),
            State::Receiving { .. } | State::Accepted { .. } => Err(super::refusal::no_upload()),
        };
        let live = Live::ended(id, record.length, outcome);
        Ok((Arc::new(live), record))
    }
}

/// A job that is about to be written down.
struct Begun {
    live: Arc<Live>,
    record: Record,
    body: NewBody,
}

/// A body that is to be written down with its job.
enum NewBody {
    Memory(bytes::Bytes),
    File(bodies::BodyFile, bodies::Room),
    /// It is.
    There,
}

/// Why a job failed, as it was told when it did.
fn told_again(json: &str) -> Refusal {
    let envelope = serde_json::from_str::<ErrorEnvelope>(json);
    envelope.map_or_else(
        |_| Refusal::new(GatewayReason::StoreFailed, "the store failed"),
        Refusal::from,
    )
}
