//! Indexes: everything the server looks up: a fold over the checkpoints of the log (devchain spec 6.5). What is now is in memory,
//! what was is found through the [history](History).
//!
//! The maps are persistent: a copy costs a few reference counts and stays as it is while the original goes on. So whoever
//! reads holds a copy and no lock, and however long a simulation takes, the writer does not wait for it.

mod keys;
mod overlay;
pub(crate) mod snapshot;

use std::sync::Arc;

use rpds::{HashTrieMapSync, RedBlackTreeMapSync, VectorSync};
use serde::{Deserialize, Serialize};
use sui_devchain_executor::ObjectStore;
use sui_sdk_types::{
    Address, CheckpointSummary, Digest, Object, ObjectData, Owner, TransactionKind, TypeTag,
    Version,
};

use crate::abi::{Declared, original_id};
use crate::checkpoint::Previous;
use crate::history::{Checkpoint, Executed, History, Ordinal, Spot, Unreadable};
use crate::record::CheckpointRecord;
use crate::store::{Archive, Place};

pub(crate) use keys::{OwnedKey, coin_of};
pub(crate) use overlay::Overlay;

/// The indexes. Changed only by [`Indexes::apply`]; cheap to copy.
#[derive(Clone, Debug)]
pub(crate) struct Indexes {
    history: History,
    declared: Arc<Declared>,
    live: HashTrieMapSync<Address, Arc<Object>>,
    owned: RedBlackTreeMapSync<OwnedKey, Arc<Object>>,
    children: RedBlackTreeMapSync<(Address, Address), Arc<Object>>,
    /// What describes a coin type, by that type and id.
    coin_facts: RedBlackTreeMapSync<(TypeTag, Address), Arc<Object>>,
    address_balances: RedBlackTreeMapSync<(Address, TypeTag), u128>,
    packages: RedBlackTreeMapSync<(Address, Version), Address>,
    /// Last round of randomness in the current epoch.
    randomness_round: Option<u64>,
    epochs: VectorSync<Epoch>,
}

/// An epoch of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) start_ms: u64,
    pub(crate) first_checkpoint: u64,
    /// Set when the epoch is over: its last checkpoint and when that was.
    pub(crate) end: Option<(u64, u64)>,
}

impl Indexes {
    /// Nothing yet, of a chain whose records go where the archive reads them.
    pub(crate) fn new(archive: Archive) -> Self {
        Self {
            history: History::new(archive),
            declared: Arc::default(),
            live: HashTrieMapSync::default(),
            owned: RedBlackTreeMapSync::default(),
            children: RedBlackTreeMapSync::default(),
            coin_facts: RedBlackTreeMapSync::default(),
            address_balances: RedBlackTreeMapSync::default(),
            packages: RedBlackTreeMapSync::default(),
            randomness_round: None,
            epochs: VectorSync::default(),
        }
    }

    /// Adds a checkpoint whose record is at this place. The caller has checked that it continues the chain.
    pub(crate) fn apply(&mut self, record: CheckpointRecord, place: Place) {
        let checkpoint = Arc::new(Checkpoint::new(record));
        for executed in &checkpoint.transactions {
            self.apply_transaction(executed);
        }
        self.follow_epochs(&checkpoint.summary);
        self.history.add(checkpoint, place);
    }

