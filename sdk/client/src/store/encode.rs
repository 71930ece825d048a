//! From bytes to slivers, off the network threads.

use std::sync::Arc;

use walrus_core::{
    BlobId, EncodingConfig, EncodingType, Threads,
    encoder::{BlobEncoder, EncodedBlob},
    pricing::encoded_blob_length,
};

use crate::ClientError;

/// Slivers, metadata and the size in storage of a blob, metadata included.
pub(crate) async fn encode(
    data: Vec<u8>,
    config: EncodingConfig,
) -> Result<(Arc<EncodedBlob>, u64), ClientError> {
    let encoded_size = encoded_size(data.len(), config)?;
    let blob = on_blocking_thread(move || {
        let encoder = BlobEncoder::new(config, &data).map_err(encode_error)?;
        encoder
            .with_threads(Threads::available())
            .encode()
            .map_err(encode_error)
    })
    .await?;
    Ok((Arc::new(blob), encoded_size))
}

/// The blob ID and the size in storage, without keeping slivers.
pub(crate) async fn blob_id(
    data: Vec<u8>,
    config: EncodingConfig,
) -> Result<(BlobId, u64), ClientError> {
    let encoded_size = encoded_size(data.len(), config)?;
    let blob_id = on_blocking_thread(move || {
        let encoder = BlobEncoder::new(config, &data).map_err(encode_error)?;
        encoder
            .with_threads(Threads::available())
            .compute_blob_id()
            .map_err(encode_error)
    })
    .await?;
    Ok((blob_id, encoded_size))
}

fn encoded_size(size: usize, config: EncodingConfig) -> Result<u64, ClientError> {
    let size = u64::try_from(size).unwrap_or(u64::MAX);
    let max = config.max_blob_size();
    if size > max {
        return Err(ClientError::BlobTooLarge { size, max });
    }
    encoded_blob_length(config.n_shards(), size, EncodingType::RS2).map_err(encode_error)
}

async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ClientError::Interrupted(error.to_string())))
}

fn encode_error(error: impl std::fmt::Display) -> ClientError {
    ClientError::Encode(error.to_string())
}
