//! Deadlines and bounded retries of read calls.

use std::{future::Future, time::Duration};

use super::{ChainError, servers::Servers};
use crate::{
    backoff::Backoff,
    limits::{MAX_BACKOFF, MAX_CONFLICT_PAUSE, MIN_BACKOFF, MIN_CONFLICT_PAUSE},
};

const BACKOFF: Backoff = Backoff::new(MIN_BACKOFF, MAX_BACKOFF);
const CONFLICTS: Backoff = Backoff::new(MIN_CONFLICT_PAUSE, MAX_CONFLICT_PAUSE);

/// The pause before try number `attempt` (1 is the first repetition): exponential, with jitter.
pub(crate) fn backoff(attempt: u32) -> Duration {
    BACKOFF.jittered(attempt.max(1))
}

/// The pause before a new plan replaces one that conflicted with another transaction, for try number `attempt` (1 is the
/// first repetition): exponential, and anything from nothing to that, so that many who collided come back one by one.
pub fn conflict_pause(attempt: u32) -> Duration {
    CONFLICTS.scattered(attempt.max(1))
}

/// One call under a deadline.
pub(crate) async fn within<T>(
    call: &'static str,
    deadline: Duration,
    work: impl Future<Output = Result<T, tonic::Status>>,
) -> Result<T, ChainError> {
    match tokio::time::timeout(deadline, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(status)) => Err(ChainError::from_status(call, &status)),
        Err(_) => Err(ChainError::Timeout { call, deadline }),
    }
}

/// A read call, repeated while its error is transient: by another server if one takes over, else by the same after a pause.
pub(super) async fn read<T, F>(
    servers: &Servers,
    call: &'static str,
    deadline: Duration,
    attempts: u32,
    mut work: impl FnMut(sui_rpc::Client) -> F,
) -> Result<T, ChainError>
where
    F: Future<Output = Result<T, tonic::Status>>,
{
    let mut attempt = 1;
    loop {
        let (position, server) = servers.current();
        match within(call, deadline, work(server.rpc.clone())).await {
            Err(error) if error.is_transient() && attempt < attempts => {
                tracing::debug!(%error, attempt, "repeating a chain read");
                if !servers.replace(position).await {
                    tokio::time::sleep(backoff(attempt)).await;
                }
                attempt += 1;
            }
            result => return result,
        }
    }
}
