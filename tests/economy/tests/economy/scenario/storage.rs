//! Users with blobs of their own.

use sui_sdk_types::{Address, Argument};
use walrus_contract_tests::{Account, BlobSpec, Ptb};
use walrus_core::{
    EncodingType,
    messages::{BlobPersistence, StorageConfirmationBody},
};
use walrus_economy::{Abort, storage::Storage};

use super::{Held, World, certificates::check};

impl World {
    fn epochs(&mut self) -> u32 {
        let most = self.economy.system.ring.length();
        let epochs = if self.random.one_in(12) {
            self.random.between(0, u64::from(most) + 1)
        } else {
            self.random.between(1, 4)
        };
        epochs as u32
    }

    pub(super) fn spec(&mut self) -> BlobSpec {
        self.blobs_made += 1;
        let size = if self.random.one_in(4) {
            self.random.up_to(100_000_000)
        } else {
            self.random.up_to(3_000_000)
        };
        let spec = BlobSpec::numbered(self.blobs_made, size);
        if self.random.one_in(2) {
            spec.deletable()
        } else {
            spec
        }
    }

    /// Arguments that describe a blob: ID, root, size, encoding, deletable.
    pub(super) fn describe(ptb: &mut Ptb, spec: &BlobSpec) -> [Argument; 5] {
        [
            ptb.pure(&spec.id().0),
            ptb.pure(&spec.root),
            ptb.pure(&spec.size),
            ptb.pure(&EncodingType::RS2.id()),
            ptb.pure(&spec.deletable),
        ]
    }

