//! Reading a blob from the nodes of one committee. Client spec 1.10.
//!
//! A wrong answer is impossible: metadata is checked against the blob ID, slivers against the metadata, and the decoded bytes
//! once more. The worst case is an error that says who failed.

mod metadata;
mod refusals;
mod slivers;
mod status;

use std::{sync::Arc, time::Instant};

use walrus_core::{
    Axis, BlobId, Primary, Secondary, SliverData, Threads, VerifiedBlobMetadataWithId,
    decoder::{ConsistencyCheck, DecodeError, decode_and_check},
};

pub(crate) use self::status::StatusPoll;
pub use self::status::{NoWitness, StatusWitness, blob_status};
use self::{
    refusals::Refusals,
    slivers::{Gathered, Gathering},
};
use crate::{ClientError, Phase, Progress, ReadOptions, nodes::NodeCommittee, progress::Timer};

/// Reads a blob: metadata, a third of the primary slivers (or two thirds of the secondary ones, should those be what the nodes
/// have), decoding, consistency check.
///
/// # Errors
/// [`ClientError::BlobIdDoesNotExist`], [`ClientError::BlobIdBlocked`], [`ClientError::NoMetadataReceived`],
/// [`ClientError::NotEnoughSlivers`], [`ClientError::BlobTooLarge`], [`ClientError::InvalidBlob`].
pub async fn read_blob(
    committee: &NodeCommittee,
    blob_id: &BlobId,
    options: &ReadOptions,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ClientError> {
    let started = Instant::now();
    let timer = Timer::start(Phase::FetchMetadata, progress);
    let metadata = Arc::new(metadata::fetch(committee, blob_id).await?);
    timer.finish();
    let size = metadata.unencoded_length();
    if let Some(max) = options.max_blob_size.filter(|max| size > *max) {
        return Err(ClientError::BlobTooLarge { size, max });
    }
    let mut refusals = Refusals::default();
    let check = options.consistency_check;
    let timer = Timer::start(Phase::FetchSlivers, progress);
    let primary = gather::<Primary>(committee, &metadata, &mut refusals, progress).await;
    let blob = if primary.is_enough() {
        timer.finish();
        decode(metadata, primary.slivers, check, progress).await?
    } else {
        let secondary = gather::<Secondary>(committee, &metadata, &mut refusals, progress).await;
        timer.finish();
        if !secondary.is_enough() {
            return Err(not_enough(committee, blob_id, &primary, refusals));
        }
        decode(metadata, secondary.slivers, check, progress).await?
    };
    tracing::debug!(%blob_id, bytes = blob.len(), took = ?started.elapsed(), "read a blob");
    Ok(blob)
}

async fn gather<T: Axis>(
    committee: &NodeCommittee,
    metadata: &Arc<VerifiedBlobMetadataWithId>,
    refusals: &mut Refusals,
    progress: &dyn Progress,
) -> Gathered<T> {
    Gathering::<T>::new(committee, Arc::clone(metadata), progress)
        .run(refusals)
        .await
}

fn not_enough(
    committee: &NodeCommittee,
    blob_id: &BlobId,
    primary: &Gathered<Primary>,
    refusals: Refusals,
) -> ClientError {
    if let Some(error) = refusals.verdict(blob_id, committee.n_shards()) {
        return error;
    }
    let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    ClientError::NotEnoughSlivers {
        blob_id: *blob_id,
        got: count(primary.slivers.len()),
        needed: count(primary.needed),
        failures: refusals.into_failures(),
    }
}

async fn decode<T: Axis>(
    metadata: Arc<VerifiedBlobMetadataWithId>,
    slivers: Vec<SliverData<T>>,
    check: ConsistencyCheck,
    progress: &dyn Progress,
) -> Result<Vec<u8>, ClientError> {
    let timer = Timer::start(Phase::Decode, progress);
    let blob_id = *metadata.blob_id();
    let decoded = tokio::task::spawn_blocking(move || {
        decode_and_check(&metadata, slivers, check, Threads::available())
    })
    .await
    .map_err(|error| ClientError::Interrupted(error.to_string()))?;
    timer.finish();
    decoded.map_err(|error| match error {
        DecodeError::Inconsistent { .. } | DecodeError::BlobIdMismatch { .. } => {
            ClientError::InvalidBlob(blob_id)
        }
        error => ClientError::Decode(error.to_string()),
    })
}
