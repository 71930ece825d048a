//! Uploads in parts: a body that comes in several requests, each at the offset where the one before ended.
//!
//! One request writes at a time. What is on disk for good is written down every few MiB and at the end of each part: a restart goes on
//! from there, and bytes behind it are forgotten.

use std::{io, sync::Arc};

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use tokio::{
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::OwnedMutexGuard,
};
use walrus_service::envelope::Refusal;

use super::{
    Caller, JobId, Jobs, Live, Record, Stage, State, Waiter,
    bodies::{digest_of_file, disk_failed},
    record::BodyPlace,
    run::durably,
};
use crate::{
    limits,
    publisher::{UploadOptions, refusal::WriteReason, tokens::Ticket},
};

/// An upload that is to be begun.
pub(crate) struct NewUpload {
    pub(crate) caller: Caller,
    pub(crate) options: UploadOptions,
    /// Bytes of the whole body.
    pub(crate) length: u64,
    /// SHA-256 of the whole body, if it was promised.
    pub(crate) digest: Option<[u8; 32]>,
    /// `Upload-Metadata` as it came.
    pub(crate) metadata: String,
    /// The token that lets its bearer store.
    pub(crate) ticket: Option<Ticket>,
}

/// A part that is to be written.
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) body: BodyDataStream,
    /// Looks at the bytes, and at the end says whether they are right. Without one they count as they come.
    pub(crate) check: Option<Box<dyn PartCheck>>,
}

/// Checks the bytes of a part.
pub(crate) trait PartCheck: Send {
    fn look(&mut self, bytes: &[u8]);
    fn is_right(self: Box<Self>) -> bool;
}

/// Where an upload is after a part.
pub(crate) enum PartEnd {
    /// More is to come.
    At(u64),
    /// It is all there, and is being stored.
    Complete(Waiter),
}

