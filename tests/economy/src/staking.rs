//! Staking system: nodes, stake, committees and epochs (contracts spec 7.10 to 7.13).

use std::collections::BTreeMap;

use crate::{
    Abort, Epoch, Frost, NodeId,
    abort::ensure,
    active_set::Candidates,
    apportionment::shards_per_node,
    assignment::{self, Committee},
    is_quorum,
    pool::{Context, NodeVotes, Pool},
    stake::Stake,
    system::System,
    votes::{Vote, capacity_vote, highest_with_quorum, lowest_with_quorum},
};

const MODULE: &str = "staking_inner";

/// Where the network is within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochState {
    /// Nodes are moving shards; so many shards are reported as moved.
    Sync(u64),
    /// A quorum had moved its shards at this time.
    Done(u64),
    /// The next committee is known; the time is that of `Done`.
    Selected(u64),
}

/// The state of the staking side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staking {
    /// Shards of the network.
    pub n_shards: u16,
    /// Milliseconds.
    pub epoch_duration: u64,
    /// When epoch 0 may end.
    pub first_epoch_start: u64,
    /// Pools by node.
    pub pools: BTreeMap<NodeId, Pool>,
    /// The current epoch.
    pub epoch: Epoch,
    /// Candidates, and those who wait for a place among them.
    pub active_set: Candidates,
    /// Known in state `Selected` only.
    pub next_committee: Option<Committee>,
    /// The current committee.
    pub committee: Committee,
    /// The one before.
    pub previous_committee: Committee,
    /// What the next committee can hold.
    pub next_capacity: Option<u64>,
    /// The state.
    pub state: EpochState,
    /// The last epoch each node reported its shards for.
    pub last_sync: BTreeMap<NodeId, Epoch>,
}

impl Staking {
    /// A network without nodes, created at `now`.
    #[must_use]
    pub fn new(n_shards: u16, epoch_zero_duration: u64, epoch_duration: u64, now: u64) -> Self {
        Self {
            n_shards,
            epoch_duration,
            first_epoch_start: now + epoch_zero_duration,
            pools: BTreeMap::new(),
            epoch: 0,
            active_set: Candidates::default(),
            next_committee: None,
            committee: Committee::new(),
            previous_committee: Committee::new(),
            next_capacity: None,
            state: EpochState::Done(now),
            last_sync: BTreeMap::new(),
        }
    }

    fn is_selected(&self) -> bool {
        matches!(self.state, EpochState::Selected(_))
    }

    /// What a node's pool has to know.
    #[must_use]
    pub fn context(&self, node: NodeId) -> Context {
        let has = |committee: &Committee| committee.contains_key(&node);
        Context {
            epoch: self.epoch,
            selected: self.is_selected(),
            in_current: has(&self.committee),
            in_next: self.next_committee.as_ref().is_some_and(has),
        }
    }

    /// A node's pool.
    ///
    /// # Errors
    /// There is none.
    pub fn pool(&mut self, node: NodeId) -> Result<&mut Pool, Abort> {
        self.pools
            .get_mut(&node)
            .ok_or(Abort::code("dynamic_field", 1))
    }

