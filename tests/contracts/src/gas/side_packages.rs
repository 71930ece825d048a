//! The WAL coin, the exchange, the subsidies and the bucket.

use sui_sdk_types::{Address, Argument};
use walrus_core::messages::{BlobPersistence, StorageConfirmationBody};

use super::Meter;
use super::nodes::balances;
use super::storage::blob_arguments;
use crate::{Account, BlobSpec, Ptb, WAL};

const UNIT: u64 = 1024 * 1024;

impl Meter {
    pub(crate) fn side_packages(&mut self, user: &Account) {
        self.call(user, ("wal", "wal", "burn"), |n, p| {
            vec![
                p.object(n.contracts.treasury),
                n.wal_coin(p, user.address, WAL),
            ]
        });
        self.exchange(user);
        self.subsidies(user);
        self.bucket(user);
    }

    fn exchange(&mut self, user: &Account) {
        const MODULE: (&str, &str) = ("wal_exchange", "wal_exchange");
        let admin = self.network.admin.clone();
        self.take(&admin, (MODULE.0, MODULE.1, "new"), |_, _| vec![]);
        let made = self.take(&admin, (MODULE.0, MODULE.1, "new_funded"), |n, p| {
            vec![
                n.wal_purse(p, admin.address, 1000 * WAL),
                p.pure(&(1000 * WAL)),
            ]
        });
        let exchange = made.created("wal_exchange", "Exchange");
        let cap = made.created("wal_exchange", "AdminCap");
        let mut admin_call =
            |function, takes: bool, arguments: &dyn Fn(&mut Ptb) -> Vec<Argument>| {
                let all = |p: &mut Ptb| {
                    let mut all = vec![p.object(exchange)];
                    all.extend(arguments(p));
                    all.push(p.object(cap));
                    all
                };
                let entry = (MODULE.0, MODULE.1, function);
                if takes {
                    self.take(&admin, entry, |_, p| all(p));
                } else {
                    self.call(&admin, entry, |_, p| all(p));
                }
            };
        admin_call("set_exchange_rate", false, &|p| {
            vec![p.pure(&2u64), p.pure(&1u64)]
        });
        self.exchange_funds(user, exchange);
        self.exchange_coins(user, exchange);
        let mut withdraw = |function| {
            self.take(&admin, (MODULE.0, MODULE.1, function), |_, p| {
                vec![p.object(exchange), p.pure(&1u64), p.object(cap)]
            });
        };
        withdraw("withdraw_wal");
        withdraw("withdraw_sui");
    }

    fn exchange_funds(&mut self, user: &Account, exchange: Address) {
        let entry = |function| ("wal_exchange", "wal_exchange", function);
        self.call(user, entry("add_wal"), |n, p| {
            let purse = n.wal_purse(p, user.address, WAL);
            vec![p.object(exchange), purse, p.pure(&WAL)]
        });
        self.call(user, entry("add_all_wal"), |n, p| {
            vec![p.object(exchange), n.wal_coin(p, user.address, WAL)]
        });
        self.call(user, entry("add_sui"), |_, p| {
            vec![p.object(exchange), Argument::Gas, p.pure(&WAL)]
        });
        self.call(user, entry("add_all_sui"), |_, p| {
            vec![p.object(exchange), p.split(Argument::Gas, WAL)]
        });
    }

    fn exchange_coins(&mut self, user: &Account, exchange: Address) {
        let entry = |function| ("wal_exchange", "wal_exchange", function);
        self.take(user, entry("exchange_all_for_wal"), |_, p| {
            vec![p.object(exchange), p.split(Argument::Gas, WAL)]
        });
        self.take(user, entry("exchange_for_wal"), |_, p| {
            vec![p.object(exchange), Argument::Gas, p.pure(&WAL)]
        });
        self.take(user, entry("exchange_all_for_sui"), |n, p| {
            vec![p.object(exchange), n.wal_coin(p, user.address, WAL)]
        });
        self.take(user, entry("exchange_for_sui"), |n, p| {
            let purse = n.wal_purse(p, user.address, WAL);
            vec![p.object(exchange), purse, p.pure(&WAL)]
        });
    }

