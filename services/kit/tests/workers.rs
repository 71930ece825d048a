//! Workers under a runner: their books, and what people and failures do to them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc};
use walrus_service::{
    clock::Clock,
    metrics::Registry,
    worker::{DEFAULT_BACKOFF, Failure, Runner, State, Status, Step, Worker, WorkerInfo},
};

/// Does what it is told, step by step.
struct Puppet {
    name: &'static str,
    steps: mpsc::UnboundedReceiver<Step>,
    taken: Arc<AtomicU64>,
    wake: Arc<Notify>,
    closed: Arc<AtomicU64>,
}

struct Strings {
    steps: mpsc::UnboundedSender<Step>,
    taken: Arc<AtomicU64>,
    wake: Arc<Notify>,
    closed: Arc<AtomicU64>,
}

fn puppet(name: &'static str) -> (Puppet, Strings) {
    let (sender, steps) = mpsc::unbounded_channel();
    let (taken, wake, closed): (Arc<AtomicU64>, Arc<Notify>, Arc<AtomicU64>) = Default::default();
    let strings = Strings {
        steps: sender,
        taken: Arc::clone(&taken),
        wake: Arc::clone(&wake),
        closed: Arc::clone(&closed),
    };
    (
        Puppet {
            name,
            steps,
            taken,
            wake,
            closed,
        },
        strings,
    )
}

