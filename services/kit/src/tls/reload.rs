//! Certificate reload: a worker that serves what a file holds now.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Certificates, read_chain};
use crate::worker::{Failure, Status, Step, Worker};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(60);

/// Looks once a minute whether the file of [`Certificates`] has changed. One that cannot be served is tried again, and the old
/// certificate goes on to be served.
#[derive(Debug)]
pub struct CertificateReload {
    certificates: Arc<Certificates>,
    path: PathBuf,
    reloads: u64,
}

impl CertificateReload {
    /// Watches `path`.
    pub fn new(certificates: Arc<Certificates>, path: PathBuf) -> Self {
        Self {
            certificates,
            path,
            reloads: 0,
        }
    }

    fn reload(&mut self) -> Result<(), Failure> {
        let chain = read_chain(&self.path)?;
        if !self.certificates.serve(&chain) {
            self.certificates.replace(chain)?;
            self.reloads = self.reloads.saturating_add(1);
            tracing::info!(path = %self.path.display(), "a new certificate is served");
        }
        Ok(())
    }
}

impl Worker for CertificateReload {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn status(&self) -> Status {
        Status {
            done: Some(self.reloads),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        // A few kilobytes once a minute: not worth a blocking thread.
        Ok(match self.reload() {
            Ok(()) => Step::WaitAtMost(INTERVAL),
            Err(error) => {
                tracing::warn!(%error, "the old certificate goes on to be served");
                Step::Retry(error)
            }
        })
    }
}
