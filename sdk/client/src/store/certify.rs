//! From registrations to certified blobs. Client spec 1.6 to 1.8.

use std::{collections::HashSet, sync::Arc};

use futures::StreamExt as _;
use walrus_sui::{Address, transactions::BlobCertificate};

use super::{
    CertifiedUpload, EncodedSlivers, Store, Tail, phases::UploadPhases, upload::upload_permits,
    upload_and_confirm, upload_of,
};
use crate::{
    BlobStoreResult, ClientError, Phase, PostStoreAction, ProgressEvent, limits, progress::Timer,
};

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
                if !(again && error.may_be_epoch_change()) {
                    self.fail(index, phase, error)?;
                }
            }
            if !again {
                return Ok(());
            }
            changes += 1;
            tokio::time::sleep(limits::COMMITTEE_CHANGE_PAUSE).await;
        }
    }

    /// Reads the committees again; whether they are others now.
    async fn committee_changed(&mut self) -> bool {
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
                Ok(()) => self.complete(&mut failed).await,
                error => error,
            }
        };
        let (result, _) = tokio::join!(certify, tail);
        result.map(|()| failed)
    }

    async fn upload(&mut self) -> Vec<(usize, Result<CertifiedUpload, ClientError>)> {
        let waiting: Vec<usize> = self
            .pending()
            .into_iter()
            .filter(|index| {
                let registration = self.slots.get(*index).and_then(|s| s.registration.as_ref());
                registration
                    .is_some_and(|registration| registration.object.certified_epoch.is_none())
            })
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
            .filter_map(|i| Some((*i, upload_of(&self.view, self.slots.get(*i)?, &permits)?)))
            .collect();
        let phases = UploadPhases::start(self.progress, ids);
        let view = Arc::clone(&self.view);
        let results = futures::stream::iter(uploads)
            .map(|(index, upload)| {
                let (view, phases) = (&view, &phases);
                async move {
                    (
                        index,
                        upload_and_confirm(&view.current, &upload, phases).await,
                    )
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect()
            .await;
        let (uploaded, confirmed) = phases.finish();
        self.report.time(Phase::Upload, uploaded);
        self.report.time(Phase::Confirm, confirmed);
        results
    }

    /// Puts certificates on chain, many in one transaction.
    async fn certify(
        &mut self,
        certified: Vec<(usize, BlobCertificate)>,
        failed: &mut Vec<Failed>,
    ) -> Result<(), ClientError> {
        if certified.is_empty() {
            return Ok(());
        }
        let timer = Timer::start(Phase::Certify, self.progress);
        for batch in certified.chunks(limits::BLOBS_PER_TRANSACTION) {
            let blobs: Vec<(Address, BlobCertificate)> = batch
                .iter()
                .filter_map(|(index, certificate)| {
                    let registration = self.slots.get(*index)?.registration.as_ref()?;
                    Some((registration.object.id, certificate.clone()))
                })
                .collect();
            match self.writer.certify_blobs(&blobs).await {
                Ok(executed) => {
                    let digest = executed.digest;
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
                Err(source) => failed.extend(batch.iter().map(|(index, _)| {
                    let action = "certifying the blob";
                    let error = ClientError::Transaction {
                        action,
                        source: Box::new(source.clone()),
                    };
                    (*index, Phase::Certify, error)
                })),
            }
        }
        self.report.time(Phase::Certify, timer.finish());
        Ok(())
    }

    /// Extends and describes the blobs that are certified by now, and ends them.
    async fn complete(&mut self, failed: &mut Vec<Failed>) -> Result<(), ClientError> {
        for index in self.pending() {
            let Some(slot) = self.slots.get(index) else {
                continue;
            };
            let Some(registration) = &slot.registration else {
                continue;
            };
            if registration.object.certified_epoch.is_none() {
                continue;
            }
            let object = registration.object.id;
            let mut result = Ok(());
            if let Some(epochs) = registration.extend_by {
                let extended = self.writer.extend_blob(object, epochs).await;
                result = extended
                    .map(drop)
                    .map_err(|source| ("extending the blob", source));
            }
            if result.is_ok() && !registration.has_attributes && !slot.attributes.is_empty() {
                let set = self.writer.set_attributes(object, &slot.attributes).await;
                result = set
                    .map(drop)
                    .map_err(|source| ("setting attributes", source));
            }
            match result {
                Ok(()) => {
                    if let Some(slot) = self.slots.get_mut(index) {
                        slot.succeed(self.view.current.epoch);
                    }
                }
                Err((action, source)) => {
                    failed.push((
                        index,
                        Phase::Certify,
                        ClientError::Transaction {
                            action,
                            source: Box::new(source),
                        },
                    ));
                }
            }
        }
        Ok(())
    }

    /// Gives new blob objects to whom they are for. Client spec 1.2.
    pub(super) async fn hand_over(&mut self) -> Result<(), ClientError> {
        let PostStoreAction::TransferTo(recipient) = self.options.post_store else {
            return Ok(());
        };
        let objects: Vec<Address> = self
            .slots
            .iter()
            .filter_map(|slot| match &slot.result {
                Some(BlobStoreResult::NewlyCreated { blob_object, .. }) => Some(blob_object.id),
                _ => None,
            })
            .collect();
        if objects.is_empty() {
            return Ok(());
        }
        let action = "transferring the blob object";
        self.writer
            .executor()
            .transfer_objects(&objects, recipient)
            .await
            .map(drop)
            .map_err(|source| ClientError::Transaction {
                action,
                source: Box::new(source),
            })
    }
}
