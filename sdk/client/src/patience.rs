//! When a request to a node is worth another try, and when the node is lost. Client spec 1.6.3 and 1.9.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::Instant;
use walrus_node_client::NodeError;
use walrus_sui::backoff::Backoff;

use crate::{NodeProblem, limits};

/// Counts the failures of one request to decide on another try.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failures: u32,
    unreachable: u32,
    busy: u32,
    waiting_since: Option<Instant>,
}

impl Patience {
    /// The pause before the next try; `None` if there should be none.
    pub(crate) fn after(&mut self, error: &NodeProblem) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if error.is_unreachable() {
            self.unreachable += 1;
        } else {
            self.unreachable = 0;
        }
        let again = if error.is_unreachable() {
            self.unreachable < limits::UNREACHABLE_TRIES
        } else if error.is_not_registered() {
            self.may_wait()
        } else {
            self.busy += 1;
            error.is_retryable() && self.busy < limits::BUSY_TRIES
        };
        again.then(|| backoff(self.failures))
    }

    /// Whether a node that lags behind the chain should be waited for.
    fn may_wait(&mut self) -> bool {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        since.elapsed() < limits::REGISTRATION_WAIT
    }

    /// As [`Self::after`], for a node that is in an earlier epoch than the network.
    pub(crate) fn after_lag(&mut self) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        self.may_wait().then(|| backoff(self.failures))
    }
}

/// The pause after so many failures: doubles from [`limits::MIN_BACKOFF`], with up to a quarter of chance.
fn backoff(failures: u32) -> Duration {
    const BACKOFF: Backoff = Backoff::new(limits::MIN_BACKOFF, limits::MAX_BACKOFF);
    let pause = BACKOFF.pause(failures.max(1));
    pause.mul_f64(1.0 + rand::rng().random_range(0.0..0.25))
}

/// One request, with a limit on its time.
pub(crate) async fn within<T>(
    limit: Duration,
    request: impl Future<Output = Result<T, NodeError>>,
) -> Result<T, NodeProblem> {
    match tokio::time::timeout(limit, request).await {
        Ok(result) => result.map_err(NodeProblem::from),
        Err(_) => Err(NodeProblem::Silent(limit)),
    }
}

/// Repeats a request until it succeeds or is not worth another try.
pub(crate) async fn persist<T, F>(mut request: impl FnMut() -> F) -> Result<T, NodeProblem>
where
    F: Future<Output = Result<T, NodeProblem>>,
{
    let mut patience = Patience::default();
    loop {
        let error = match request().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match patience.after(&error) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_node_gets_one_more_chance() {
        let mut patience = Patience::default();
        let silent = NodeProblem::Silent(Duration::from_secs(1));
        assert!(patience.after(&silent).is_some());
        assert!(patience.after(&silent).is_none());
    }

    #[test]
    fn a_final_refusal_is_not_repeated() {
        let refused = NodeProblem::from(NodeError::Status {
            url: String::new(),
            status: 400,
        });
        assert!(Patience::default().after(&refused).is_none());
        let busy = NodeProblem::from(NodeError::Status {
            url: String::new(),
            status: 503,
        });
        let mut patience = Patience::default();
        let tries = (0..100)
            .take_while(|_| patience.after(&busy).is_some())
            .count();
        assert_eq!(tries, limits::BUSY_TRIES as usize - 1);
    }

    #[test]
    fn pauses_grow_up_to_their_limit() {
        assert!(backoff(1) < limits::MIN_BACKOFF.mul_f64(1.3));
        assert!(backoff(u32::MAX) <= limits::MAX_BACKOFF.mul_f64(1.3));
        assert!(backoff(3) >= limits::MIN_BACKOFF * 4);
    }
}
