//! Users with storage pools.

use walrus_contract_tests::Ptb;
use walrus_economy::{Abort, storage::StoragePool};

use super::{Held, PooledBlob, World, certificates::check};

impl World {
    pub(super) fn create_pool(&mut self) {
        let owner = self.staker();
        let (size, epochs) = (
            self.random.between(0, 400_000_000),
            self.random.between(1, 8) as u32,
        );
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let arguments = vec![
            ptb.object(self.contracts().system),
            ptb.pure(&size),
            ptb.pure(&epochs),
            purse,
        ];
        let pool = self.call(&mut ptb, "system", "create_storage_pool", arguments);
        ptb.transfer(vec![pool], owner.address);
        let done = self.both("create pool", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                let storage = system.reserve(size, epochs, purse)?;
                system.create_pool(storage)
            })
        });
        if let Some((executed, pool)) = done {
            let id = executed.created("storage_pool", "StoragePool");
            let value = (pool, Vec::new());
            self.pools.push(Held { owner, id, value });
        }
    }

    /// Something with a pool.
    pub(super) fn use_pool(&mut self) {
        if self.pools.is_empty() {
            return;
        }
        let index = self.random.between(0, self.pools.len() as u64 - 1) as usize;
        match self.random.between(0, 9) {
            0..=3 => self.register_in_pool(index),
            4..=5 => self.certify_in_pool(index),
            6..=7 => self.delete_from_pool(index),
            8 => self.extend_pool(index),
            _ => self.grow_pool(index),
        }
    }

    fn register_in_pool(&mut self, index: usize) {
        let spec = self.spec();
        let Held {
            owner,
            id,
            value: (mut pool, _),
        } = self.pools[index].clone();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let mut arguments = vec![ptb.object(self.contracts().system), ptb.object(id)];
        arguments.extend(Self::describe(&mut ptb, &spec));
        arguments.push(purse);
        self.call(&mut ptb, "system", "register_pooled_blob", arguments);
        let done = self.both("register in pool", &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                system
                    .register_pooled(&mut pool, spec.size, purse)
                    .map(|()| pool)
            })
        });
        if let Some((executed, pool)) = done {
            let blob = PooledBlob {
                spec,
                id: executed.created("storage_pool", "PooledBlob"),
                certified: false,
            };
            let value = &mut self.pools[index].value;
            value.0 = pool;
            value.1.push(blob);
        }
    }

    fn certify_in_pool(&mut self, index: usize) {
        let Held {
            owner,
            id,
            value: (pool, blobs),
        } = self.pools[index].clone();
        if blobs.is_empty() {
            return;
        }
        let position = self.random.between(0, blobs.len() as u64 - 1) as usize;
        let blob = &blobs[position];
        let (certificate, weight) = self.certificate(Self::confirmation(&blob.spec, blob.id));
        let mut ptb = Ptb::new();
        let blob_id = ptb.pure(&blob.spec.id().0);
        let mut arguments = vec![ptb.read(self.contracts().system), ptb.object(id), blob_id];
        arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
        self.call(&mut ptb, "system", "certify_pooled_blob", arguments);
        let done = self.both("certify in pool", &owner, &ptb, |economy| {
            check(economy, weight)?;
            if economy.system.epoch >= pool.storage.end {
                return Err(Abort::code("storage_pool", 1));
            }
            if blob.certified {
                return Err(Abort::code("storage_pool", 2));
            }
            Ok(())
        });
        if done.is_some() {
            self.pools[index].value.1[position].certified = true;
        }
    }

    fn delete_from_pool(&mut self, index: usize) {
        let Held {
            owner,
            id,
            value: (mut pool, blobs),
        } = self.pools[index].clone();
        if blobs.is_empty() {
            return;
        }
        let position = self.random.between(0, blobs.len() as u64 - 1) as usize;
        let spec = blobs[position].spec;
        let mut ptb = Ptb::new();
        let blob_id = ptb.pure(&spec.id().0);
        let arguments = vec![ptb.object(self.contracts().system), ptb.object(id), blob_id];
        self.call(&mut ptb, "system", "delete_pooled_blob", arguments);
        let done = self.both("delete from pool", &owner, &ptb, |economy| {
            economy.system.delete_pooled(&mut pool, spec.size)?;
            if spec.deletable {
                Ok(pool)
            } else {
                Err(Abort::code("storage_pool", 0))
            }
        });
        if let Some((_, pool)) = done {
            let value = &mut self.pools[index].value;
            value.0 = pool;
            value.1.swap_remove(position);
        }
    }

    fn extend_pool(&mut self, index: usize) {
        let epochs = self.random.between(0, 4) as u32;
        let pool = self.change_pool(
            index,
            "extend pool",
            "extend_storage_pool",
            Amount::Epochs(epochs),
        );
        if let Some(pool) = pool {
            self.pools[index].value.0 = pool;
        }
    }

    fn grow_pool(&mut self, index: usize) {
        let size = self.random.up_to(100_000_000);
        let pool = self.change_pool(
            index,
            "grow pool",
            "increase_storage_pool_capacity",
            Amount::Bytes(size),
        );
        if let Some(pool) = pool {
            self.pools[index].value.0 = pool;
        }
    }

    fn change_pool(
        &mut self,
        index: usize,
        action: &'static str,
        function: &str,
        amount: Amount,
    ) -> Option<StoragePool> {
        let Held {
            owner,
            id,
            value: (mut pool, _),
        } = self.pools[index].clone();
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &owner);
        let by = match amount {
            Amount::Epochs(epochs) => ptb.pure(&epochs),
            Amount::Bytes(bytes) => ptb.pure(&bytes),
        };
        let arguments = vec![
            ptb.object(self.contracts().system),
            ptb.object(id),
            by,
            purse,
        ];
        self.call(&mut ptb, "system", function, arguments);
        let done = self.both(action, &owner, &ptb, |economy| {
            economy.paying(owner.address.into_inner(), |system, purse| {
                match amount {
                    Amount::Epochs(epochs) => system.extend_pool(&mut pool, epochs, purse)?,
                    Amount::Bytes(bytes) => system.grow_pool(&mut pool, bytes, purse)?,
                }
                Ok(pool)
            })
        });
        done.map(|(_, pool)| pool)
    }
}

enum Amount {
    Epochs(u32),
    Bytes(u64),
}