impl Jobs {
    /// Begins an upload.
    ///
    /// # Errors
    /// A refusal: there is no room, or too many are open.
    pub(crate) async fn begin_upload(
        &self,
        new: NewUpload,
    ) -> Result<(Arc<Live>, Record), Refusal> {
        let id = JobId::random();
        let record = Record {
            account: new.caller.account,
            options: new.options,
            attributes: Vec::new(),
            length: new.length,
            body: BodyPlace::File,
            digest: new.digest,
            idempotency: None,
            created_ms: self.now_ms(),
            expires_ms: self.expiry(),
            keep: true,
            metadata: new.metadata,
            charged: 0,
            counted: false,
            state: State::Receiving { offset: 0 },
        };
        let live = Arc::new(Live::new(id, new.length, Stage::Receiving));
        let room = self.0.bodies.room(record.account, new.length)?;
        {
            let mut index = self.index();
            index.check_count(record.account)?;
            live.hold(room);
            live.keep_ticket(new.ticket);
            index.insert(&live, &record);
        }
        let made = self.make_file(id).await;
        let written = match made {
            Ok(()) => self.write_record(id, record.clone()).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = written {
            self.index().end(id, &record, None);
            self.0.bodies.remove(id);
            live.settle(false);
            return Err(disk_failed(error));
        }
        Ok((live, record))
    }

    async fn make_file(&self, id: JobId) -> io::Result<()> {
        let (file, guard) = self.0.bodies.create(id)?;
        self.0.bodies.sync(file).await?;
        guard.keep();
        Ok(())
    }

    async fn write_record(&self, id: JobId, record: Record) -> Result<(), String> {
        let tables = self.0.tables.clone();
        durably(move || {
            let mut batch = tables.database.batch();
            batch.insert(&tables.jobs, &id.bytes(), &record)?;
            batch.commit_durably()
        })
        .await
    }

    /// The right to write to an upload.
    ///
    /// # Errors
    /// That somebody else writes to it, or that it is complete.
    pub(crate) fn writer(&self, live: &Live) -> Result<OwnedMutexGuard<()>, Refusal> {
        let locked = |message: &str| Refusal::new(WriteReason::UploadLocked, message);
        let writer = live.writer.clone().try_lock_owned();
        let writer = writer.map_err(|_| locked("another request is writing to this upload"))?;
        if !live.is_receiving() {
            return Err(locked("the upload is complete"));
        }
        Ok(writer)
    }

    /// Writes a part of an upload. What came before a connection broke is kept, unless the part has a checksum.
    ///
    /// # Errors
    /// A refusal: another request is writing, the upload is at another offset, the bytes are not those of the checksum or of the whole
    /// body's digest, the budget is used up.
    pub(crate) async fn write_part(
        &self,
        live: Arc<Live>,
        caller: Caller,
        part: Part,
    ) -> Result<PartEnd, Refusal> {
        let this = self.clone();
        // A task: a client that leaves ends the part, but what has come of it is brought to disk in order.
        let written = tokio::spawn(async move { this.write_part_here(&live, caller, part).await });
        written.await.map_err(disk_failed)?
    }

    async fn write_part_here(
        &self,
        live: &Arc<Live>,
        caller: Caller,
        part: Part,
    ) -> Result<PartEnd, Refusal> {
        let _writer = self.writer(live)?;
        // Who has no place waits, and sends nothing meanwhile. Never closed.
        let _place = self.0.writers.acquire().await;
        let record = self
            .0
            .tables
            .jobs
            .get(&live.id.bytes())
            .map_err(disk_failed)?;
        let record = record.ok_or_else(crate::publisher::refusal::no_upload)?;
        let offset = live.received();
        if part.offset != offset {
            let message = format!(
                "the upload is at {offset}, and the part begins at {}",
                part.offset
            );
            return Err(Refusal::new(WriteReason::OffsetMismatch, message));
        }
        let mut writing = Writing::open(self, live, record, offset)
            .await
            .map_err(disk_failed)?;
        let taken = writing.take(part).await;
        // In any case: another part may have to begin where this one ended.
        let ended = writing.finish().await.map_err(disk_failed)?;
        taken?;
        if ended < live.length {
            return Ok(PartEnd::At(ended));
        }
        self.complete(live, writing.record, caller)
            .await
            .map(PartEnd::Complete)
    }

    /// An upload whose bytes are all there becomes a store.
    pub(crate) async fn complete(
        &self,
        live: &Arc<Live>,
        mut record: Record,
        caller: Caller,
    ) -> Result<Waiter, Refusal> {
        let path = self.0.bodies.path(live.id);
        let digest = tokio::task::spawn_blocking(move || digest_of_file(&path)).await;
        let digest = digest.map_err(disk_failed)?.map_err(disk_failed)?;
        if record.digest.is_some_and(|promised| promised != digest) {
            return Err(self.end_refused(live, &record, wrong_digest()).await);
        }
        let received = record.clone();
        record.digest = Some(digest);
        record.expires_ms = self.expiry();
        let price = self.price(&caller, live.length, &record.options).await;
        let accepted = price.and_then(|reserved| {
            let mut index = self.index();
            self.check_allowance(&index, &caller, reserved, live.length)?;
            record.state = State::Accepted { reserved };
            index.set_aside_more(&record);
            index.note(live.id, &record);
            live.set_content(record.content());
            Ok(())
        });
        match accepted {
            // Another try would be refused as well, and the body takes room meanwhile.
            Err(refusal) if is_the_clients(&refusal) => {
                return Err(self.end_refused(live, &received, refusal).await);
            }
            accepted => accepted?,
        }
        if let Err(error) = self.write_record(live.id, record.clone()).await {
            self.index().set_aside_less(&record);
            return Err(disk_failed(error));
        }
        live.tell(|news| news.stage = Stage::Accepted);
        let (this, waiter, live) = (self.clone(), live.wait(), Arc::clone(live));
        tokio::spawn(async move { this.run(live, record, true).await });
        Ok(waiter)
    }

    /// Ends an upload that is complete and will not be stored.
    async fn end_refused(&self, live: &Arc<Live>, record: &Record, refusal: Refusal) -> Refusal {
        let (tables, key) = (self.0.tables.clone(), live.id.bytes());
        let removed = durably(move || {
            let mut batch = tables.database.batch();
            batch.remove(&tables.jobs, &key);
            batch.commit_durably()
        });
        if let Err(error) = removed.await {
            return disk_failed(error);
        }
        self.index().end(live.id, record, None);
        self.0.bodies.remove(live.id);
        live.free_room();
        live.settle(false);
        live.end(Err(refusal.clone()));
        refusal
    }
}

/// The bytes are not those that were promised.
fn wrong_digest() -> Refusal {
    let message = "the bytes are not those of the digest that was promised for the whole file; nothing was paid, and the upload is over";
    Refusal::new(WriteReason::DigestMismatch, message)
}

/// Whether something is wrong with what was asked for, so that asking again is of no use.
fn is_the_clients(refusal: &Refusal) -> bool {
    matches!(refusal.envelope().error.code, 400 | 402 | 413 | 422)
}

/// The file of an upload while a part is written to it.
struct Writing<'a> {
    jobs: &'a Jobs,
    live: &'a Arc<Live>,
    record: Record,
    file: tokio::fs::File,
    /// Where the part begins, where it is, and what is written down.
    begin: u64,
    offset: u64,
    durable: u64,
}

