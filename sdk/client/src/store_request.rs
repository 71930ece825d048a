//! Requests to store: what to store and how, awaited for the result.

use std::{borrow::Borrow, sync::Arc};

use walrus_sui::{Address, objects::check_attribute};

use crate::{
    BlobData, BlobToStore, Client, ClientError, DryRun, EpochsAhead, PostStoreAction, Progress,
    Running, StoreOptions, StoreOutcome, StoreReport, StoredBlob,
    journal::{Journal, UploadKey},
    manifest::{Job, Means, jobs},
    relay::UploadRelay,
    running::NOBODY,
    store::{Beforehand, CostLimit, Known, Store},
};

/// A blob about to be stored: made by [`Client::store`], done when awaited.
///
/// Unless told otherwise, it is stored for one epoch, and its owner may delete it.
#[must_use = "nothing is stored until it is awaited"]
#[derive(Clone)]
pub struct StoreBlob<'a> {
    blob: BlobToStore,
    request: Request<'a>,
}

/// Blobs about to be stored together: made by [`Client::store_many`], done when awaited.
///
/// Each transaction registers or certifies up to [`BLOBS_PER_TRANSACTION`](crate::limits::BLOBS_PER_TRANSACTION) of them.
#[must_use = "nothing is stored until it is awaited"]
#[derive(Clone)]
pub struct StoreBlobs<'a> {
    blobs: Vec<BlobToStore>,
    request: Request<'a>,
}

/// What all requests to store have in common.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    pub(crate) client: &'a Client,
    pub(crate) options: StoreOptions,
    pub(crate) progress: &'a dyn Progress,
}

/// How to store, for each of the requests.
macro_rules! how_to_store {
    ($request:ident) => {
        impl<'a> $request<'a> {
            /// For how many epochs, counted from the current one, or [`EpochsAhead::Max`].
            pub fn epochs(mut self, epochs: impl Into<EpochsAhead>) -> Self {
                self.request.options.epochs = epochs.into();
                self
            }

            /// Nobody may delete it before its time.
            pub fn permanent(mut self) -> Self {
                self.request.options.deletable = false;
                self
            }

            /// Gives the blob object to this address afterwards.
            pub fn transfer_to(mut self, owner: Address) -> Self {
                self.request.options.post_store = PostStoreAction::TransferTo(owner);
                self
            }

            /// Puts the blob object into a shared one afterwards, which anybody can extend. Only together with
            /// [`permanent`](Self::permanent).
            pub fn share(mut self) -> Self {
                self.request.options.post_store = PostStoreAction::Share;
                self
            }

            /// Pays nothing if all would cost more, in FROST.
            pub fn max_cost(mut self, frost: u64) -> Self {
                self.request.options.max_cost = Some(frost);
                self
            }

            /// Writes down what is paid, so that a store that is cut off can be gone on with: by the same request, in this process
            /// or in a later one.
            pub fn journal(mut self, journal: &Journal) -> Self {
                self.request.options.journal = Some(journal.clone());
                self
            }

            /// Has a relay send the blobs to the nodes.
            pub fn relay(mut self, relay: &UploadRelay) -> Self {
                self.request.options.relay = Some(relay.clone());
                self
            }

            /// All options at once, in place of those before.
            pub fn options(mut self, options: impl Borrow<StoreOptions>) -> Self {
                self.request.options = options.borrow().clone();
                self
            }

            /// Tells `progress` what happens, from whatever thread it happens on. The other way to see it is
            /// [`start`](Self::start).
            pub fn progress(mut self, progress: &'a dyn Progress) -> Self {
                self.request.progress = progress;
                self
            }
        }
    };
}

pub(crate) use how_to_store;

how_to_store!(StoreBlob);
how_to_store!(StoreBlobs);

impl<'a> StoreBlob<'a> {
    pub(crate) fn new(client: &'a Client, data: BlobData) -> Self {
        Self {
            blob: BlobToStore::new("", data),
            request: Request::new(client),
        }
    }

