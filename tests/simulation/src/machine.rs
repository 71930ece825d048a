//! Machine of a simulation: one thread at a time, virtual time, seeded randomness.
//!
//! All parts of a network are tasks of one runtime on one thread. Its clock stands while anything can be done, and jumps to the next
//! timer when nothing can: an epoch takes as long as the work in it.
//!
//! What goes to the blocking pool (a client that encodes, a wallet that signs) has one thread there, which takes turns with the first:
//! it begins when the first has nothing to do, and ends everything that was handed over before the first goes on. So it does
//! not matter which of the two is faster, and what happens in which order follows from the seed alone.

use std::{
    future::Future,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use crate::randomness::seed_this_thread;

/// Codecs and the interpreter of Move go deep in code that is not optimized.
const STACK: usize = 64 << 20;

/// Whose turn it is: at most one thread has it.
#[derive(Debug, Default)]
struct Turn {
    is_taken: Mutex<bool>,
    given: Condvar,
}

impl Turn {
    fn take(&self) {
        let is_taken = self.is_taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.given.wait_while(is_taken, |is_taken| *is_taken);
        *free.unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn give(&self) {
        *self.is_taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.given.notify_all();
    }
}

/// The turn of the first thread, until this is dropped.
struct First<'a>(&'a Turn);

impl<'a> First<'a> {
    fn take(turn: &'a Turn) -> Self {
        turn.take();
        Self(turn)
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// Runs a simulation on a thread of its own; all that is random in it follows from `seed`.
///
/// # Errors
/// That of the simulation, or that it panicked.
pub(crate) fn run<T, F>(
    seed: u64,
    simulation: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let thread = std::thread::Builder::new()
        .name(format!("seed {seed}"))
        .stack_size(STACK)
        .spawn(move || {
            seed_this_thread(seed);
            let turn = Arc::<Turn>::default();
            let runtime = runtime(seed, &turn)?;
            // Given before the runtime is dropped, which waits for what is in its pool.
            let _first = First::take(&turn);
            runtime.block_on(simulation())
        })
        .context("no thread for a simulation")?;
    match thread.join() {
        Ok(result) => result,
        Err(panic) => {
            let said = walrus_service::worker::panic_message(&*panic);
            anyhow::bail!("the simulation panicked: {said}")
        }
    }
}

fn runtime(seed: u64, turn: &Arc<Turn>) -> anyhow::Result<Runtime> {
    let [parked, unparked, started, stopped] = [0; 4].map(|_| Arc::clone(turn));
    let threads = AtomicU64::new(1);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .thread_stack_size(STACK)
        .max_blocking_threads(1)
        // It has its turn until nothing is left to do, and then it ends.
        .thread_keep_alive(Duration::ZERO)
        .on_thread_start(move || {
            let thread = threads.fetch_add(1, Ordering::Relaxed);
            seed_this_thread(seed ^ thread.rotate_right(16));
            started.take();
        })
        .on_thread_stop(move || stopped.give())
        .on_thread_park(move || parked.give())
        .on_thread_unpark(move || unparked.take())
        .build();
    runtime.context("no runtime")
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn hours_take_no_time_and_work_in_the_pool_takes_no_virtual_time() {
        let begun = std::time::Instant::now();
        let passed = run(1, || async {
            let start = Instant::now();
            tokio::time::sleep(Duration::from_secs(36_000)).await;
            let worked = tokio::task::spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(20));
                7
            });
            assert_eq!(worked.await?, 7);
            Ok(start.elapsed())
        });
        assert_eq!(passed.unwrap(), Duration::from_secs(36_000));
        assert!(begun.elapsed() < Duration::from_secs(3600));
    }

    /// The order in which pieces of work of different length are heard of.
    fn order(seed: u64) -> Vec<(u32, u64)> {
        let heard = run(seed, || async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            for task in 0..8_u32 {
                let sender = sender.clone();
                tokio::spawn(async move {
                    for round in 0..20_u64 {
                        let length = rand::random_range(0..200);
                        let work = move || std::thread::sleep(Duration::from_micros(length));
                        let done = tokio::task::spawn_blocking(work);
                        tokio::select! {
                            _ = done => {}
                            () = tokio::time::sleep(Duration::from_millis(1)) => {}
                        }
                        let _ = sender.send((task, length + round));
                        tokio::time::sleep(Duration::from_millis(length)).await;
                    }
                });
            }
            drop(sender);
            let mut heard = Vec::new();
            while let Some(next) = receiver.recv().await {
                heard.push(next);
            }
            Ok(heard)
        });
        heard.unwrap()
    }

    #[test]
    fn what_happens_in_which_order_follows_from_the_seed() {
        assert_eq!(order(5), order(5));
        assert_ne!(order(5), order(6));
    }

    #[test]
    fn a_panic_is_told() {
        let panicked = run::<(), _>(1, || async { panic!("on purpose") });
        assert!(panicked.unwrap_err().to_string().contains("on purpose"));
    }
}
