//! Storage and registrations: from the wallet as far as possible, bought otherwise. Client spec 1.5.

use std::{cmp::Reverse, collections::HashMap};

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
    Store,
    parts::Parts,
    plan::{self, Need, Owned, Source, Terms},
    record::certified,
    stage::{Described, Encoded, Placed as _, Registered, Registration},
};
use crate::{ClientError, Phase, ProgressEvent, ResourceOperation, limits, progress::Timer};

/// What becomes of some blobs, before anything is paid: the plan of a store, and all of a dry run.
pub(super) struct Batch {
    /// Blobs whose objects the wallet has: the place, the source, and what it will cost.
    pub(super) found: Vec<(usize, Source, u64)>,
    /// Blobs that one transaction registers.
    pub(super) new: Vec<NewBlob>,
    /// How many of the blobs in question it settles.
    pub(super) settled: usize,
}

/// What one transaction registered.
#[derive(Default)]
struct NewRegistrations {
    /// By place.
    registrations: Vec<(usize, Registration)>,
    /// Whether somebody may have registered the same since it was planned.
    may_have_rivals: bool,
}

/// A blob that is to be registered.
pub(super) struct NewBlob {
    pub(super) place: usize,
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
    /// Gives every blob a registration, unless it needs none. What fits the large ones fits few others, so they come first.
    pub(super) async fn register(
        &mut self,
        mut queue: Vec<Encoded>,
    ) -> Result<Vec<Registered>, ClientError> {
        let mut registered = Vec::with_capacity(queue.len());
        if queue.is_empty() {
            return Ok(registered);
        }
        queue.sort_by_key(|encoded| Reverse(encoded.blob.encoded_size));
        let timer = Timer::start(Phase::Register, self.progress);
        let mut is_first = true;
        while !queue.is_empty() {
            let some = self.register_some(&mut queue, &mut registered, is_first);
            match some.await {
                Ok(()) => {}
                // What was registered before is stored all the same.
                Err(error) if self.records.len() > 1 => {
                    for encoded in queue.drain(..) {
                        self.fail(encoded.place(), Phase::Register, same(&error))?;
                    }
                }
                Err(error) => return Err(error),
            }
            is_first = false;
        }
        self.report.time(Phase::Register, timer.finish());
        registered.sort_by_key(Registered::place);
        Ok(registered)
    }

    /// Registers the first blobs of a queue, with a new plan whenever something else used what the plan was made of.
    async fn register_some(
        &mut self,
        queue: &mut Vec<Encoded>,
        registered: &mut Vec<Registered>,
        is_first: bool,
    ) -> Result<(), ClientError> {
        let mut attempt = 1;
        let (batch, new) = loop {
            let (mut owned, prices) = (self.owned().await?, self.prices());
            self.objects.retain_usable(&mut owned.blobs);
            let blobs: Vec<&Described> = queue.iter().map(|encoded| &encoded.blob).collect();
            let batch = self.plan_batch(&blobs, &mut owned, &prices)?;
            // What is paid by several transactions is paid as a whole or not at all.
            let rest = blobs.get(batch.settled..).unwrap_or_default();
            if is_first && (!rest.is_empty() || self.options.max_cost.is_some()) {
                self.check_means(&batch, rest, &mut owned, &prices).await?;
            }
            match self.register_new(&batch).await {
                Err(error) if attempt < limits::PLANS && self.needs_new_plan(&error).await => {
                    tracing::debug!(%error, attempt, "planning registrations anew");
                    tokio::time::sleep(conflict_pause(attempt)).await;
                    attempt += 1;
                }
                result => break (batch, result),
            }
        };
        let settled = batch.settled.max(1).min(queue.len());
        let settled = queue.drain(..settled);
        let mut settled: HashMap<usize, Encoded> = settled.map(|e| (e.place(), e)).collect();
        match new {
            Ok(new) => {
                let mut blobs: Vec<Registered> = new
                    .registrations
                    .into_iter()
                    .filter_map(|(place, new)| Some(settled.remove(&place)?.registered(new)))
                    .collect();
                if new.may_have_rivals {
                    blobs = self.give_way(blobs, registered).await;
                }
                registered.extend(blobs);
            }
            Err(source) => {
                self.note_unpaid(&batch.new, &source).await;
                for new in &batch.new {
                    let error = transaction_error("registering the blob", source.clone());
                    self.fail(new.place, Phase::Register, error)?;
                }
            }
        }
        self.check_certification(&batch).await?;
        for (place, source, cost) in batch.found {
            if let Some(encoded) = settled.remove(&place)
                && self.is_open(&encoded)
            {
                registered.extend(self.use_object(encoded, source, cost));
            }
        }
        Ok(())
    }

