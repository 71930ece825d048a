//! Body that can be read by ranges, be it one blob or the parts of a manifest. Manifest spec 4.

use std::{fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{
    FutureExt as _, Stream, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use walrus_core::{
    BlobId,
    manifest::{MAGIC, Manifest, Piece},
    proof::BodyProof,
};

use super::{ManifestProblem, checked::checked, read::strictly};
use crate::{
    Client, ClientError, RangeBody, ReadBudget, RemoteBlob, SliverCache, Spool,
    nodes::NodeCommittee,
};

/// Opens the blobs that are parts.
pub type PartOpener =
    Arc<dyn Fn(BlobId) -> BoxFuture<'static, Result<RemoteBlob, ClientError>> + Send + Sync>;

/// A blob that was opened, or the body of the manifest that it is. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct RemoteBody {
    blob: RemoteBlob,
    parts: Option<Parts>,
}

/// What a manifest puts together.
#[derive(Clone)]
struct Parts {
    manifest: Arc<Manifest>,
    open: PartOpener,
}

impl RemoteBlob {
    /// The manifest that the blob is, if it is one. Of most blobs the length tells that they are none.
    ///
    /// # Errors
    /// [`ClientError`] if its length is that of a manifest, and its bytes cannot be had.
    pub async fn manifest(&self) -> Result<Option<Manifest>, ClientError> {
        if !Manifest::can_have_length(self.length()) {
            return Ok(None);
        }
        let begin = self.range(0..MAGIC.len() as u64)?.into_bytes().await?;
        if begin != MAGIC {
            return Ok(None);
        }
        let bytes = self.range(0..self.length())?.into_bytes().await?;
        Ok(Manifest::from_bytes(&bytes).ok())
    }
}

impl RemoteBody {
    /// Opens a blob, and looks whether it is a manifest, with the nodes of one committee.
    ///
    /// # Errors
    /// As for [`RemoteBlob::open`] and [`RemoteBlob::manifest`].
    pub async fn open(
        committee: &NodeCommittee,
        blob_id: BlobId,
        spool: &Spool,
    ) -> Result<Self, ClientError> {
        let blob = RemoteBlob::open(committee, blob_id, spool).await?;
        let (committee, spool) = (committee.clone(), spool.clone());
        let open: PartOpener = Arc::new(move |part| {
            let (committee, spool) = (committee.clone(), spool.clone());
            async move { RemoteBlob::open(&committee, part, &spool).await }.boxed()
        });
        Self::of(blob, open).await
    }

    /// The body of a blob whose parts, if it is a manifest, `open` opens.
    ///
    /// # Errors
    /// As for [`RemoteBlob::manifest`].
    pub async fn of(blob: RemoteBlob, open: PartOpener) -> Result<Self, ClientError> {
        let manifest = blob.manifest().await?.map(Arc::new);
        let parts = manifest.map(|manifest| Parts { manifest, open });
        Ok(Self { blob, parts })
    }

    /// The blob's own bytes, also if they are a manifest.
    pub fn raw(blob: RemoteBlob) -> Self {
        Self { blob, parts: None }
    }

    /// The body of a manifest that was read before.
    pub(crate) fn of_manifest(blob: RemoteBlob, manifest: Manifest, open: PartOpener) -> Self {
        let manifest = Arc::new(manifest);
        let parts = Some(Parts { manifest, open });
        Self { blob, parts }
    }

    /// The same body, with a budget that others share.
    #[must_use]
    pub fn with_budget(self, budget: ReadBudget) -> Self {
        let blob = self.blob.with_budget(budget);
        Self { blob, ..self }
    }

    /// The same body, asking a cache before the nodes.
    #[must_use]
    pub fn with_cache(self, cache: Arc<dyn SliverCache>) -> Self {
        let blob = self.blob.with_cache(cache);
        Self { blob, ..self }
    }

    /// The blob ID: of the manifest, if it is one.
    pub fn id(&self) -> BlobId {
        self.blob.id()
    }

    /// The blob of this ID, which may be a manifest.
    pub fn blob(&self) -> &RemoteBlob {
        &self.blob
    }

    /// The manifest, if the blob is one.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.parts.as_ref().map(|parts| &*parts.manifest)
    }

    /// Bytes of the body.
    pub fn length(&self) -> u64 {
        match self.manifest() {
            Some(manifest) => manifest.length(),
            None => self.blob.length(),
        }
    }

    /// The bytes from `start` to before `end`, as [`RemoteBlob::range`]. If they are all bytes of several parts, their digest is checked
    /// before the last of them are handed out.
    ///
    /// # Errors
    /// [`ClientError::RangeNotSatisfiable`] unless the range lies within the body.
    pub fn range(&self, Range { start, end }: Range<u64>) -> Result<RangeBody, ClientError> {
        let Some(parts) = &self.parts else {
            return self.blob.range(start..end);
        };
        let length = self.length();
        if start > end || end > length {
            return Err(ClientError::RangeNotSatisfiable { start, end, length });
        }
        let bytes = self.pieces(parts, start..end);
        let bytes = match start == 0 && end == length {
            true => checked(bytes, self.id(), *parts.manifest.digest()).boxed(),
            false => bytes.boxed(),
        };
        Ok(RangeBody::of(start..end, bytes))
    }

    /// Makes a proof that the bytes of a range, at least one, are those of the body. Proof spec 6.
    ///
    /// # Errors
    /// As for [`RemoteBlob::prove`]; [`ClientError::Manifest`] if a part is not what the manifest says.
    pub async fn prove(&self, range: Range<u64>) -> Result<BodyProof, ClientError> {
        let Some(parts) = &self.parts else {
            return Ok(BodyProof::Blob(self.blob.prove(range).await?));
        };
        let (Range { start, end }, length) = (range.clone(), self.length());
        if start >= end || end > length {
            return Err(ClientError::RangeNotSatisfiable { start, end, length });
        }
        let is_blob = self.blob.prove(0..self.blob.length()).await?;
        let mut proofs = Vec::new();
        for piece in parts.manifest.pieces(range.clone()) {
            let proof = async {
                let part = (parts.open)(piece.part.blob_id).await?.like(&self.blob);
                check_length(self.id(), &piece, part.length())?;
                part.prove(piece.within.clone()).await
            };
            let proof = proof
                .await
                .map_err(|source| ManifestProblem::PartUnreadable {
                    manifest: self.id(),
                    number: piece.number.saturating_add(1),
                    parts: parts.manifest.parts().len(),
                    source: Box::new(source),
                })?;
            proofs.push(proof);
        }
        let manifest = (*parts.manifest).clone();
        let joined = BodyProof::of_manifest(manifest, is_blob, range, proofs);
        joined.map_err(|error| ClientError::Interrupted(error.to_string()))
    }

    /// All bytes, if they are several parts: each part once it is there as a whole and encodes to its ID. `None` of one blob.
    pub fn strictly(
        &self,
        client: &Client,
    ) -> Option<BoxStream<'static, Result<Bytes, ClientError>>> {
        let manifest = self.manifest()?;
        Some(strictly(client, self.id(), manifest.clone()).boxed())
    }

    /// Bytes of one part after the other. None is opened before its turn.
    fn pieces(
        &self,
        parts: &Parts,
        range: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + use<> {
        let pieces: Vec<Piece> = parts.manifest.pieces(range).collect();
        let (manifest, open) = (self.id(), Arc::clone(&parts.open));
        let (total, blob) = (parts.manifest.parts().len(), self.blob.clone());
        stream::iter(pieces)
            .then(move |piece| {
                let (opened, blob) = (open(piece.part.blob_id), blob.clone());
                let unreadable = move |source: ClientError| {
                    ClientError::from(ManifestProblem::PartUnreadable {
                        manifest,
                        number: piece.number.saturating_add(1),
                        parts: total,
                        source: Box::new(source),
                    })
                };
                async move {
                    let part = opened.await.map_err(&unreadable)?.like(&blob);
                    check_length(manifest, &piece, part.length())?;
                    let bytes = part.range(piece.within.clone())?;
                    Ok::<_, ClientError>(bytes.into_stream().map_err(unreadable))
                }
            })
            .try_flatten()
    }
}

/// That a part is as long as the manifest says.
pub(super) fn check_length(
    manifest: BlobId,
    piece: &Piece,
    actual: u64,
) -> Result<(), ManifestProblem> {
    let stated = piece.part.length;
    if actual == stated {
        return Ok(());
    }
    Err(ManifestProblem::WrongPartLength {
        manifest,
        number: piece.number.saturating_add(1),
        blob_id: piece.part.blob_id,
        actual,
        stated,
    })
}

impl fmt::Debug for RemoteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBody")
            .field("id", &self.id())
            .field("length", &self.length())
            .field("parts", &self.manifest().map(|m| m.parts().len()))
            .finish_non_exhaustive()
    }
}
