//! Storage and registrations: from the wallet as far as possible, bought otherwise. Client spec 1.5.

use std::cmp::Reverse;

use walrus_core::{EncodingType, Epoch};
use walrus_sui::{
    chain::conflict_pause,
    contract::Prices,
    objects::Blob,
    transactions::{
        BlobRegistration, StoragePiece, StorageSource, TransactionError, pieces_cost,
        registration_costs,
    },
};

use super::{
    Slot, Store,
    parts::Parts,
    plan::{self, Need, Owned, Source, Terms},
    slot::Registration,
};
use crate::{
    BlobStoreResult, ClientError, EventOrObject, Phase, ProgressEvent, ResourceOperation, limits,
    progress::Timer,
};

/// What becomes of some blobs, before anything is paid: the plan of a store, and all of a dry run.
pub(super) struct Batch {
    /// Blobs whose objects the wallet has: the slot, the source, and what it will cost.
    pub(super) found: Vec<(usize, Source, u64)>,
    /// Blobs that one transaction registers.
    pub(super) new: Vec<NewBlob>,
    /// How many of the blobs in question it settles.
    pub(super) settled: usize,
}

/// A blob that is to be registered.
pub(super) struct NewBlob {
    pub(super) slot: usize,
    pub(super) registration: BlobRegistration,
    /// In FROST.
    pub(super) cost: u64,
    pub(super) operation: ResourceOperation,
    pub(super) parts: Parts,
}

impl Batch {
    /// Blobs that need a certificate.
    pub(super) fn to_certify(&self) -> usize {
        let found = self.found.iter();
        let registered = found.filter(|(_, source, _)| is_registered(source));
        registered.count().saturating_add(self.new.len())
    }

    pub(super) fn registrations(&self) -> Vec<BlobRegistration> {
        self.new
            .iter()
            .map(|new| new.registration.clone())
            .collect()
    }
}

