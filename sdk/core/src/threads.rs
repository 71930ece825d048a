//! Thread pools: on which threads a computation runs, and how work is split among them.

use std::{
    fmt,
    num::NonZeroUsize,
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The threads that a computation may use: the calling thread with others of this handle, or a pool of the caller.
///
/// There is no hidden pool: the threads of a handle start with the first computation that wants them and end with the
/// last copy of the handle, all of which share them. Who computes often keeps the handle: starting a thread takes as
/// long as encoding a small blob. A computation that finds them busy with another one starts threads for itself.
#[derive(Clone)]
pub struct Threads(Kind);

#[derive(Clone)]
enum Kind {
    One,
    Own(Arc<Own>),
    Pool(Arc<rayon::ThreadPool>),
}

/// Threads that help the calling one.
struct Own {
    /// With the calling thread.
    count: NonZeroUsize,
    /// `None` if the system starts no threads: then the calling one does everything.
    helpers: OnceLock<Option<rayon::ThreadPool>>,
    /// Held while they help: who came second would wait until the first one is done, for ever if that one waits for him.
    busy: Mutex<()>,
}

impl Own {
    /// Calls `work` with each of `0..count`, with 0 on the calling thread.
    fn run_each(&self, count: usize, work: &(impl Fn(usize) + Sync)) {
        let Some(helpers) = self.helpers() else {
            return (0..count).for_each(work);
        };
        let _busy = match self.busy.try_lock() {
            Ok(busy) => busy,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return run_each_on_new(count, work),
        };
        helpers.in_place_scope(|scope| {
            for index in 1..count {
                scope.spawn(move |_| work(index));
            }
            work(0);
        });
    }

    fn helpers(&self) -> Option<&rayon::ThreadPool> {
        let start = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(self.count.get() - 1)
                .thread_name(|index| format!("walrus-core-{index}"))
                .build()
                .ok()
        };
        self.helpers.get_or_init(start).as_ref()
    }
}

impl Threads {
    /// The calling thread alone.
    pub const ONE: Self = Self(Kind::One);

    /// A number of threads, of which the calling one is the first.
    pub fn new(count: NonZeroUsize) -> Self {
        if count == NonZeroUsize::MIN {
            return Self::ONE;
        }
        Self(Kind::Own(Arc::new(Own {
            count,
            helpers: OnceLock::new(),
            busy: Mutex::new(()),
        })))
    }

    /// As many as the machine has cores, or one if that is unknown.
    pub fn available() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// The threads of a pool, which computations at the same time share.
    pub fn pool(pool: Arc<rayon::ThreadPool>) -> Self {
        Self(Kind::Pool(pool))
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        match &self.0 {
            Kind::One => 1,
            Kind::Own(own) => own.count.get(),
            Kind::Pool(pool) => pool.current_num_threads().max(1),
        }
    }

    /// Splits `0..count` into at most as many ranges of nearly equal length as there are threads and maps
    /// each on one of them; the results are in order. With one range the calling thread does it.
    pub(crate) fn map_ranges<T: Send>(
        &self,
        count: usize,
        map: impl Fn(Range<usize>) -> T + Sync,
    ) -> Vec<T> {
        let chunk = count.div_ceil(self.count()).max(1);
        let ranges: Vec<_> = (0..count)
            .step_by(chunk)
            .map(|start| start..(start + chunk).min(count))
            .collect();
        if ranges.len() <= 1 {
            return ranges.into_iter().map(map).collect();
        }
        let results: Vec<Mutex<Option<T>>> = ranges.iter().map(|_| Mutex::new(None)).collect();
        self.run_each(ranges.len(), &|index| {
            if let (Some(range), Some(result)) = (ranges.get(index), results.get(index)) {
                let value = map(range.clone());
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            }
        });
        results
            .into_iter()
            .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
            .collect()
    }

    /// Hands the items `0..count` to workers, one a thread, each of which makes its state once and takes the
    /// next item when it is done with one. The first error stops the others after their item. Who had none hands
    /// his state to `done`.
    pub(crate) fn for_each<S, E: Send>(
        &self,
        count: usize,
        state: impl Fn() -> Result<S, E> + Sync,
        work: impl Fn(&mut S, usize) -> Result<(), E> + Sync,
        done: impl Fn(S) + Sync,
    ) -> Result<(), E> {
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let worker = |_| {
            let result = state().and_then(|mut state| {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= count {
                        done(state);
                        return Ok(());
                    }
                    work(&mut state, item)?;
                }
            });
            if let Err(error) = result {
                next.store(count, Ordering::Relaxed);
                let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        };
        self.run_each(self.count().min(count), &worker);
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Calls `work` with each of `0..count`, each on a thread of its own as far as there are threads.
    fn run_each(&self, count: usize, work: &(impl Fn(usize) + Sync)) {
        match &self.0 {
            _ if count <= 1 => (0..count).for_each(work),
            Kind::One => (0..count).for_each(work),
            Kind::Own(own) => own.run_each(count, work),
            Kind::Pool(pool) => pool.scope(|scope| {
                for index in 0..count {
                    scope.spawn(move |_| work(index));
                }
            }),
        }
    }
}

/// As [`Own::run_each`], on threads that end with the call.
fn run_each_on_new(count: usize, work: &(impl Fn(usize) + Sync)) {
    std::thread::scope(|scope| {
        let start = |index| std::thread::Builder::new().spawn_scoped(scope, move || work(index));
        // What the system starts no thread for the calling one does.
        let left: Vec<_> = (1..count).filter(|&index| start(index).is_err()).collect();
        work(0);
        left.into_iter().for_each(work);
    });
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::One | Kind::Own(_) => "own",
            Kind::Pool(_) => "of a pool",
        };
        write!(f, "Threads({} {kind})", self.count())
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::mpsc, thread};

    use super::*;

    /// Runs `work` once a thread, on each of two.
    fn on_both(threads: &Threads, work: impl Fn(usize) + Sync) {
        let work = |_: &mut (), index| {
            work(index);
            Ok::<_, Infallible>(())
        };
        threads.for_each(2, || Ok(()), work, |()| ()).unwrap();
    }

    #[test]
    fn a_computation_does_not_wait_for_another_one_on_the_same_handle() {
        let threads = Threads::new(2.try_into().unwrap());
        let (begun, has_begun) = mpsc::channel();
        let (end, may_end) = mpsc::channel();
        let may_end = Mutex::new(may_end);
        thread::scope(|scope| {
            scope.spawn(|| {
                on_both(&threads, |_| {
                    begun.send(()).unwrap();
                    may_end.lock().unwrap().recv().unwrap();
                });
            });
            has_begun.recv().unwrap();
            has_begun.recv().unwrap();
            on_both(&threads, |_| ());
            end.send(()).unwrap();
            end.send(()).unwrap();
        });
    }
}
