//! Resumption: blobs that an earlier store has begun and paid for, and what this one writes down in the journal, so that a later one
//! can go on.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use walrus_sui::{
    Address, Digest,
    chain::ObjectData,
    objects::Blob,
    transactions::{ContractWriter, SignedTransaction, TransactionError},
};

use super::{
    Store,
    parts::Parts,
    register::{NewBlob, transaction_error},
    stage::{Confirmed, Described, Encoded, Placed as _, Registered, Registration, Resumed},
};
use crate::{
    BlobObject, ClientError, EpochsAhead, Phase, PostStoreAction, ProgressEvent, StoreOptions,
    Stored,
    journal::{Beginning, Entry, JournalError, KeptResult, PaidUpload, UploadKey, UploadStage},
    manifest::is_of_shared_parts,
};

const LOOKING: &str = "looking for the registration that was paid for";

/// A blob, and what an earlier store has left of its upload.
struct Left {
    blob: Encoded,
    entry: Entry,
}

impl Left {
    fn key(&self) -> UploadKey {
        self.entry.paid.key
    }
}

/// What an upload is found by that has no key of its own: who stores what, where and how.
fn key_of(
    network: Address,
    signer: Address,
    blob: &Described,
    options: &StoreOptions,
) -> UploadKey {
    let epochs = match options.epochs {
        EpochsAhead::Count(count) => format!("{count} epochs"),
        EpochsAhead::Until(epoch) => format!("until epoch {epoch}"),
        EpochsAhead::AtLeastUntil(time) => {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("until {} ms", since.as_millis())
        }
        EpochsAhead::Max => "max".to_owned(),
    };
    let afterwards = match options.post_store {
        PostStoreAction::Keep => "keep".to_owned(),
        PostStoreAction::TransferTo(recipient) => format!("transfer to {recipient}"),
        PostStoreAction::Share => "share".to_owned(),
    };
    let deletable = [u8::from(options.deletable)];
    let fixed: [&[u8]; 7] = [
        b"store",
        network.as_bytes(),
        signer.as_bytes(),
        &blob.identity.blob_id.0,
        &deletable,
        epochs.as_bytes(),
        afterwards.as_bytes(),
    ];
    // Where parts are is found out by each store anew.
    let attributes = blob.attributes.iter();
    let attributes = attributes.filter(|(key, _)| !is_of_shared_parts(key));
    let attributes = attributes.flat_map(|(key, value)| [key.as_bytes(), value.as_bytes()]);
    UploadKey::of(fixed.into_iter().chain(attributes))
}