    /// Registers a node.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn register(
        &mut self,
        node: NodeId,
        commission_rate: u16,
        votes: NodeVotes,
    ) -> Result<(), Abort> {
        let pool = Pool::new(node, self.context(node), commission_rate, votes)?;
        self.pools.insert(node, pool);
        self.last_sync.insert(node, 0);
        Ok(())
    }

    /// Stakes with a node.
    ///
    /// # Errors
    /// As [`Pool::stake`].
    pub fn stake(&mut self, node: NodeId, amount: Frost) -> Result<Stake, Abort> {
        let context = self.context(node);
        let stake = self.pool(node)?.stake(context, amount)?;
        self.update_active_set(node, context.next_vote())?;
        Ok(stake)
    }

    /// Announces a withdrawal.
    ///
    /// # Errors
    /// As [`Pool::request_withdraw`].
    pub fn request_withdraw(&mut self, stake: &mut Stake) -> Result<(), Abort> {
        let context = self.context(stake.node);
        self.pool(stake.node)?.request_withdraw(context, stake)?;
        self.update_active_set(stake.node, context.next_vote())
    }

    /// Pays out stake and rewards.
    ///
    /// # Errors
    /// As [`Pool::withdraw`].
    pub fn withdraw(&mut self, stake: &Stake) -> Result<Frost, Abort> {
        let context = self.context(stake.node);
        let paid = self.pool(stake.node)?.withdraw(context, stake)?;
        self.update_active_set(stake.node, context.next_vote())?;
        Ok(paid)
    }

    /// Writes a node's stake to the active set again, or to its reserve.
    ///
    /// # Errors
    /// There is no such node.
    pub fn try_join_active_set(&mut self, node: NodeId) -> Result<(), Abort> {
        self.update_active_set(node, self.context(node).next_vote())
    }

    fn update_active_set(&mut self, node: NodeId, epoch: Epoch) -> Result<(), Abort> {
        let stake = self.pool(node)?.wal_balance_at_epoch(epoch)?;
        self.active_set.set_stake(node, stake);
        Ok(())
    }

    /// Adds to the commission of nodes; what the end of the vote will unblock is blocked until then: that of members of the
    /// previous committee.
    ///
    /// # Errors
    /// There is no such node.
    pub fn add_commission(&mut self, node: NodeId, amount: Frost) -> Result<(), Abort> {
        let blocked = !self.is_selected() && self.previous_committee.contains_key(&node);
        self.pool(node)?.add_commission(amount, blocked)
    }

    /// The committee that the active set gives now.
    ///
    /// # Errors
    /// Nobody has stake (`staking_inner` 3), or as the apportionment.
    pub fn compute_next_committee(&self) -> Result<Committee, Abort> {
        let ranked = self.active_set.set.ranked();
        let stakes: Vec<u64> = ranked.iter().map(|(_, stake)| *stake).collect();
        let shards = shards_per_node(&stakes, self.n_shards)?;
        let nodes = ranked.iter().map(|(node, _)| *node);
        let targets: Vec<(NodeId, u16)> = nodes
            .zip(shards)
            .filter(|(_, count)| *count > 0)
            .map(|(node, count)| {
                Ok((
                    node,
                    u16::try_from(count).map_err(|_| Abort::code(MODULE, 7))?,
                ))
            })
            .collect::<Result<_, Abort>>()?;
        if self.committee.is_empty() {
            Ok(assignment::first(&targets))
        } else {
            assignment::transition(&self.committee, &targets)
        }
    }

    /// Selects the next committee.
    ///
    /// # Errors
    /// Too early or done before (`staking_inner` 0), or no committee can be selected.
    pub fn voting_end(&mut self, now: u64) -> Result<(), Abort> {
        let EpochState::Done(since) = self.state else {
            return Err(Abort::code(MODULE, 0));
        };
        ensure(now >= self.due(since, self.epoch_duration / 2), MODULE, 0)?;
        for node in self.previous_committee.keys() {
            if let Some(pool) = self.pools.get_mut(node) {
                pool.blocked_commission = 0;
            }
        }
        let members: Vec<NodeId> = self.committee.keys().copied().collect();
        let entry = self.active_set.set.entry_stake();
        let mut missing = Vec::new();
        for node in members {
            let epoch = self.epoch + 1;
            let stake = self.pool(node)?.wal_balance_at_epoch(epoch)?;
            if stake >= entry && !self.active_set.knows(node) {
                missing.push((node, stake));
            }
        }
        if !missing.is_empty() {
            self.active_set.offer(&missing);
        }
        let next = self.compute_next_committee()?;
        let vote = |(node, shards): (&NodeId, &Vec<u16>)| -> Option<Vote> {
            let weight = u16::try_from(shards.len()).ok()?;
            let capacity = self.pools.get(node)?.votes.capacity;
            Some((capacity_vote(capacity, weight, self.n_shards), weight))
        };
        let votes: Vec<Vote> = next.iter().filter_map(vote).collect();
        self.next_capacity = highest_with_quorum(&votes, self.n_shards);
        self.next_committee = Some(next);
        self.state = EpochState::Selected(since);
        Ok(())
    }

    fn due(&self, since: u64, duration: u64) -> u64 {
        if self.epoch == 0 {
            self.first_epoch_start
        } else {
            since + duration
        }
    }

    /// Enters the next epoch; returns what is burned.
    ///
    /// # Errors
    /// No next committee (`staking_inner` 6), or too early (0).
    pub fn initiate_epoch_change(&mut self, system: &mut System, now: u64) -> Result<Frost, Abort> {
        let next = self.next_committee.clone().ok_or(Abort::code(MODULE, 6))?;
        let EpochState::Selected(since) = self.state else {
            return Err(Abort::code(MODULE, 0));
        };
        ensure(now >= self.due(since, self.epoch_duration), MODULE, 0)?;
        let weights = next
            .iter()
            .map(|(node, shards)| (*node, shards.len() as u16))
            .collect();
        let capacity = self.next_capacity.ok_or(Abort::code(MODULE, 0))?;
        let (burned, rewards) = system.advance_epoch(weights, capacity)?;

        self.epoch += 1;
        self.next_committee = None;
        self.previous_committee = std::mem::replace(&mut self.committee, next);
        self.state = EpochState::Sync(0);
        let joining: Vec<(NodeId, Frost)> = self
            .committee
            .keys()
            .filter(|node| !self.previous_committee.contains_key(node))
            .map(|node| (*node, 0))
            .collect();
        let mut stakes = Vec::new();
        for (node, reward) in rewards.into_iter().chain(joining) {
            let context = self.context(node);
            let pool = self.pool(node)?;
            pool.advance_epoch(context, reward)?;
            stakes.push((node, pool.wal_balance_at_epoch(context.epoch + 1)?));
        }
        self.active_set.set_stakes(&stakes);
        self.update_prices(system);
        Ok(burned)
    }

    /// Reports that a node has its shards.
    ///
    /// # Errors
    /// Another epoch (`staking_inner` 1), reported before (2), not in the committee (4).
    pub fn epoch_sync_done(&mut self, node: NodeId, epoch: Epoch, now: u64) -> Result<(), Abort> {
        ensure(epoch == self.epoch, MODULE, 1)?;
        let last = self
            .last_sync
            .get_mut(&node)
            .ok_or(Abort::code(MODULE, 4))?;
        ensure(*last < self.epoch, MODULE, 2)?;
        let shards = self.committee.get(&node).ok_or(Abort::code(MODULE, 4))?;
        *last = epoch;
        if let EpochState::Sync(weight) = self.state {
            let weight = weight + shards.len() as u64;
            self.state = if is_quorum(weight, self.n_shards) {
                EpochState::Done(now)
            } else {
                EpochState::Sync(weight)
            };
        }
        Ok(())
    }

    /// Writes the prices that the current committee agrees on to the system.
    pub fn update_prices(&self, system: &mut System) {
        let lowest = |price: fn(&NodeVotes) -> Frost| {
            let votes = self.committee.iter().filter_map(|(node, shards)| {
                let votes = &self.pools.get(node)?.votes;
                Some((price(votes), shards.len() as u16))
            });
            lowest_with_quorum(&votes.collect::<Vec<Vote>>(), self.n_shards)
        };
        system.storage_price = lowest(|votes| votes.storage_price);
        system.write_price = lowest(|votes| votes.write_price);
    }
}
