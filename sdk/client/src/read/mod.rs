//! Reading a blob from the nodes of one committee. Client spec 1.10.
//!
//! A wrong answer is impossible: metadata is checked against the blob ID, slivers against the metadata, and the decoded bytes
//! once more. The worst case is an error that says who failed.
//!
//! Slivers of large blobs go to a file as they arrive, and the blob is decoded from there strip by strip.

mod decode;
mod fallback;
mod kept;
mod metadata;
mod named;
mod recover;
mod refusals;
mod schedule;
mod slivers;
mod status;

use std::{sync::Arc, time::Instant};

use walrus_core::{
    Axis, BlobId, Primary, Secondary, VerifiedBlobMetadataWithId, manifest::Manifest,
};

pub use self::status::{NoWitness, StatusWitness, blob_status, status_before_store};
use self::{
    decode::Decoding,
    refusals::Refusals,
    slivers::{Gathered, Gathering},
};
pub(crate) use self::{
    fallback::WholeBlob, metadata::fetch as fetch_metadata, named::NamedSlivers, status::StatusPoll,
};
use crate::{
    BlobContent, ClientError, Phase, Progress, ReadOptions, Spool,
    disk::{Output, arriving},
    nodes::NodeCommittee,
    progress::Timer,
};

/// Where a blob goes that is read.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// Memory.
    Memory,
    /// Memory if its slivers are there, otherwise a file without a name.
    Spool,
    /// A file.
    Output(Arc<Output>),
}

impl Destination {
    /// Brings there what is in memory.
    pub(crate) async fn take(self, bytes: Vec<u8>) -> Result<BlobContent, ClientError> {
        let Self::Output(output) = self else {
            return Ok(BlobContent::Bytes(bytes));
        };
        let length = bytes.len() as u64;
        let bytes = futures::stream::iter([Ok(bytes.into())]);
        arriving::to_output(bytes, length, output).await?;
        Ok(BlobContent::Bytes(Vec::new()))
    }
}

/// Reads a blob into memory: metadata, a third of the primary slivers (or two thirds of the secondary ones, should those be what
/// the nodes have), decoding, consistency check.
///
/// # Errors
/// [`ClientError::BlobIdDoesNotExist`], [`ClientError::BlobIdBlocked`], [`ClientError::NoMetadataReceived`],
/// [`ClientError::NotEnoughSlivers`], [`ClientError::BlobTooLarge`], [`ClientError::InvalidBlob`], [`ClientError::Spool`].
pub async fn read_blob(
    committee: &NodeCommittee,
    blob_id: &BlobId,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ClientError> {
    let spool = &Spool::default();
    let reading = Reading {
        blob_id,
        options,
        spool,
        progress,
        raw: true,
    };
    let content = reading.run(committee, Destination::Memory).await?;
    content
        .into_bytes()
        .map_err(|error| spool.failed(error).into())
}

/// One read, whichever committee it turns to.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) blob_id: &'a BlobId,
    pub(crate) options: &'a ReadOptions,
    pub(crate) spool: &'a Spool,
    pub(crate) progress: &'a dyn Progress,
    /// Nobody looks whether it is a manifest.
    pub(crate) raw: bool,
}

impl Reading<'_> {
    /// Reads the blob from the nodes of a committee. What goes to an output is not in the result; what may be a manifest does not go there.
    pub(crate) async fn run(
        &self,
        committee: &NodeCommittee,
        destination: Destination,
    ) -> Result<BlobContent, ClientError> {
        let started = Instant::now();
        let timer = Timer::start(Phase::FetchMetadata, self.progress);
        let metadata = Arc::new(metadata::fetch(committee, self.blob_id).await?);
        timer.finish();
        let size = metadata.unencoded_length();
        if let Some(max) = self.options.max_blob_size.filter(|max| size > *max) {
            return Err(ClientError::BlobTooLarge { size, max });
        }
        let destination = match !self.raw && Manifest::can_have_length(size) {
            true => Destination::Memory,
            false => destination,
        };
        let mut refusals = Refusals::default();
        let decoding = Decoding {
            metadata: Arc::clone(&metadata),
            check: self.options.consistency_check,
            spool: self.spool.clone(),
        };
        let timer = Timer::start(Phase::FetchSlivers, self.progress);
        let primary = self.gather::<Primary>(committee, &metadata, &mut refusals);
        let primary = primary.await?;
        let content = if primary.is_enough() {
            timer.finish();
            decoding
                .run(primary.kept, destination, self.progress)
                .await?
        } else {
            let got = primary.got;
            // They are of no use any more.
            drop(primary);
            let secondary = self.gather::<Secondary>(committee, &metadata, &mut refusals);
            let secondary = secondary.await?;
            timer.finish();
            if !secondary.is_enough() {
                return Err(self.not_enough(committee, got, refusals));
            }
            decoding
                .run(secondary.kept, destination, self.progress)
                .await?
        };
        let blob_id = self.blob_id;
        tracing::debug!(%blob_id, bytes = size, took = ?started.elapsed(), "read a blob");
        Ok(content)
    }

    async fn gather<T: Axis>(
        &self,
        committee: &NodeCommittee,
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        refusals: &mut Refusals,
    ) -> Result<Gathered<T>, ClientError> {
        Gathering::<T>::new(committee, Arc::clone(metadata), self.spool, self.progress)?
            .run(refusals)
            .await
    }

    fn not_enough(
        &self,
        committee: &NodeCommittee,
        primary: usize,
        refusals: Refusals,
    ) -> ClientError {
        // Somebody had metadata that belongs to the ID, so the blob exists, whatever is missing of it now.
        match refusals.verdict(self.blob_id, committee.n_shards()) {
            Some(ClientError::BlobIdDoesNotExist(_)) | None => {}
            Some(error) => return error,
        }
        ClientError::NotEnoughSlivers {
            blob_id: *self.blob_id,
            got: u16::try_from(primary).unwrap_or(u16::MAX),
            needed: committee.config.primary_source_symbols(),
            failures: refusals.into_failures(),
        }
    }
}