impl Store<'_> {
    /// Looks in the journal for what earlier stores have begun: the blobs that are registered, and those that are to be stored from the
    /// beginning.
    pub(super) async fn go_on(
        &mut self,
        encoded: Vec<Encoded>,
    ) -> Result<(Vec<Registered>, Vec<Encoded>), ClientError> {
        let options = self.options;
        let Some(journal) = options.journal.as_ref().filter(|_| !encoded.is_empty()) else {
            return Ok((Vec::new(), encoded));
        };
        let network = self.client.reader().objects().system;
        let signer = self.writer()?.address();
        let mut keys = BTreeSet::new();
        let mut keyed = Vec::with_capacity(encoded.len());
        for blob in encoded {
            let record = self.records.get_mut(blob.place());
            let key = record.map(|record| {
                *record
                    .key
                    .get_or_insert_with(|| key_of(network, signer, &blob.blob, options))
            });
            match key {
                Some(key) if keys.insert(key) => keyed.push((key, blob)),
                Some(key) => self.refuse(&blob, JournalError::Busy { key })?,
                None => {}
            }
        }
        let keys = keys.into_iter().collect();
        let Beginning {
            log,
            mut left,
            busy,
        } = journal.begin(keys).await?;
        self.log = Some(log);
        let (mut going_on, mut new) = (Vec::new(), Vec::new());
        for (key, blob) in keyed {
            if busy.contains(&key) {
                self.refuse(&blob, JournalError::Busy { key })?;
                continue;
            }
            let Some(entry) = left.remove(&key) else {
                new.push(blob);
                continue;
            };
            match check(&entry, &blob, network, signer) {
                Ok(()) => going_on.push(Left { blob, entry }),
                Err(error) => self.refuse(&blob, error)?,
            }
        }
        self.tell(&going_on);
        self.take_results(&mut going_on);
        let going_on = self.settle(going_on, &mut new).await?;
        let registered = self.take_up(going_on, &mut new).await?;
        Ok((registered, new))
    }

    fn refuse(&mut self, blob: &Encoded, error: JournalError) -> Result<(), ClientError> {
        self.fail(blob.place(), Phase::Register, error.into())
    }

    fn tell(&mut self, going_on: &[Left]) {
        for Left { blob, entry } in going_on {
            let (begun, generation) = (entry.begun(), entry.paid.generation);
            self.progress.on_event(ProgressEvent::Resumed {
                blob_id: entry.blob_id(),
                begun,
                stage: entry.stage(),
            });
            self.note(blob.place(), |record| {
                record.begun = Some(begun);
                record.generation = generation.saturating_add(1);
                record.register_digest = Some(entry.transaction.digest());
                record.sharing.clone_from(&entry.sharing);
                record.tip.clone_from(&entry.tip);
                record.parts = Parts {
                    reused: entry.paid.reused.clone(),
                    bought: entry.paid.bought.clone(),
                };
            });
        }
    }

    /// Ends the blobs whose result is kept.
    fn take_results(&mut self, going_on: &mut Vec<Left>) {
        going_on.retain(|left| {
            let Some(kept) = left.entry.stored.clone() else {
                return true;
            };
            self.note(left.blob.place(), |record| {
                record.certify_digest = kept.certify_digest;
                record.result = Some(Ok(kept.stored));
            });
            false
        });
    }

    /// Finds out what became of the transactions that were about to be sent. Blobs that were not paid for after all are `new`.
    async fn settle(
        &mut self,
        going_on: Vec<Left>,
        new: &mut Vec<Encoded>,
    ) -> Result<Vec<Left>, ClientError> {
        let mut open: BTreeMap<Digest, Vec<Left>> = BTreeMap::new();
        let mut known = Vec::new();
        for left in going_on {
            match left.entry.stage() {
                UploadStage::Paying => open
                    .entry(left.entry.transaction.digest())
                    .or_default()
                    .push(left),
                _ => known.push(left),
            }
        }
        for mut group in open.into_values() {
            let registrations: Vec<_> = group
                .iter()
                .map(|left| left.entry.paid.registration.clone())
                .collect();
            let Some((signed, age)) = group.first().map(|left| {
                let signed = Arc::clone(&left.entry.transaction);
                (signed, age_of(left.entry.begun()))
            }) else {
                continue;
            };
            let writer = self.writer()?;
            match writer
                .register_blobs_again(&registrations, &signed, age)
                .await
            {
                Ok(registered) => {
                    let places = group.iter().map(|left| left.blob.place());
                    let objects: Vec<_> = places.zip(registered.blobs).collect();
                    let pairs = objects.iter().map(|(place, blob)| (*place, blob));
                    self.note_registered(pairs).await;
                    for (left, (_, object)) in group.iter_mut().zip(objects) {
                        left.entry.object = Some(object);
                    }
                    known.append(&mut group);
                }
                Err(error) if error.is_final() => {
                    tracing::info!(digest = %signed.digest(), %error, "what was about to be paid was not");
                    self.begin_anew(group, new).await?;
                }
                Err(error) => {
                    for left in group {
                        let error = transaction_error(LOOKING, error.clone());
                        self.fail(left.blob.place(), Phase::Register, error)?;
                    }
                }
            }
        }
        Ok(known)
    }

    /// Makes registered blobs of those whose objects are still there.
    async fn take_up(
        &mut self,
        going_on: Vec<Left>,
        new: &mut Vec<Encoded>,
    ) -> Result<Vec<Registered>, ClientError> {
        let ids = going_on
            .iter()
            .filter_map(|left| left.entry.object.as_ref());
        let ids: Vec<Address> = ids.map(|object| object.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let objects = self.client.reader().chain().objects(&ids).await?;
        let objects = objects.into_iter().flatten();
        let found: HashMap<_, _> = objects.map(|object| (object.id, object)).collect();
        let (mut registered, mut lost) = (Vec::new(), Vec::new());
        for left in going_on {
            let Some(noted) = left.entry.object.clone() else {
                continue;
            };
            match self.usable(&found, noted.id, left.blob.place()) {
                Some(object) => registered.push(self.taken_up(left, object)),
                None if self.is_shared(&left, noted).await? => {}
                None => lost.push(left),
            }
        }
        self.begin_anew(lost, new).await?;
        Ok(registered)
    }

    /// The object as it is now, if this store can go on with it.
    fn usable(
        &mut self,
        found: &HashMap<Address, ObjectData>,
        id: Address,
        place: usize,
    ) -> Option<Blob> {
        if let Some(object) = self.handed_over(found, id) {
            self.note(place, |record| record.handed_over = true);
            return Some(object);
        }
        let object = self.owned_blob(found, id)?;
        let lasts = object.storage.end_epoch > self.view.current.epoch;
        lasts.then_some(object)
    }

    fn taken_up(&mut self, left: Left, object: Blob) -> Registered {
        let Left { blob, entry } = left;
        self.objects.note_own(object.id);
        let epoch = self.view.current.epoch;
        let certificate = entry
            .certificate
            .filter(|(counts_in, _)| *counts_in == epoch);
        let registration = Registration {
            object,
            operation: entry.paid.operation,
            cost: entry.paid.cost,
            extend_by: None,
            has_attributes: true,
            is_own: true,
        };
        Registered {
            resumed: Some(Resumed {
                certificate: certificate.map(|(_, certificate)| certificate),
            }),
            ..blob.registered(registration)
        }
    }

    /// Ends a blob whose object an earlier store has put into a shared one; whether one has.
    async fn is_shared(&mut self, left: &Left, mut object: Blob) -> Result<bool, ClientError> {
        let Some(sharing) = &left.entry.sharing else {
            return Ok(false);
        };
        let age = age_of(left.entry.begun());
        let place = left.blob.place();
        match self.writer()?.share_blob_again(sharing, age).await {
            Ok(shared) => {
                // The contract shares no other.
                object.certified_epoch = object.certified_epoch.or(Some(object.registered_epoch));
                let result = Ok(Stored::NewlyCreated {
                    blob_object: BlobObject::from(&object),
                    resource_operation: left.entry.paid.operation.clone(),
                    cost: left.entry.paid.cost,
                    shared_blob_object: Some(shared),
                });
                self.note(place, |record| record.result = Some(result));
                Ok(true)
            }
            Err(error) if error.is_final() => Ok(false),
            Err(error) => {
                let error = transaction_error("sharing the blob object", error);
                self.fail(place, Phase::Certify, error)?;
                Ok(true)
            }
        }
    }

    /// Forgets what is of no use any more; the blobs are `new`.
    async fn begin_anew(
        &mut self,
        left: Vec<Left>,
        new: &mut Vec<Encoded>,
    ) -> Result<(), ClientError> {
        let Some(log) = &self.log else { return Ok(()) };
        log.ended(left.iter().map(Left::key).collect()).await?;
        for Left { blob, .. } in left {
            tracing::info!(blob_id = %blob.blob.identity.blob_id, "an upload is begun anew: what it was registered as is gone");
            self.note(blob.place(), super::record::Record::begin_again);
            new.push(blob);
        }
        Ok(())
    }

    /// What the journal finds a blob by, if there is one.
    pub(super) fn key(&self, place: usize) -> Option<UploadKey> {
        self.log.as_ref()?;
        self.records.get(place)?.key
    }

    /// A writer that writes down the transaction that registers these before it sends it.
    pub(super) fn writing_down(&self, writer: ContractWriter, new: &[NewBlob]) -> ContractWriter {
        let Some(log) = &self.log else { return writer };
        let paid = |new: &NewBlob| {
            let generation = self.records.get(new.place)?.generation;
            Some(PaidUpload {
                key: self.key(new.place)?,
                network: self.client.reader().objects().system,
                // That is when the transaction is signed.
                begun: 0,
                generation,
                registration: new.registration.clone(),
                cost: new.cost,
                operation: new.operation.clone(),
                reused: new.parts.reused.clone(),
                bought: new.parts.bought.clone(),
            })
        };
        writer.noting(log.paying(new.iter().filter_map(paid).collect()))
    }

    /// The same for the transaction that shares the object of a blob that was paid for.
    pub(super) fn writing_down_sharing(
        &self,
        writer: ContractWriter,
        place: usize,
    ) -> ContractWriter {
        match (&self.log, self.key(place)) {
            (Some(log), Some(key)) if log.is_open(&key) => writer.noting(log.sharing(key)),
            _ => writer,
        }
    }

    /// The transaction by which an earlier store was about to share the object, and how long ago it began.
    pub(super) fn sharing_before(&self, place: usize) -> Option<(&SignedTransaction, Duration)> {
        let record = self.records.get(place)?;
        Some((record.sharing.as_ref()?, age_of(record.begun?)))
    }

    /// Notes what blobs are registered as. The transaction that did it is known already, so that it matters little if that fails.
    pub(super) async fn note_registered<'b>(
        &self,
        objects: impl IntoIterator<Item = (usize, &'b Blob)>,
    ) {
        let Some(log) = &self.log else { return };
        let objects = objects.into_iter();
        let objects = objects.filter_map(|(place, blob)| Some((self.key(place)?, blob.clone())));
        tell_failure(log.registered(objects.collect()).await);
    }

    /// Notes that a registration was not paid for, if that is certain.
    pub(super) async fn note_unpaid(&self, new: &[NewBlob], error: &TransactionError) {
        let Some(log) = self.log.as_ref().filter(|_| error.is_final()) else {
            return;
        };
        let keys = new.iter().filter_map(|new| self.key(new.place));
        let keys = keys.filter(|key| log.is_open(key));
        tell_failure(log.ended(keys.collect()).await);
    }

    /// Notes certificates. Without that they are collected once more.
    pub(super) async fn note_confirmed(&self, confirmed: &[Confirmed]) {
        let Some(log) = &self.log else { return };
        let certificates = confirmed.iter().filter_map(|blob| {
            let key = self.key(blob.registered.place())?;
            let is_open = log.is_open(&key);
            is_open.then(|| (key, blob.certificate.clone()))
        });
        let epoch = self.view.current.epoch;
        tell_failure(log.confirmed(epoch, certificates.collect()).await);
    }

    /// Ends the uploads that are stored, or keeps what came of them.
    pub(super) async fn end_uploads(&self) -> Result<(), ClientError> {
        let Some(log) = &self.log else { return Ok(()) };
        let (mut ended, mut kept) = (Vec::new(), Vec::new());
        for record in &self.records {
            let (Some(key), Some(Ok(stored))) = (record.key, &record.result) else {
                continue;
            };
            if !log.is_open(&key) {
                continue;
            }
            match log.keeps_results() {
                false => ended.push(key),
                true => kept.push((
                    key,
                    KeptResult {
                        stored: stored.clone(),
                        certify_digest: record.certify_digest,
                    },
                )),
            }
        }
        log.stored(kept).await?;
        tell_failure(log.ended(ended).await);
        Ok(())
    }
}

/// Whether an entry is of this upload.
fn check(
    entry: &Entry,
    blob: &Encoded,
    network: Address,
    signer: Address,
) -> Result<(), JournalError> {
    let (key, blob_id) = (entry.paid.key, entry.blob_id());
    if entry.paid.network != network {
        let network = entry.paid.network;
        return Err(JournalError::OtherNetwork { key, network });
    }
    if entry.transaction.sender() != signer {
        let signer = entry.transaction.sender();
        return Err(JournalError::OtherSigner { key, signer });
    }
    if blob.blob.identity.blob_id != blob_id {
        return Err(JournalError::OtherContent { key, blob_id });
    }
    Ok(())
}

pub(super) fn age_of(begun: SystemTime) -> Duration {
    SystemTime::now().duration_since(begun).unwrap_or_default()
}

/// What can be found out again need not be written down.
fn tell_failure(written: Result<(), JournalError>) {
    if let Err(error) = written {
        tracing::warn!(%error, "the journal of uploads");
    }
}
