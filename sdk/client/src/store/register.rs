//! Storage and registrations: from the wallet as far as possible, bought otherwise. Client spec 1.5.

use walrus_core::EncodingType;
use walrus_sui::{
    contract::Prices,
    objects::Blob,
    transactions::{BlobRegistration, StorageSource},
};

use super::{
    Slot, Store,
    plan::{self, Need, Source, Terms},
    slot::Registration,
};
use crate::{
    BlobStoreResult, ClientError, EventOrObject, Phase, ProgressEvent, ResourceOperation, limits,
    progress::Timer,
};

impl Store<'_> {
    /// Gives every pending blob a registration.
    pub(super) async fn register(&mut self) -> Result<(), ClientError> {
        let pending = self.pending();
        if pending.is_empty() {
            return Ok(());
        }
        let timer = Timer::start(Phase::Register, self.progress);
        let needs: Vec<Need> = pending
            .iter()
            .filter_map(|index| need(self.slots.get(*index)?))
            .collect();
        let sources = self.sources(&needs).await?;
        let prices = self.client.reader().prices().await?;
        let mut new = Vec::new();
        for (index, source) in pending.into_iter().zip(sources) {
            if let Some(registration) = self.apply(index, source, &prices)? {
                new.push((index, registration));
            }
        }
        for batch in new.chunks(limits::BLOBS_PER_TRANSACTION) {
            self.register_batch(batch, &prices).await?;
        }
        self.report.time(Phase::Register, timer.finish());
        Ok(())
    }

    async fn sources(&self, needs: &[Need]) -> Result<Vec<Source>, ClientError> {
        if !self.options.reuse_resources {
            return Ok(vec![Source::Buy; needs.len()]);
        }
        let (reader, owner) = (self.client.reader(), self.writer.address());
        let (blobs, storage) =
            tokio::try_join!(reader.owned_blobs(owner), reader.owned_storage(owner))?;
        let terms = Terms {
            current: self.view.current.epoch,
            end: self.end_epoch(),
            deletable: self.options.deletable,
            use_certified: self.options.check_status,
        };
        Ok(plan::plan(needs, blobs, storage, terms))
    }

    /// Takes what the wallet owns; returns the registration that is still to be made.
    fn apply(
        &mut self,
        index: usize,
        source: Source,
        prices: &Prices,
    ) -> Result<Option<BlobRegistration>, ClientError> {
        let (epochs_ahead, deletable) = (self.epochs_ahead, self.options.deletable);
        let Some(slot) = self.slots.get_mut(index) else {
            return Ok(None);
        };
        let reuse = |object: Blob, operation, cost, extend_by| {
            let has_attributes = false;
            Some(Registration {
                object,
                operation,
                cost,
                extend_by,
                has_attributes,
            })
        };
        match source {
            Source::Certified(object) => {
                slot.result = Some(BlobStoreResult::AlreadyCertified {
                    blob_id: object.blob_id,
                    event_or_object: EventOrObject::Object(object.id),
                    end_epoch: object.storage.end_epoch,
                });
            }
            Source::Extend(object, epochs_extended) => {
                let encoded_length = object.storage.storage_size;
                let cost = cost(prices.storage_cost(encoded_length, epochs_extended))?;
                let operation = ResourceOperation::ReuseAndExtend {
                    encoded_length,
                    epochs_extended,
                };
                slot.registration = reuse(object, operation, cost, Some(epochs_extended));
            }
            Source::Registered(object, None) => {
                let encoded_length = object.storage.storage_size;
                let operation = ResourceOperation::ReuseRegistration { encoded_length };
                slot.registration = reuse(object, operation, 0, None);
            }
            Source::Registered(object, Some(epochs_extended)) => {
                let encoded_length = object.storage.storage_size;
                let cost = cost(prices.storage_cost(encoded_length, epochs_extended))?;
                let operation = ResourceOperation::ReuseAndExtendNonCertified {
                    encoded_length,
                    epochs_extended,
                };
                slot.registration = reuse(object, operation, cost, Some(epochs_extended));
            }
            Source::Storage(storage) => {
                return Ok(registration(
                    slot,
                    deletable,
                    StorageSource::Existing(storage.id),
                ));
            }
            Source::Buy => {
                return Ok(registration(
                    slot,
                    deletable,
                    StorageSource::Buy { epochs_ahead },
                ));
            }
        }
        Ok(None)
    }

    /// Registers blobs in one transaction.
    async fn register_batch(
        &mut self,
        batch: &[(usize, BlobRegistration)],
        prices: &Prices,
    ) -> Result<(), ClientError> {
        let registrations: Vec<BlobRegistration> = batch
            .iter()
            .map(|(_, registration)| registration.clone())
            .collect();
        let registered = match self.writer.register_blobs(&registrations).await {
            Ok(registered) => registered,
            Err(source) => {
                for (index, _) in batch {
                    let action = "registering the blob";
                    let error = ClientError::Transaction {
                        action,
                        source: Box::new(source.clone()),
                    };
                    self.fail(*index, Phase::Register, error)?;
                }
                return Ok(());
            }
        };
        let digest = registered.transaction.digest;
        let objects = registered.blobs.iter().map(|blob| blob.id).collect();
        self.progress
            .on_event(ProgressEvent::Registered { digest, objects });
        for ((index, wanted), object) in batch.iter().zip(registered.blobs) {
            let Some(slot) = self.slots.get_mut(*index) else {
                continue;
            };
            let encoded_length = wanted.encoded_size;
            let write = prices.write_cost(encoded_length);
            let (operation, price) = match wanted.storage {
                StorageSource::Existing(_) => {
                    (ResourceOperation::ReuseStorage { encoded_length }, write)
                }
                StorageSource::Buy { epochs_ahead } => (
                    ResourceOperation::RegisterFromScratch {
                        encoded_length,
                        epochs_ahead,
                    },
                    prices
                        .storage_cost(encoded_length, epochs_ahead)
                        .zip(write)
                        .and_then(|(storage, write)| storage.checked_add(write)),
                ),
            };
            slot.register_digest = Some(digest);
            slot.registration = Some(Registration {
                object,
                operation,
                cost: cost(price)?,
                extend_by: None,
                has_attributes: true,
            });
        }
        Ok(())
    }
}

fn need(slot: &Slot) -> Option<Need> {
    let blob_id = *slot.encoded.as_ref()?.metadata().blob_id();
    Some(Need {
        blob_id,
        encoded_size: slot.encoded_size,
    })
}

fn registration(slot: &Slot, deletable: bool, storage: StorageSource) -> Option<BlobRegistration> {
    let metadata = slot.encoded.as_ref()?.metadata();
    Some(BlobRegistration {
        blob_id: *metadata.blob_id(),
        root_hash: metadata.metadata().root_hash().bytes(),
        unencoded_size: metadata.unencoded_length(),
        encoded_size: slot.encoded_size,
        encoding_type: EncodingType::RS2.id(),
        deletable,
        storage,
        attributes: slot.attributes.clone(),
    })
}

pub(super) fn cost(price: Option<u64>) -> Result<u64, ClientError> {
    price.ok_or(ClientError::PriceOverflow)
}
