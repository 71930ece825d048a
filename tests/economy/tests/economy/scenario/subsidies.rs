//! Subsidies and donations.

use walrus_contract_tests::{Ptb, WAL};
use walrus_economy::subsidies::Subsidies;

use super::World;

impl World {
    /// The admin sets up subsidies that last for some time.
    pub(crate) fn create_subsidies(&mut self, rate: u32, base: u64, per_shard: u64) {
        let admin = self.network.admin.clone();
        let package = self.contracts().walrus_subsidies;
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts().system),
            ptb.object(self.contracts().staking),
            ptb.pure(&rate),
            ptb.pure(&base),
            ptb.pure(&per_shard),
        ];
        let cap = ptb.call(package, "walrus_subsidies", "new", arguments);
        ptb.transfer(vec![cap], admin.address);
        let done = self.both("create subsidies", &admin, &ptb, |economy| {
            let subsidies =
                Subsidies::new(&economy.system, &economy.staking, rate, base, per_shard);
            economy.subsidies = Some(subsidies);
            Ok(())
        });
        let (executed, ()) = done.unwrap();
        self.subsidies = Some(executed.created("walrus_subsidies", "WalrusSubsidies"));
    }

    /// The admin adds to the funds.
    pub(crate) fn fund_subsidies(&mut self, amount: u64) {
        let admin = self.network.admin.clone();
        let package = self.contracts().walrus_subsidies;
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &admin);
        let coin = ptb.split(purse, amount);
        let arguments = vec![ptb.object(self.subsidies.unwrap()), coin];
        ptb.call(package, "walrus_subsidies", "add_coin", arguments);
        self.both("fund subsidies", &admin, &ptb, |economy| {
            *economy.purse(admin.address.into_inner()) -= amount;
            economy.subsidies.as_mut().unwrap().funds += amount;
            Ok(())
        });
    }

    pub(super) fn process_subsidies(&mut self) {
        let Some(object) = self.subsidies else { return };
        let sender = self.staker();
        let package = self.contracts().walrus_subsidies;
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(object),
            ptb.object(self.contracts().staking),
            ptb.object(self.contracts().system),
            ptb.clock(),
        ];
        ptb.call(package, "walrus_subsidies", "process_subsidies", arguments);
        let done = self.both("process subsidies", &sender, &ptb, |economy| {
            economy.process_subsidies()?;
            let subsidies = economy.subsidies.as_ref();
            Ok(subsidies.is_some_and(|subsidies| !subsidies.debts.is_empty()))
        });
        if let Some((_, true)) = done {
            self.note("process subsidies: not all of them");
        }
    }

    /// Somebody gives to the storage fund.
    pub(super) fn donate(&mut self) {
        let giver = self.staker();
        let amount = self.random.up_to(10 * WAL).min(self.wealth(&giver));
        let epochs =
            self.random
                .between(0, u64::from(self.economy.system.ring.length()) + 1) as u32;
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &giver);
        let coin = ptb.split(purse, amount);
        let arguments = vec![ptb.object(self.contracts().system), coin, ptb.pure(&epochs)];
        self.call(&mut ptb, "system", "add_subsidy", arguments);
        self.both("donate", &giver, &ptb, |economy| {
            *economy.purse(giver.address.into_inner()) -= amount;
            economy.system.ring.spread(amount, epochs)
        });
    }
}
