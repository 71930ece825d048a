//! Journal of a simulation: what happened, and when.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// Lines with virtual times. Clones write the same.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    start: Instant,
    lines: Arc<Mutex<Vec<String>>>,
    aloud: bool,
}

impl Journal {
    /// An empty one that begins now; `aloud`: each line is printed as well.
    pub(crate) fn new(aloud: bool) -> Self {
        Self {
            start: Instant::now(),
            lines: Arc::default(),
            aloud,
        }
    }

    pub(crate) fn note(&self, what: impl fmt::Display) {
        let line = format!("{:>10.3} {what}", self.start.elapsed().as_secs_f64());
        if self.aloud {
            println!("{line}");
        }
        self.lines().push(line);
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines so far.
    pub(crate) fn text(&self) -> String {
        self.lines().join("\n")
    }
}
