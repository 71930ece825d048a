//! A store that ends where its plan is made. Client spec 2.5.

use walrus_core::EncodingType;
use walrus_sui::{contract::Prices, objects::OwnedStorage};

use super::{
    Slot, Store, Unencoded,
    parts::Parts,
    plan::Source,
    planned_gas::{BlobGas, Purse},
    register::{cost, operation_on},
};
use crate::{
    BlobStoreResult, BlobToStore, ClientError, DryRun, EventOrObject, Phase, PlannedAction,
    progress::Timer,
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
        let lacking = lacking.map(|error| error.to_string());
        self.gas.cannot_pay = self.gas.cannot_pay.or(lacking);
        self
    }
}

impl Store<'_> {
    /// Decides as a store does, and says what it would do.
    pub(crate) async fn dry_run(
        mut self,
        blobs: Vec<BlobToStore>,
    ) -> Result<Vec<DryRun>, ClientError> {
        self.identify(blobs).await?;
        self.join_duplicates();
        if self.options.check_status {
            self.check_status().await?;
        }
        let prices = self.prices().await?;
        let mut decisions = self.decide(&prices).await?;
        let mut runs = Vec::with_capacity(self.slots.len());
        for (index, slot) in self.slots.iter().enumerate() {
            let decision = match decisions.get_mut(index).and_then(Option::take) {
                Some(decision) => decision,
                None => self.decided_before(slot)?,
            };
            runs.push(dry_run(slot, decision, &prices, self.epochs_ahead)?);
        }
        Ok(runs)
    }

    /// Computes blob IDs, without keeping slivers.
    async fn identify(&mut self, blobs: Vec<BlobToStore>) -> Result<(), ClientError> {
        let timer = Timer::start(Phase::Encode, self.progress);
        let config = self.view.current.config;
        for blob in blobs {
            let mut slot = Slot::new(&blob);
            let blob = Unencoded::new(blob.label, blob.data, config)?;
            slot.unencoded_size = blob.length;
            slot.encoded_size = blob.encoded_size;
            slot.identity = Some(blob.identity().await?);
            self.slots.push(slot);
        }
        self.report.time(Phase::Encode, timer.finish());
        Ok(())
    }

    /// What a store would decide about each pending blob.
    async fn decide(&self, prices: &Prices) -> Result<Vec<Option<Decision>>, ClientError> {
        let mut decisions: Vec<Option<Decision>> = Vec::new();
        decisions.resize_with(self.slots.len(), || None);
        let mut owned = self.owned().await?;
        let mut purse = self.purse().await?;
        let queue = self.largest_first();
        let mut queue = &queue[..];
        while !queue.is_empty() {
            let batch = self.plan_batch(queue, &mut owned, prices)?;
            queue = queue.get(batch.settled.max(1)..).unwrap_or_default();
            let mut gas = self.batch_gas(&batch).await;
            let found = batch.found.into_iter().zip(gas.found.drain(..));
            let (left, current) = (&owned.storage, self.terms().current);
            let found = found.map(|((slot, source, cost), gas)| {
                let decision = on_object(source, cost, left, current);
                (slot, decision.map(|decision| Decision { gas, ..decision }))
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
                (new.slot, Some(decision))
            });
            for (slot, decision) in found.chain(new) {
                if let Some(entry) = decisions.get_mut(slot) {
                    *entry = decision.map(|decision| decision.paid_from(&mut purse));
                }
            }
        }
        Ok(decisions)
    }

    /// The decision about a blob that needs no plan.
    fn decided_before(&self, slot: &Slot) -> Result<Decision, ClientError> {
        if let Some(original) = slot.same_as.and_then(|index| self.slots.get(index)) {
            let action = PlannedAction::DuplicateOf(original.label.clone());
            return Ok(Decision::nothing(action, self.end_epoch()));
        }
        match &slot.result {
            Some(BlobStoreResult::AlreadyCertified {
                event_or_object,
                end_epoch,
                ..
            }) => {
                let action = PlannedAction::AlreadyCertified(event_or_object.clone());
                Ok(Decision::nothing(action, *end_epoch))
            }
            Some(BlobStoreResult::MarkedInvalid { event, .. }) => {
                let action = PlannedAction::MarkedInvalid(*event);
                Ok(Decision::nothing(action, self.view.current.epoch))
            }
            Some(BlobStoreResult::Error { error_msg, .. }) => {
                let reason = error_msg.clone();
                Err(ClientError::Interrupted(format!(
                    "{}: {reason}",
                    slot.label
                )))
            }
            Some(BlobStoreResult::NewlyCreated { .. }) | None => {
                let reason = format!("nothing was decided about {}", slot.label);
                Err(ClientError::Interrupted(reason))
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
    slot: &Slot,
    decision: Decision,
    prices: &Prices,
    epochs_ahead: u32,
) -> Result<DryRun, ClientError> {
    let storage = prices.storage_cost(slot.encoded_size, epochs_ahead);
    let from_scratch = storage
        .zip(prices.write_cost(slot.encoded_size))
        .and_then(|(storage, write)| storage.checked_add(write));
    let Some(identity) = slot.identity else {
        let reason = format!("nothing is known about {}", slot.label);
        return Err(ClientError::Interrupted(reason));
    };
    Ok(DryRun {
        label: slot.label.clone(),
        blob_id: identity.blob_id,
        unencoded_size: slot.unencoded_size,
        encoded_size: slot.encoded_size,
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
        cannot_pay: decision.gas.cannot_pay,
    })
}
