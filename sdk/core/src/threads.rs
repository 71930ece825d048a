//! On which threads a computation runs, and how work is split among them.

use std::{
    fmt,
    num::NonZeroUsize,
    ops::Range,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The threads that a computation may use: the calling thread with others of this handle, or a pool of the caller.
///
/// There is no hidden pool: the threads of a handle start with the first computation that wants them and end with the
/// last copy of the handle, all of which share them. Who computes often keeps the handle: starting a thread takes as
/// long as encoding a small blob.
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
}

impl Own {
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
        let helpers = match &self.0 {
            _ if count <= 1 => None,
            Kind::One => None,
            Kind::Own(own) => own.helpers(),
            Kind::Pool(pool) => {
                return pool.scope(|scope| {
                    for index in 0..count {
                        scope.spawn(move |_| work(index));
                    }
                });
            }
        };
        match helpers {
            None => (0..count).for_each(work),
            Some(helpers) => helpers.in_place_scope(|scope| {
                for index in 1..count {
                    scope.spawn(move |_| work(index));
                }
                work(0);
            }),
        }
    }
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
