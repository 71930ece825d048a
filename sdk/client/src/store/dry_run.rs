//! Dry run: a store that ends where its plan is made. Client spec 2.5.

use std::{cmp::Reverse, collections::BTreeMap};

use walrus_core::EncodingType;
use walrus_sui::{contract::Prices, objects::OwnedStorage};

use super::{
    Store, Unencoded,
    floor::{CostFloor, CostLimit},
    parts::Parts,
    plan::Source,
    planned_gas::BlobGas,
    purse::Purse,
    record::Record,
    register::{cost, operation_on},
    stage::Described,
};
use crate::{
    BlobToStore, ClientError, DryRun, EventOrObject, Phase, PlannedAction, Stored, progress::Timer,
};

/// What was decided about a blob.
struct Decision {
    action: PlannedAction,
    cost: u64,
    end_epoch: u32,
    parts: Parts,
    gas: BlobGas,
}

impl Decision {
    /// Nothing is to be done.
    fn nothing(action: PlannedAction, end_epoch: u32) -> Self {
        Self {
            action,
            cost: 0,
            end_epoch,
            parts: Parts::default(),
            gas: BlobGas::default(),
        }
    }

    /// The same with what the wallet has for it, after all that was decided before.
    fn paid_from(mut self, purse: &mut Purse) -> Self {
        let lacking = purse.take(self.cost).err();
        self.gas.cannot_pay = self.gas.cannot_pay.or(lacking);
        self
    }
}

impl Store<'_> {
    /// Decides as a store does, and says what it would do. With a limit, it ends as soon as it is clear that more would be paid.
    pub(crate) async fn dry_run(
        mut self,
        blobs: Vec<BlobToStore>,
        limit: Option<CostLimit>,
    ) -> Result<Vec<DryRun>, ClientError> {
        let blobs = self.identify(blobs, limit).await?;
        self.join_duplicates();
        if self.options.check_status {
            let open = blobs.iter().filter(|blob| self.is_open(*blob));
            self.check_status(open.map(Described::id).collect()).await?;
        }
        let prices = self.prices();
        let open = blobs.iter().filter(|blob| self.is_open(*blob)).collect();
        let mut decisions = self.decide(open, &prices).await?;
        let mut runs = Vec::with_capacity(blobs.len());
        for (blob, record) in blobs.iter().zip(&self.records) {
            let decision = match decisions.remove(&blob.place) {
                Some(decision) => decision,
                None => self.decided_before(record)?,
            };
            let label = record.label.clone();
            runs.push(dry_run(label, blob, decision, &prices, self.epochs_ahead)?);
        }
        Ok(runs)
    }

    /// Computes blob IDs, without keeping slivers.
    async fn identify(
        &mut self,
        blobs: Vec<BlobToStore>,
        limit: Option<CostLimit>,
    ) -> Result<Vec<Described>, ClientError> {
        let mut floor = match limit {
            Some(limit) => Some(CostFloor::of(self, limit).await?),
            None => None,
        };
        let timer = Timer::start(Phase::Encode, self.progress);
        let config = self.view.current.config;
        self.records = blobs.iter().map(Record::new).collect();
        let mut described = Vec::with_capacity(blobs.len());
        for (place, blob) in blobs.into_iter().enumerate() {
            let blob = Unencoded::new(blob.label, blob.data, config)?;
            let (length, encoded_size) = (blob.length, blob.encoded_size);
            let identity = blob.identity().await?;
            let blob = self.describe(place, identity, length, encoded_size);
            if let Some(floor) = &mut floor {
                floor.add(self, &blob).await?;
            }
            described.push(blob);
        }
        self.report.time(Phase::Encode, timer.finish());
        Ok(described)
    }

    /// What a store would decide about blobs, by place.
    async fn decide(
        &self,
        mut blobs: Vec<&Described>,
        prices: &Prices,
    ) -> Result<BTreeMap<usize, Decision>, ClientError> {
        let mut decisions = BTreeMap::new();
        let mut owned = self.owned().await?;
        let mut purse = self.purse().await?;
        blobs.sort_by_key(|blob| Reverse(blob.encoded_size));
        let mut queue = &blobs[..];
        while !queue.is_empty() {
            let batch = self.plan_batch(queue, &mut owned, prices)?;
            queue = queue.get(batch.settled.max(1)..).unwrap_or_default();
            let mut gas = self.batch_gas(&batch).await;
            gas.pay_from(&mut purse);
            let found = batch.found.into_iter().zip(gas.found.drain(..));
            let (left, current) = (&owned.storage, self.terms().current);
            let found = found.filter_map(|((place, source, cost), gas)| {
                let decision = on_object(source, cost, left, current)?;
                Some((place, Decision { gas, ..decision }))
            });
            let new = batch.new.into_iter().zip(gas.new.drain(..));
            let new = new.map(|(new, gas)| {
                let decision = Decision {
                    action: PlannedAction::ResourceOperation(new.operation),
                    cost: new.cost,
                    end_epoch: self.end_epoch(),
                    parts: new.parts,
                    gas,
                };
                (new.place, decision)
            });
            for (place, decision) in found.chain(new) {
                decisions.insert(place, decision.paid_from(&mut purse));
            }
        }
        Ok(decisions)
    }

    /// The decision about a blob that needs no plan.
    fn decided_before(&self, record: &Record) -> Result<Decision, ClientError> {
        if let Some(original) = record.same_as.and_then(|place| self.records.get(place)) {
            let action = PlannedAction::DuplicateOf(original.label.clone());
            return Ok(Decision::nothing(action, self.end_epoch()));
        }
        let failure = match &record.result {
            Some(Ok(Stored::AlreadyCertified {
                event_or_object,
                end_epoch,
                ..
            })) => {
                let action = PlannedAction::AlreadyCertified(event_or_object.clone());
                return Ok(Decision::nothing(action, *end_epoch));
            }
            Some(Err(failure)) => failure,
            Some(Ok(Stored::NewlyCreated { .. })) | None => {
                let reason = format!("nothing was decided about {}", record.label);
                return Err(ClientError::Interrupted(reason));
            }
        };
        match &*failure.error {
            ClientError::MarkedInvalid { event, .. } => {
                let action = PlannedAction::MarkedInvalid(*event);
                Ok(Decision::nothing(action, self.view.current.epoch))
            }
            error => {
                let label = &record.label;
                Err(ClientError::Interrupted(format!("{label}: {error}")))
            }
        }
    }
}