    /// What it is called in errors and outcomes, a path for instance.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.blob.label = label.into();
        self
    }

    /// What the [`journal`](Self::journal) finds the upload by, in place of its content and of how it is to be stored.
    pub fn upload_key(mut self, key: UploadKey) -> Self {
        self.blob.upload_key = Some(key);
        self
    }

    /// Sets an attribute of the blob object.
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.blob.attributes.push((key.into(), value.into()));
        self
    }

    /// The store as a future and a stream of its progress. Awaiting the request does the same.
    ///
    /// # Errors
    /// Of the future: [`ClientError`]. With nodes of more than `f` shards down it is
    /// [`ClientError::NotEnoughConfirmations`], before anything is paid if the status is checked; of a blob ID that no content
    /// has, [`ClientError::MarkedInvalid`].
    pub fn start(self) -> Running<'a, Result<StoredBlob, ClientError>> {
        let Self { blob, request } = self;
        Running::new(request.progress, move |progress| async move {
            let report = request.store(vec![blob], &*progress).await?;
            only(report.outcomes)
        })
    }

    /// What the store would do, and what the signer would pay; see [`StoreBlobs::dry_run`].
    ///
    /// # Errors
    /// Of the future: as for a store, before anything is paid.
    pub fn dry_run(self) -> Running<'a, Result<DryRun, ClientError>> {
        let Self { blob, request } = self;
        Running::new(request.progress, move |progress| async move {
            let planned = request.dry_run(vec![blob], &*progress).await?;
            planned.into_iter().next().ok_or_else(nothing_done)
        })
    }
}

impl<'a> StoreBlobs<'a> {
    pub(crate) fn new(client: &'a Client, blobs: Vec<BlobToStore>) -> Self {
        Self {
            blobs,
            request: Request::new(client),
        }
    }

    /// The store as a future and a stream of its progress. Awaiting the request does the same.
    ///
    /// # Errors
    /// Of the future: [`ClientError`] for what concerns all blobs, and for anything that keeps a single blob from being stored;
    /// with several blobs each failure is in its outcome.
    pub fn start(self) -> Running<'a, Result<StoreReport, ClientError>> {
        let Self { blobs, request } = self;
        Running::new(request.progress, move |progress| async move {
            request.store(blobs, &*progress).await
        })
    }

    /// What the store would do with these blobs, and what the signer would pay. Nothing is paid, and no signer is needed: then
    /// nothing is owned. Client spec 2.5.
    ///
    /// # Errors
    /// Of the future: as for a store, before anything is paid.
    pub fn dry_run(self) -> Running<'a, Result<Vec<DryRun>, ClientError>> {
        let Self { blobs, request } = self;
        Running::new(request.progress, move |progress| async move {
            request.dry_run(blobs, &*progress).await
        })
    }
}

impl<'a> IntoFuture for StoreBlob<'a> {
    type Output = Result<StoredBlob, ClientError>;
    type IntoFuture = Running<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

impl<'a> IntoFuture for StoreBlobs<'a> {
    type Output = Result<StoreReport, ClientError>;
    type IntoFuture = Running<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.start()
    }
}

/// The outcome of the only blob.
fn only(outcomes: Vec<StoreOutcome>) -> Result<StoredBlob, ClientError> {
    let outcome = outcomes.into_iter().next().ok_or_else(nothing_done)?;
    StoredBlob::try_from(outcome).map_err(|failure| {
        // Nobody else has a share in it yet.
        Arc::try_unwrap(failure.error)
            .unwrap_or_else(|error| ClientError::Interrupted(error.to_string()))
    })
}

/// The report of a single blob, unless that failed.
fn unless_failed(mut report: StoreReport) -> Result<StoreReport, ClientError> {
    match report.outcomes.pop() {
        Some(outcome) if outcome.result.is_err() => only(vec![outcome]).map(|_| report),
        outcome => {
            report.outcomes.extend(outcome);
            Ok(report)
        }
    }
}

pub(crate) fn nothing_done() -> ClientError {
    ClientError::Interrupted("nothing was stored".to_owned())
}

/// That all attributes can be set, before anything is encoded.
fn check_attributes(blobs: &[BlobToStore]) -> Result<(), ClientError> {
    let attributes = blobs.iter().flat_map(|blob| {
        let attributes = blob.attributes.iter();
        attributes.map(|(key, value)| (&blob.label, key, value))
    });
    for (label, key, value) in attributes {
        check_attribute(key, value).map_err(|source| ClientError::Attribute {
            label: label.clone(),
            source,
        })?;
    }
    Ok(())
}

