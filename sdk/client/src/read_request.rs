//! Request to read a blob: how, and where to.

use std::{borrow::Borrow, path::PathBuf, sync::Arc};

use walrus_core::{BlobId, Epoch, manifest::Manifest};
use walrus_node_client::BlobStatus;

use crate::{
    BlobContent, Client, ClientError, ConsistencyCheck, Progress, ReadOptions, Running,
    chain_witness::ChainWitness,
    committee_cache::NetworkView,
    disk::Output,
    limits,
    manifest::read_body,
    read::{Destination, Reading, StatusPoll},
    running::NOBODY,
};

/// A blob about to be read: made by [`Client::read`], read into memory when awaited. Client spec 1.10.
#[must_use = "nothing is read until it is awaited"]
#[derive(Clone)]
pub struct ReadBlob<'a> {
    client: &'a Client,
    blob_id: BlobId,
    options: ReadOptions,
    progress: &'a dyn Progress,
    raw: bool,
}

impl<'a> ReadBlob<'a> {
    pub(crate) fn new(client: &'a Client, blob_id: BlobId) -> Self {
        Self {
            client,
            blob_id,
            options: ReadOptions::default(),
            progress: NOBODY,
            raw: false,
        }
    }

    /// The blob's own bytes, also if they are a manifest.
    pub fn raw(mut self) -> Self {
        self.raw = true;
        self
    }

    /// What is checked after decoding.
    pub fn consistency_check(mut self, check: ConsistencyCheck) -> Self {
        self.options.consistency_check = check;
        self
    }

    /// Refuses blobs of more bytes.
    pub fn max_size(mut self, bytes: u64) -> Self {
        self.options.max_blob_size = Some(bytes);
        self
    }

    /// All options at once, in place of those before.
    pub fn options(mut self, options: impl Borrow<ReadOptions>) -> Self {
        self.options = *options.borrow();
        self
    }

    /// Tells `progress` what happens, from whatever thread it happens on.
    pub fn progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = progress;
        self
    }

    /// Reads into memory, as a future and a stream of its progress. Awaiting the request does the same.
    ///
    /// # Errors
    /// Of the future: as [`read_blob`](crate::read::read_blob); [`ClientError::Chain`] if the committee cannot be read.
    pub fn start(self) -> Running<'a, Result<Vec<u8>, ClientError>> {
        Running::new(self.progress, move |progress| async move {
            let content = self.read_to(&*progress, &Destination::Memory).await?;
            let spool = self.client.spool();
            content
                .into_bytes()
                .map_err(|error| spool.failed(error).into())
        })
    }

    /// Reads into memory if the blob is small, otherwise into a file without a name; either holds the whole blob, checked.
    ///
    /// # Errors
    /// Of the future: as [`Self::start`]; [`ClientError::Spool`] if there is no room for files.
    pub fn content(self) -> Running<'a, Result<BlobContent, ClientError>> {
        Running::new(self.progress, move |progress| async move {
            self.read_to(&*progress, &Destination::Spool).await
        })
    }

    /// Reads into a regular file, which is there with all of the blob, checked, or not at all: until then a file that was there
    /// before stays.
    ///
    /// # Errors
    /// Of the future: as [`Self::content`]; [`ClientError::Output`] if the file cannot be written, which is looked at first.
    pub fn to_file(self, path: impl Into<PathBuf>) -> Running<'a, Result<(), ClientError>> {
        let path = path.into();
        Running::new(self.progress, move |progress| async move {
            let output = Destination::Output(Arc::new(Output::create(&path)?));
            self.read_to(&*progress, &output).await.map(drop)
        })
    }

    async fn read_to(
        &self,
        progress: &dyn Progress,
        destination: &Destination,
    ) -> Result<BlobContent, ClientError> {
        let reading = Reading {
            blob_id: &self.blob_id,
            options: &self.options,
            spool: self.client.spool(),
            progress,
            raw: self.raw,
        };
        let content = self
            .client
            .with_view(|view| {
                let destination = destination.clone();
                async move { self.read_once(&view, reading, destination).await }
            })
            .await?;
        let destination = destination.clone();
        match content {
            BlobContent::Bytes(bytes)
                if !self.raw && Manifest::can_have_length(bytes.len() as u64) =>
            {
                let Ok(manifest) = Manifest::from_bytes(&bytes) else {
                    return destination.take(bytes).await;
                };
                let (client, options) = (self.client, &self.options);
                let body = read_body(
                    client,
                    self.blob_id,
                    manifest,
                    options,
                    destination,
                    progress,
                );
                Box::pin(body).await
            }
            content => Ok(content),
        }
    }

    async fn read_once(
        &self,
        view: &NetworkView,
        reading: Reading<'_>,
        destination: Destination,
    ) -> Result<BlobContent, ClientError> {
        let status = StatusPoll::run(&view.current, &self.blob_id, limits::STATUS_TIMEOUT);
        if view.is_changing() {
            // Who has the slivers depends on when the blob was certified.
            let certified = self.check_readable(status.await).await?;
            let readers = view.readers(certified)?;
            return reading.run(readers, destination).await;
        }
        let mut status = std::pin::pin!(status);
        let mut read = std::pin::pin!(reading.run(&view.current, destination));
        let poll = tokio::select! {
            result = &mut read => return result,
            poll = &mut status => poll,
        };
        self.check_readable(poll).await?;
        read.await
    }

    /// Whether a read makes sense by what the nodes say about the blob; the epoch of its first certification.
    async fn check_readable(&self, poll: StatusPoll) -> Result<Option<Epoch>, ClientError> {
        if poll.is_surely_nonexistent() {
            return Err(ClientError::BlobIdDoesNotExist(self.blob_id));
        }
        let witness = ChainWitness(self.client.reader().clone());
        match poll.decide(&witness).await {
            Ok(BlobStatus::Invalid { .. }) => Err(ClientError::InvalidBlob(self.blob_id)),
            Ok(status) => Ok(status.initial_certified_epoch()),
            // The slivers decide.
            Err(_) => Ok(None),
        }
    }
}

impl<'a> IntoFuture for ReadBlob<'a> {
    type Output = Result<Vec<u8>, ClientError>;
    type IntoFuture = Running<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}
