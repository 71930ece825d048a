//! Batched requests, several pieces of a blob in one: what nodes offer beyond the API that all have. Node spec 1.18.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use walrus_core::{
    BlobId, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId, messages::BlobPersistence,
    signed_message::StorageConfirmation,
};

use crate::{
    NodeClient, NodeError, PieceError, PieceName, PieceReader,
    client::{hex_id, malformed, octet_stream},
    routes,
};

/// Bytes in a second that an upload may be slower than by no more than its other limits.
const SLOWEST_UPLOAD: u64 = 8 << 10;

/// Bytes in a second that a node verifies and writes at least.
const SLOWEST_DISK: u64 = 4 << 20;
/// The longest time that it takes for everything else.
const QUICK_ANSWER: Duration = Duration::from_secs(10);

/// What a node holds of a blob: on disk, or in memory until the blob is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Whether the node has seen that the blob is registered.
    pub registered: bool,
    /// Whether it has the metadata.
    pub metadata: bool,
    /// The pairs of which it has the primary sliver.
    pub primary: Vec<SliverPairIndex>,
    /// The pairs of which it has the secondary sliver.
    pub secondary: Vec<SliverPairIndex>,
}

impl Held {
    /// Whether it has this piece.
    pub fn has(&self, piece: PieceName) -> bool {
        match piece {
            PieceName::Metadata => self.metadata,
            PieceName::Sliver(pair, SliverType::Primary) => self.primary.contains(&pair),
            PieceName::Sliver(pair, SliverType::Secondary) => self.secondary.contains(&pair),
        }
    }
}

/// Slivers as they come in one answer. They are not verified.
pub struct SliverReader {
    url: String,
    sliver_type: SliverType,
    /// The longest that an honest one is.
    limit: usize,
    pieces: PieceReader<BoxStream<'static, Result<Bytes, NodeError>>>,
}

impl std::fmt::Debug for SliverReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SliverReader")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl SliverReader {
    /// The next sliver (`SliverData` in BCS, without tag); `None` at the end.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn next(&mut self) -> Result<Option<(SliverPairIndex, Bytes)>, NodeError> {
        let url = self.url.as_str();
        let unreadable = |error: PieceError<NodeError>| match error {
            PieceError::Stream(error) => error,
            error => malformed(url, &error),
        };
        let Some(header) = self.pieces.header().await.map_err(unreadable)? else {
            return Ok(None);
        };
        let PieceName::Sliver(pair, sliver_type) = header.name else {
            return Err(malformed(url, &"metadata came instead of a sliver"));
        };
        if sliver_type != self.sliver_type {
            return Err(malformed(
                url,
                &format!("a {sliver_type} sliver came unasked"),
            ));
        }
        let limit = self.limit;
        if usize::try_from(header.length).unwrap_or(usize::MAX) > limit {
            let url = url.to_owned();
            return Err(NodeError::TooLarge { url, limit });
        }
        let payload = self.pieces.payload(&header).await.map_err(unreadable)?;
        Ok(Some((pair, payload)))
    }
}

/// When something of a stream was taken last.
#[derive(Debug, Clone)]
struct Taken(Arc<Mutex<Instant>>);

impl Taken {
    fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Returns when nothing was taken for so long.
    async fn stands_still(&self, patience: Duration) {
        loop {
            let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match patience.checked_sub(last.elapsed()) {
                Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return,
            }
        }
    }
}

impl NodeClient {
    /// Sends pieces of a blob, `bytes` in all, and waits for the confirmation; the node waits up to `wait` until it sees the
    /// registration. The signature is not checked.
    ///
    /// # Errors
    /// [`NodeError`]; [`NodeError::is_not_offered`] if the node does not offer it; else as for [`Self::store_metadata`],
    /// [`Self::store_sliver`] and [`Self::confirmation`].
    pub async fn upload<S, E>(
        &self,
        blob_id: &BlobId,
        persistence: &BlobPersistence,
        wait: Duration,
        bytes: u64,
        pieces: S,
    ) -> Result<StorageConfirmation, NodeError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        let query = match persistence {
            BlobPersistence::Permanent => String::new(),
            BlobPersistence::Deletable { object_id } => format!("&object_id={}", hex_id(object_id)),
        };
        let wait_millis = wait.as_millis();
        let rest = format!("upload?wait_millis={wait_millis}{query}");
        let url = routes::blob(&self.base, blob_id, &rest);
        let taken = Taken::now();
        let noted = taken.clone();
        let body = reqwest::Body::wrap_stream(pieces.inspect(move |_| noted.note()));
        let longest = Duration::from_secs(bytes / SLOWEST_UPLOAD);
        let request = octet_stream(self.request(Method::POST, &url), body)
            .timeout(self.total_timeout.saturating_add(longest));
        // It has to write what was sent before it answers.
        let writing = Duration::from_secs(bytes / SLOWEST_DISK);
        let patience = QUICK_ANSWER.saturating_add(wait).saturating_add(writing);
        let response = tokio::select! {
            response = self.send_patiently(&url, request) => response?,
            () = taken.stands_still(patience) => {
                return Err(NodeError::Silent { url, after: patience });
            }
        };
        let response = self.success(&url, response).await?;
        self.json_of(&url, response).await
    }

    /// What the node holds of a blob.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn held(&self, blob_id: &BlobId) -> Result<Held, NodeError> {
        self.get_json(&routes::blob(&self.base, blob_id, "have"))
            .await
    }

    /// Asks for several slivers of one type; the node sends those that it has.
    ///
    /// # Errors
    /// [`NodeError`]; [`NodeError::is_not_offered`] if the node does not offer it.
    pub async fn slivers(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        sliver_type: SliverType,
        pairs: &[SliverPairIndex],
    ) -> Result<SliverReader, NodeError> {
        let mut rest = format!("slivers?sliver_type={sliver_type}");
        for pair in pairs {
            rest.push_str(&format!("&pair={pair}"));
        }
        let url = routes::blob(&self.base, metadata.blob_id(), &rest);
        let response = self.get(&url).await?;
        let (client, from) = (self.clone(), url.clone());
        let chunks = futures::stream::try_unfold(response, move |mut response| {
            let (client, url) = (client.clone(), from.clone());
            async move {
                let chunk = client.chunk(&url, &mut response).await?;
                Ok(chunk.map(|chunk| (chunk, response)))
            }
        });
        Ok(SliverReader {
            url,
            sliver_type,
            limit: metadata.sliver_bcs_length(sliver_type),
            pieces: PieceReader::new(chunks.boxed()),
        })
    }
}
