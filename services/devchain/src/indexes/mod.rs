//! Everything the server looks up, in memory: a fold over the checkpoints of the log
//! (devchain spec 6.5).

mod keys;
mod overlay;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sui_devchain_executor::ObjectStore;
use sui_sdk_types::{
    Address, CheckpointContents, CheckpointSummary, Digest, Object, ObjectData, Owner, StructTag,
    TransactionKind, TypeTag, ValidatorAggregatedSignature, Version,
};

use crate::abi::original_id;
use crate::checkpoint::Previous;
use crate::record::{CheckpointRecord, TransactionRecord};

pub(crate) use keys::{OwnedKey, coin_of};
pub(crate) use overlay::Overlay;

/// A checkpoint without its transactions.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) digest: Digest,
    pub(crate) summary: CheckpointSummary,
    pub(crate) contents: CheckpointContents,
    pub(crate) signature: ValidatorAggregatedSignature,
    /// Number of its first transaction in the order of the whole chain.
    pub(crate) first_transaction: usize,
}

/// An executed transaction and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Executed {
    pub(crate) record: TransactionRecord,
    pub(crate) digest: Digest,
    pub(crate) checkpoint: u64,
    pub(crate) timestamp_ms: u64,
    /// Position inside the checkpoint.
    pub(crate) index: u64,
}

/// The indexes. Changed only by [`Indexes::apply`].
#[derive(Debug, Default)]
pub(crate) struct Indexes {
    live: HashMap<Address, Arc<Object>>,
    versions: BTreeMap<(Address, Version), Arc<Object>>,
    owned: BTreeMap<OwnedKey, Arc<Object>>,
    children: BTreeMap<(Address, Address), Arc<Object>>,
    address_balances: BTreeMap<(Address, TypeTag), u128>,
    transactions: Vec<Arc<Executed>>,
    transaction_by_digest: HashMap<Digest, usize>,
    checkpoints: Vec<Arc<Checkpoint>>,
    checkpoint_by_digest: HashMap<Digest, u64>,
    packages: BTreeMap<(Address, Version), Address>,
    /// Last round of randomness in the current epoch.
    randomness_round: Option<u64>,
    epochs: Vec<Epoch>,
}

/// An epoch of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) start_ms: u64,
    pub(crate) first_checkpoint: u64,
    /// Set when the epoch is over: its last checkpoint and when that was.
    pub(crate) end: Option<(u64, u64)>,
}

impl Indexes {
    /// Adds a checkpoint. The caller has checked that it continues the chain.
    pub(crate) fn apply(&mut self, record: CheckpointRecord) {
        let CheckpointRecord {
            summary,
            contents,
            signature,
            transactions,
        } = record;
        let first_transaction = self.transactions.len();
        for (index, transaction) in transactions.into_iter().enumerate() {
            self.apply_transaction(transaction, &summary, index as u64);
        }
        self.follow_epochs(&summary);
        let digest = summary.digest();
        self.checkpoint_by_digest
            .insert(digest, summary.sequence_number);
        self.checkpoints.push(Arc::new(Checkpoint {
            digest,
            summary,
            contents,
            signature,
            first_transaction,
        }));
    }

    fn follow_epochs(&mut self, summary: &CheckpointSummary) {
        if self.epochs.is_empty() {
            self.epochs.push(Epoch {
                number: summary.epoch,
                start_ms: summary.timestamp_ms,
                first_checkpoint: summary.sequence_number,
                end: None,
            });
        }
        if summary.end_of_epoch_data.is_none() {
            return;
        }
        if let Some(current) = self.epochs.last_mut() {
            current.end = Some((summary.sequence_number, summary.timestamp_ms));
        }
        self.epochs.push(Epoch {
            number: summary.epoch.saturating_add(1),
            start_ms: summary.timestamp_ms,
            first_checkpoint: summary.sequence_number.saturating_add(1),
            end: None,
        });
        self.randomness_round = None;
    }

    /// The epoch of this number (`None`: the current one).
    pub(crate) fn epoch(&self, number: Option<u64>) -> Option<&Epoch> {
        match number {
            None => self.epochs.last(),
            Some(number) => self.epochs.iter().find(|epoch| epoch.number == number),
        }
    }

    fn apply_transaction(
        &mut self,
        mut record: TransactionRecord,
        summary: &CheckpointSummary,
        index: u64,
    ) {
        for object in std::mem::take(&mut record.written) {
            self.write(object);
        }
        for id in &record.removed {
            self.remove(id);
        }
        for change in &record.address_balance_changes {
            let balance = self
                .address_balances
                .entry((change.address, change.coin_type.clone()))
                .or_default();
            *balance = balance.saturating_add_signed(change.amount);
        }
        if let TransactionKind::RandomnessStateUpdate(update) = &record.transaction.kind {
            self.randomness_round = Some(update.randomness_round);
        }
        let digest = record.digest();
        self.transaction_by_digest
            .insert(digest, self.transactions.len());
        self.transactions.push(Arc::new(Executed {
            digest,
            checkpoint: summary.sequence_number,
            timestamp_ms: summary.timestamp_ms,
            index,
            record,
        }));
    }

