//! Trouble: times in which more is wrong than the protocol bears. What takes long or fails meanwhile is nobody's fault.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Times of one kind of trouble.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many causes there are just now.
    causes: u32,
    /// When there was one last.
    last: Option<Instant>,
}

/// A cause of trouble, until this is dropped.
#[derive(Debug)]
pub(crate) struct Cause<'a>(&'a Trouble);

impl Trouble {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is trouble.
    pub(crate) fn begin(&self) -> Cause<'_> {
        let mut state = self.state();
        state.causes = state.causes.saturating_add(1);
        Cause(self)
    }

    /// Whether there was any at or after `start`.
    pub(crate) fn since(&self, start: Instant) -> bool {
        let state = self.state();
        state.causes > 0 || state.last.is_some_and(|last| last >= start)
    }
}

impl Drop for Cause<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.causes = state.causes.saturating_sub(1);
        state.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_lasts_until_its_last_cause_is_gone() {
        let (trouble, start) = (Trouble::default(), Instant::now());
        assert!(!trouble.since(start));
        let (first, second) = (trouble.begin(), trouble.begin());
        drop(first);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(trouble.since(Instant::now()));
        drop(second);
        assert!(trouble.since(start) && trouble.since(Instant::now()));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(trouble.since(start) && !trouble.since(Instant::now()));
    }
}
