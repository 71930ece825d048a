//! Bytes that arrive piece by piece, on their way into a file or wherever there is room.

use std::{
    io::{Seek as _, Write as _},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use super::{Output, Spool};
use crate::{BlobContent, ClientError};

/// Writes `length` bytes into a regular file, which is there with all of them or not at all: until then a file that was there before
/// stays.
pub(crate) async fn to_file(
    pieces: impl Stream<Item = Result<Bytes, ClientError>>,
    length: u64,
    path: &Path,
) -> Result<(), ClientError> {
    to_output(pieces, length, Arc::new(Output::create(path)?)).await
}

/// The same, of a file that is begun.
pub(crate) async fn to_output(
    pieces: impl Stream<Item = Result<Bytes, ClientError>>,
    length: u64,
    output: Arc<Output>,
) -> Result<(), ClientError> {
    let mut pieces = std::pin::pin!(pieces);
    output.reserve(length)?;
    while let Some(piece) = pieces.next().await {
        let (output, piece) = (Arc::clone(&output), piece?);
        blocking(move || {
            let written = output.file().write_all(&piece);
            written.map_err(|error| output.failed(error))
        })
        .await?;
    }
    blocking(move || {
        output.sync()?;
        output.commit()
    })
    .await
}

/// Takes all of them into memory.
pub(crate) async fn to_memory(
    pieces: impl Stream<Item = Result<Bytes, ClientError>>,
) -> Result<Vec<u8>, ClientError> {
    let mut pieces = std::pin::pin!(pieces);
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// Keeps `length` bytes in memory if they are few, otherwise in a file without a name.
pub(crate) async fn to_content(
    pieces: impl Stream<Item = Result<Bytes, ClientError>>,
    length: u64,
    spool: &Spool,
) -> Result<BlobContent, ClientError> {
    let mut pieces = std::pin::pin!(pieces);
    if length <= spool.in_memory {
        return to_memory(pieces).await.map(BlobContent::Bytes);
    }
    let mut file = spool.file_of(length)?;
    while let Some(piece) = pieces.next().await {
        let (piece, failed) = (piece?, spool.clone());
        file = blocking(move || match file.write_all(&piece) {
            Ok(()) => Ok(file),
            Err(error) => Err(failed.failed(error).into()),
        })
        .await?;
    }
    file.rewind().map_err(|error| spool.failed(error))?;
    Ok(BlobContent::File(file))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ClientError::Interrupted(error.to_string())))
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    fn pieces() -> impl Stream<Item = Result<Bytes, ClientError>> {
        stream::iter([
            Ok(Bytes::from_static(b"one ")),
            Ok(Bytes::from_static(b"two")),
        ])
    }

    fn broken() -> impl Stream<Item = Result<Bytes, ClientError>> {
        stream::iter([Ok(Bytes::from_static(b"one ")), Err(ClientError::NoEpochs)])
    }

    #[tokio::test]
    async fn pieces_become_a_file_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        assert!(to_file(broken(), 7, &path).await.is_err());
        assert!(!path.exists());
        to_file(pieces(), 7, &path).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
        assert!(to_file(broken(), 7, &path).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn many_bytes_are_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_directory(directory.path());
        let content = to_content(pieces(), 7, &spool).await.unwrap();
        assert!(matches!(content, BlobContent::Bytes(_)));
        spool.in_memory = 6;
        let content = to_content(pieces(), 7, &spool).await.unwrap();
        assert!(matches!(content, BlobContent::File(_)));
        assert_eq!(content.into_bytes().unwrap(), b"one two");
        assert!(to_content(broken(), 7, &spool).await.is_err());
    }
}
