//! Registrations as they happen: whoever waits for one is woken. Node spec 4.4.

use tokio::sync::watch;

/// Counts the registrations that were seen since the node started.
#[derive(Debug, Default)]
pub(crate) struct Registrations(watch::Sender<u64>);

impl Registrations {
    /// Wakes everybody who waits.
    pub(crate) fn announce(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with every registration from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
