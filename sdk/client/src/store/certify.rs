//! From registrations to certified blobs. Client spec 1.6 to 1.8.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures::StreamExt as _;
use tokio::sync::watch;
use walrus_sui::{
    Address, Digest,
    objects::Blob,
    transactions::{BlobCertificate, MoveAbort, TransactionError},
};

use super::{
    CertifiedUpload, EncodedSlivers, Registered, Store, Tail, phases::UploadPhases,
    register::transaction_error, storage_end::follow, upload::upload_permits, upload_of,
    upload_while_stored,
};
use crate::{ClientError, Phase, ProgressEvent, limits, progress::Timer};

/// A blob that enough nodes confirmed.
type Certified = (usize, BlobCertificate);

/// A blob that did not get through an attempt.
type Failed = (usize, Phase, ClientError);

impl Store<'_> {
    /// Uploads and certifies every pending blob; again if the committee changed in the meantime.
    pub(super) async fn upload_and_certify(&mut self) -> Result<(), ClientError> {
        let mut changes = 0;
        loop {
            let failed = self.attempt().await?;
            if failed.is_empty() {
                return Ok(());
            }
            let again = changes < limits::COMMITTEE_CHANGES
                && failed
                    .iter()
                    .any(|(_, _, error)| error.may_be_epoch_change())
                && self.committee_changed().await;
            for (index, phase, error) in failed {
                self.give_up(index, phase, error, again)?;
            }
            if !again {
                return Ok(());
            }
            changes += 1;
            tokio::time::sleep(limits::COMMITTEE_CHANGE_PAUSE).await;
        }
    }

    /// Ends a blob that failed, unless it gets another attempt.
    fn give_up(
        &mut self,
        index: usize,
        phase: Phase,
        error: ClientError,
        again: bool,
    ) -> Result<(), ClientError> {
        let error = match self.uncertified(index) {
            Some(registered) if registered.has_ended(self.view.current.epoch) => registered.ended(),
            _ if again && error.may_be_epoch_change() => return Ok(()),
            Some(registered) => registered.not_certified(error),
            None => error,
        };
        self.fail(index, phase, error)
    }

    /// What a blob is registered as, if it is but not certified.
    fn uncertified(&self, index: usize) -> Option<Registered> {
        let object = &self.slots.get(index)?.registration.as_ref()?.object;
        let open = object.certified_epoch.is_none();
        open.then(|| Registered::of(object))
    }

    /// Reads the committees again; whether they are others now.
    pub(super) async fn committee_changed(&mut self) -> bool {
        match self.client.refresh().await {
            Ok(view) if view.differs_from(&self.view) => {
                self.view = view;
                true
            }
            Ok(_) => false,
            Err(error) => {
                tracing::warn!(%error, "the committee could not be read again");
                false
            }
        }
    }

    async fn attempt(&mut self) -> Result<Vec<Failed>, ClientError> {
        let mut failed = Vec::new();
        let mut certified = Vec::new();
        let mut tails: Vec<Tail> = Vec::new();
        for (index, result) in self.upload().await {
            match result {
                Ok(upload) => {
                    certified.push((index, upload.certificate));
                    tails.push(upload.tail);
                }
                Err(error) => failed.push((index, Phase::Upload, error)),
            }
        }
        // The remaining uploads go on while the chain works.
        let tail = futures::future::join_all(tails.into_iter().map(Tail::finish));
        let certify = async {
            let result = self.certify(certified, &mut failed).await;
            match result {
                Ok(()) => self.complete().await,
                Err(error) => Err(error),
            }
        };
        let (result, _) = tokio::join!(certify, tail);
        failed.extend(result?);
        Ok(failed)
    }

    async fn upload(&mut self) -> Vec<(usize, Result<CertifiedUpload, ClientError>)> {
        let waiting: Vec<usize> = self
            .pending()
            .into_iter()
            .filter(|index| self.uncertified(*index).is_some())
            .collect();
        let blobs = || {
            let encoded = |i: &usize| self.slots.get(*i)?.encoded.as_ref();
            waiting
                .iter()
                .filter_map(encoded)
                .map(EncodedSlivers::metadata)
        };
        let permits = upload_permits(blobs(), self.view.current.tuning());
        let ids: HashSet<_> = blobs().map(|metadata| *metadata.blob_id()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let uploads: Vec<_> = waiting
            .iter()
            .filter_map(|i| {
                let upload = upload_of(&self.view, self.slots.get(*i)?, &permits)?;
                Some((*i, upload, self.uncertified(*i)?))
            })
            .collect();
        let phases = UploadPhases::start(self.progress, ids);
        let view = Arc::clone(&self.view);
        // Only this attempt's committee can confirm, but storage may end at any time.
        let (epoch, _) = watch::channel(view.current.epoch);
        let results = futures::stream::iter(uploads)
            .map(|(index, upload, registered)| {
                let (view, phases, epoch) = (&view, &phases, epoch.subscribe());
                async move {
                    let result =
                        upload_while_stored(&view.current, &upload, registered, epoch, phases);
                    (index, result.await)
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect();
        let reader = self.client.reader();
        let results = tokio::select! {
            results = results => results,
            never = follow(&epoch, limits::EPOCH_CHECK, || reader.epoch()) => match never {},
        };
        let (uploaded, confirmed) = phases.finish();
        self.report.time(Phase::Upload, uploaded);
        self.report.time(Phase::Confirm, confirmed);
        results
    }

    /// Puts certificates on chain, many in one transaction.
    async fn certify(
        &mut self,
        certified: Vec<Certified>,
        failed: &mut Vec<Failed>,
    ) -> Result<(), ClientError> {
        if certified.is_empty() {
            return Ok(());
        }
        let timer = Timer::start(Phase::Certify, self.progress);
        for batch in certified.chunks(limits::BLOBS_PER_TRANSACTION) {
            self.certify_batch(batch.to_vec(), failed).await?;
        }
        self.report.time(Phase::Certify, timer.finish());
        Ok(())
    }

    /// Puts certificates on chain by one transaction. If somebody else was faster with some of the blobs, what remains goes by
    /// another one.
    async fn certify_batch(
        &mut self,
        mut batch: Vec<Certified>,
        failed: &mut Vec<Failed>,
    ) -> Result<(), ClientError> {
        let action = "certifying the blob";
        while !batch.is_empty() {
            let blobs: Vec<(Address, BlobCertificate)> = batch
                .iter()
                .filter_map(|(index, certificate)| {
                    let registration = self.slots.get(*index)?.registration.as_ref()?;
                    Some((registration.object.id, certificate.clone()))
                })
                .collect();
            let error = match self.writer()?.certify_blobs(&blobs).await {
                Ok(executed) => {
                    self.certified_by(&batch, executed.digest);
                    return Ok(());
                }
                Err(error) => error,
            };
            let before = batch.len();
            if was_overtaken(&error) {
                batch = self.without_certified(batch).await;
            }
            if batch.len() == before {
                let errors = batch
                    .iter()
                    .map(|(index, _)| (*index, transaction_error(action, error.clone())));
                failed.extend(errors.map(|(index, error)| (index, Phase::Certify, error)));
                return Ok(());
            }
        }
        Ok(())
    }

    fn certified_by(&mut self, batch: &[Certified], digest: Digest) {
        self.progress.on_event(ProgressEvent::Certified { digest });
        for (index, _) in batch {
            let Some(slot) = self.slots.get_mut(*index) else {
                continue;
            };
            slot.certify_digest = Some(digest);
            if let Some(registration) = &mut slot.registration {
                registration.object.certified_epoch = Some(self.view.current.epoch);
            }
        }
    }

    /// Takes out the blobs whose objects are certified by now, as far as the chain tells.
    async fn without_certified(&mut self, batch: Vec<Certified>) -> Vec<Certified> {
        let object = |(index, _): &Certified| {
            let slot = self.slots.get(*index)?;
            Some(slot.registration.as_ref()?.object.id)
        };
        let ids: Vec<Address> = batch.iter().filter_map(object).collect();
        let objects = self.client.reader().chain().objects(&ids).await;
        let objects = objects.unwrap_or_else(|error| {
            // The error of the transaction is theirs then.
            tracing::warn!(%error, "blob objects could not be looked at again");
            Vec::new()
        });
        let blobs = objects.iter().flatten();
        let blobs = blobs.filter_map(|object| object.decode::<Blob>().ok());
        let certified = blobs.filter(|blob| blob.certified_epoch.is_some());
        let mut certified: HashMap<Address, Blob> = certified.map(|blob| (blob.id, blob)).collect();
        let mut rest = Vec::new();
        for (index, certificate) in batch {
            let slot = self.slots.get_mut(index);
            let found = slot.and_then(|slot| {
                let registration = slot.registration.as_mut()?;
                registration.object = certified.remove(&registration.object.id)?;
                slot.certified_by_other = true;
                Some(())
            });
            if found.is_none() {
                rest.push((index, certificate));
            }
        }
        rest
    }
}

/// Whether a certificate may have been refused because another one for the same object came first.
fn was_overtaken(error: &TransactionError) -> bool {
    let already = |abort: &MoveAbort| abort.is("blob", "EAlreadyCertified");
    error.is_stale() || error.move_abort().is_some_and(already)
}
