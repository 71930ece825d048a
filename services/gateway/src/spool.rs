//! Body of a request on its way in: in memory while it is small, and in a file without a name from then on.

use std::sync::Arc;

use axum::{
    body::BodyDataStream,
    http::{HeaderMap, header},
};
use bytes::BytesMut;
use futures::StreamExt as _;
use tokio::{
    io::{AsyncSeekExt as _, AsyncWriteExt as _},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use walrus_sdk::{BlobData, Spool, SpoolError};

use crate::limits;

/// Why a body is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// It is too large.
    #[error("the body is larger than the {limit} bytes that are taken here")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The connection failed, or the client gave up.
    #[error("the body cannot be read: {0}")]
    Unreadable(#[source] axum::Error),
    /// There is no room for it.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// It cannot be written.
    #[error("the body cannot be kept in a temporary file: {0}")]
    Unwritable(#[from] std::io::Error),
}

/// The spool of one of those who have slivers in memory at the same time.
pub(crate) fn of_one(spool: &Spool) -> Spool {
    Spool {
        in_memory: limits::SLIVER_MEMORY_OF_ONE,
        ..spool.clone()
    }
}

/// Memory for slivers that stores share, each of which uses the spool [`of_one`]. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct SliverMemory(Arc<Semaphore>);

/// What is counted: so many bytes at once.
const UNIT: u64 = 64 << 10;
/// Bytes of slivers of each byte of a blob, about; of a small one there are more.
const SLIVER_BYTES: u64 = 5;

impl SliverMemory {
    pub(crate) fn new() -> Self {
        let units = usize::try_from(limits::SLIVER_MEMORY / UNIT).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Waits for as much as a blob of so many bytes takes.
    pub(crate) async fn take(&self, length: u64) -> Option<OwnedSemaphorePermit> {
        let bytes = length.saturating_mul(SLIVER_BYTES);
        let bytes = bytes.clamp(UNIT, limits::SLIVER_MEMORY_OF_ONE);
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        // It is never closed.
        Arc::clone(&self.0).acquire_many_owned(units).await.ok()
    }
}

/// Takes what is left of a body, as far as that is bounded, and forgets it: a client that sends without asking first would see a broken
/// connection in place of an answer that comes earlier. Who asks first (`Expect`) sends nothing then.
pub(crate) async fn discard(headers: &HeaderMap, body: &mut BodyDataStream) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut left = limits::DISCARDED_BODY;
    while let Some(Ok(bytes)) = body.next().await {
        left = left.saturating_sub(bytes.len() as u64);
        if left == 0 {
            return;
        }
    }
}

/// Takes in a body of at most `limit` bytes, and shows each part of it to `look` meanwhile.
pub(crate) async fn receive(
    body: &mut BodyDataStream,
    limit: u64,
    spool: &Spool,
    mut look: impl FnMut(&[u8]),
) -> Result<BlobData, ReceiveError> {
    let mut start = BytesMut::new();
    let mut file = None;
    let mut length: u64 = 0;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(ReceiveError::Unreadable)?;
        length = length.saturating_add(bytes.len() as u64);
        if length > limit {
            return Err(ReceiveError::TooLarge { limit });
        }
        look(&bytes);
        if file.is_none() && length > limits::BODY_IN_MEMORY {
            let mut opened = tokio::fs::File::from_std(spool.file()?);
            opened.write_all(&start).await?;
            start = BytesMut::new();
            file = Some(opened);
        }
        match &mut file {
            Some(file) => file.write_all(&bytes).await?,
            None => start.extend_from_slice(&bytes),
        }
    }
    let Some(mut file) = file else {
        return Ok(start.freeze().into());
    };
    file.flush().await?;
    file.rewind().await?;
    Ok(Arc::new(file.into_std().await).into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::body::Body;
    use bytes::Bytes;
    use futures::stream;

    use super::*;

    async fn receive_parts(parts: Vec<usize>, limit: u64) -> Result<BlobData, ReceiveError> {
        let parts = parts.into_iter().enumerate().map(|(number, length)| {
            Ok::<_, std::convert::Infallible>(Bytes::from(vec![number as u8; length]))
        });
        let mut body = Body::from_stream(stream::iter(parts)).into_data_stream();
        receive(&mut body, limit, &Spool::default(), |_| {}).await
    }

    #[tokio::test]
    async fn a_body_comes_back_wherever_it_was() {
        let in_memory = limits::BODY_IN_MEMORY as usize;
        for parts in [
            vec![],
            vec![3, 4],
            vec![in_memory],
            vec![in_memory, 1],
            vec![1, in_memory, 7],
        ] {
            let data = receive_parts(parts.clone(), u64::MAX).await.unwrap();
            let is_file = parts.iter().sum::<usize>() > in_memory;
            assert_eq!(matches!(data, BlobData::File(_)), is_file, "{parts:?}");
            let mut found = Vec::new();
            data.reader().unwrap().read_to_end(&mut found).unwrap();
            let expected = parts.iter().enumerate();
            let expected: Vec<_> = expected
                .flat_map(|(number, length)| vec![number as u8; *length])
                .collect();
            assert!(found == expected, "{parts:?}");
        }
    }

    #[tokio::test]
    async fn small_stores_go_on_beside_large_ones_which_wait_for_one_another() {
        let memory = SliverMemory::new();
        let at_once = limits::SLIVER_MEMORY / limits::SLIVER_MEMORY_OF_ONE;
        let mut large = Vec::new();
        for _ in 1..at_once {
            large.push(memory.take(u64::MAX).await);
        }
        let small: Vec<_> = futures::future::join_all((0..100).map(|_| memory.take(1))).await;
        let mut another = Box::pin(memory.take(u64::MAX));
        assert!(futures::poll!(&mut another).is_pending());
        drop(small);
        assert!(another.await.is_some());
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_refused_as_soon_as_it_is() {
        assert!(receive_parts(vec![5, 5], 10).await.is_ok());
        let refused = receive_parts(vec![5, 5, 1], 10).await;
        assert!(matches!(refused, Err(ReceiveError::TooLarge { limit: 10 })));
    }
}
