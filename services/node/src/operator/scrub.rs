//! Scrub: reads everything that is stored, once in a while and slowly, so that damage is found while the other nodes can still help.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};
use walrus_core::EncodingConfig;
use walrus_service::{
    clock::Clock,
    worker::{Failure, Status, Step, Worker},
};
use walrus_sui::wallet::{read_bounded, replace_private};

use super::Problems;
use crate::{
    storage::{Comparison, ScrubPosition, Storage, StorageError},
    work::{Work, WorkError},
};

/// The name of the file in the storage directory that holds how far it is.
pub(super) const FILE: &str = "scrub.json";
/// What one step reads.
const STEP_BYTES: u64 = 4 << 20;
/// Of ten thousand slivers so many are compared with the metadata of their blobs, unless all are: encoding costs more than reading.
const SAMPLE_OF_10_000: u32 = 100;
/// From the end of one to the beginning of the next, in days.
const DAYS: std::ops::RangeInclusive<u64> = 25..=35;
const DAY_MS: u64 = 86_400_000;
/// What it reads each second, unless it is set.
const DEFAULT_BYTES_PER_SEC: u64 = 16 << 20;
/// How long it steps back when others have work.
const YIELD: Duration = Duration::from_millis(250);
/// How often in a row; a node that is never idle is scrubbed as well.
const MAX_YIELDS: u32 = 40;
/// How often it is written down how far it is.
const SAVE: Duration = Duration::from_secs(10);
/// How long it waits at most before it looks at the clock again.
const POLL: Duration = Duration::from_secs(3600);

/// How far a scrub is, and when the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrubState {
    /// Whether one is under way.
    pub running: bool,
    /// When the next one begins by itself, in milliseconds since 1970.
    pub next_ms: u64,
    /// When this one, or the last, began; absent before the first.
    pub began_ms: Option<u64>,
    /// When the last one ended; absent before that.
    pub ended_ms: Option<u64>,
    /// Records that this one, or the last, has read.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Slivers that were damaged; they are queued for recovery.
    pub damaged: u64,
    /// Slivers that were compared with the metadata of their blobs besides.
    #[serde(default)]
    pub compared: u64,
    /// Whether every sliver is, and not only a sample.
    #[serde(default)]
    pub deep: bool,
    /// What it reads each second at most.
    pub bytes_per_sec: u64,
    /// Where it goes on.
    position: Option<ScrubPosition>,
}

impl ScrubState {
    /// Of a node that was never scrubbed.
    fn new() -> Self {
        Self {
            running: false,
            next_ms: next_ms(),
            began_ms: None,
            ended_ms: None,
            records: 0,
            bytes: 0,
            damaged: 0,
            compared: 0,
            deep: false,
            bytes_per_sec: DEFAULT_BYTES_PER_SEC,
            position: None,
        }
    }

    fn begin(&mut self, deep: bool) {
        *self = Self {
            running: true,
            deep,
            began_ms: Some(Clock::system().unix_ms()),
            ended_ms: self.ended_ms,
            bytes_per_sec: self.bytes_per_sec,
            next_ms: self.next_ms,
            ..Self::new()
        };
    }
}

/// So that not all nodes of a network do it at the same time.
fn next_ms() -> u64 {
    let days = rand::random_range(*DAYS.start() * DAY_MS..=*DAYS.end() * DAY_MS);
    Clock::system().unix_ms().saturating_add(days)
}

/// Where scrubs are ordered and told of.
#[derive(Debug)]
pub(crate) struct Scrubs {
    path: PathBuf,
    state: Mutex<ScrubState>,
    changed: Notify,
}