impl<'a> Request<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self {
            client,
            options: StoreOptions::new(EpochsAhead::Count(1)),
            progress: NOBODY,
        }
    }

    /// Stores blobs, batch by batch. Client spec 1.3. The same content several times is stored once; what is too large for one blob
    /// becomes several.
    pub(crate) async fn store(
        &self,
        blobs: Vec<BlobToStore>,
        progress: &dyn Progress,
    ) -> Result<StoreReport, ClientError> {
        let client = self.client;
        let mut options = self.options.clone();
        check_attributes(&blobs)?;
        client.writer()?;
        let config = client.view().await?.current.config;
        let is_alone = blobs.len() == 1;
        if blobs.len() > client.blobs_at_once()
            && let Some(beforehand) = Beforehand::of(client, &options, &blobs).await?
        {
            beforehand.check(&self.dry_run(blobs.clone(), progress).await?)?;
        }
        let mut known = Known::default();
        let mut report: Option<StoreReport> = None;
        for job in jobs(blobs, &config, client.blobs_at_once()) {
            let labels = job.labels();
            let stored = match job {
                Job::Blobs(batch) => {
                    self.store_together(batch, &options, &mut known, progress)
                        .await
                }
                Job::Body(blob, plan) => {
                    let means = Means {
                        options: options.clone(),
                        known: &mut known,
                        progress,
                    };
                    let stored = Box::pin(self.store_body(blob, plan, means)).await;
                    match is_alone {
                        true => unless_failed(stored),
                        false => Ok(stored),
                    }
                }
                Job::TooLong(_, error) => Err(error),
            };
            if let Ok(stored) = &stored {
                let paid = stored.paid();
                options.max_cost = options.max_cost.map(|max| max.saturating_sub(paid));
            }
            match (&mut report, stored) {
                (None, stored) => report = Some(stored?),
                (Some(report), Ok(stored)) => report.append(stored),
                // What is stored by now has been paid for and must be told.
                (Some(report), Err(error)) => report.append_failed(labels, error),
            }
        }
        report.ok_or_else(nothing_done)
    }

    /// Stores blobs that are encoded at the same time.
    pub(crate) async fn store_together(
        &self,
        blobs: Vec<BlobToStore>,
        options: &StoreOptions,
        known: &mut Known,
        progress: &dyn Progress,
    ) -> Result<StoreReport, ClientError> {
        let writer = self.client.writer()?;
        let store = Store::new(self.client, Some(writer), options, progress).await?;
        // On the heap: the futures of callers would be too large for small stacks.
        Box::pin(store.run(blobs, known)).await
    }

    pub(crate) async fn dry_run(
        &self,
        blobs: Vec<BlobToStore>,
        progress: &dyn Progress,
    ) -> Result<Vec<DryRun>, ClientError> {
        check_attributes(&blobs)?;
        let config = self.client.view().await?.current.config;
        let mut planned = Vec::with_capacity(blobs.len());
        for job in jobs(blobs, &config, usize::MAX) {
            match job {
                Job::Blobs(blobs) => {
                    planned.extend(self.dry_run_together(blobs, None, progress).await?);
                }
                Job::Body(blob, plan) => {
                    let body = self.dry_run_body(blob, plan, None, progress);
                    planned.push(Box::pin(body).await?);
                }
                Job::TooLong(_, error) => return Err(error),
            }
        }
        Ok(planned)
    }

    /// What a store would do with blobs of which none has to be cut. With a limit, it ends with an error as soon as it is clear that
    /// they cost more, before all are encoded.
    pub(crate) async fn dry_run_together(
        &self,
        blobs: Vec<BlobToStore>,
        limit: Option<CostLimit>,
        progress: &dyn Progress,
    ) -> Result<Vec<DryRun>, ClientError> {
        let writer = self.client.writer().ok();
        let store = Store::new(self.client, writer, &self.options, progress).await?;
        Box::pin(store.dry_run(blobs, limit)).await
    }
}
