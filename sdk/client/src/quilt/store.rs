//! Request to store a quilt. Client spec 2.5 and 6.

use std::{borrow::Borrow, collections::BTreeMap};

use walrus_core::quilt::{PatchColumns, QuiltIndex, QuiltPatchId};
use walrus_sui::Address;

use super::{
    PatchToStore,
    pack::{Packed, pack},
};
use crate::{
    Client, ClientError, DryRun, EpochsAhead, PostStoreAction, Progress, Running, StoreOptions,
    StoreOutcome, StoreReport,
    journal::{Journal, UploadKey},
    relay::UploadRelay,
    store_request::{Request, how_to_store, nothing_done},
};

/// A quilt about to be stored: made by [`Client::store_quilt`], done when awaited.
///
/// Unless told otherwise, it is stored for one epoch, and its owner may delete it.
#[must_use = "nothing is stored until it is awaited"]
#[derive(Clone)]
pub struct StoreQuilt<'a> {
    patches: Vec<PatchToStore>,
    label: String,
    attributes: Vec<(String, String)>,
    upload_key: Option<UploadKey>,
    request: Request<'a>,
}

how_to_store!(StoreQuilt);

/// A patch that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPatch {
    /// Its name.
    pub identifier: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// What it is read by.
    pub id: QuiltPatchId,
}

impl StoredPatch {
    /// Its columns.
    pub fn columns(&self) -> PatchColumns {
        self.id.columns
    }
}

/// What became of a quilt.
#[derive(Debug)]
pub struct QuiltReport {
    /// What became of the blob.
    pub outcome: StoreOutcome,
    /// The patches, by their names. None if the blob is not stored.
    pub patches: Vec<StoredPatch>,
    /// How long each phase took.
    pub timings: BTreeMap<crate::Phase, std::time::Duration>,
    /// Gas of all transactions in MIST.
    pub gas: i64,
}

/// What a store of a quilt would do.
#[derive(Debug)]
pub struct QuiltPlan {
    /// What it would do with the blob.
    pub blob: DryRun,
    /// The index of the quilt.
    pub index: QuiltIndex,
}

impl<'a> StoreQuilt<'a> {
    pub(crate) fn new(client: &'a Client, patches: Vec<PatchToStore>) -> Self {
        Self {
            patches,
            label: "quilt".to_owned(),
            attributes: Vec::new(),
            upload_key: None,
            request: Request::new(client),
        }
    }

    /// What it is called in errors and outcomes.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets an attribute of the blob object, beside the one that marks quilts.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// What the [`journal`](Self::journal) finds the upload by, in place of its content and of how it is to be stored.
    pub fn upload_key(mut self, key: UploadKey) -> Self {
        self.upload_key = Some(key);
        self
    }

    /// The store as a future and a stream of its progress. Awaiting the request does the same.
    ///
    /// # Errors
    /// Of the future: as [`StoreBlob::start`](crate::StoreBlob::start); [`ClientError::Quilt`] if the patches make no quilt, before
    /// anything is paid.
    pub fn start(self) -> Running<'a, Result<QuiltReport, ClientError>> {
        let Self {
            patches,
            label,
            attributes,
            upload_key,
            request,
        } = self;
        Running::new(request.progress, move |progress| async move {
            let Packed { mut blob, index } = packed(&request, patches, label).await?;
            blob.attributes.extend(attributes);
            blob.upload_key = upload_key;
            let report = request.store(vec![blob], &*progress).await?;
            QuiltReport::new(report, index)
        })
    }

    /// What the store would do, and what the signer would pay; see [`StoreBlobs::dry_run`](crate::StoreBlobs::dry_run).
    ///
    /// # Errors
    /// Of the future: as for a store, before anything is paid.
    pub fn dry_run(self) -> Running<'a, Result<QuiltPlan, ClientError>> {
        let Self {
            patches,
            label,
            attributes,
            request,
            ..
        } = self;
        Running::new(request.progress, move |progress| async move {
            let Packed { mut blob, index } = packed(&request, patches, label).await?;
            blob.attributes.extend(attributes);
            let planned = request.dry_run(vec![blob], &*progress).await?;
            let blob = planned.into_iter().next().ok_or_else(nothing_done)?;
            Ok(QuiltPlan { blob, index })
        })
    }
}

impl<'a> IntoFuture for StoreQuilt<'a> {
    type Output = Result<QuiltReport, ClientError>;
    type IntoFuture = Running<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl QuiltReport {
    fn new(report: StoreReport, index: QuiltIndex) -> Result<Self, ClientError> {
        let StoreReport {
            outcomes,
            timings,
            gas,
        } = report;
        let outcome = outcomes.into_iter().next().ok_or_else(nothing_done)?;
        let patches = match &outcome.result {
            Ok(stored) => stored_patches(stored.blob_id(), &index),
            Err(_) => Vec::new(),
        };
        Ok(Self {
            outcome,
            patches,
            timings,
            gas,
        })
    }
}

pub(super) fn stored_patches(
    quilt_id: walrus_core::BlobId,
    index: &QuiltIndex,
) -> Vec<StoredPatch> {
    let patches = index.patches().iter();
    patches
        .map(|patch| StoredPatch {
            identifier: patch.identifier.clone(),
            tags: patch.tags.clone().into_map(),
            id: patch.id(quilt_id),
        })
        .collect()
}

async fn packed(
    request: &Request<'_>,
    patches: Vec<PatchToStore>,
    label: String,
) -> Result<Packed, ClientError> {
    let client = request.client;
    let config = client.view().await?.current.config;
    pack(patches, label, config, client.spool().clone()).await
}
