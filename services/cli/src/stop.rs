//! Signals: Ctrl-C and SIGTERM, and that of a file that grows too large.

use anyhow::Context;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::terminal;

/// Exit status after a second Ctrl-C: what shells report for a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

/// SIGXFSZ, which has no name in tokio.
const FILE_TOO_LARGE: i32 = 25;

/// From here on a write beyond `ulimit -f` is an error, as on a full disk, and does not end the process in the middle of it.
pub(crate) fn on_large_file_go_on() {
    // Without it everything else works.
    let _ = signal(SignalKind::from_raw(FILE_TOO_LARGE));
}

/// Tells when the process was asked to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// From here on a signal no longer ends the process in the middle of a write. A second Ctrl-C does.
    pub(crate) fn on_signals() -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            // Nobody listens any more only when the command is over anyway.
            let _ = sender.send(true);
            interrupt.recv().await;
            // No piece of a bar stays.
            terminal::aside(|| std::process::exit(INTERRUPTED));
        });
        Ok(Self(receiver))
    }

    /// Returns when the process was asked to stop.
    pub(crate) async fn wait(mut self) {
        // The sender lives as long as the process.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Runs work that may wait for somebody else for ever, such as reading a pipe: the process ends without waiting for it.
pub(crate) async fn unattended<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody waits for it any more only when the process is about to end.
        let _ = sender.send(work());
    });
    receiver.await.context("the work was cut off")?
}
