//! Storage resources and storage pools.

use sui_sdk_types::{Address, Argument};
use walrus_core::{
    EncodingType,
    messages::{BlobPersistence, StorageConfirmationBody},
};

use super::Meter;
use crate::{Account, BlobSpec, Network, Ptb, WAL};

const UNIT: u64 = 1024 * 1024;

/// `system`, and a coin of the sender that pays.
fn paid(network: &Network, ptb: &mut Ptb, sender: &Account) -> (Argument, Argument) {
    let system = ptb.object(network.contracts.system);
    (system, network.wal_purse(ptb, sender.address, WAL))
}

impl Meter {
    /// A reservation of `units` MiB from now on.
    fn reserve(&mut self, user: &Account, units: u64, epochs: u32) -> Address {
        let bought = self.take(user, ("walrus", "system", "reserve_space"), |n, p| {
            let (system, coin) = paid(n, p, user);
            vec![system, p.pure(&(units * UNIT)), p.pure(&epochs), coin]
        });
        bought.created("storage_resource", "Storage")
    }

    pub(crate) fn storage(&mut self, user: &Account) {
        let storage = self.reserve(user, 100, 10);
        let entry = ("walrus", "system", "reserve_space_for_epochs");
        let later = self.take(user, entry, |n, p| {
            let (system, coin) = paid(n, p, user);
            let (start, end) = (n.epoch() + 10, n.epoch() + 12);
            let size = p.pure(&(100 * UNIT));
            vec![system, size, p.pure(&start), p.pure(&end), coin]
        });
        let later = later.created("storage_resource", "Storage");
        self.on_storage(user, "fuse_periods", storage, later);
        let epoch = self.network.epoch();
        let second = self.split_storage(user, "split_by_epoch", storage, &(epoch + 5));
        self.on_storage(user, "fuse", storage, second);
        let second = self.split_storage(user, "split_by_size", storage, &(60 * UNIT));
        self.on_storage(user, "fuse_amount", storage, second);
        let second = self.split_storage(user, "split_by_size", storage, &(30 * UNIT));
        self.call(user, ("walrus", "storage_resource", "destroy"), |_, p| {
            vec![p.object(second)]
        });
        self.call(user, ("walrus", "system", "release_storage"), |n, p| {
            vec![p.object(n.contracts.system), p.object(storage)]
        });
    }

    fn on_storage(
        &mut self,
        user: &Account,
        function: &'static str,
        first: Address,
        second: Address,
    ) {
        self.call(user, ("walrus", "storage_resource", function), |_, p| {
            vec![p.object(first), p.object(second)]
        });
    }

    fn split_storage<T: serde::Serialize>(
        &mut self,
        user: &Account,
        function: &'static str,
        storage: Address,
        at: &T,
    ) -> Address {
        let split = self.take(user, ("walrus", "storage_resource", function), |_, p| {
            vec![p.object(storage), p.pure(at)]
        });
        split.created("storage_resource", "Storage")
    }

    pub(crate) fn storage_pools(&mut self, user: &Account) {
        let spare = self.reserve(user, 200, 3);
        let entry = ("walrus", "system", "create_storage_pool_with_storage");
        let other = self.take(user, entry, |n, p| {
            vec![p.read(n.contracts.system), p.object(spare)]
        });
        let other = other.created("storage_pool", "StoragePool");
        self.take(user, ("walrus", "storage_pool", "destroy"), |_, p| {
            vec![p.object(other)]
        });
        let entry = ("walrus", "system", "create_storage_pool");
        let pool = self.take(user, entry, |n, p| {
            let (system, coin) = paid(n, p, user);
            vec![system, p.pure(&(300 * UNIT)), p.pure(&2u32), coin]
        });
        let pool = pool.created("storage_pool", "StoragePool");
        self.pool_size(user, pool);
        let blob = BlobSpec::numbered(100, 1000).deletable();
        self.pooled_blob(user, pool, &blob);
        self.pooled_metadata(user, pool, &blob);
        self.call(user, ("walrus", "system", "delete_pooled_blob"), |n, p| {
            vec![
                p.read(n.contracts.system),
                p.object(pool),
                p.pure(&blob.id().0),
            ]
        });
    }

    fn pool_size(&mut self, user: &Account, pool: Address) {
        let entry = ("walrus", "system", "increase_storage_pool_capacity");
        self.call(user, entry, |n, p| {
            let (system, coin) = paid(n, p, user);
            vec![system, p.object(pool), p.pure(&(100 * UNIT)), coin]
        });
        self.call(user, ("walrus", "system", "extend_storage_pool"), |n, p| {
            let (system, coin) = paid(n, p, user);
            vec![system, p.object(pool), p.pure(&1u32), coin]
        });
        let entry = (
            "walrus",
            "system",
            "increase_storage_pool_capacity_with_storage",
        );
        let more = self.reserve(user, 50, 3);
        self.call(user, entry, |n, p| {
            vec![p.read(n.contracts.system), p.object(pool), p.object(more)]
        });
        let entry = ("walrus", "system", "decrease_storage_pool_capacity_by_size");
        self.take(user, entry, |n, p| {
            let size = p.pure(&(50 * UNIT));
            vec![p.read(n.contracts.system), p.object(pool), size]
        });
        let entry = (
            "walrus",
            "system",
            "decrease_storage_pool_unused_capacity_by_percent",
        );
        self.take(user, entry, |n, p| {
            vec![p.read(n.contracts.system), p.object(pool), p.pure(&10u8)]
        });
    }