    /// Somebody reserves storage and registers a blob on it, or registers it on storage that is there.
    pub(super) fn register_blob(&mut self) {
        let spec = self.spec();
        if !self.storages.is_empty() && self.random.one_in(3) {
            return self.register_on_storage(spec);
        }
        let owner = self.staker();
        let epochs = self.epochs();
        // In epoch 0 there are no shards and no size.
        let encoded = self.economy.system.encoded_size(spec.size).unwrap_or(1);
        let size = encoded + *self.random.pick(&[0, 0, 0, 1, 50_000_000]);
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let system = ptb.object(self.contracts().system);
        let arguments = vec![system, ptb.pure(&size), ptb.pure(&epochs), purse];
        let storage = self.call(&mut ptb, "system", "reserve_space", arguments);
        let blob = self.add_registration(&mut ptb, &spec, storage, purse);
        ptb.transfer(vec![blob], owner.address);
        let done = self.both("register", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                let storage = system.reserve(size, epochs, purse)?;
                system.register(storage, spec.size, spec.deletable, purse)
            })
        });
        if let Some((executed, blob)) = done {
            let id = executed.created("blob", "Blob");
            let value = (spec, blob);
            self.blobs.push(Held { owner, id, value });
        }
    }

    fn add_registration(
        &self,
        ptb: &mut Ptb,
        spec: &BlobSpec,
        storage: Argument,
        purse: Argument,
    ) -> Argument {
        let mut arguments = vec![ptb.object(self.contracts().system), storage];
        arguments.extend(Self::describe(ptb, spec));
        arguments.push(purse);
        self.call(ptb, "system", "register_blob", arguments)
    }

    fn register_on_storage(&mut self, spec: BlobSpec) {
        let epoch = self.economy.system.epoch;
        let likely = self.storages.iter().position(|held| {
            held.value.start <= epoch && epoch < held.value.end && held.value.size > 10_000_000
        });
        let any = self.random.between(0, self.storages.len() as u64 - 1) as usize;
        let index = if self.random.one_in(4) {
            any
        } else {
            likely.unwrap_or(any)
        };
        let Held { owner, id, value } = self.storages[index].clone();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let storage = ptb.object(id);
        let blob = self.add_registration(&mut ptb, &spec, storage, purse);
        ptb.transfer(vec![blob], owner.address);
        let done = self.both("register on storage", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                system.register(value, spec.size, spec.deletable, purse)
            })
        });
        if let Some((executed, blob)) = done {
            self.storages.swap_remove(index);
            let id = executed.created("blob", "Blob");
            let value = (spec, blob);
            self.blobs.push(Held { owner, id, value });
        }
    }

    /// Mostly a blob that lives and is wanted, at times any.
    fn any_blob(
        &mut self,
        wanted: impl Fn(&walrus_economy::storage::Blob) -> bool,
    ) -> Option<usize> {
        let epoch = self.economy.system.epoch;
        let likely: Vec<usize> = (0..self.blobs.len())
            .filter(|index| {
                let blob = &self.blobs[*index].value.1;
                blob.storage.end > epoch && wanted(blob)
            })
            .collect();
        if self.random.one_in(12) {
            let count = self.blobs.len() as u64;
            return (count > 0).then(|| self.random.between(0, count - 1) as usize);
        }
        (!likely.is_empty()).then(|| *self.random.pick(&likely))
    }

    /// What nodes sign about a blob object.
    pub(super) fn confirmation(spec: &BlobSpec, object: Address) -> StorageConfirmationBody {
        let object_id = object.into_inner();
        let persistence = if spec.deletable {
            BlobPersistence::Deletable { object_id }
        } else {
            BlobPersistence::Permanent
        };
        StorageConfirmationBody {
            blob_id: spec.id(),
            persistence,
        }
    }

    pub(super) fn certify_blob(&mut self) {
        let Some(index) = self.any_blob(|blob| blob.certified.is_none()) else {
            return;
        };
        let Held {
            owner,
            id,
            value: (spec, mut blob),
        } = self.blobs[index].clone();
        let (certificate, weight) = self.certificate(Self::confirmation(&spec, id));
        let mut ptb = Ptb::new();
        let mut arguments = vec![ptb.read(self.contracts().system), ptb.object(id)];
        arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
        self.call(&mut ptb, "system", "certify_blob", arguments);
        let done = self.both("certify", &owner, &ptb, |economy| {
            check(economy, weight)?;
            economy.system.certify(&mut blob).map(|()| blob)
        });
        if let Some((_, blob)) = done {
            self.blobs[index].value.1 = blob;
        }
    }

    pub(super) fn extend_blob(&mut self) {
        let Some(index) = self.any_blob(|blob| blob.certified.is_some()) else {
            return;
        };
        let Held {
            owner,
            id,
            value: (_, mut blob),
        } = self.blobs[index].clone();
        let epochs = self.epochs();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let arguments = vec![
            ptb.object(self.contracts().system),
            ptb.object(id),
            ptb.pure(&epochs),
            purse,
        ];
        self.call(&mut ptb, "system", "extend_blob", arguments);
        let done = self.both("extend", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                system.extend(&mut blob, epochs, purse).map(|()| blob)
            })
        });
        if let Some((_, blob)) = done {
            self.blobs[index].value.1 = blob;
        }
    }

    /// Reserves for the time after the blob's end, and extends it with that.
    pub(super) fn extend_blob_with_storage(&mut self) {
        let Some(index) = self.any_blob(|blob| blob.certified.is_some()) else {
            return;
        };
        let Held {
            owner,
            id,
            value: (_, mut blob),
        } = self.blobs[index].clone();
        let (start, size) = (
            blob.storage.end,
            blob.storage.size + u64::from(self.random.one_in(6)),
        );
        let end = start + self.epochs();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let system = ptb.object(self.contracts().system);
        let arguments = vec![
            system,
            ptb.pure(&size),
            ptb.pure(&start),
            ptb.pure(&end),
            purse,
        ];
        let storage = self.call(&mut ptb, "system", "reserve_space_for_epochs", arguments);
        let arguments = vec![system, ptb.object(id), storage];
        self.call(&mut ptb, "system", "extend_blob_with_resource", arguments);
        let done = self.both("extend with storage", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                let storage = system.reserve_for_epochs(size, start, end, purse)?;
                system.extend_with(&mut blob, storage).map(|()| blob)
            })
        });
        if let Some((_, blob)) = done {
            self.blobs[index].value.1 = blob;
        }
    }

    pub(super) fn delete_blob(&mut self) {
        let Some(index) = self.any_blob(|blob| blob.deletable) else {
            return;
        };
        let Held {
            owner,
            id,
            value: (_, blob),
        } = self.blobs[index].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts().system), ptb.object(id)];
        let storage = self.call(&mut ptb, "system", "delete_blob", arguments);
        ptb.transfer(vec![storage], owner.address);
        let done = self.both("delete", &owner, &ptb, |economy| {
            economy.system.delete(blob.clone())
        });
        if let Some((_, storage)) = done {
            self.blobs.swap_remove(index);
            self.keep_new_storage(&owner, storage);
        }
    }

    /// The storage that came out of a blob keeps the ID it had when it was bought: it is found by what it is.
    fn keep_new_storage(&mut self, owner: &Account, value: Storage) {
        let known: Vec<Address> = self.storages.iter().map(|held| held.id).collect();
        let all = self
            .network
            .chain
            .owned(owner.address, "storage_resource", "Storage");
        let mut new = all.into_iter().filter(|id| !known.contains(id));
        let id = new.next().unwrap();
        assert!(new.next().is_none());
        let owner = owner.clone();
        self.storages.push(Held { owner, id, value });
    }

    pub(super) fn burn_blob(&mut self) {
        let epoch = self.economy.system.epoch;
        let expired = self
            .blobs
            .iter()
            .position(|held| held.value.1.storage.end <= epoch);
        let Some(index) = expired else {
            return;
        };
        let Held { owner, id, .. } = self.blobs[index].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(id)];
        self.call(&mut ptb, "blob", "burn", arguments);
        self.both("burn", &owner, &ptb, |_| Ok(())).unwrap();
        self.blobs.swap_remove(index);
    }

    /// Somebody reserves storage, now or for later.
    pub(super) fn reserve(&mut self) {
        let owner = self.staker();
        let size = self.random.up_to(300_000_000);
        let start =
            (self.economy.system.epoch + self.random.between(0, 5) as u32).saturating_sub(2);
        let end = start + self.epochs();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let system = ptb.object(self.contracts().system);
        let arguments = vec![
            system,
            ptb.pure(&size),
            ptb.pure(&start),
            ptb.pure(&end),
            purse,
        ];
        let storage = self.call(&mut ptb, "system", "reserve_space_for_epochs", arguments);
        ptb.transfer(vec![storage], owner.address);
        let done = self.both("reserve", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                system.reserve_for_epochs(size, start, end, purse)
            })
        });
        if let Some((_, storage)) = done {
            self.keep_new_storage(&owner, storage);
        }
    }

    /// Somebody splits storage by size or by epoch.
    pub(super) fn cut_storage(&mut self) {
        if self.storages.is_empty() {
            return;
        }
        let index = self.random.between(0, self.storages.len() as u64 - 1) as usize;
        let Held {
            owner,
            id,
            mut value,
        } = self.storages[index].clone();
        let by_size = self.random.one_in(2);
        let size = self.random.between(0, value.size + value.size / 4);
        let epoch = self
            .random
            .between(u64::from(value.start), u64::from(value.end)) as u32;
        let mut ptb = Ptb::new();
        let (function, at) = if by_size {
            ("split_by_size", ptb.pure(&size))
        } else {
            ("split_by_epoch", ptb.pure(&epoch))
        };
        let arguments = vec![ptb.object(id), at];
        let part = self.call(&mut ptb, "storage_resource", function, arguments);
        ptb.transfer(vec![part], owner.address);
        let done = self.both(function_name(by_size), &owner, &ptb, |_| {
            let part = if by_size {
                value.split_by_size(size)?
            } else {
                value.split_by_epoch(epoch)?
            };
            Ok((value, part))
        });
        if let Some((_, (rest, part))) = done {
            self.storages[index].value = rest;
            self.keep_new_storage(&owner, part);
        }
    }

    /// Somebody destroys storage, or gives it back.
    pub(super) fn give_up_storage(&mut self) {
        if self.storages.is_empty() {
            return;
        }
        let index = self.random.between(0, self.storages.len() as u64 - 1) as usize;
        let Held { owner, id, value } = self.storages[index].clone();
        let release = self.random.one_in(2);
        let mut ptb = Ptb::new();
        if release {
            let arguments = vec![ptb.object(self.contracts().system), ptb.object(id)];
            self.call(&mut ptb, "system", "release_storage", arguments);
        } else {
            let arguments = vec![ptb.object(id)];
            self.call(&mut ptb, "storage_resource", "destroy", arguments);
        }
        let action = if release {
            "release storage"
        } else {
            "destroy storage"
        };
        let model = |economy: &mut walrus_economy::economy::Economy| -> Result<(), Abort> {
            if release {
                economy.system.release(&value)
            } else {
                Ok(())
            }
        };
        if self.both(action, &owner, &ptb, model).is_some() {
            self.storages.swap_remove(index);
        }
    }
}

fn function_name(by_size: bool) -> &'static str {
    if by_size {
        "split storage by size"
    } else {
        "split storage by epoch"
    }
}
