//! Certification: from registrations to certified blobs. Client spec 1.6 to 1.8.

use std::{collections::HashSet, sync::Arc};

use futures::StreamExt as _;
use tokio::sync::watch;
use walrus_sui::{
    Address, Digest,
    transactions::{Certification, TransactionError},
};

use super::{
    CertifiedUpload, Store, Tail, is_stored_already,
    phases::UploadPhases,
    register::transaction_error,
    stage::{Confirmed, Placed as _, Registered},
    storage_end::{self, follow},
    upload::upload_permits,
    upload_of, upload_while_stored,
};
use crate::{
    ClientError, Phase, ProgressEvent, limits, progress::Timer, store_request::nothing_done,
};

const CERTIFYING: &str = "certifying the blob";

/// A blob that did not get through an attempt.
pub(super) struct Failed {
    pub(super) blob: Registered,
    pub(super) phase: Phase,
    error: ClientError,
}

impl Failed {
    pub(super) fn in_phase(phase: Phase, blob: Registered, error: ClientError) -> Self {
        Self { blob, phase, error }
    }
}

impl Store<'_> {
    /// Uploads and certifies every blob; again if the committee changed in the meantime.
    pub(super) async fn upload_and_certify(
        &mut self,
        mut blobs: Vec<Registered>,
    ) -> Result<(), ClientError> {
        let mut changes = 0;
        loop {
            let failed = self.attempt(blobs).await?;
            let failed = self.without_lost(failed).await?;
            if failed.is_empty() {
                return Ok(());
            }
            let again = changes < limits::COMMITTEE_CHANGES
                && failed
                    .iter()
                    .any(|failed| failed.error.may_be_epoch_change())
                && self.committee_changed().await;
            blobs = Vec::new();
            for failed in failed {
                blobs.extend(self.give_up(failed, again)?);
            }
            if !again {
                return Ok(());
            }
            changes += 1;
            tokio::time::sleep(limits::COMMITTEE_CHANGE_PAUSE).await;
        }
    }

    /// Ends a blob that failed, unless it gets another attempt.
    fn give_up(&mut self, failed: Failed, again: bool) -> Result<Option<Registered>, ClientError> {
        let Failed { blob, phase, error } = failed;
        let error = match blob.uncertified() {
            // Whoever noticed it has said all there is to say.
            _ if matches!(error, ClientError::StorageEnded { .. }) => error,
            Some(registered) if registered.has_ended(self.view.current.epoch) => registered.ended(),
            _ if again && error.may_be_epoch_change() => return Ok(Some(blob)),
            Some(registered) => registered.not_certified(error),
            None => error,
        };
        self.fail(blob.place(), phase, error)?;
        Ok(None)
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

    /// Goes as far as possible with each blob. Those that are stored are ended; the others come back.
    async fn attempt(&mut self, blobs: Vec<Registered>) -> Result<Vec<Failed>, ClientError> {
        let (mut certified, waiting): (Vec<_>, Vec<_>) =
            blobs.into_iter().partition(Registered::is_certified);
        let mut failed = Vec::new();
        let (mut confirmed, waiting) = confirmed_before(waiting);
        let mut tails: Vec<Tail> = Vec::new();
        for (blob, result) in self.upload(waiting).await {
            match result {
                Ok(upload) => {
                    confirmed.push(blob.confirmed(upload.certificate));
                    tails.push(upload.tail);
                }
                Err(error) => failed.push(Failed::in_phase(Phase::Upload, blob, error)),
            }
        }
        self.note_confirmed(&confirmed).await;
        // The remaining uploads go on while the chain works.
        let tail = futures::future::join_all(tails.into_iter().map(Tail::finish));
        let certify = async {
            certified.extend(self.certify(confirmed, &mut failed).await?);
            certified.sort_by_key(Registered::place);
            Ok::<_, ClientError>(self.complete(certified).await)
        };
        let (incomplete, _) = tokio::join!(certify, tail);
        failed.extend(incomplete?);
        Ok(failed)
    }

    async fn upload(
        &mut self,
        blobs: Vec<Registered>,
    ) -> Vec<(Registered, Result<CertifiedUpload, ClientError>)> {
        if blobs.is_empty() {
            return Vec::new();
        }
        if let Some(relay) = &self.options.relay {
            return self.relay(relay, blobs).await;
        }
        let slivers = || blobs.iter().filter_map(|blob| blob.encoded.slivers());
        let in_memory = self.client.spool().in_memory;
        let permits = upload_permits(slivers(), self.view.current.tuning(), in_memory);
        let ids: HashSet<_> = slivers()
            .map(|slivers| *slivers.metadata().blob_id())
            .collect();
        let phases = UploadPhases::start(self.progress, ids);
        let view = Arc::clone(&self.view);
        let sent = blobs
            .iter()
            .filter(|blob| !is_stored_already(&view, blob.encoded.status.as_ref()))
            .filter_map(|blob| blob.encoded.slivers());
        phases.announce(sent.map(|blob| (*blob.metadata().blob_id(), blob.sliver_bytes())));
        // Only this attempt's committee can confirm, but storage may end at any time.
        let (epoch, _) = watch::channel(view.current.epoch);
        let next = view.current.epoch.saturating_add(1);
        let is_last = |blob: &Registered| blob.registration.object.storage.end_epoch <= next;
        let pause = match blobs.iter().any(is_last) {
            true => limits::LAST_EPOCH_CHECK,
            false => limits::EPOCH_CHECK,
        };
        let results = futures::stream::iter(blobs)
            .map(|blob| {
                let slivers = blob.encoded.slivers();
                let upload = slivers.map(|slivers| upload_of(&view, &blob, slivers, &permits));
                let registered = storage_end::Registered::of(&blob.registration.object);
                let (view, phases, epoch) = (&view, &phases, epoch.subscribe());
                async move {
                    let Some(upload) = upload else {
                        return (blob, Err(nothing_done()));
                    };
                    let result =
                        upload_while_stored(&view.current, &upload, registered, epoch, phases);
                    (blob, result.await)
                }
            })
            .buffer_unordered(limits::MAX_CONCURRENT_BLOBS)
            .collect();
        let reader = self.client.reader();
        let results = tokio::select! {
            results = results => results,
            never = follow(&epoch, pause, || reader.epoch()) => match never {},
        };
        let (uploaded, confirmed) = phases.finish();
        self.report.time(Phase::Upload, uploaded);
        self.report.time(Phase::Confirm, confirmed);
        results
    }

    /// Puts certificates on chain, many in one transaction; the blobs that are certified then.
    async fn certify(
        &mut self,
        mut confirmed: Vec<Confirmed>,
        failed: &mut Vec<Failed>,
    ) -> Result<Vec<Registered>, ClientError> {
        let mut certified = Vec::with_capacity(confirmed.len());
        if confirmed.is_empty() {
            return Ok(certified);
        }
        let timer = Timer::start(Phase::Certify, self.progress);
        while !confirmed.is_empty() {
            let count = confirmed.len().min(limits::BLOBS_PER_TRANSACTION);
            let batch = confirmed.drain(..count).collect();
            certified.extend(self.certify_batch(batch, failed).await?);
        }
        self.report.time(Phase::Certify, timer.finish());
        Ok(certified)
    }

    /// Puts certificates on chain by one transaction. If somebody else was faster with some of the blobs, what remains goes by
    /// another one.
    async fn certify_batch(
        &mut self,
        mut batch: Vec<Confirmed>,
        failed: &mut Vec<Failed>,
    ) -> Result<Vec<Registered>, ClientError> {
        let mut certified = Vec::with_capacity(batch.len());
        while !batch.is_empty() {
            let recipient = self.recipient();
            let blobs: Vec<_> = batch
                .iter()
                .map(|blob| certification(blob, recipient))
                .collect();
            let error = match self.writer()?.certify_blobs(&blobs).await {
                Ok(executed) => {
                    let handed: Vec<bool> = blobs.iter().map(|b| b.recipient.is_some()).collect();
                    certified.extend(self.certified_by(batch, &handed, executed.digest));
                    return Ok(certified);
                }
                Err(error) => error,
            };
            let before = batch.len();
            if may_be_overtaken(&error) {
                batch = self
                    .without_certified(batch, &error, &mut certified, failed)
                    .await;
            }
            if batch.len() == before {
                failed.extend(batch.into_iter().map(|blob| {
                    let error = transaction_error(CERTIFYING, error.clone());
                    Failed::in_phase(Phase::Certify, blob.registered, error)
                }));
                return Ok(certified);
            }
        }
        Ok(certified)
    }

    /// Notes what one transaction did with a batch; `handed` tells which objects it gave away.
    fn certified_by(
        &mut self,
        batch: Vec<Confirmed>,
        handed: &[bool],
        digest: Digest,
    ) -> Vec<Registered> {
        self.progress.on_event(ProgressEvent::Certified { digest });
        let epoch = self.view.current.epoch;
        let certified = batch.into_iter().zip(handed).map(|(blob, handed)| {
            let mut blob = blob.registered;
            self.note(blob.place(), |record| {
                record.certify_digest = Some(digest);
                record.handed_over = *handed;
            });
            blob.registration.object.certified_epoch = Some(epoch);
            blob.registration.has_attributes = true;
            blob.registration.is_own |= *handed;
            blob
        });
        certified.collect()
    }

    /// Takes out the blobs whose objects are certified by now, as far as the chain tells, and as failed those whose objects are
    /// lost.
    async fn without_certified(
        &mut self,
        batch: Vec<Confirmed>,
        error: &TransactionError,
        certified: &mut Vec<Registered>,
        failed: &mut Vec<Failed>,
    ) -> Vec<Confirmed> {
        let ids: Vec<Address> = batch.iter().map(|blob| blob.object().id).collect();
        // If the chain does not tell, the error of the transaction is theirs.
        let Some(found) = self.look_at(&ids).await else {
            return batch;
        };
        let mut rest = Vec::new();
        for mut blob in batch {
            let id = blob.object().id;
            if let Some(object) = self.handed_over(&found, id) {
                self.note(blob.registered.place(), |record| record.handed_over = true);
                blob.registered.registration.is_own = true;
                blob.registered.registration.object = object;
                certified.push(blob.registered);
                continue;
            }
            let object = self.owned_blob(&found, id);
            if self.is_lost(&blob.registered, &found) {
                let error = transaction_error(CERTIFYING, error.clone());
                failed.push(Failed::in_phase(Phase::Certify, blob.registered, error));
            } else if let Some(object) = object.filter(|object| object.certified_epoch.is_some()) {
                self.note(blob.registered.place(), |record| {
                    record.certified_by_other = true;
                });
                blob.registered.registration.object = object;
                certified.push(blob.registered);
            } else {
                rest.push(blob);
            }
        }
        rest
    }
}