    fn write(&mut self, object: Object) {
        let id = object.object_id();
        self.remove(&id);
        let object = Arc::new(object);
        self.versions
            .insert((id, object.version()), Arc::clone(&object));
        if let Some(key) = OwnedKey::of(&object) {
            self.owned.insert(key, Arc::clone(&object));
        }
        if let Owner::Object(parent) = object.owner() {
            self.children.insert((*parent, id), Arc::clone(&object));
        }
        if let ObjectData::Package(package) = object.data() {
            self.packages
                .insert((original_id(package), package.version), id);
        }
        self.live.insert(id, object);
    }

    fn remove(&mut self, id: &Address) {
        let Some(old) = self.live.remove(id) else {
            return;
        };
        if let Some(key) = OwnedKey::of(&old) {
            self.owned.remove(&key);
        }
        if let Owner::Object(parent) = old.owner() {
            self.children.remove(&(*parent, *id));
        }
    }

    /// The newest checkpoint; `None` only before genesis.
    pub(crate) fn tip(&self) -> Option<&Arc<Checkpoint>> {
        self.checkpoints.last()
    }

    /// What the next checkpoint continues.
    pub(crate) fn previous(&self) -> Option<Previous> {
        self.tip().map(|tip| Previous {
            digest: tip.digest,
            sequence_number: tip.summary.sequence_number,
            network_total_transactions: tip.summary.network_total_transactions,
            epoch: tip.summary.epoch,
            rolling_gas: tip.summary.epoch_rolling_gas_cost_summary.clone(),
        })
    }

    /// The checkpoint with this sequence number.
    pub(crate) fn checkpoint(&self, sequence_number: u64) -> Option<&Arc<Checkpoint>> {
        self.checkpoints.get(usize::try_from(sequence_number).ok()?)
    }

    /// The checkpoint with this digest.
    pub(crate) fn checkpoint_by_digest(&self, digest: &Digest) -> Option<&Arc<Checkpoint>> {
        self.checkpoint(*self.checkpoint_by_digest.get(digest)?)
    }

    /// The transactions of a checkpoint in order.
    pub(crate) fn transactions_of(&self, checkpoint: &Checkpoint) -> &[Arc<Executed>] {
        let first = checkpoint.first_transaction;
        let end = first.saturating_add(checkpoint.contents.transactions().len());
        self.transactions.get(first..end).unwrap_or_default()
    }

    /// The transaction with this digest.
    pub(crate) fn transaction(&self, digest: &Digest) -> Option<&Arc<Executed>> {
        self.transactions
            .get(*self.transaction_by_digest.get(digest)?)
    }

    /// The round of the newest randomness update.
    pub(crate) fn randomness_round(&self) -> Option<u64> {
        self.randomness_round
    }

    /// Objects owned by an address, by type, then largest balance, then id; from `start` on.
    pub(crate) fn owned_from(
        &self,
        start: OwnedKey,
    ) -> impl Iterator<Item = (&OwnedKey, &Arc<Object>)> {
        let owner = start.owner;
        self.owned
            .range(start..)
            .take_while(move |(key, _)| key.owner == owner)
    }

    /// Dynamic field objects of a parent in id order, from `start` on.
    pub(crate) fn children_from(
        &self,
        parent: Address,
        start: Address,
    ) -> impl Iterator<Item = &Arc<Object>> {
        self.children
            .range((parent, start)..)
            .take_while(move |((found, _), _)| *found == parent)
            .map(|(_, object)| object)
    }

    /// The address balances of an owner.
    pub(crate) fn address_balances(
        &self,
        owner: Address,
    ) -> impl Iterator<Item = (&TypeTag, u128)> {
        self.address_balances
            .range((owner, TypeTag::Bool)..)
            .take_while(move |((found, _), _)| *found == owner)
            .map(|((_, coin_type), amount)| (coin_type, *amount))
    }

    /// The live objects of some types, in no order. Looks at every object.
    pub(crate) fn of_types(&self, types: &[StructTag]) -> impl Iterator<Item = &Object> {
        self.live.values().map(|object| &**object).filter(|object| {
            object
                .as_struct()
                .is_some_and(|found| types.contains(found.object_type()))
        })
    }

    /// Versions and storage ids of all versions of a package, by its original id.
    pub(crate) fn package_versions(
        &self,
        original: Address,
    ) -> impl Iterator<Item = (Version, Address)> {
        self.packages
            .range((original, 0)..)
            .take_while(move |((found, _), _)| *found == original)
            .map(|((_, version), id)| (*version, *id))
    }
}

impl ObjectStore for Indexes {
    fn latest(&self, id: &Address) -> Option<Arc<Object>> {
        self.live.get(id).cloned()
    }

    fn at_version(&self, id: &Address, version: Version) -> Option<Arc<Object>> {
        self.versions.get(&(*id, version)).cloned()
    }

    fn address_balance(&self, owner: &Address, coin_type: &TypeTag) -> u128 {
        self.address_balances
            .get(&(*owner, coin_type.clone()))
            .copied()
            .unwrap_or_default()
    }
}
