//! Transfers that run: which shard may make its next request, and when one is over.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};
use walrus_core::ShardIndex;
use walrus_service::backoff::Backoff;
use walrus_sui::Address;

use super::{
    patience::{GivenUp, Patience},
    plan::{Job, Turn},
    request::TransferError,
    run::{Advance, Progress},
};
use crate::config::ShardSyncConfig;

/// The transfers of this node.
pub(super) struct Jobs {
    config: ShardSyncConfig,
    running: HashMap<Job, Running>,
}

/// How a transfer goes.
#[derive(Debug)]
struct Running {
    source: Address,
    progress: Progress,
    patience: Patience,
    failures: u32,
    /// When the last request was made.
    asked: Option<Instant>,
    /// When the next one may be.
    next: Instant,
    /// The one that is under way.
    request: Option<AbortHandle>,
    /// Nothing is left to ask for.
    over: bool,
}

/// What a request means for its transfer.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The next one may follow.
    GoesOn,
    /// Nothing is left to ask for.
    Complete,
    /// Recovery has to do the rest.
    GivenUp(String),
    /// It is tried again after a pause.
    Retried(TransferError),
}

impl Jobs {
    pub(super) fn new(config: ShardSyncConfig) -> Self {
        Self {
            config,
            running: HashMap::new(),
        }
    }

    /// Forgets what is not to be transferred any more.
    pub(super) fn keep(&mut self, turns: &[Turn]) {
        let jobs: BTreeSet<_> = turns.iter().map(|turn| turn.job).collect();
        self.running.retain(|job, running| {
            let stays = jobs.contains(job);
            if let Some(request) = running.request.as_ref().filter(|_| !stays) {
                request.abort();
            }
            stays
        });
    }

    /// The shards of which something may come yet.
    pub(super) fn unfinished(&self) -> BTreeSet<ShardIndex> {
        let running = self.running.iter().filter(|(_, running)| !running.over);
        running.map(|(job, _)| job.shard).collect()
    }

    /// Those whose deadline has come while they waited for their turn; they are over.
    pub(super) fn late<'a>(&mut self, turns: &'a [Turn], now: Instant) -> Vec<(&'a Turn, GivenUp)> {
        let mut late = Vec::new();
        for turn in turns.iter().filter(|turn| !turn.job.ahead) {
            let running = self.running.get_mut(&turn.job);
            if let Some(running) = running.filter(|running| !running.over && running.is_idle())
                && let Some(why) = running.patience.is_over(now)
            {
                running.over = true;
                late.push((turn, why));
            }
        }
        late
    }

    /// The transfers that are not known yet.
    pub(super) fn unknown<'a>(&self, turns: &'a [Turn]) -> Vec<&'a Turn> {
        let is_unknown = |turn: &&Turn| !self.running.contains_key(&turn.job);
        turns.iter().filter(is_unknown).collect()
    }

    /// Takes up a transfer that was begun so long ago.
    pub(super) fn take_up(&mut self, turn: &Turn, begun: Duration, now: Instant) {
        let fresh = || {
            let patience = Patience::new(&self.config, begun, now);
            Running::new(turn.source_id, patience, now)
        };
        self.running.entry(turn.job).or_insert_with(fresh);
    }

    /// Begins the requests that are due: so many at once, those first that were not asked for longest, and of no source more than
    /// its share, so that slow ones leave room for the others.
    pub(super) fn begin(
        &mut self,
        turns: Vec<Turn>,
        now: Instant,
        mut request: impl FnMut(Turn, Progress, Patience) -> AbortHandle,
    ) {
        let mut due: Vec<_> = turns
            .into_iter()
            .filter_map(|turn| {
                let running = self.running.get(&turn.job)?;
                let is_due = !running.over && running.is_idle() && running.next <= now;
                is_due.then_some((running.asked, turn))
            })
            .collect();
        due.sort_by_key(|(asked, turn)| (*asked, turn.job));
        let mut busy: BTreeMap<Address, usize> = BTreeMap::new();
        for running in self.running.values().filter(|running| !running.is_idle()) {
            let count = busy.entry(running.source).or_default();
            *count = count.saturating_add(1);
        }
        let sources: BTreeSet<_> = due.iter().map(|(_, turn)| turn.source_id).collect();
        let sources = sources.union(&busy.keys().copied().collect()).count();
        let width = self.config.shard_sync_concurrency.max(1);
        let share = width.div_ceil(sources.max(1));
        let mut free = width.saturating_sub(busy.values().sum());
        for (_, turn) in due {
            let count = busy.entry(turn.source_id).or_default();
            let Some(running) = self.running.get_mut(&turn.job) else {
                continue;
            };
            if free == 0 || *count >= share {
                continue;
            }
            free = free.saturating_sub(1);
            *count = count.saturating_add(1);
            running.asked = Some(now);
            running.request = Some(request(turn, running.progress, running.patience));
        }
    }

    /// Notes how a request went.
    pub(super) fn note(
        &mut self,
        job: Job,
        went: Result<Advance, TransferError>,
        now: Instant,
    ) -> Verdict {
        let Some(running) = self.running.get_mut(&job) else {
            return Verdict::GoesOn;
        };
        running.request = None;
        let broke = match went {
            Ok(advance) => {
                running.progress = advance.progress;
                running.patience = advance.patience;
                if advance.stored > 0 {
                    running.failures = 0;
                }
                advance.broke
            }
            Err(error) => Some(error),
        };
        if broke.is_none() && running.progress.is_over() {
            running.over = true;
            return Verdict::Complete;
        }
        let over = running.patience.is_over(now);
        let error = match (broke, over) {
            (None, None) => return Verdict::GoesOn,
            (None, Some(why)) if !job.ahead => {
                running.over = true;
                return Verdict::GivenUp(why.to_string());
            }
            (Some(error), over) if !job.ahead && (over.is_some() || !error.is_passing()) => {
                running.over = true;
                return Verdict::GivenUp(error.to_string());
            }
            (error, over) => {
                // Nothing waits for what comes ahead of its epoch: the source has another chance after a pause.
                if over.is_some() {
                    running.patience = Patience::new(&self.config, Duration::ZERO, now);
                }
                error
            }
        };
        running.failures = running.failures.saturating_add(1);
        let pause = backoff(&self.config).pause(running.failures);
        running.patience.waited(pause);
        running.next = now.checked_add(pause).unwrap_or(now);
        error.map_or(Verdict::GoesOn, Verdict::Retried)
    }

    /// How long until a request may be made; `None` if there is none to make.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let running = self.running.values().filter(|running| !running.over);
        let next = running.map(|running| running.next).min()?;
        Some(next.saturating_duration_since(now))
    }
}