/// The decision about a blob whose object the wallet has.
fn on_object(source: Source, cost: u64, left: &[OwnedStorage], current: u32) -> Option<Decision> {
    let operation = operation_on(&source);
    let (object, epochs, pieces) = match &source {
        Source::Certified(object) | Source::Registered(object, None) => (object, 0, &[][..]),
        Source::Extend(object, extension) | Source::Registered(object, Some(extension)) => {
            (object, extension.epochs, &extension.pieces[..])
        }
        Source::Storage(_) | Source::Buy => return None,
    };
    let end_epoch = object.storage.end_epoch.saturating_add(epochs);
    let action = match operation {
        Some(operation) => PlannedAction::ResourceOperation(operation),
        None => PlannedAction::AlreadyCertified(EventOrObject::Object(object.id)),
    };
    Some(Decision {
        cost,
        parts: Parts::of(pieces, left, current),
        ..Decision::nothing(action, end_epoch)
    })
}

fn dry_run(
    label: String,
    blob: &Described,
    decision: Decision,
    prices: &Prices,
    epochs_ahead: u32,
) -> Result<DryRun, ClientError> {
    let storage = prices.storage_cost(blob.encoded_size, epochs_ahead);
    let from_scratch = storage
        .zip(prices.write_cost(blob.encoded_size))
        .and_then(|(storage, write)| storage.checked_add(write));
    Ok(DryRun {
        label,
        blob_id: blob.identity.blob_id,
        unencoded_size: blob.unencoded_size,
        encoded_size: blob.encoded_size,
        storage_cost: cost(from_scratch)?,
        encoding_type: EncodingType::RS2,
        cost: decision.cost,
        end_epoch: decision.end_epoch,
        action: decision.action,
        reused_storage: decision.parts.reused,
        bought_storage: decision.parts.bought,
        registration_gas: decision.gas.registration,
        extension_gas: decision.gas.extension,
        certification_gas: decision.gas.certification,
        merges_coins: decision.gas.merges_coins,
        cannot_pay: decision.gas.cannot_pay.map(|error| error.to_string()),
        parts: Vec::new(),
    })
}
