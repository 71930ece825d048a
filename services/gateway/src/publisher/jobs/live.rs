//! Live job: one whose end is open. Who waits for its answer, who follows it, and who writes to it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use walrus_sdk::{BlobId, Phase, Progress, ProgressEvent};
use walrus_service::envelope::Refusal;

use super::{Content, JobId, bodies::Room};
use crate::publisher::tokens::Ticket;

/// How a job ended: the answer, or why there is none.
pub(crate) type Outcome = Result<Value, Refusal>;

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stage {
    /// Its body is coming in.
    Receiving,
    /// Its body is there, and will be stored whatever happens.
    Accepted,
    /// It becomes slivers.
    Encoding,
    /// It is being paid for.
    Registering,
    /// Slivers go to the nodes.
    Uploading,
    /// The certificate goes on chain.
    Certifying,
    /// It is stored.
    Stored,
    /// It could not be stored.
    Failed,
}

/// What is known of a job now.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) stage: Stage,
    /// Bytes of the body that are there.
    pub(crate) received: u64,
    /// Bytes of slivers that nodes have, and of all slivers.
    pub(crate) sent: Option<(u64, u64)>,
    pub(crate) blob_id: Option<BlobId>,
    pub(crate) outcome: Option<Outcome>,
}

/// A job whose end is open.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: JobId,
    /// Bytes of the whole body.
    pub(crate) length: u64,
    /// What it is, once the body is there.
    content: Mutex<Option<Content>>,
    news: watch::Sender<News>,
    waiting: AtomicUsize,
    /// Held while a request writes to the body.
    pub(crate) writer: Arc<tokio::sync::Mutex<()>>,
    room: Mutex<Option<Room>>,
    ticket: Mutex<Option<Ticket>>,
}

impl Live {
    pub(crate) fn new(id: JobId, length: u64, stage: Stage) -> Self {
        let news = News {
            stage,
            received: if stage == Stage::Receiving { 0 } else { length },
            sent: None,
            blob_id: None,
            outcome: None,
        };
        Self {
            id,
            length,
            content: Mutex::default(),
            news: watch::Sender::new(news),
            waiting: AtomicUsize::new(0),
            writer: Arc::default(),
            room: Mutex::default(),
            ticket: Mutex::default(),
        }
    }

    /// One that is over.
    pub(crate) fn ended(id: JobId, length: u64, outcome: Outcome) -> Self {
        let this = Self::new(id, length, Stage::Accepted);
        this.end(outcome);
        this
    }

    pub(crate) fn content(&self) -> Option<Content> {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_content(&self, content: Option<Content>) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = content;
    }

    /// Holds the room of its body, until [`Self::free_room`].
    pub(crate) fn hold(&self, room: Room) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }

    pub(crate) fn free_room(&self) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn ticket(&self) -> MutexGuard<'_, Option<Ticket>> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the token that it is stored with, until [`Self::settle`].
    pub(crate) fn keep_ticket(&self, ticket: Option<Ticket>) {
        *self.ticket() = ticket.map(Ticket::of_job);
    }

    /// Lets go of its token, which is good again if nothing was paid.
    pub(crate) fn settle(&self, paid: bool) {
        let ticket = self.ticket().take();
        if let Some(ticket) = ticket.filter(|_| !paid) {
            ticket.give_back();
        }
    }

    pub(crate) fn news(&self) -> News {
        self.news.borrow().clone()
    }

    /// What happens from now on.
    pub(crate) fn follow(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut News)) {
        self.news.send_modify(change);
    }

    /// Bytes of the body that are there.
    pub(crate) fn received(&self) -> u64 {
        self.news.borrow().received
    }

    /// Whether its body is not all there, or not written down.
    pub(crate) fn is_receiving(&self) -> bool {
        let news = self.news.borrow();
        news.stage == Stage::Receiving && news.outcome.is_none()
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        self.tell(|news| {
            match &outcome {
                Ok(answer) => {
                    news.stage = Stage::Stored;
                    news.blob_id = news.blob_id.or_else(|| blob_of(answer));
                }
                Err(_) => news.stage = Stage::Failed,
            }
            news.outcome = Some(outcome);
        });
    }

    /// Whether somebody waits for the answer.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Counts as waiting for the answer from now on.
    pub(crate) fn wait(self: &Arc<Self>) -> Waiter {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiter(Arc::clone(self))
    }
}

/// The blob that an answer is about.
fn blob_of(answer: &Value) -> Option<BlobId> {
    let new = answer.pointer("/newlyCreated/blobObject/blobId");
    let found = new.or_else(|| answer.pointer("/alreadyCertified/blobId"))?;
    found.as_str()?.parse().ok()
}

/// Whoever waits for the answer of a job, until they leave.
#[derive(Debug)]
pub(crate) struct Waiter(Arc<Live>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Waiter {
    pub(crate) fn job(&self) -> &Arc<Live> {
        &self.0
    }

    /// The answer, once there is one.
    pub(crate) async fn outcome(&self) -> Option<Outcome> {
        let mut news = self.0.follow();
        let ended = news.wait_for(|news| news.outcome.is_some()).await;
        ended.ok().and_then(|news| news.outcome.clone())
    }

    /// Waits until the job is on disk, or over.
    pub(crate) async fn accepted(&self) {
        let mut news = self.0.follow();
        let accepted = |news: &News| news.outcome.is_some() || news.stage != Stage::Receiving;
        // It cannot end: this holds the sender.
        let _ = news.wait_for(accepted).await;
    }
}

impl Progress for Live {
    fn on_event(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::Started(phase) => {
                let stage = match phase {
                    Phase::Encode | Phase::CheckStatus => Stage::Encoding,
                    Phase::Register => Stage::Registering,
                    Phase::Upload | Phase::Confirm => Stage::Uploading,
                    Phase::Certify => Stage::Certifying,
                    _ => return,
                };
                self.tell(|news| news.stage = stage);
            }
            ProgressEvent::Encoded { blob_id, .. } => {
                self.tell(|news| news.blob_id = Some(blob_id))
            }
            ProgressEvent::Sent { done, total, .. } => {
                self.tell(|news| news.sent = Some((done, total)))
            }
            _ => {}
        }
    }
}