impl Worker for Puppet {
    fn name(&self) -> &'static str {
        self.name
    }

    fn status(&self) -> Status {
        Status {
            done: Some(self.taken.load(Ordering::SeqCst)),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let step = self.steps.recv().await.ok_or("the strings are cut")?;
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(step)
    }

    async fn wait(&mut self) {
        self.wake.notified().await;
    }

    async fn close(&mut self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

impl Strings {
    fn pull(&self, step: Step) {
        self.steps.send(step).unwrap();
    }

    fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }
}

async fn until(runner: &Runner, what: impl Fn(&WorkerInfo) -> bool) -> WorkerInfo {
    loop {
        if let Some(info) = runner.workers().list().into_iter().find(|info| what(info)) {
            return info;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn steps_are_counted_until_the_job_is_done() {
    let registry = Registry::new();
    let runner = Runner::new(&registry);
    let (worker, strings) = puppet("job");
    runner.spawn(worker);
    strings.pull(Step::Again);
    strings.pull(Step::Wait);
    let info = until(&runner, |info| {
        info.state == State::Waiting && info.steps == 2
    })
    .await;
    assert_eq!(
        (info.name, info.status.done, info.errors),
        ("job", Some(2), 0)
    );
    strings.pull(Step::Done);
    assert_eq!(strings.taken(), 2, "it waits");
    strings.wake.notify_one();
    let info = until(&runner, |info| info.state == State::Done).await;
    assert_eq!(info.steps, 3);
    assert_eq!(runner.failure(), None);
    runner.shutdown().await.unwrap();
    assert_eq!(strings.closed.load(Ordering::SeqCst), 1);
    let text = registry.text();
    assert!(
        text.contains("walrus_worker_steps_total{worker=\"job\"} 3"),
        "{text}"
    );
    assert!(
        text.contains("walrus_worker_running{worker=\"job\"} 0"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_after_the_longest_time_or_when_woken() {
    let runner = Runner::new(&Registry::new());
    let (worker, strings) = puppet("sleeper");
    runner.spawn(worker);
    let start = tokio::time::Instant::now();
    strings.pull(Step::WaitAtMost(Duration::from_secs(100)));
    strings.pull(Step::WaitAtMost(Duration::from_secs(1000)));
    until(&runner, |info| info.steps == 2).await;
    assert_eq!(start.elapsed().as_secs(), 100);
    strings.pull(Step::Done);
    strings.wake.notify_one();
    until(&runner, |info| info.state == State::Done).await;
    assert_eq!(start.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_is_in_the_books_and_ends_nothing() {
    let registry = Registry::new();
    let (clock, _hands) = Clock::standing_at(77);
    let runner = Runner::with_clock(&registry, clock);
    let (worker, strings) = puppet("stubborn");
    runner.spawn(worker);
    let start = tokio::time::Instant::now();
    for _ in 0..3 {
        strings.pull(Step::Retry("the line is busy".into()));
    }
    let info = until(&runner, |info| info.errors == 3).await;
    assert_eq!((info.state, info.errors_in_a_row), (State::Retrying, 3));
    let error = info.last_error.unwrap();
    assert_eq!(
        (error.unix_ms, error.message.as_str()),
        (77, "the line is busy")
    );
    let pauses = DEFAULT_BACKOFF.pause(1) + DEFAULT_BACKOFF.pause(2);
    assert_eq!(start.elapsed().as_secs(), pauses.as_secs());
    strings.pull(Step::Wait);
    let info = until(&runner, |info| info.state == State::Waiting).await;
    assert_eq!((info.errors, info.errors_in_a_row), (3, 0));
    assert!(info.last_error.is_some(), "the last error stays");
    assert!(
        registry
            .text()
            .contains("walrus_worker_errors_total{worker=\"stubborn\"} 3")
    );
    strings.wake.notify_one();
    let woken = tokio::time::Instant::now();
    strings.pull(Step::RetryOrWait("and again".into()));
    strings.wake.notify_one();
    strings.pull(Step::Done);
    until(&runner, |info| info.state == State::Done).await;
    assert!(woken.elapsed() < DEFAULT_BACKOFF.pause(1), "it was woken");
    runner.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_worker_pauses_goes_on_and_is_throttled() {
    let runner = Runner::new(&Registry::new());
    let (worker, strings) = puppet("tame");
    runner.spawn(worker);
    runner.workers().pause("tame").unwrap();
    strings.pull(Step::Again);
    let info = until(&runner, |info| info.state == State::Paused).await;
    assert!(info.paused);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    let steps = strings.taken();
    strings.pull(Step::Again);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(strings.taken(), steps, "nothing while it pauses");
    runner.workers().resume("tame").unwrap();
    until(&runner, |info| info.steps == 2).await;

    runner.workers().throttle("tame", 3).unwrap();
    // A step of 2 s in the middle of which the worker is waited for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    strings.pull(Step::Again);
    let info = until(&runner, |info| info.steps == 3).await;
    assert_eq!(info.throttle, 3);
    let ended = tokio::time::Instant::now();
    strings.pull(Step::Done);
    until(&runner, |info| info.state == State::Done).await;
    let pause = ended.elapsed().as_millis();
    assert!((5_900..=6_100).contains(&pause), "{pause} ms");
    let error = runner.workers().pause("tiger").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no worker `tiger`; there are tame"
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_all_and_is_told() {
    let runner = Runner::new(&Registry::new());
    let (good, good_strings) = puppet("good");
    let (bad, bad_strings) = puppet("bad");
    runner.spawn(good);
    runner.spawn(bad);
    drop(bad_strings.steps);
    let failed = runner.failed().await;
    assert_eq!(failed.to_string(), "bad failed: the strings are cut");
    assert_eq!(runner.shutdown().await.unwrap_err(), failed);
    let states: Vec<_> = runner
        .workers()
        .list()
        .iter()
        .map(|info| info.state)
        .collect();
    assert_eq!(states, [State::Stopped, State::Failed]);
    let last = runner.workers().list().pop().unwrap().last_error.unwrap();
    assert_eq!(last.message, "the strings are cut");
    let closed = |strings: &Arc<AtomicU64>| strings.load(Ordering::SeqCst);
    assert_eq!(
        (closed(&good_strings.closed), closed(&bad_strings.closed)),
        (1, 1)
    );
}

#[tokio::test]
async fn a_panic_is_a_failure() {
    struct Panics;
    impl Worker for Panics {
        fn name(&self) -> &'static str {
            "nervous"
        }
        async fn work(&mut self) -> Result<Step, Failure> {
            tokio::task::yield_now().await;
            panic!("a mouse")
        }
    }
    let runner = Runner::new(&Registry::new());
    runner.spawn(Panics);
    assert_eq!(runner.failed().await.error, "panicked: a mouse");
}

#[tokio::test]
async fn dropping_the_runner_stops_the_workers() {
    let runner = Runner::new(&Registry::new());
    let (worker, strings) = puppet("orphan");
    let (stop, workers) = (runner.stop_token(), runner.workers().clone());
    runner.spawn(worker);
    drop(runner);
    assert!(stop.is_cancelled());
    while workers.list().first().unwrap().state != State::Stopped {
        tokio::task::yield_now().await;
    }
    drop(strings);
}

#[test]
fn an_error_is_told_with_its_sources_but_not_twice() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("inner: {0}")]
    struct Inner(#[source] std::fmt::Error);
    let error = Outer(Inner(std::fmt::Error));
    let line = walrus_service::worker::one_line(&error);
    assert_eq!(line, format!("outer: inner: {}", std::fmt::Error));
}

#[tokio::test]
#[should_panic(expected = "has to be quoted")]
async fn a_name_that_commands_would_have_to_quote_is_refused() {
    let (worker, _strings) = puppet("two words");
    Runner::new(&Registry::new()).spawn(worker);
}
