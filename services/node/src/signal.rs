//! Signals: something happened, and whoever waits for it is woken, also if it was busy at that moment.

use tokio::sync::watch;

/// Counts how often it happened.
#[derive(Debug, Default)]
pub struct Signal(watch::Sender<u64>);

impl Signal {
    /// It happened: wakes everybody who waits.
    pub fn announce(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes with every time that it happens from now on.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}