fn backoff(config: &ShardSyncConfig) -> Backoff {
    Backoff::new(
        Duration::from_secs(config.shard_sync_retry_min_backoff_secs),
        Duration::from_secs(config.shard_sync_retry_max_backoff_secs),
    )
}

impl Running {
    fn new(source: Address, patience: Patience, now: Instant) -> Self {
        Self {
            source,
            progress: Progress::default(),
            patience,
            failures: 0,
            asked: None,
            next: now,
            request: None,
            over: false,
        }
    }

    fn is_idle(&self) -> bool {
        self.request.is_none()
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::network_key::NetworkKeyPair;
    use walrus_node_client::{Addresses, NodeClient, NodeClientOptions};

    use super::*;

    fn turn(shard: u16, source: u8) -> Turn {
        let key = NetworkKeyPair::generate(&mut rand::rng()).public_key();
        let source_id = Address::new([source; 32]);
        let options = NodeClientOptions {
            addresses: Addresses::Any,
            ..NodeClientOptions::default()
        };
        Turn {
            job: Job {
                shard: ShardIndex(shard),
                epoch: 5,
                ahead: false,
            },
            now: 5,
            source: NodeClient::new("127.0.0.1:1", &key, &options).unwrap(),
            source_id,
        }
    }

    /// Begins what is due; returns the sources that are asked.
    fn begin(jobs: &mut Jobs, turns: &[Turn], now: Instant) -> Vec<(u16, Address)> {
        for turn in turns {
            jobs.take_up(turn, Duration::ZERO, now);
        }
        let mut asked = Vec::new();
        jobs.begin(turns.to_vec(), now, |turn, _, _| {
            asked.push((turn.job.shard.get(), turn.source_id));
            tokio::spawn(std::future::pending::<()>()).abort_handle()
        });
        asked
    }

    fn advance(progress: Progress, patience: Patience) -> Advance {
        Advance {
            stored: 1,
            progress,
            broke: None,
            patience,
        }
    }

    #[tokio::test]
    async fn no_source_has_more_than_its_share_and_shards_take_turns() {
        let config = ShardSyncConfig {
            shard_sync_concurrency: 4,
            ..ShardSyncConfig::default()
        };
        let now = Instant::now();
        let patience = Patience::new(&config, Duration::ZERO, now);
        let mut jobs = Jobs::new(config);
        let mut turns: Vec<_> = (0..6).map(|shard| turn(shard, 1)).collect();
        turns.extend([turn(6, 2), turn(7, 2)]);
        let [one, two] = [1, 2].map(|byte| Address::new([byte; 32]));
        assert_eq!(
            begin(&mut jobs, &turns, now),
            [(0, one), (1, one), (6, two), (7, two)]
        );
        assert!(begin(&mut jobs, &turns, now).is_empty());
        // Those that were asked before are behind those that were not.
        let went = Ok(advance(Progress::default(), patience));
        let verdict = jobs.note(turns[0].job, went, now);
        assert!(matches!(verdict, Verdict::GoesOn), "{verdict:?}");
        assert_eq!(begin(&mut jobs, &turns, now), [(2, one)]);
        // A source that has no other shards leaves its places to those that have.
        turns.truncate(6);
        jobs.keep(&turns);
        assert_eq!(begin(&mut jobs, &turns, now), [(3, one), (4, one)]);
        assert_eq!(jobs.unfinished().len(), 6);
    }

    #[tokio::test]
    async fn a_shard_whose_turn_does_not_come_has_its_deadline_all_the_same() {
        let config = ShardSyncConfig {
            shard_sync_concurrency: 1,
            shard_sync_deadline_secs: 10,
            ..ShardSyncConfig::default()
        };
        let now = Instant::now();
        let mut jobs = Jobs::new(config);
        let turns = [turn(0, 1), turn(1, 1)];
        assert_eq!(begin(&mut jobs, &turns, now).len(), 1);
        assert!(jobs.late(&turns, now).is_empty());
        let later = now + Duration::from_secs(10);
        let late = jobs.late(&turns, later);
        assert_eq!(late.len(), 1);
        assert_eq!(late[0].0.job.shard, ShardIndex(1));
        assert!(jobs.late(&turns, later).is_empty(), "it is told once");
    }
}
