//! Block list refresh: a worker that reads the list anew when its file changes. Node spec 5.12.

use std::{path::PathBuf, sync::Arc, time::Duration};

use walrus_service::worker::{Failure, Status, Step, Worker};

use crate::{
    blobs::{Blocklist, BlocklistError, read_blocklist},
    metrics::Metrics,
    work::Work,
};

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(30);

/// Reads the block list twice a minute. What cannot be read is tried again, and the old list holds: a file that is away or empty
/// for a moment must not let anything through.
#[derive(Debug)]
pub struct BlocklistRefresh {
    pub(crate) path: PathBuf,
    pub(crate) blocklist: Arc<Blocklist>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

impl Worker for BlocklistRefresh {
    fn name(&self) -> &'static str {
        "block-list"
    }

    /// Blobs on the list.
    fn status(&self) -> Status {
        Status {
            done: u64::try_from(self.blocklist.len()).ok(),
            left: None,
            note: Some("blobs on the list".into()),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let path = self.path.clone();
        let read = self.work.in_background(move || read_blocklist(&path));
        match read.await? {
            Ok(blobs) if !blobs.is_empty() => {
                if self.blocklist.replace(blobs) {
                    let blobs = self.blocklist.len();
                    tracing::info!(blobs, "the block list has changed");
                }
            }
            Ok(_) => {}
            Err(BlocklistError::Unreadable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Ok(Step::Retry(error.into())),
        }
        let size = i64::try_from(self.blocklist.len()).unwrap_or(i64::MAX);
        self.metrics.config.blocklist_size.set(size);
        Ok(Step::WaitAtMost(INTERVAL))
    }
}