    fn follow_epochs(&mut self, summary: &CheckpointSummary) {
        if self.epochs.is_empty() {
            self.epochs.push_back_mut(Epoch {
                number: summary.epoch,
                start_ms: summary.timestamp_ms,
                first_checkpoint: summary.sequence_number,
                end: None,
            });
        }
        if summary.end_of_epoch_data.is_none() {
            return;
        }
        if let Some(current) = self.epochs.last().copied() {
            self.epochs.drop_last_mut();
            self.epochs.push_back_mut(Epoch {
                end: Some((summary.sequence_number, summary.timestamp_ms)),
                ..current
            });
        }
        self.epochs.push_back_mut(Epoch {
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

    fn apply_transaction(&mut self, executed: &Executed) {
        for object in &executed.written {
            self.write(object);
        }
        let record = &executed.record;
        for id in &record.removed {
            self.remove(id);
        }
        for change in &record.address_balance_changes {
            let key = (change.address, change.coin_type.clone());
            let before = self.address_balances.get(&key).copied().unwrap_or_default();
            self.address_balances
                .insert_mut(key, before.saturating_add_signed(change.amount));
        }
        if let TransactionKind::RandomnessStateUpdate(update) = &record.transaction.kind {
            self.randomness_round = Some(update.randomness_round);
        }
    }

    fn write(&mut self, object: &Arc<Object>) {
        let id = object.object_id();
        self.remove(&id);
        if let Some(key) = OwnedKey::of(object) {
            self.owned.insert_mut(key, Arc::clone(object));
        }
        if let Owner::Object(parent) = object.owner() {
            self.children.insert_mut((*parent, id), Arc::clone(object));
        }
        if let Some(coin_type) = described_coin(object) {
            self.coin_facts
                .insert_mut((coin_type.clone(), id), Arc::clone(object));
        }
        if let ObjectData::Package(package) = object.data() {
            self.packages
                .insert_mut((original_id(package), package.version), id);
        }
        self.live.insert_mut(id, Arc::clone(object));
    }

    fn remove(&mut self, id: &Address) {
        let Some(old) = self.live.get(id).cloned() else {
            return;
        };
        self.live.remove_mut(id);
        if let Some(key) = OwnedKey::of(&old) {
            self.owned.remove_mut(&key);
        }
        if let Owner::Object(parent) = old.owner() {
            self.children.remove_mut(&(*parent, *id));
        }
        if let Some(coin_type) = described_coin(&old) {
            self.coin_facts.remove_mut(&(coin_type.clone(), *id));
        }
    }

    /// The newest checkpoint; `None` only before genesis.
    pub(crate) fn tip(&self) -> Option<&Arc<Checkpoint>> {
        self.history.tip()
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
    pub(crate) fn checkpoint(&self, number: u64) -> Result<Option<Arc<Checkpoint>>, Unreadable> {
        self.history.checkpoint(number)
    }

    /// What is known of a checkpoint without reading it.
    pub(crate) fn spot(&self, number: u64) -> Option<Spot> {
        self.history.spot(number)
    }

    /// The number of the checkpoint with this digest.
    pub(crate) fn checkpoint_number(&self, digest: &Digest) -> Option<u64> {
        self.history.number(digest)
    }

    /// The transaction with this digest.
    pub(crate) fn transaction(&self, digest: &Digest) -> Result<Option<Arc<Executed>>, Unreadable> {
        self.history.transaction(digest)
    }

    /// The transaction at a place of the chain.
    pub(crate) fn executed(&self, ordinal: Ordinal) -> Result<Option<Arc<Executed>>, Unreadable> {
        self.history.executed(ordinal)
    }

    /// One version of an object, also when it is no longer live.
    pub(crate) fn at_version(
        &self,
        id: &Address,
        version: Version,
    ) -> Result<Option<Arc<Object>>, Unreadable> {
        match self.live.get(id) {
            Some(object) if object.version() == version => Ok(Some(Arc::clone(object))),
            _ => self.history.version(id, version),
        }
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

    /// The live objects that describe a coin type, in id order.
    pub(crate) fn coin_facts(&self, coin_type: &TypeTag) -> impl Iterator<Item = &Object> {
        let range = (coin_type.clone(), Address::ZERO)..=(coin_type.clone(), LAST_ID);
        self.coin_facts.range(range).map(|(_, object)| &**object)
    }

    /// What modules declare.
    pub(crate) fn declared(&self) -> &Declared {
        &self.declared
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

/// The greatest id.
const LAST_ID: Address = Address::new([u8::MAX; Address::LENGTH]);

/// The types that say something of a coin type, by module and name, all of `0x2`.
const COIN_FACTS: [(&str, &str); 5] = [
    ("coin", "CoinMetadata"),
    ("coin", "RegulatedCoinMetadata"),
    ("coin", "TreasuryCap"),
    ("coin", "DenyCapV2"),
    ("coin_registry", "Currency"),
];

/// The coin type that an object describes.
fn described_coin(object: &Object) -> Option<&TypeTag> {
    let tag = object.as_struct()?.object_type();
    let describes = *tag.address() == Address::TWO
        && COIN_FACTS.contains(&(tag.module().as_str(), tag.name().as_str()));
    tag.type_params().first().filter(|_| describes)
}

impl ObjectStore for Indexes {
    fn latest(&self, id: &Address) -> Option<Arc<Object>> {
        self.live.get(id).cloned()
    }

    fn address_balance(&self, owner: &Address, coin_type: &TypeTag) -> u128 {
        self.address_balances
            .get(&(*owner, coin_type.clone()))
            .copied()
            .unwrap_or_default()
    }
}
