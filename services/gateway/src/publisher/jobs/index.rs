//! Index of jobs in memory: which are open, what they are, and what of them makes another request the same.

use std::{collections::HashMap, sync::Arc};

use walrus_service::{envelope::Refusal, tables::TableError};

use super::{
    Account, Content, JobId, Live, NewJob, PAGE, Record, Repeats, Stage, State, Tables, Usage,
    bodies::{Bodies, disk_failed},
};
use crate::{limits, publisher::refusal::WriteReason};

/// What is known of all jobs.
#[derive(Debug, Default)]
pub(super) struct Index {
    live: HashMap<JobId, Arc<Live>>,
    /// Who has each job, and when it expires.
    jobs: HashMap<JobId, (Account, u64)>,
    by_content: HashMap<Content, JobId>,
    by_idempotency: HashMap<[u8; 32], JobId>,
    accounts: HashMap<Account, OfAccount>,
}

/// What an account has open.
#[derive(Debug, Clone, Copy, Default)]
struct OfAccount {
    jobs: usize,
    set_aside: Usage,
}

/// What a request to store is the same as.
pub(super) enum Known {
    /// A store that is under way.
    Live(Arc<Live>),
    /// One that is over.
    Answered(Arc<Live>),
    /// One that failed after something was paid.
    Unfinished(JobId, Box<Record>),
}

impl Index {
    /// Reads all jobs that are on disk.
    pub(super) fn load(tables: &Tables, bodies: &Bodies) -> Result<Self, TableError> {
        let mut this = Self::default();
        for page in tables.jobs.pages(PAGE) {
            for (key, record) in page? {
                let id = JobId::from_bytes(key);
                let stage = match record.state {
                    State::Receiving { .. } => Stage::Receiving,
                    State::Accepted { .. } => Stage::Accepted,
                    State::Stored { .. } | State::Failed { .. } => {
                        this.note(id, &record);
                        continue;
                    }
                };
                let live = Arc::new(Live::new(id, record.length, stage));
                if let State::Receiving { offset } = record.state {
                    live.tell(|news| news.received = offset);
                }
                live.hold(bodies.room_taken(record.account, record.spool_bytes()));
                this.insert(&live, &record);
            }
        }
        Ok(this)
    }

    /// Notes a job that is on disk, or about to be.
    pub(super) fn note(&mut self, id: JobId, record: &Record) {
        if self
            .jobs
            .insert(id, (record.account, record.expires_ms))
            .is_none()
        {
            self.accounts.entry(record.account).or_default().jobs += 1;
        }
        if let Some(key) = record.idempotency {
            self.by_idempotency.insert(key, id);
        }
        if is_asked_for_again(record)
            && let Some(content) = record.content()
        {
            self.by_content.insert(content, id);
        }
    }

    /// Notes one whose end is open.
    pub(super) fn insert(&mut self, live: &Arc<Live>, record: &Record) {
        self.note(live.id, record);
        live.set_content(match record.state {
            State::Receiving { .. } => None,
            _ => record.content(),
        });
        if self.live.insert(live.id, Arc::clone(live)).is_none() {
            self.set_aside_more(record);
        }
    }

    /// Sets aside what a job needs that has just become a store.
    pub(super) fn set_aside_more(&mut self, record: &Record) {
        if let State::Accepted { reserved } = record.state {
            let set_aside = &mut self.accounts.entry(record.account).or_default().set_aside;
            set_aside.frost = set_aside.frost.saturating_add(reserved);
            set_aside.bytes = set_aside.bytes.saturating_add(record.length);
        }
    }

    /// Takes that back.
    pub(super) fn set_aside_less(&mut self, record: &Record) {
        if let (Some(account), State::Accepted { reserved }) =
            (self.accounts.get_mut(&record.account), &record.state)
        {
            let set_aside = &mut account.set_aside;
            set_aside.frost = set_aside.frost.saturating_sub(*reserved);
            set_aside.bytes = set_aside.bytes.saturating_sub(record.length);
        }
    }

    /// The end of a job, whose record was `before`; `kept` if something of it is kept.
    pub(super) fn end(&mut self, id: JobId, before: &Record, kept: Option<&Record>) {
        if self.live.remove(&id).is_some() {
            self.set_aside_less(before);
        }
        if let Some(content) = before.content()
            && self.by_content.get(&content) == Some(&id)
        {
            self.by_content.remove(&content);
        }
        match kept {
            Some(record) => self.note(id, record),
            None => self.forget(id, before),
        }
    }

    fn forget(&mut self, id: JobId, record: &Record) {
        if let Some(key) = record.idempotency
            && self.by_idempotency.get(&key) == Some(&id)
        {
            self.by_idempotency.remove(&key);
        }
        if self.jobs.remove(&id).is_some()
            && let Some(account) = self.accounts.get_mut(&record.account)
        {
            account.jobs = account.jobs.saturating_sub(1);
            if account.jobs == 0 {
                self.accounts.remove(&record.account);
            }
        }
    }