impl Store<'_> {
    /// Gives every pending blob a registration.
    pub(super) async fn register(&mut self) -> Result<(), ClientError> {
        let queue = self.largest_first();
        if queue.is_empty() {
            return Ok(());
        }
        let timer = Timer::start(Phase::Register, self.progress);
        let mut queue = &queue[..];
        while !queue.is_empty() {
            let settled = match self.register_some(queue).await {
                Ok(settled) => settled,
                // What was registered before is stored all the same.
                Err(error) if self.slots.len() > 1 => {
                    let reason = error.to_string();
                    for slot in queue {
                        let error = ClientError::Interrupted(reason.clone());
                        self.fail(*slot, Phase::Register, error)?;
                    }
                    queue.len()
                }
                Err(error) => return Err(error),
            };
            queue = queue.get(settled.max(1)..).unwrap_or_default();
        }
        self.report.time(Phase::Register, timer.finish());
        Ok(())
    }

    /// The pending blobs: what fits the large ones fits few others.
    pub(super) fn largest_first(&self) -> Vec<usize> {
        let mut queue = self.pending();
        queue.sort_by_key(|index| Reverse(self.slots.get(*index).map(|slot| slot.encoded_size)));
        queue
    }

    /// Registers the first blobs of a queue, with a new plan whenever something else used what the plan was made of.
    async fn register_some(&mut self, queue: &[usize]) -> Result<usize, ClientError> {
        let mut attempt = 1;
        loop {
            let (mut owned, prices) = tokio::try_join!(self.owned(), self.prices())?;
            let batch = self.plan_batch(queue, &mut owned, &prices)?;
            match self.register_new(&batch).await {
                Err(error) if attempt < limits::PLANS && self.needs_new_plan(&error).await => {
                    tracing::debug!(%error, attempt, "planning registrations anew");
                    tokio::time::sleep(conflict_pause(attempt)).await;
                    attempt += 1;
                }
                result => {
                    if result.is_ok() && !batch.new.is_empty() {
                        self.give_way(&batch).await;
                    }
                    if let Err(source) = result {
                        for new in &batch.new {
                            let error = transaction_error("registering the blob", source.clone());
                            self.fail(new.slot, Phase::Register, error)?;
                        }
                    }
                    self.check_certification(&batch).await?;
                    let settled = batch.settled;
                    for (index, source, cost) in batch.found {
                        self.use_object(index, source, cost);
                    }
                    return Ok(settled);
                }
            }
        }
    }

    /// Gives up blobs that only need a certificate, if there is no gas for that. Registering looks at that itself.
    async fn check_certification(&mut self, batch: &Batch) -> Result<(), ClientError> {
        let count = batch.to_certify();
        if count == 0 || !batch.new.is_empty() {
            return Ok(());
        }
        if let Err(source) = self.writer()?.certification_gas(count).await {
            let found = batch.found.iter();
            for (index, _, _) in found.filter(|(_, source, _)| is_registered(source)) {
                let error = transaction_error("certifying the blob", source.clone());
                self.fail(*index, Phase::Register, error)?;
            }
        }
        Ok(())
    }

    /// Whether a plan failed because the world has moved on since it was made.
    async fn needs_new_plan(&mut self, error: &TransactionError) -> bool {
        // Storage that is bought for the epochs of the plan does not fit together in a later one.
        error.is_stale() || error.move_abort().is_some() && self.committee_changed().await
    }

    /// What the wallet owns that may be used.
    pub(super) async fn owned(&self) -> Result<Owned, ClientError> {
        let Some(writer) = self
            .writer
            .as_ref()
            .filter(|_| self.options.reuse_resources)
        else {
            return Ok(Owned::default());
        };
        let (reader, owner) = (self.client.reader(), writer.address());
        let (blobs, storage) =
            tokio::try_join!(reader.owned_blobs(owner), reader.owned_storage(owner))?;
        Ok(Owned { blobs, storage })
    }

    /// The blob objects of the wallet.
    pub(super) async fn owned_blobs(&self) -> Result<Vec<Blob>, ClientError> {
        let owner = self.writer()?.address();
        Ok(self.client.reader().owned_blobs(owner).await?)
    }

    /// What storage costs now.
    pub(super) async fn prices(&self) -> Result<Prices, ClientError> {
        Ok(self.client.reader().prices().await?)
    }

    /// For how long, and what counts.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            current: self.view.current.epoch,
            end: self.end_epoch(),
            deletable: self.options.deletable,
            use_certified: self.options.check_status,
        }
    }

    /// Decides about the first blobs of a queue, as many as one transaction registers.
    pub(super) fn plan_batch(
        &self,
        queue: &[usize],
        owned: &mut Owned,
        prices: &Prices,
    ) -> Result<Batch, ClientError> {
        let terms = self.terms();
        let slots: Vec<(usize, &Slot, Need)> = queue
            .iter()
            .filter_map(|index| {
                let slot = self.slots.get(*index)?;
                Some((*index, slot, need(slot)?))
            })
            .collect();
        let needs: Vec<Need> = slots.iter().map(|(_, _, need)| *need).collect();
        let sources = plan::plan(&needs, owned, terms);
        let settled = sources.len();
        let dated = sources.iter().any(Source::buys_for_dates);
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        for ((index, slot, _), source) in slots.into_iter().zip(sources) {
            let storage = match source {
                Source::Storage(pieces) => StorageSource::Pieces(pieces),
                // One purchase for all, whoever else adds to it.
                Source::Buy if dated => {
                    let (size, start, end) = (slot.encoded_size, terms.current, terms.end);
                    StorageSource::Pieces(vec![StoragePiece::bought(size, start, end)])
                }
                Source::Buy => StorageSource::Buy {
                    epochs_ahead: self.epochs_ahead,
                },
                source => {
                    let cost = extension_cost(&source, prices)?;
                    found.push((index, source, cost));
                    continue;
                }
            };
            if let Some(registration) = registration(slot, terms.deletable, storage) {
                wanted.push((index, registration));
            }
        }
        let new = new_blobs(wanted, owned, prices, terms.current)?;
        Ok(Batch {
            found,
            new,
            settled,
        })
    }

    /// Takes an object that the wallet owns.
    fn use_object(&mut self, index: usize, source: Source, cost: u64) {
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let Some(operation) = operation_on(&source) else {
            if let Source::Certified(object) = source {
                slot.result = Some(certified(&object));
            }
            return;
        };
        if let Source::Extend(object, extension) | Source::Registered(object, Some(extension)) =
            source
        {
            let epochs = Some(extension.epochs);
            slot.registration = Some(reused(object, operation, cost, epochs));
        } else if let Source::Registered(object, None) = source {
            slot.registration = Some(reused(object, operation, cost, None));
        }
    }

    /// Registers the new blobs of a plan in one transaction.
    async fn register_new(&mut self, batch: &Batch) -> Result<(), TransactionError> {
        if batch.new.is_empty() {
            return Ok(());
        }
        let writer = self.writer.as_ref().ok_or_else(no_wallet)?;
        // Whatever was in the way, the wallet may own something else by now, the very blob for instance.
        let writer = writer.clone().with_one_attempt();
        let writer = writer.leaving_certification_gas(batch.to_certify());
        let registered = writer.register_blobs(&batch.registrations()).await?;
        let digest = registered.transaction.digest;
        let objects = registered.blobs.iter().map(|blob| blob.id).collect();
        self.progress
            .on_event(ProgressEvent::Registered { digest, objects });
        for (new, object) in batch.new.iter().zip(registered.blobs) {
            let Some(slot) = self.slots.get_mut(new.slot) else {
                continue;
            };
            slot.register_digest = Some(digest);
            slot.parts.clone_from(&new.parts);
            slot.registration = Some(Registration {
                object,
                operation: new.operation.clone(),
                cost: new.cost,
                extend_by: None,
                has_attributes: true,
            });
        }
        Ok(())
    }
}

