//! Polling: waiting for a condition.

use std::time::{Duration, Instant};

/// Pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(50);

/// Repeats `attempt` until it gives a value.
///
/// # Panics
/// After `deadline`, naming `what` was waited for.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut attempt: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(
            started.elapsed() < deadline,
            "waited {deadline:?} in vain for this: {what}"
        );
        tokio::time::sleep(POLL).await;
    }
}
