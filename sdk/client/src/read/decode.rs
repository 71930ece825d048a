//! Decoding of verified slivers into the blob, off the network threads.

use std::sync::{Arc, PoisonError};

use walrus_core::{
    Axis, Threads, VerifiedBlobMetadataWithId, Work,
    decoder::{ConsistencyCheck, DecodeError, StreamDecoder, decode_and_check},
    spool::SliverSpool,
};

use super::{Destination, kept::Kept};
use crate::{
    BlobContent, ClientError, Phase, Progress, ProgressEvent, Spool,
    computation::{Watched, compute},
    disk::Output,
    progress::Timer,
};

/// What a blob is decoded with.
pub(super) struct Decoding {
    pub(super) metadata: Arc<VerifiedBlobMetadataWithId>,
    pub(super) check: ConsistencyCheck,
    pub(super) spool: Spool,
}

impl Decoding {
    /// Decodes and checks a blob. For an output the result is in it, and what is returned is empty.
    pub(super) async fn run<T: Axis>(
        self,
        kept: Kept<T>,
        destination: Destination,
        progress: &dyn Progress,
    ) -> Result<BlobContent, ClientError> {
        let timer = Timer::start(Phase::Decode, progress);
        let on_progress = |now: walrus_core::work::Progress| {
            progress.on_event(ProgressEvent::Decoding {
                done: now.done,
                total: now.total,
            });
        };
        let content = compute(
            move |watched| self.decode(kept, &destination, watched),
            on_progress,
        );
        let content = content.await;
        timer.finish();
        content
    }

    fn decode<T: Axis>(
        &self,
        kept: Kept<T>,
        destination: &Destination,
        watched: &Watched,
    ) -> Result<BlobContent, ClientError> {
        match kept {
            Kept::Memory(slivers) => {
                let slivers =
                    std::mem::take(&mut *slivers.lock().unwrap_or_else(PoisonError::into_inner));
                let decoded = decode_and_check(
                    &self.metadata,
                    slivers.into_values(),
                    self.check,
                    Threads::available(),
                );
                let bytes = decoded.map_err(|error| self.error(error))?;
                let Destination::Output(output) = destination else {
                    return Ok(BlobContent::Bytes(bytes));
                };
                output.write(&bytes)?;
                finish(output, watched)?;
                Ok(BlobContent::Bytes(Vec::new()))
            }
            Kept::File(spool) => self.decode_file(&spool, destination, watched),
        }
    }

    fn decode_file(
        &self,
        spool: &SliverSpool,
        destination: &Destination,
        watched: &Watched,
    ) -> Result<BlobContent, ClientError> {
        let on_progress = |progress| watched.advance(progress);
        let work = Work::on(Threads::available())
            .with_progress(&on_progress)
            .with_cancellation(&watched.cancellation);
        let decoder = StreamDecoder::new(&self.metadata, spool)
            .with_check(self.check)
            .with_work(work);
        let length = self.metadata.unencoded_length();
        match destination {
            Destination::Memory => {
                let bytes = decoder.decode().map_err(|error| self.error(error))?;
                Ok(BlobContent::Bytes(bytes))
            }
            Destination::Spool => {
                let file = self.spool.file_of(length)?;
                let decoded = decoder.decode_to_open_file(&file);
                decoded.map_err(|error| match error {
                    DecodeError::Write { error } => self.spool.failed(error).into(),
                    error => self.error(error),
                })?;
                Ok(BlobContent::File(file))
            }
            Destination::Output(output) => {
                output.reserve(length)?;
                let decoded = decoder.decode_to_open_file(output.file());
                decoded.map_err(|error| match error {
                    DecodeError::Write { error } => output.failed(error),
                    error => self.error(error),
                })?;
                finish(output, watched)?;
                Ok(BlobContent::Bytes(Vec::new()))
            }
        }
    }

    fn error(&self, error: DecodeError) -> ClientError {
        match error {
            DecodeError::Inconsistent { .. } | DecodeError::BlobIdMismatch { .. } => {
                ClientError::InvalidBlob(*self.metadata.blob_id())
            }
            DecodeError::Read { error, .. } => self.spool.failed(error).into(),
            DecodeError::Cancelled => ClientError::Interrupted(error.to_string()),
            error => ClientError::Decode(error),
        }
    }
}

/// Lets the file appear, unless nobody waits for it any more.
fn finish(output: &Output, watched: &Watched) -> Result<(), ClientError> {
    output.sync()?;
    if watched.cancellation.is_cancelled() {
        return Err(ClientError::Interrupted("cancelled".to_owned()));
    }
    output.commit()
}