/// Whether a blob lacks no more than a certificate, or that first.
pub(super) fn is_registered(source: &Source) -> bool {
    matches!(source, Source::Registered(..))
}

/// The error of a plan without anybody to pay, which is noticed long before.
fn no_wallet() -> TransactionError {
    TransactionError::Build {
        reason: "there is no wallet".to_owned(),
    }
}

pub(super) fn transaction_error(action: &'static str, source: TransactionError) -> ClientError {
    ClientError::Transaction {
        action,
        source: Box::new(source),
    }
}

pub(super) fn reused(
    object: Blob,
    operation: ResourceOperation,
    cost: u64,
    extend_by: Option<u32>,
) -> Registration {
    Registration {
        object,
        operation,
        cost,
        extend_by,
        has_attributes: false,
    }
}

/// The result for a blob that the wallet has certified for long enough.
pub(super) fn certified(object: &Blob) -> BlobStoreResult {
    BlobStoreResult::AlreadyCertified {
        blob_id: object.blob_id,
        event_or_object: EventOrObject::Object(object.id),
        end_epoch: object.storage.end_epoch,
    }
}

/// What is done with an object that the wallet owns; nothing with one that is certified for long enough.
pub(super) fn operation_on(source: &Source) -> Option<ResourceOperation> {
    match source {
        Source::Extend(object, extension) => Some(ResourceOperation::ReuseAndExtend {
            encoded_length: object.storage.storage_size,
            epochs_extended: extension.epochs,
        }),
        Source::Registered(object, None) => Some(ResourceOperation::ReuseRegistration {
            encoded_length: object.storage.storage_size,
        }),
        Source::Registered(object, Some(extension)) => {
            Some(ResourceOperation::ReuseAndExtendNonCertified {
                encoded_length: object.storage.storage_size,
                epochs_extended: extension.epochs,
            })
        }
        Source::Certified(_) | Source::Storage(_) | Source::Buy => None,
    }
}

fn extension_cost(source: &Source, prices: &Prices) -> Result<u64, ClientError> {
    match source {
        Source::Extend(object, extension) | Source::Registered(object, Some(extension)) => {
            extension_price(
                object.storage.storage_size,
                extension.epochs,
                &extension.pieces,
                prices,
            )
        }
        _ => Ok(0),
    }
}

/// What an extension costs in FROST that is served by these pieces, or bought if there are none.
pub(super) fn extension_price(
    size: u64,
    epochs: u32,
    pieces: &[StoragePiece],
    prices: &Prices,
) -> Result<u64, ClientError> {
    cost(match pieces.is_empty() {
        true => prices.storage_cost(size, epochs),
        false => pieces_cost(pieces, prices),
    })
}

/// Prices registrations of one transaction, and tells what they take of storage and what `owned` has left of it.
fn new_blobs(
    wanted: Vec<(usize, BlobRegistration)>,
    owned: &Owned,
    prices: &Prices,
    current: Epoch,
) -> Result<Vec<NewBlob>, ClientError> {
    let (slots, registrations): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let costs = registration_costs(&registrations, prices).ok_or(ClientError::PriceOverflow)?;
    let blobs = slots.into_iter().zip(registrations).zip(costs);
    Ok(blobs
        .map(|((slot, registration), cost)| {
            let pieces = match &registration.storage {
                StorageSource::Pieces(pieces) => &pieces[..],
                StorageSource::Buy { .. } => &[],
            };
            let parts = Parts::of(pieces, &owned.storage, current);
            NewBlob {
                slot,
                cost,
                operation: operation_for(&registration, &parts),
                parts,
                registration,
            }
        })
        .collect())
}

fn operation_for(registration: &BlobRegistration, parts: &Parts) -> ResourceOperation {
    let encoded_length = registration.encoded_size;
    let epochs_ahead = match &registration.storage {
        StorageSource::Buy { epochs_ahead } => *epochs_ahead,
        StorageSource::Pieces(pieces) => {
            let starts = pieces.iter().map(|piece| piece.start_epoch);
            let ends = pieces.iter().map(|piece| piece.end_epoch);
            let (start, end) = (starts.min(), ends.max());
            end.unwrap_or_default()
                .saturating_sub(start.unwrap_or_default())
        }
    };
    match parts.reused.is_empty() {
        false => ResourceOperation::ReuseStorage { encoded_length },
        true => ResourceOperation::RegisterFromScratch {
            encoded_length,
            epochs_ahead,
        },
    }
}

fn need(slot: &Slot) -> Option<Need> {
    Some(Need {
        blob_id: slot.identity?.blob_id,
        encoded_size: slot.encoded_size,
    })
}

fn registration(slot: &Slot, deletable: bool, storage: StorageSource) -> Option<BlobRegistration> {
    let identity = slot.identity?;
    Some(BlobRegistration {
        blob_id: identity.blob_id,
        root_hash: identity.root_hash,
        unencoded_size: slot.unencoded_size,
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