impl<'a> Writing<'a> {
    async fn open(
        jobs: &'a Jobs,
        live: &'a Arc<Live>,
        record: Record,
        offset: u64,
    ) -> io::Result<Self> {
        let path = jobs.0.bodies.path(live.id);
        let mut file = tokio::fs::File::options().write(true).open(path).await?;
        file.set_len(offset).await?;
        file.seek(io::SeekFrom::Start(offset)).await?;
        Ok(Self {
            jobs,
            live,
            record,
            file,
            begin: offset,
            offset,
            durable: offset,
        })
    }

    async fn take(&mut self, part: Part) -> Result<(), Refusal> {
        let Part {
            mut body,
            mut check,
            ..
        } = part;
        let broken = loop {
            let next = tokio::time::timeout(limits::PART_SILENCE, body.next()).await;
            let bytes = match next {
                Ok(Some(Ok(bytes))) => bytes,
                Ok(None) => break false,
                Ok(Some(Err(_))) | Err(_) => break true,
            };
            if bytes.len() as u64 > self.live.length.saturating_sub(self.offset) {
                let message = format!(
                    "the part goes beyond the {} bytes of the upload",
                    self.live.length
                );
                return self
                    .undo(Refusal::new(WriteReason::InvalidUpload, message))
                    .await;
            }
            if let Some(check) = &mut check {
                check.look(&bytes);
            }
            self.file.write_all(&bytes).await.map_err(disk_failed)?;
            self.offset = self.offset.saturating_add(bytes.len() as u64);
            if check.is_none() {
                let offset = self.offset;
                self.live.tell(|news| news.received = offset);
                if self.offset.saturating_sub(self.durable) >= limits::PART_SYNC_BYTES {
                    self.sync().await.map_err(disk_failed)?;
                }
            }
        };
        let Some(check) = check else {
            return Ok(());
        };
        if !broken && check.is_right() {
            return Ok(());
        }
        let message = "the bytes of the request are not those of its checksum; they were forgotten";
        self.undo(Refusal::new(WriteReason::ChecksumMismatch, message))
            .await
    }

    /// Forgets what the part has brought.
    async fn undo(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        self.file.flush().await.map_err(disk_failed)?;
        self.file.set_len(self.begin).await.map_err(disk_failed)?;
        self.offset = self.begin;
        self.durable = self.begin;
        let offset = self.offset;
        self.live.tell(|news| news.received = offset);
        Err(refusal)
    }

    async fn sync(&mut self) -> Result<(), String> {
        self.file.flush().await.map_err(|error| error.to_string())?;
        self.file
            .sync_data()
            .await
            .map_err(|error| error.to_string())?;
        self.record.state = State::Receiving {
            offset: self.offset,
        };
        self.record.expires_ms = self.jobs.expiry();
        let (id, expires) = (self.live.id, self.record.expires_ms);
        self.jobs.index().postpone(id, expires);
        self.jobs.write_record(id, self.record.clone()).await?;
        self.durable = self.offset;
        Ok(())
    }

    /// Makes what came survive everything; where the upload is.
    async fn finish(&mut self) -> Result<u64, String> {
        let synced = self.sync().await;
        // What is not on disk did not come.
        let offset = self.durable;
        self.live.tell(|news| news.received = offset);
        synced.map(|()| offset)
    }
}
