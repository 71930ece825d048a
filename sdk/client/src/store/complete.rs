//! Completion of certified blobs: extension, attributes, transfer. Client spec 1.7.

use walrus_sui::{
    Address, Digest, chain::conflict_pause, objects::Blob, transactions::TransactionError,
};

use super::{
    Store,
    certify::Failed,
    cutting::Stock,
    parts::Parts,
    register::{extension_price, no_wallet, transaction_error},
    stage::{Placed as _, Registered, Registration},
};
use crate::{BlobObject, ClientError, Phase, PostStoreAction, ProgressEvent, Stored, limits};

/// A blob object that lasts long enough now.
struct Extended {
    object: Blob,
    /// In FROST.
    paid: u64,
    /// What the extension was put together from.
    parts: Parts,
    /// The transaction, if one was needed.
    digest: Option<Digest>,
}

impl Store<'_> {
    /// Extends and describes certified blobs, and ends them. Returns those that failed.
    pub(super) async fn complete(&mut self, blobs: Vec<Registered>) -> Vec<Failed> {
        let mut failed = Vec::new();
        for mut blob in blobs {
            match self.complete_one(&mut blob).await {
                Ok(()) => self.succeed(blob),
                Err(error) => failed.push(Failed::in_phase(Phase::Certify, blob, error)),
            }
        }
        failed
    }

    async fn complete_one(&mut self, blob: &mut Registered) -> Result<(), ClientError> {
        let object = blob.registration.object.id;
        if blob.registration.extend_by.is_some() {
            let extended = self.extend(object).await?;
            blob.registration.object = extended.object;
            blob.registration.extend_by = None;
            blob.registration.cost = extended.paid;
            self.note(blob.place(), |record| {
                record.parts = extended.parts;
                record.extend_digest = extended.digest;
            });
        }
        let attributes = &blob.encoded.blob.attributes;
        if !attributes.is_empty() && !blob.registration.has_attributes {
            let set = self.writer()?.set_attributes(object, attributes);
            set.await
                .map_err(|error| transaction_error("setting attributes", error))?;
        }
        Ok(())
    }

    /// Ends a blob as stored.
    fn succeed(&mut self, blob: Registered) {
        let Registration {
            mut object,
            operation,
            cost,
            is_own,
            ..
        } = blob.registration;
        let epoch = self.view.current.epoch;
        object.certified_epoch = object.certified_epoch.or(Some(epoch));
        let (place, id) = (blob.encoded.place(), object.id);
        if !is_own {
            self.objects.borrow(blob.encoded, id);
        }
        self.note(place, |record| {
            record.result = Some(Ok(Stored::NewlyCreated {
                blob_object: BlobObject::from(&object),
                resource_operation: operation,
                cost,
                shared_blob_object: None,
            }));
        });
    }

    /// Extends a blob to the end of this store, unless somebody else does in the meantime: what is paid for is what is missing
    /// in the version of the object that the payment names.
    async fn extend(&self, object: Address) -> Result<Extended, ClientError> {
        let mut attempt = 1;
        loop {
            match self.try_extend(object).await {
                Err(ClientError::Transaction { source, .. })
                    if source.is_stale() && attempt < limits::PLANS =>
                {
                    tracing::debug!(%source, attempt, "looking again at a blob to extend");
                    tokio::time::sleep(conflict_pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_extend(&self, object: Address) -> Result<Extended, ClientError> {
        let (writer, reader) = (self.writer()?, self.client.reader());
        let failed = |error| transaction_error("extending the blob", error);
        let seen = reader.chain().object(object).await?;
        let mut extended = Extended {
            object: seen.decode()?,
            paid: 0,
            parts: Parts::default(),
            digest: None,
        };
        let storage = &mut extended.object.storage;
        let (from, size) = (storage.end_epoch, storage.storage_size);
        let missing = self.end_epoch().saturating_sub(from);
        if missing == 0 {
            return Ok(extended);
        }
        storage.end_epoch = self.end_epoch();
        let version = seen.reference();
        let prices = async { Ok(self.client.reader().prices().await?) };
        let (owned, prices) = tokio::try_join!(self.owned(), prices)?;
        let mut stock = Stock::new(owned.storage, self.terms());
        let pieces = stock.extend(size, from).unwrap_or_default();
        extended.paid = extension_price(size, missing, &pieces, &prices)?;
        let (blobs, cost) = (1, extended.paid);
        self.progress
            .on_event(ProgressEvent::Paying { blobs, cost });
        let done = match pieces.is_empty() {
            false => writer.extend_blob_with_storage(&version, &pieces).await,
            true => {
                let price = extended.paid;
                writer.extend_blob_as_seen(&version, missing, price).await
            }
        };
        extended.digest = Some(done.map_err(failed)?.digest);
        extended.parts = Parts::of(&pieces, &stock.into_rest(), self.terms().current);
        Ok(extended)
    }

    /// Whom new objects are for, if the wallet does not keep them.
    pub(super) fn recipient(&self) -> Option<Address> {
        match self.options.post_store {
            PostStoreAction::Keep | PostStoreAction::Share => None,
            PostStoreAction::TransferTo(recipient) => Some(recipient),
        }
    }

    /// Gives blob objects to whom they are for that were not given away by the transaction that certified them. Client spec 1.2.
    /// If that fails, the blobs are stored and stay the wallet's, which is their outcome.
    pub(super) async fn hand_over(&mut self) -> Result<(), ClientError> {
        if self.options.post_store == PostStoreAction::Share {
            return self.share().await;
        }
        let Some(recipient) = self.recipient() else {
            return Ok(());
        };
        let kept = self.records.iter().enumerate();
        let kept = kept.filter(|(_, record)| !record.handed_over);
        let new = kept.filter_map(|(place, record)| match &record.result {
            Some(Ok(Stored::NewlyCreated { blob_object, .. })) => Some((place, blob_object.id)),
            _ => None,
        });
        let (places, objects): (Vec<usize>, Vec<Address>) = new.unzip();
        if objects.is_empty() {
            return Ok(());
        }
        let executor = self.writer()?.executor();
        let transferred: Result<_, TransactionError> =
            executor.transfer_objects(&objects, recipient).await;
        if let Err(error) = transferred {
            for place in places {
                let error = transaction_error("transferring the blob object", error.clone());
                self.fail(place, Phase::Certify, error)?;
            }
        }
        Ok(())
    }

    /// Puts a blob object into a shared one, whose ID comes back. If an earlier store was about to do that, by its transaction.
    async fn share_one(&self, place: usize, object: Address) -> Result<Address, TransactionError> {
        let writer = self.writer.as_ref().ok_or_else(no_wallet)?;
        if let Some((sharing, age)) = self.sharing_before(place) {
            match writer.share_blob_again(sharing, age).await {
                Err(error) if error.is_final() => {}
                known => return known,
            }
        }
        let writer = self.writing_down_sharing(writer.clone(), place);
        writer.share_blob(object, 0).await
    }

    /// Puts blob objects into shared ones, each by a transaction of its own. One that cannot be is stored and stays the wallet's,
    /// which is its outcome.
    async fn share(&mut self) -> Result<(), ClientError> {
        for place in 0..self.records.len() {
            let result = self
                .records
                .get(place)
                .and_then(|record| record.result.as_ref());
            let Some(Ok(Stored::NewlyCreated {
                blob_object,
                shared_blob_object: None,
                ..
            })) = result
            else {
                continue;
            };
            let object = blob_object.id;
            match self.share_one(place, object).await {
                Ok(shared) => self.note(place, |record| {
                    if let Some(Ok(Stored::NewlyCreated {
                        shared_blob_object, ..
                    })) = &mut record.result
                    {
                        *shared_blob_object = Some(shared);
                    }
                }),
                Err(error) => {
                    let error = transaction_error("sharing the blob object", error);
                    self.fail(place, Phase::Certify, error)?;
                }
            }
        }
        Ok(())
    }
}
