//! Storage system: selling capacity and paying those who provide it (contracts spec 7.1, 7.3, 7.8 and 8.7).

use std::collections::BTreeMap;

use crate::{
    Abort, Epoch, Frost, NodeId,
    abort::{add, ensure},
    encoded_size::{RED_STUFF, encoded_size},
    price,
    rewards::{self, Member},
    ring::Ring,
    storage::{Blob, Storage, StoragePool},
};

const MODULE: &str = "system_state_inner";

/// The state of the storage side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The current epoch.
    pub epoch: Epoch,
    /// Members and their shards, ascending by node ID.
    pub committee: Vec<(NodeId, u16)>,
    /// Bytes that can be sold per epoch.
    pub total_capacity: u64,
    /// Bytes sold for the current epoch.
    pub used_capacity: u64,
    /// FROST per unit and epoch.
    pub storage_price: Frost,
    /// FROST per unit.
    pub write_price: Frost,
    /// The coming epochs.
    pub ring: Ring,
    /// Sizes of the nodes' deny lists.
    pub deny_lists: BTreeMap<NodeId, u64>,
    /// Those of nodes that are away.
    pub absent_deny_lists: BTreeMap<NodeId, u64>,
}

impl System {
    /// The state before the first epoch.
    #[must_use]
    pub fn new(max_epochs_ahead: u32) -> Self {
        Self {
            epoch: 0,
            committee: Vec::new(),
            total_capacity: 0,
            used_capacity: 0,
            storage_price: 0,
            write_price: 0,
            ring: Ring::new(max_epochs_ahead),
            deny_lists: BTreeMap::new(),
            absent_deny_lists: BTreeMap::new(),
        }
    }

    /// Shards of the committee: none in epoch 0.
    #[must_use]
    pub fn n_shards(&self) -> u16 {
        self.committee.iter().map(|(_, weight)| weight).sum()
    }

    /// Sells capacity from now on.
    ///
    /// # Errors
    /// As [`System::reserve_for_epochs`].
    pub fn reserve(&mut self, size: u64, epochs: u32, purse: &mut Frost) -> Result<Storage, Abort> {
        ensure(epochs > 0 && epochs <= self.ring.length(), MODULE, 2)?;
        self.reserve_for_epochs(size, self.epoch, self.epoch + epochs, purse)
    }

    /// Sells capacity for `start..end`; a start in the past is the current epoch.
    ///
    /// # Errors
    /// No epochs or too many (`system_state_inner` 2), too little money (`balance` 2), no size (11), no room (1).
    pub fn reserve_for_epochs(
        &mut self,
        size: u64,
        start: Epoch,
        end: Epoch,
        purse: &mut Frost,
    ) -> Result<Storage, Abort> {
        let start = start.max(self.epoch);
        ensure(end > start, MODULE, 2)?;
        ensure(end - self.epoch <= self.ring.length(), MODULE, 2)?;
        self.pay_storage(size, start, end, purse)?;
        ensure(size > 0, MODULE, 11)?;
        self.use_capacity(size, start, end)?;
        Ok(Storage { start, end, size })
    }

    fn pay_storage(
        &mut self,
        size: u64,
        start: Epoch,
        end: Epoch,
        purse: &mut Frost,
    ) -> Result<(), Abort> {
        let due = price::cost(size, self.storage_price)?;
        for epoch in start..end {
            self.pay(epoch, due, purse)?;
        }
        Ok(())
    }

    fn pay(&mut self, epoch: Epoch, due: Frost, purse: &mut Frost) -> Result<(), Abort> {
        ensure(*purse >= due, "balance", 2)?;
        *purse -= due;
        let slot = self.ring.at(epoch - self.epoch)?;
        slot.rewards = add(slot.rewards, due)?;
        Ok(())
    }

    fn use_capacity(&mut self, size: u64, start: Epoch, end: Epoch) -> Result<(), Abort> {
        for epoch in start..end {
            let slot = self.ring.at(epoch - self.epoch)?;
            slot.used_capacity = add(slot.used_capacity, size)?;
            ensure(slot.used_capacity <= self.total_capacity, MODULE, 1)?;
            if epoch == self.epoch {
                self.used_capacity = slot.used_capacity;
            }
        }
        Ok(())
    }

    /// Gives the capacity of coming epochs back without a refund (an addition: contracts spec 13, number 12). Every epoch is paid by
    /// what was sold for it.
    ///
    /// # Errors
    /// More than was sold.
    pub fn release(&mut self, storage: &Storage) -> Result<(), Abort> {
        for epoch in storage.start.max(self.epoch + 1)..storage.end {
            let slot = self.ring.at(epoch - self.epoch)?;
            slot.peak = slot.peak.max(slot.used_capacity);
            slot.used_capacity = crate::abort::subtract(slot.used_capacity, storage.size)?;
        }
        Ok(())
    }