    pub(super) fn live(&self, id: JobId) -> Option<Arc<Live>> {
        self.live.get(&id).cloned()
    }

    pub(super) fn is_kept(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id)
    }

    /// Jobs that are to be gone on with after a start.
    pub(super) fn accepted(&self) -> Vec<Arc<Live>> {
        let live = self.live.values();
        let accepted = live.filter(|live| live.news().stage == Stage::Accepted);
        accepted.cloned().collect()
    }

    /// Uploads whose bytes are all there, and which are no stores yet.
    pub(super) fn full(&self) -> Vec<Arc<Live>> {
        let live = self.live.values();
        let full = live.filter(|live| live.is_receiving() && live.received() == live.length);
        full.cloned().collect()
    }

    /// Jobs that expired before `now_ms`.
    pub(super) fn expired(&self, now_ms: u64) -> Vec<JobId> {
        let jobs = self.jobs.iter();
        let expired = jobs.filter(|(_, (_, expires))| *expires <= now_ms);
        expired.map(|(id, _)| *id).collect()
    }

    pub(super) fn postpone(&mut self, id: JobId, expires_ms: u64) {
        if let Some((_, expires)) = self.jobs.get_mut(&id) {
            *expires = expires_ms;
        }
    }

    /// What is set aside for stores of an account.
    pub(super) fn set_aside(&self, account: Account) -> Usage {
        let account = self.accounts.get(&account);
        account.map(|account| account.set_aside).unwrap_or_default()
    }

    /// That another job may be kept.
    pub(super) fn check_count(&self, account: Account) -> Result<(), Refusal> {
        let of_account = self
            .accounts
            .get(&account)
            .map_or(0, |account| account.jobs);
        if of_account < limits::JOBS_OF_ACCOUNT && self.jobs.len() < limits::JOBS {
            return Ok(());
        }
        let message = "too many uploads are open, or their answers are kept: end those that nobody goes on with, or try again later";
        Err(Refusal::new(WriteReason::TooManyUploads, message))
    }

    /// Whether a request of an account may turn out to be a job that is there.
    pub(super) fn may_be_there(&self, account: Account, repeats: Repeats) -> bool {
        match repeats {
            Repeats::Nothing => false,
            Repeats::Key(key) => self.by_idempotency.contains_key(&key),
            Repeats::Content => {
                let owner = |id| self.jobs.get(id).map(|(owner, _)| *owner);
                self.by_content
                    .values()
                    .any(|id| owner(id) == Some(account))
            }
        }
    }

    /// What a request is the same as.
    ///
    /// # Errors
    /// That its idempotency key came with something else before.
    pub(super) fn known(
        &mut self,
        tables: &Tables,
        new: &NewJob,
    ) -> Result<Option<Known>, Refusal> {
        let content = Content::of(
            new.caller.account,
            &new.body.digest,
            &new.options,
            &new.attributes,
        );
        let id = match new.idempotency {
            Some(key) => self.by_idempotency.get(&key).copied(),
            None if new.options.force => None,
            None => self.by_content.get(&content).copied(),
        };
        let Some(id) = id else {
            return Ok(None);
        };
        if let Some(live) = self.live.get(&id) {
            check_same(live.content(), content)?;
            return Ok(Some(Known::Live(Arc::clone(live))));
        }
        let record = tables.jobs.get(&id.bytes()).map_err(disk_failed)?;
        let Some(record) = record else {
            return Ok(None);
        };
        check_same(record.content(), content)?;
        match &record.state {
            State::Stored { answer } => {
                let answer = serde_json::from_str(answer).map_err(disk_failed)?;
                if new.idempotency.is_none() {
                    // Whoever did not wait for it has it now; the next one means another store.
                    self.by_content.remove(&content);
                }
                let live = Live::ended(id, record.length, Ok(answer));
                Ok(Some(Known::Answered(Arc::new(live))))
            }
            State::Failed { paid: true, .. } => Ok(Some(Known::Unfinished(id, Box::new(record)))),
            _ => Ok(None),
        }
    }
}

fn check_same(before: Option<Content>, now: Content) -> Result<(), Refusal> {
    if before == Some(now) {
        return Ok(());
    }
    let message = "the idempotency key came with another body or other parameters before; a new store needs a new key";
    Err(Refusal::new(WriteReason::IdempotencyKeyReused, message))
}

/// Whether the same content without an idempotency key is meant to be this job.
fn is_asked_for_again(record: &Record) -> bool {
    record.idempotency.is_none()
        && match record.state {
            State::Receiving { .. } => false,
            State::Accepted { .. } => true,
            // Nobody has the answer.
            State::Stored { .. } => !record.keep,
            State::Failed { paid, .. } => paid,
        }
}
