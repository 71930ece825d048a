//! Gas meter: runs transactions and remembers what they cost.

use std::collections::BTreeMap;

use sui_sdk_types::{Address, Argument};

use crate::{Account, Executed, Network, Ptb};

/// Package, module and function.
pub type EntryPoint = (&'static str, &'static str, &'static str);

/// What a transaction with one call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Gas units of computation, rounded as they are charged.
    pub computation: u64,
    /// MIST deposited for what was written, the gas coin included.
    pub storage: u64,
    /// MIST returned for what was replaced or removed.
    pub rebate: u64,
}

/// A network and the costs of what was done on it.
#[derive(Debug)]
pub struct Meter {
    /// The network.
    pub network: Network,
    /// The dearest transaction of each entry point.
    pub costs: BTreeMap<EntryPoint, Cost>,
}

impl Meter {
    pub(crate) fn new(network: Network) -> Self {
        Self {
            network,
            costs: BTreeMap::new(),
        }
    }

    /// Remembers a transaction as one of `entry`.
    pub(crate) fn record(&mut self, entry: EntryPoint, executed: &Executed) {
        let gas = executed.gas();
        let cost = Cost {
            computation: gas.computation_cost / 1000,
            storage: gas.storage_cost,
            rebate: gas.storage_rebate,
        };
        let known = self.costs.entry(entry).or_insert(cost);
        if (cost.computation, cost.storage) > (known.computation, known.storage) {
            *known = cost;
        }
    }

    /// The package that calls of an entry point go to.
    pub(crate) fn package(&self, name: &str) -> Address {
        let contracts = &self.network.contracts;
        match name {
            "wal" => contracts.wal,
            "walrus" => self.network.package,
            "wal_exchange" => contracts.wal_exchange,
            "walrus_subsidies" => contracts.walrus_subsidies,
            "blob_bucket" => contracts.blob_bucket,
            other => panic!("no package {other}"),
        }
    }

    /// Sends a transaction and remembers it.
    #[track_caller]
    pub(crate) fn send(&mut self, sender: &Account, entry: EntryPoint, ptb: &Ptb) -> Executed {
        let executed = self.network.chain.run(sender, ptb);
        assert!(
            executed.is_success(),
            "{entry:?}: {:?} {:?}",
            executed.outcome.error_message,
            executed.status()
        );
        self.record(entry, &executed);
        executed
    }

    /// One call whose result is nothing.
    #[track_caller]
    pub(crate) fn call(
        &mut self,
        sender: &Account,
        entry: EntryPoint,
        arguments: impl FnOnce(&Network, &mut Ptb) -> Vec<Argument>,
    ) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = arguments(&self.network, &mut ptb);
        ptb.call(self.package(entry.0), entry.1, entry.2, arguments);
        self.send(sender, entry, &ptb)
    }

    /// One call whose result the sender keeps.
    #[track_caller]
    pub(crate) fn take(
        &mut self,
        sender: &Account,
        entry: EntryPoint,
        arguments: impl FnOnce(&Network, &mut Ptb) -> Vec<Argument>,
    ) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = arguments(&self.network, &mut ptb);
        let result = ptb.call(self.package(entry.0), entry.1, entry.2, arguments);
        ptb.transfer(vec![result], sender.address);
        self.send(sender, entry, &ptb)
    }
}