    /// Registers and certifies a blob in a pool.
    fn pooled_blob(&mut self, user: &Account, pool: Address, blob: &BlobSpec) {
        self.call(
            user,
            ("walrus", "system", "register_pooled_blob"),
            |n, p| {
                let (system, coin) = paid(n, p, user);
                let mut arguments = vec![system, p.object(pool)];
                arguments.extend(blob_arguments(p, blob));
                arguments.push(coin);
                arguments
            },
        );
        let entry = ("walrus", "system", "certify_pooled_blob");
        let object = self.pooled_object(pool, blob);
        self.call(user, entry, |n, p| {
            let body = StorageConfirmationBody {
                blob_id: blob.id(),
                persistence: if blob.deletable {
                    let object_id = object.into_inner();
                    BlobPersistence::Deletable { object_id }
                } else {
                    BlobPersistence::Permanent
                },
            };
            let certificate = n.certificate(body, &n.quorum());
            let mut arguments = vec![p.read(n.contracts.system), p.object(pool)];
            arguments.push(p.pure(&blob.id().0));
            arguments.extend(certificate.iter().map(|part| p.pure(part)));
            arguments
        });
    }

    /// The object ID of a pooled blob, asked of the contract.
    fn pooled_object(&self, pool: Address, blob: &BlobSpec) -> Address {
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(pool), ptb.pure(&blob.id().0)];
        self.network
            .call(&mut ptb, "storage_pool", "blob_object_id", arguments);
        let owner = self.network.chain.owner(pool);
        let executed = self.network.chain.inspect(owner, &ptb).expect_success();
        let value = &executed.outcome.command_outputs[0].return_values[0];
        Address::from_bytes(&value.bcs).expect("an ID")
    }

    fn pooled_metadata(&mut self, user: &Account, pool: Address, blob: &BlobSpec) {
        let id = blob.id().0;
        let mut call = |function, arguments: &dyn Fn(&mut Ptb) -> Vec<Argument>| {
            let package = self.network.package;
            let mut ptb = Ptb::new();
            let mut all = vec![ptb.object(pool), ptb.pure(&id)];
            if matches!(
                function,
                "add_blob_metadata" | "add_or_replace_blob_metadata"
            ) {
                all.push(ptb.call(package, "metadata", "new", vec![]));
            }
            all.extend(arguments(&mut ptb));
            ptb.call(package, "storage_pool", function, all);
            self.send(user, ("walrus", "storage_pool", function), &ptb);
        };
        call("add_blob_metadata", &|_| vec![]);
        call("add_or_replace_blob_metadata", &|_| vec![]);
        let pair = |p: &mut Ptb| vec![p.pure("key"), p.pure("value")];
        call("insert_or_update_blob_metadata_pair", &pair);
        call("remove_blob_metadata_pair", &|p| vec![p.pure("key")]);
        call("remove_blob_metadata_pair_if_exists", &|p| {
            vec![p.pure("key")]
        });
        call("take_blob_metadata", &|_| vec![]);
    }

    /// A permanent blob in a pool that ends soon; [`Meter::expired_pool`] burns it.
    pub(crate) fn short_pool(&mut self, user: &Account) -> (Address, BlobSpec) {
        let entry = ("walrus", "system", "create_storage_pool");
        let pool = self.take(user, entry, |n, p| {
            let (system, coin) = paid(n, p, user);
            vec![system, p.pure(&(100 * UNIT)), p.pure(&1u32), coin]
        });
        let pool = pool.created("storage_pool", "StoragePool");
        let blob = BlobSpec::numbered(101, 1000);
        self.pooled_blob(user, pool, &blob);
        (pool, blob)
    }

    pub(crate) fn expired_pool(&mut self, user: &Account, pool: Address, blob: &BlobSpec) {
        let entry = ("walrus", "system", "burn_expired_pooled_blob");
        self.call(user, entry, |n, p| {
            vec![
                p.read(n.contracts.system),
                p.object(pool),
                p.pure(&blob.id().0),
            ]
        });
    }
}

/// Blob ID, root, size, encoding type and deletability, as registrations take them.
pub(super) fn blob_arguments(ptb: &mut Ptb, blob: &BlobSpec) -> Vec<Argument> {
    vec![
        ptb.pure(&blob.id().0),
        ptb.pure(&blob.root),
        ptb.pure(&blob.size),
        ptb.pure(&EncodingType::RS2.id()),
        ptb.pure(&blob.deletable),
    ]
}
