//! Money supply: all the money there is.

use std::collections::BTreeMap;

use crate::{
    Abort, Frost, NodeId, slashing::Slashing, staking::Staking, subsidies::Subsidies,
    system::System,
};

/// An account's address.
pub type Holder = [u8; 32];

/// The network and the purses of everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Economy {
    /// Nodes, stake and epochs.
    pub staking: Staking,
    /// Storage.
    pub system: System,
    /// Subsidies, once somebody set them up.
    pub subsidies: Option<Subsidies>,
    /// Votes for slashing.
    pub slashing: Slashing,
    /// What was burned.
    pub burned: Frost,
    /// What accounts hold in coins.
    pub purses: BTreeMap<Holder, Frost>,
}

impl Economy {
    /// A purse.
    pub fn purse(&mut self, holder: Holder) -> &mut Frost {
        self.purses.entry(holder).or_default()
    }

    /// Does something that is paid from a purse.
    ///
    /// # Errors
    /// Those of `act`.
    pub fn paying<T>(
        &mut self,
        holder: Holder,
        act: impl FnOnce(&mut System, &mut Frost) -> Result<T, Abort>,
    ) -> Result<T, Abort> {
        act(&mut self.system, self.purses.entry(holder).or_default())
    }

    /// Enters the next epoch.
    ///
    /// # Errors
    /// As [`Staking::initiate_epoch_change`].
    pub fn change_epoch(&mut self, now: u64) -> Result<(), Abort> {
        self.burned += self.staking.initiate_epoch_change(&mut self.system, now)?;
        Ok(())
    }

    /// Burns a node's commission.
    ///
    /// # Errors
    /// As [`Slashing::execute`].
    pub fn slash(&mut self, candidate: NodeId) -> Result<(), Abort> {
        self.burned += self.slashing.execute(&mut self.staking, candidate)?;
        Ok(())
    }

    /// Pays subsidies.
    ///
    /// # Errors
    /// As [`Subsidies::process`]; nothing happens without subsidies.
    pub fn process_subsidies(&mut self) -> Result<(), Abort> {
        match &mut self.subsidies {
            Some(subsidies) => subsidies.process(&mut self.staking, &mut self.system),
            None => Ok(()),
        }
    }

    /// All money but the principal that stakers hold.
    #[must_use]
    pub fn money(&self) -> u128 {
        let purses = self.purses.values().copied();
        let pools = self.staking.pools.values();
        let pools = pools.map(|pool| pool.rewards_pool + pool.commission);
        let ring = self.system.ring.slots().map(|slot| slot.rewards);
        let subsidies = self.subsidies.iter().map(|subsidies| subsidies.funds);
        purses
            .chain(pools)
            .chain(ring)
            .chain(subsidies)
            .map(u128::from)
            .sum()
    }
}