    /// Gives up blobs that only need a certificate, if there is no gas for that. Registering looks at that itself.
    async fn check_certification(&mut self, batch: &Batch) -> Result<(), ClientError> {
        let count = batch.to_certify();
        if count == 0 || !batch.new.is_empty() {
            return Ok(());
        }
        if let Err(source) = self.writer()?.certification_gas(count).await {
            let found = batch.found.iter();
            for (place, _, _) in found.filter(|(_, source, _)| is_registered(source)) {
                let error = transaction_error("certifying the blob", source.clone());
                self.fail(*place, Phase::Register, error)?;
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

    /// What storage costs in the epoch of the plan.
    pub(super) fn prices(&self) -> Prices {
        self.view.sales.prices
    }

    /// For how long, and what counts.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            current: self.view.current.epoch,
            end: self.end_epoch(),
            deletable: self.options.deletable,
            use_certified: self.options.check_status,
            gives_away: self.recipient().is_some(),
        }
    }

    /// Decides about the first blobs of a queue, as many as one transaction registers.
    pub(super) fn plan_batch(
        &self,
        queue: &[&Described],
        owned: &mut Owned,
        prices: &Prices,
    ) -> Result<Batch, ClientError> {
        let terms = self.terms();
        let needs: Vec<Need> = queue.iter().map(|blob| need(blob)).collect();
        let sources = plan::plan(&needs, owned, terms);
        let settled = sources.len();
        let dated = sources.iter().any(Source::buys_for_dates);
        let (mut found, mut wanted) = (Vec::new(), Vec::new());
        for (blob, source) in queue.iter().zip(sources) {
            let storage = match source {
                Source::Storage(pieces) => StorageSource::Pieces(pieces),
                // One purchase for all, whoever else adds to it.
                Source::Buy if dated => {
                    let (size, start, end) = (blob.encoded_size, terms.current, terms.end);
                    StorageSource::Pieces(vec![StoragePiece::bought(size, start, end)])
                }
                Source::Buy => StorageSource::Buy {
                    epochs_ahead: self.epochs_ahead,
                },
                source => {
                    let cost = extension_cost(&source, prices)?;
                    found.push((blob.place, source, cost));
                    continue;
                }
            };
            wanted.push((blob.place, registration(blob, terms.deletable, storage)));
        }
        let new = new_blobs(wanted, owned, prices, terms.current)?;
        Ok(Batch {
            found,
            new,
            settled,
        })
    }

    /// Takes an object that the wallet owns. One that is certified for long enough ends the blob.
    fn use_object(&mut self, encoded: Encoded, source: Source, cost: u64) -> Option<Registered> {
        let operation = operation_on(&source);
        let (object, extend_by) = match source {
            Source::Certified(object) => {
                self.note(encoded.place(), |record| {
                    record.result = Some(Ok(certified(&object)));
                });
                self.objects.borrow(encoded, object.id);
                return None;
            }
            Source::Extend(object, extension) | Source::Registered(object, Some(extension)) => {
                (object, Some(extension.epochs))
            }
            Source::Registered(object, None) => (object, None),
            // Those are registered.
            Source::Storage(_) | Source::Buy => return None,
        };
        let is_own = self.objects.are_own(&object.id);
        let registration = Registration {
            is_own,
            ..Registration::reused(object, operation?, cost, extend_by)
        };
        Some(encoded.registered(registration))
    }

    fn tell_cost(&self, new: &[NewBlob]) {
        let costs = new.iter().map(|new| new.cost);
        let cost = costs.fold(0, u64::saturating_add);
        let blobs = new.len();
        self.progress
            .on_event(ProgressEvent::Paying { blobs, cost });
    }

    /// Registers the new blobs of a plan in one transaction; what they are registered as, by place.
    async fn register_new(&mut self, batch: &Batch) -> Result<NewRegistrations, TransactionError> {
        if batch.new.is_empty() {
            return Ok(NewRegistrations::default());
        }
        let writer = self.writer.as_ref().ok_or_else(no_wallet)?;
        // Whatever was in the way, the wallet may own something else by now, the very blob for instance.
        let writer = writer.clone().with_one_attempt();
        let writer = writer.leaving_certification_gas(batch.to_certify());
        let writer = self.writing_down(writer, &batch.new);
        let (blobs, prices) = (batch.registrations(), self.prices());
        self.tell_cost(&batch.new);
        let registered = writer.register_blobs_at(&blobs, &prices).await?;
        // Every registration changes the system object.
        let planned_at = self.view.sales.system_version;
        let may_have_rivals = registered.system_version != Some(planned_at);
        let digest = registered.transaction.digest;
        let objects = registered.blobs.iter().map(|blob| blob.id).collect();
        self.progress
            .on_event(ProgressEvent::Registered { digest, objects });
        let mut registrations = Vec::with_capacity(batch.new.len());
        let places = batch.new.iter().map(|new| new.place);
        self.note_registered(places.zip(&registered.blobs)).await;
        for (new, object) in batch.new.iter().zip(registered.blobs) {
            self.note(new.place, |record| {
                record.register_digest = Some(digest);
                record.parts.clone_from(&new.parts);
            });
            self.objects.note_own(object.id);
            let registration = Registration {
                object,
                operation: new.operation.clone(),
                cost: new.cost,
                extend_by: None,
                has_attributes: true,
                is_own: true,
            };
            registrations.push((new.place, registration));
        }
        Ok(NewRegistrations {
            registrations,
            may_have_rivals,
        })
    }
}

/// An error that several blobs have in common.
fn same(error: &ClientError) -> ClientError {
    match error {
        ClientError::Transaction { action, source } => {
            transaction_error(action, TransactionError::clone(source))
        }
        error => ClientError::Interrupted(error.to_string()),
    }
}

/// Whether a blob lacks no more than a certificate, or that first.
pub(super) fn is_registered(source: &Source) -> bool {
    matches!(source, Source::Registered(..))
}

/// The error of a plan without anybody to pay, which is noticed long before.
pub(super) fn no_wallet() -> TransactionError {
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
    let (places, registrations): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let costs = registration_costs(&registrations, prices).ok_or(ClientError::PriceOverflow)?;
    let blobs = places.into_iter().zip(registrations).zip(costs);
    Ok(blobs
        .map(|((place, registration), cost)| {
            let pieces = match &registration.storage {
                StorageSource::Pieces(pieces) => &pieces[..],
                StorageSource::Buy { .. } => &[],
            };
            let parts = Parts::of(pieces, &owned.storage, current);
            NewBlob {
                place,
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

fn need(blob: &Described) -> Need {
    Need {
        blob_id: blob.identity.blob_id,
        encoded_size: blob.encoded_size,
    }
}

fn registration(blob: &Described, deletable: bool, storage: StorageSource) -> BlobRegistration {
    BlobRegistration {
        blob_id: blob.identity.blob_id,
        root_hash: blob.identity.root_hash,
        unencoded_size: blob.unencoded_size,
        encoded_size: blob.encoded_size,
        encoding_type: EncodingType::RS2,
        deletable,
        storage,
        attributes: blob.attributes.clone(),
    }
}

pub(super) fn cost(price: Option<u64>) -> Result<u64, ClientError> {
    price.ok_or(ClientError::PriceOverflow)
}
