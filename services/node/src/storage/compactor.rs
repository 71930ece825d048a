//! Compaction as a background job.

use std::{borrow::Cow, sync::Arc};

use walrus_service::worker::{Failure, Status, Step, Worker};

use super::{Storage, StorageError};
use crate::{
    limits::{COMPACTION_INTERVAL, COMPACTION_STEP_BYTES},
    work::{Work, WorkError},
};

/// Moves what still counts of mostly dead segments, a little at each step.
#[derive(Debug)]
pub struct Compaction {
    storage: Arc<Storage>,
    work: Work,
    moved_bytes: u64,
    freed_bytes: u64,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum CompactionError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl Compaction {
    /// What the worker is called.
    pub const NAME: &'static str = "compaction";

    pub(crate) fn new(storage: Arc<Storage>, work: Work) -> Self {
        Self {
            storage,
            work,
            moved_bytes: 0,
            freed_bytes: 0,
        }
    }
}

impl Worker for Compaction {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn status(&self) -> Status {
        let (moved, freed) = (self.moved_bytes, self.freed_bytes);
        Status {
            done: Some(moved),
            left: None,
            note: Some(Cow::Owned(format!(
                "{moved} bytes moved, {freed} bytes given back"
            ))),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let storage = Arc::clone(&self.storage);
        let step = move || Ok::<_, CompactionError>(storage.compact_step(COMPACTION_STEP_BYTES)?);
        match self.work.run(step).await {
            Ok(step) => {
                self.moved_bytes = self.moved_bytes.saturating_add(step.moved_bytes);
                self.freed_bytes = self.freed_bytes.saturating_add(step.freed_bytes);
                Ok(if step.more {
                    Step::Again
                } else {
                    Step::WaitAtMost(COMPACTION_INTERVAL)
                })
            }
            // A full or failing disk is no reason to stop serving.
            Err(error) => Ok(Step::Retry(error.into())),
        }
    }
}