impl Scrubs {
    /// That of the node that stores in `storage`; goes on where it was.
    pub(crate) fn of(storage: &Path) -> Self {
        let path = storage.join(FILE);
        let state = load(&path).unwrap_or_else(ScrubState::new);
        Self {
            path,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, ScrubState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is.
    pub(crate) fn state(&self) -> ScrubState {
        self.lock().clone()
    }

    /// Begins one now, in which every sliver is compared with the metadata of its blob if it is `deep`; whether none was under way. One
    /// that is compares the rest of them all the same.
    pub(crate) fn start(&self, deep: bool) -> bool {
        let mut state = self.lock();
        let begins = !state.running;
        if begins {
            state.begin(deep);
        }
        state.deep |= deep;
        drop(state);
        self.save();
        self.changed.notify_one();
        begins
    }

    /// Sets what it reads each second at most.
    pub(crate) fn set_bytes_per_sec(&self, bytes_per_sec: u64) {
        self.lock().bytes_per_sec = bytes_per_sec.max(1);
        self.save();
        self.changed.notify_one();
    }

    /// Writes down how far it is. What cannot be written is read again after a restart.
    fn save(&self) {
        let state = self.state();
        let written = serde_json::to_vec_pretty(&state)
            .map_err(|error| error.to_string())
            .and_then(|text| replace_private(&self.path, &text).map_err(|error| error.to_string()));
        if let Err(error) = written {
            tracing::warn!(error, "it is not written down how far the scrub is");
        }
    }
}

fn load(path: &Path) -> Option<ScrubState> {
    if !path.exists() {
        return None;
    }
    let read = read_bounded("the state of the scrub", path).map_err(|error| error.to_string());
    let parsed =
        read.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    parsed
        .inspect_err(|error| {
            tracing::warn!(path = %path.display(), error, "the scrub begins anew");
        })
        .ok()
}

/// Scrubs a node.
pub(crate) struct ScrubWorker {
    scrubs: Arc<Scrubs>,
    storage: Arc<Storage>,
    problems: Arc<Problems>,
    work: Work,
    encoding: EncodingConfig,
    yields: u32,
    saved: Instant,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum ScrubError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl ScrubWorker {
    pub(crate) fn new(
        scrubs: Arc<Scrubs>,
        storage: Arc<Storage>,
        problems: Arc<Problems>,
        work: Work,
        encoding: EncodingConfig,
    ) -> Self {
        Self {
            encoding,
            scrubs,
            storage,
            problems,
            work,
            yields: 0,
            saved: Instant::now(),
        }
    }

    /// Whether a step is to be taken now, or how long to wait.
    fn due(&mut self) -> Result<ScrubState, Duration> {
        let mut state = self.scrubs.lock();
        if !state.running {
            let now = Clock::system().unix_ms();
            if state.next_ms > now {
                return Err(Duration::from_millis(state.next_ms - now).min(POLL));
            }
            state.begin(false);
        }
        let state = state.clone();
        if self.work.is_busy() && self.yields < MAX_YIELDS {
            self.yields = self.yields.saturating_add(1);
            return Err(YIELD);
        }
        self.yields = 0;
        Ok(state)
    }

    /// Notes what a step has found; returns whether it was the last.
    fn note(&mut self, step: &crate::storage::ScrubStep) -> bool {
        let mut state = self.scrubs.lock();
        state.records = state.records.saturating_add(step.records);
        state.bytes = state.bytes.saturating_add(step.bytes);
        state.damaged = state.damaged.saturating_add(step.damaged);
        state.compared = state.compared.saturating_add(step.compared);
        state.position = step.next;
        let ended = step.next.is_none();
        if ended {
            state.running = false;
            state.ended_ms = Some(Clock::system().unix_ms());
            state.next_ms = next_ms();
        }
        let (damaged, records) = (state.damaged, state.records);
        drop(state);
        if step.damaged > 0 || ended {
            let found = (damaged > 0).then(|| {
                format!(
                    "the scrub found {damaged} damaged slivers, which are recovered from other nodes: look at the health of the disks"
                )
            });
            self.problems.set("scrub", found.into_iter().collect());
        }
        if ended {
            tracing::info!(records, damaged, "the scrub is over");
        }
        ended
    }
}

impl Worker for ScrubWorker {
    fn name(&self) -> &'static str {
        "scrub"
    }

    /// In bytes.
    fn status(&self) -> Status {
        let state = self.scrubs.state();
        let live = || {
            let disks = self.storage.disks();
            disks.iter().map(|disk| disk.live_bytes).sum::<u64>()
        };
        Status {
            done: Some(state.bytes),
            left: state.running.then(|| live().saturating_sub(state.bytes)),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let state = match self.due() {
            Ok(state) => state,
            Err(wait) => return Ok(Step::WaitAtMost(wait)),
        };
        let (storage, position, began) =
            (Arc::clone(&self.storage), state.position, Instant::now());
        let comparison = Comparison {
            encoding: self.encoding,
            of_10_000: if state.deep { 10_000 } else { SAMPLE_OF_10_000 },
        };
        let read = move || {
            let compared = Some(comparison);
            Ok::<_, ScrubError>(storage.scrub_step(position, STEP_BYTES, compared)?)
        };
        let step = match self.work.run(read).await {
            Ok(step) => step,
            Err(error) => return Ok(Step::Retry(error.into())),
        };
        let ended = self.note(&step);
        if ended || self.saved.elapsed() >= SAVE {
            self.saved = Instant::now();
            let scrubs = Arc::clone(&self.scrubs);
            let save = move || {
                scrubs.save();
                Ok::<_, ScrubError>(())
            };
            self.work.run(save).await?;
        }
        let wanted = step.bytes.saturating_mul(1000) / state.bytes_per_sec.max(1);
        let pause = Duration::from_millis(wanted).saturating_sub(began.elapsed());
        Ok(Step::WaitAtMost(pause))
    }

    async fn wait(&mut self) {
        self.scrubs.changed.notified().await;
    }

    async fn close(&mut self) {
        self.scrubs.save();
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, ShardIndex, SliverType};
    use walrus_service::{metrics::Registry, worker::Runner};

    use super::*;
    use crate::storage::{records::ShardState, segments::NewSliver};

    /// A storage with some slivers.
    fn filled(dir: &Path) -> Arc<Storage> {
        let storage = Storage::open(dir, 1 << 20).unwrap();
        let shard = ShardIndex(3);
        storage.set_shard_state(shard, ShardState::Active).unwrap();
        for number in 0..20 {
            let sliver = NewSliver {
                blob_id: BlobId([number; 32]),
                sliver_type: SliverType::Primary,
                payload: &[number; 10_000],
            };
            storage.put_slivers(shard, &[sliver]).unwrap();
        }
        Arc::new(storage)
    }

    async fn scrubbed(scrubs: &Arc<Scrubs>, storage: &Arc<Storage>, problems: &Arc<Problems>) {
        let runner = Runner::new(&Registry::new());
        runner.spawn(ScrubWorker::new(
            Arc::clone(scrubs),
            Arc::clone(storage),
            Arc::clone(problems),
            Work::default(),
            EncodingConfig::new(10).unwrap(),
        ));
        let end = async {
            while scrubs.state().running {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), end)
            .await
            .unwrap();
        runner.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn all_records_are_read_and_the_next_scrub_is_some_weeks_off() {
        let dir = tempfile::tempdir().unwrap();
        let (storage, problems) = (filled(dir.path()), Arc::default());
        let scrubs = Arc::new(Scrubs::of(dir.path()));
        assert!(!scrubs.state().running);
        assert!(scrubs.start(false) && !scrubs.start(false), "one at a time");
        scrubbed(&scrubs, &storage, &problems).await;
        let state = scrubs.state();
        assert_eq!((state.records, state.damaged), (20, 0));
        let days = state.next_ms.saturating_sub(Clock::system().unix_ms()) / DAY_MS;
        assert!((24..=35).contains(&days), "{days}");
        assert!(problems.list().is_empty());
        scrubs.set_bytes_per_sec(7);
        let again = Scrubs::of(dir.path()).state();
        assert_eq!((again.records, again.bytes_per_sec), (20, 7));
    }

    #[tokio::test]
    async fn it_goes_on_where_it_was_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let storage = filled(dir.path());
        let scrubs = Arc::new(Scrubs::of(dir.path()));
        scrubs.start(false);
        let part = storage.scrub_step(None, 1, None).unwrap();
        assert!(part.next.is_some(), "{part:?}");
        {
            let mut state = scrubs.lock();
            state.position = part.next;
            state.records = part.records;
        }
        scrubs.save();
        let again = Arc::new(Scrubs::of(dir.path()));
        assert!(again.state().running);
        scrubbed(&again, &storage, &Arc::default()).await;
        assert_eq!(again.state().records, 20, "none twice, and none left out");
    }
}