/// Takes out the blobs whose certificate an earlier store has left. Each counts once: if it is refused, there is a new one.
fn confirmed_before(blobs: Vec<Registered>) -> (Vec<Confirmed>, Vec<Registered>) {
    let (mut confirmed, mut waiting) = (Vec::new(), Vec::new());
    for mut blob in blobs {
        let resumed = blob.resumed.as_mut();
        match resumed.and_then(|resumed| resumed.certificate.take()) {
            Some(certificate) => confirmed.push(blob.confirmed(certificate)),
            None => waiting.push(blob),
        }
    }
    (confirmed, waiting)
}

/// Whether a certificate may have been refused because of what somebody else did with the same object before.
fn may_be_overtaken(error: &TransactionError) -> bool {
    matches!(
        error,
        TransactionError::Rejected { .. } | TransactionError::MoveAbort(_)
    )
}

/// What is done with a confirmed blob. An object that is still to be extended is given away later.
fn certification(blob: &Confirmed, recipient: Option<Address>) -> Certification {
    let registration = &blob.registered.registration;
    let attributes = match registration.has_attributes {
        true => Vec::new(),
        false => blob.registered.encoded.blob.attributes.clone(),
    };
    Certification {
        object: registration.object.id,
        certificate: blob.certificate.clone(),
        attributes,
        recipient: recipient.filter(|_| registration.extend_by.is_none()),
    }
}
