//! Subsidies of a network (contracts spec 9).

use sui_sdk_types::Address;

use crate::{Executed, Network, Ptb, WAL};

impl Network {
    /// Creates subsidies of 1 WAL per node and epoch, without funds.
    pub fn create_subsidies(&mut self) -> Address {
        let admin = self.admin.clone();
        let contracts = &self.contracts;
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(contracts.system),
            ptb.object(contracts.staking),
            ptb.pure(&0u32),
            ptb.pure(&WAL),
            ptb.pure(&0u64),
        ];
        let package = contracts.walrus_subsidies;
        let cap = ptb.call(package, "walrus_subsidies", "new", arguments);
        ptb.transfer(vec![cap], admin.address);
        let executed = self.chain.run(&admin, &ptb).expect_success();
        executed.created("walrus_subsidies", "WalrusSubsidies")
    }

    /// Adds FROST to the funds, and processes the subsidies in another transaction.
    pub fn process_subsidies(&mut self, subsidies: Address, funds: u64) -> Executed {
        let admin = self.admin.clone();
        let package = self.contracts.walrus_subsidies;
        let mut ptb = Ptb::new();
        let coin = self.wal_coin(&mut ptb, admin.address, funds);
        let arguments = vec![ptb.object(subsidies), coin];
        ptb.call(package, "walrus_subsidies", "add_coin", arguments);
        let _ = self.chain.run(&admin, &ptb).expect_success();
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(subsidies),
            ptb.object(self.contracts.staking),
            ptb.object(self.contracts.system),
            ptb.clock(),
        ];
        ptb.call(package, "walrus_subsidies", "process_subsidies", arguments);
        self.chain.run(&admin, &ptb)
    }
}