    /// Encoded bytes of a blob of `size` bytes.
    ///
    /// # Errors
    /// There is no committee yet, or the blob is too large.
    pub fn encoded_size(&self, size: u64) -> Result<u64, Abort> {
        encoded_size(size, RED_STUFF, self.n_shards())
    }

    fn charge_write(&mut self, encoded: u64, purse: &mut Frost) -> Result<(), Abort> {
        let due = price::cost(encoded, self.write_price)?;
        self.pay(self.epoch, due, purse)
    }

    /// Registers a blob of `size` bytes.
    ///
    /// # Errors
    /// The storage is for other epochs (`blob` 2) or too small (3); too little money (`balance` 2).
    pub fn register(
        &mut self,
        storage: Storage,
        size: u64,
        deletable: bool,
        purse: &mut Frost,
    ) -> Result<Blob, Abort> {
        ensure(
            storage.start <= self.epoch && self.epoch < storage.end,
            "blob",
            2,
        )?;
        let encoded = self.encoded_size(size)?;
        ensure(encoded <= storage.size, "blob", 3)?;
        self.charge_write(encoded, purse)?;
        Ok(Blob {
            size,
            certified: None,
            deletable,
            storage,
        })
    }

    /// Certifies a blob; the certificate itself is taken for valid.
    ///
    /// # Errors
    /// Certified before (`blob` 5), or expired (2).
    pub fn certify(&self, blob: &mut Blob) -> Result<(), Abort> {
        ensure(blob.certified.is_none(), "blob", 5)?;
        ensure(self.epoch < blob.storage.end, "blob", 2)?;
        blob.certified = Some(self.epoch);
        Ok(())
    }

    /// Extends a blob's life.
    ///
    /// # Errors
    /// Not certified (`blob` 0), expired (2), not or too long extended (`system_state_inner` 2), too little money
    /// (`balance` 2), no room (1).
    pub fn extend(&mut self, blob: &mut Blob, epochs: u32, purse: &mut Frost) -> Result<(), Abort> {
        ensure(blob.certified.is_some(), "blob", 0)?;
        ensure(self.epoch < blob.storage.end, "blob", 2)?;
        self.extend_storage(&mut blob.storage, epochs, purse)
    }

    /// Extends a blob with a reservation of the same size that starts where the blob ends.
    ///
    /// # Errors
    /// Not certified (`blob` 0), expired or not longer (2), another size (`storage_resource` 2) or a gap (1).
    pub fn extend_with(&self, blob: &mut Blob, extension: Storage) -> Result<(), Abort> {
        ensure(blob.certified.is_some(), "blob", 0)?;
        ensure(self.epoch < blob.storage.end, "blob", 2)?;
        ensure(extension.end > blob.storage.end, "blob", 2)?;
        ensure(extension.size == blob.storage.size, "storage_resource", 2)?;
        ensure(extension.start == blob.storage.end, "storage_resource", 1)?;
        blob.storage.end = extension.end;
        Ok(())
    }

    fn extend_storage(
        &mut self,
        storage: &mut Storage,
        epochs: u32,
        purse: &mut Frost,
    ) -> Result<(), Abort> {
        let end = storage.end.checked_add(epochs).ok_or(Abort::Arithmetic)?;
        ensure(
            epochs > 0 && end - self.epoch <= self.ring.length(),
            MODULE,
            2,
        )?;
        self.pay_storage(storage.size, storage.end, end, purse)?;
        self.use_capacity(storage.size, storage.end, end)?;
        storage.end = end;
        Ok(())
    }

    /// Deletes a blob; its storage can be used again.
    ///
    /// # Errors
    /// Permanent (`blob` 1), or expired (2).
    pub fn delete(&self, blob: Blob) -> Result<Storage, Abort> {
        ensure(blob.deletable, "blob", 1)?;
        ensure(blob.storage.end > self.epoch, "blob", 2)?;
        Ok(blob.storage)
    }

    /// Makes a pool of a reservation.
    ///
    /// # Errors
    /// Empty (`system_state_inner` 11), or for other epochs (2).
    pub fn create_pool(&self, storage: Storage) -> Result<StoragePool, Abort> {
        ensure(storage.size > 0, MODULE, 11)?;
        ensure(
            storage.start <= self.epoch && storage.end > self.epoch,
            MODULE,
            2,
        )?;
        Ok(StoragePool {
            storage,
            used: 0,
            blobs: 0,
        })
    }