    fn subsidies(&mut self, user: &Account) {
        let entry = |function| ("walrus_subsidies", "walrus_subsidies", function);
        let admin = self.network.admin.clone();
        let made = self.take(&admin, entry("new"), |n, p| {
            let objects = [p.read(n.contracts.system), p.read(n.contracts.staking)];
            let rates = [p.pure(&1000u32), p.pure(&1000u64), p.pure(&10u64)];
            objects.into_iter().chain(rates).collect()
        });
        let subsidies = made.created("walrus_subsidies", "WalrusSubsidies");
        let cap = made.created("walrus_subsidies", "AdminCap");
        self.call(user, entry("add_coin"), |n, p| {
            vec![p.object(subsidies), n.wal_coin(p, user.address, 1000 * WAL)]
        });
        let mut ptb = Ptb::new();
        let coin = self.network.wal_coin(&mut ptb, user.address, WAL);
        let wal = vec![self.network.contracts.wal_type().into()];
        let balance = ptb.call_generic(Address::TWO, "coin", "into_balance", wal, vec![coin]);
        let arguments = vec![ptb.object(subsidies), balance];
        let package = self.network.contracts.walrus_subsidies;
        ptb.call(package, "walrus_subsidies", "add_balance", arguments);
        self.send(user, entry("add_balance"), &ptb);
        let mut set = |function, value: &dyn Fn(&mut Ptb) -> Argument| {
            self.call(&admin, entry(function), |_, p| {
                vec![p.object(subsidies), p.object(cap), value(p)]
            });
        };
        set("set_system_subsidy_rate", &|p| p.pure(&2000u32));
        set("set_base_subsidy", &|p| p.pure(&2000u64));
        set("set_per_shard_subsidy", &|p| p.pure(&20u64));
        self.call(user, ("walrus", "system", "add_subsidy"), |n, p| {
            let coin = n.wal_coin(p, user.address, WAL);
            vec![p.object(n.contracts.system), coin, p.pure(&50u32)]
        });
        self.call(
            user,
            ("walrus", "system", "add_per_epoch_subsidies"),
            |n, p| vec![p.object(n.contracts.system), balances(n, p, user, 50)],
        );
    }

    /// Pays the committee of the epoch before, at first not nearly enough; then the rest is forgiven.
    pub(crate) fn process_subsidies(&mut self, user: &Account) {
        let entry = |function| ("walrus_subsidies", "walrus_subsidies", function);
        let admin = self.network.admin.clone();
        let package = self.network.contracts.walrus_subsidies;
        let shared = self.network.chain.shared(package, "WalrusSubsidies");
        let cap = self
            .network
            .chain
            .owned(admin.address, "walrus_subsidies", "AdminCap")[0];
        self.call(&admin, entry("set_base_subsidy"), |_, p| {
            vec![
                p.object(shared),
                p.object(cap),
                p.pure(&(1_000_000_000 * WAL)),
            ]
        });
        self.process(user, shared);
        self.call(user, entry("add_coin"), |n, p| {
            vec![p.object(shared), n.wal_coin(p, user.address, 1000 * WAL)]
        });
        self.process(user, shared);
        self.call(&admin, entry("forgive_debts"), |_, p| {
            vec![p.object(shared), p.object(cap)]
        });
    }

    fn process(&mut self, user: &Account, shared: Address) {
        let entry = ("walrus_subsidies", "walrus_subsidies", "process_subsidies");
        self.call(user, entry, |n, p| {
            vec![
                p.object(shared),
                p.object(n.contracts.staking),
                p.object(n.contracts.system),
                p.clock(),
            ]
        });
    }

    fn bucket(&mut self, user: &Account) {
        let entry = |function| ("blob_bucket", "blob_bucket", function);
        let made = self.take(user, entry("new"), |n, p| {
            let purse = n.wal_purse(p, user.address, WAL);
            let size = p.pure(&(200 * UNIT));
            vec![p.object(n.contracts.system), size, p.pure(&3u32), purse]
        });
        let bucket = made.created("blob_bucket", "BlobBucket");
        let cap = made.created("blob_bucket", "BlobBucketCap");
        let mut paid = |function, amount: &dyn Fn(&mut Ptb) -> Argument| {
            self.call(user, entry(function), |n, p| {
                let purse = n.wal_purse(p, user.address, WAL);
                let objects = [
                    p.object(bucket),
                    p.object(cap),
                    p.object(n.contracts.system),
                ];
                objects.into_iter().chain([amount(p), purse]).collect()
            });
        };
        paid("extend_storage_pool", &|p| p.pure(&1u32));
        paid("increase_storage_pool_capacity", &|p| p.pure(&(10 * UNIT)));
        let blob = BlobSpec::numbered(400, 1000).deletable();
        let registered = self.call(user, entry("register_blob"), |n, p| {
            let purse = n.wal_purse(p, user.address, WAL);
            let mut all = vec![
                p.object(bucket),
                p.object(cap),
                p.object(n.contracts.system),
            ];
            all.extend(blob_arguments(p, &blob));
            all.push(purse);
            all
        });
        let object = registered.created("storage_pool", "PooledBlob");
        self.call(user, entry("certify_blob"), |n, p| {
            let object_id = object.into_inner();
            let body = StorageConfirmationBody {
                blob_id: blob.id(),
                persistence: BlobPersistence::Deletable { object_id },
            };
            let certificate = n.certificate(body, &n.quorum());
            let mut all = vec![p.object(bucket), p.read(n.contracts.system)];
            all.push(p.pure(&blob.id().0));
            all.extend(certificate.iter().map(|part| p.pure(part)));
            all
        });
        self.call(user, entry("delete_blob"), |n, p| {
            let objects = [p.object(bucket), p.object(cap), p.read(n.contracts.system)];
            objects.into_iter().chain([p.pure(&blob.id().0)]).collect()
        });
    }
}