    /// Registers a blob of `size` bytes in a pool.
    ///
    /// # Errors
    /// Another epoch's pool (`system_state_inner` 2), no room (`storage_pool` 6), too little money (`balance` 2).
    pub fn register_pooled(
        &mut self,
        pool: &mut StoragePool,
        size: u64,
        purse: &mut Frost,
    ) -> Result<(), Abort> {
        let storage = &pool.storage;
        ensure(
            storage.start <= self.epoch && self.epoch < storage.end,
            MODULE,
            2,
        )?;
        let encoded = self.encoded_size(size)?;
        let used = add(pool.used, encoded)?;
        ensure(used <= pool.storage.size, "storage_pool", 6)?;
        pool.used = used;
        pool.blobs += 1;
        self.charge_write(encoded, purse)
    }

    /// Deletes a deletable blob of `size` bytes from a pool.
    ///
    /// # Errors
    /// The pool is expired (`system_state_inner` 2).
    pub fn delete_pooled(&self, pool: &mut StoragePool, size: u64) -> Result<(), Abort> {
        ensure(pool.storage.end > self.epoch, MODULE, 2)?;
        pool.used -= self.encoded_size(size)?;
        pool.blobs -= 1;
        Ok(())
    }

    /// Extends a pool's life.
    ///
    /// # Errors
    /// Expired, not or too long extended (`system_state_inner` 2), too little money (`balance` 2), no room (1).
    pub fn extend_pool(
        &mut self,
        pool: &mut StoragePool,
        epochs: u32,
        purse: &mut Frost,
    ) -> Result<(), Abort> {
        ensure(pool.storage.end > self.epoch, MODULE, 2)?;
        self.extend_storage(&mut pool.storage, epochs, purse)
    }

    /// Makes a pool larger until its end.
    ///
    /// # Errors
    /// By nothing (`system_state_inner` 11), expired (2), too little money (`balance` 2), no room (1).
    pub fn grow_pool(
        &mut self,
        pool: &mut StoragePool,
        size: u64,
        purse: &mut Frost,
    ) -> Result<(), Abort> {
        ensure(size > 0, MODULE, 11)?;
        ensure(pool.storage.end > self.epoch, MODULE, 2)?;
        self.pay_storage(size, self.epoch, pool.storage.end, purse)?;
        self.use_capacity(size, self.epoch, pool.storage.end)?;
        pool.storage.size += size;
        Ok(())
    }

    /// Enters the next epoch: returns what is burned and what each old member earned, in the order of the committee.
    ///
    /// Capacity is clamped to what is sold for *any* coming epoch (an improvement: contracts spec 13, number 8), and
    /// deny lists of nodes that are in neither committee are put aside until they come back (number 11).
    ///
    /// # Errors
    /// Numbers that cannot be.
    pub fn advance_epoch(
        &mut self,
        committee: Vec<(NodeId, u16)>,
        capacity: u64,
    ) -> Result<(Frost, Vec<(NodeId, Frost)>), Abort> {
        let burned = self.ring.extract_burn()?;
        let ended = self.ring.advance(self.epoch)?;
        let old = std::mem::replace(&mut self.committee, committee);
        self.epoch += 1;
        self.used_capacity = self.ring.at(0)?.used_capacity;
        self.total_capacity = capacity.max(self.ring.max_used_capacity());
        let member = |(node, weight): &(NodeId, u16)| Member {
            weight: *weight,
            deny_list_size: self.deny_lists.get(node).copied().unwrap_or(0),
        };
        let members: Vec<Member> = old.iter().map(member).collect();
        let (shares, left) =
            rewards::split(&members, ended.used_capacity.max(ended.peak), ended.rewards);
        self.ring.donate(0, left)?;
        self.exchange_deny_lists(&old);
        let nodes = old.into_iter().map(|(node, _)| node);
        Ok((burned, nodes.zip(shares).collect()))
    }

    fn exchange_deny_lists(&mut self, old: &[(NodeId, u16)]) {
        for (node, _) in &self.committee {
            if let Some(size) = self.absent_deny_lists.remove(node) {
                self.deny_lists.insert(*node, size);
            }
        }
        if self.deny_lists.len() > self.committee.len() {
            let member = |node: &NodeId| {
                let mut all = old.iter().chain(&self.committee);
                all.any(|(other, _)| other == node)
            };
            let lists = std::mem::take(&mut self.deny_lists).into_iter();
            let (present, away): (_, BTreeMap<_, u64>) = lists.partition(|(node, _)| member(node));
            self.deny_lists = present;
            let kept = away.into_iter().filter(|(_, size)| *size > 0);
            self.absent_deny_lists.extend(kept);
        }
    }
}
