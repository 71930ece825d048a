//! Solvency of one pool of the model, in and out of the committee: whoever may leave can leave, and nothing but dust is left behind.
//!
//! That the contract does the same is checked by `thirty_epochs`.

use walrus_economy::{
    Frost, NodeId,
    pool::{Context, NodeVotes, Pool},
    stake::{Stake, StakeState},
};

use crate::random::Random;

const WAL: Frost = 1_000_000_000;
/// Rounding leaves much less than this.
const LITTLE: Frost = WAL / 1000;
const NODE: NodeId = NodeId([1; 32]);
const VOTES: NodeVotes = NodeVotes {
    storage_price: 0,
    write_price: 0,
    capacity: 0,
};

/// A pool, its stakers, and the money that went in and out besides principal.
struct World {
    random: Random,
    context: Context,
    pool: Pool,
    stakes: Vec<Stake>,
    earned: Frost,
    paid: Frost,
    /// How often stake left that joined a pool without stakers while the node was idle.
    visits: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let context = Context {
            epoch: 0,
            selected: false,
            in_current: false,
            in_next: false,
        };
        let mut random = Random::new(seed);
        let commission = random.between(0, 5_000) as u16;
        Self {
            pool: Pool::new(NODE, context, commission, VOTES).unwrap(),
            random,
            context,
            stakes: vec![],
            earned: 0,
            paid: 0,
            visits: 0,
        }
    }

    fn is_idle(&self) -> bool {
        !self.context.in_current && !self.context.in_next
    }

    /// Somebody stakes: the smallest stake, something odd, or very much.
    fn join(&mut self) {
        let amount = match self.random.between(0, 3) {
            0 => WAL,
            1 => self.random.between(WAL, 10 * WAL),
            2 => self.random.between(WAL, 10_000 * WAL),
            _ => self.random.between(WAL, 100_000_000 * WAL),
        };
        self.stakes
            .push(self.pool.stake(self.context, amount).unwrap());
        self.check();
    }

    /// The next step of a stake on its way out, if there is one to take now.
    fn leave(&mut self, index: usize) {
        let stake = &mut self.stakes[index];
        let direct =
            stake.is_early(self.context) || (!self.context.in_current && !self.context.in_next);
        match stake.state {
            StakeState::Staked if !direct => {
                // After the selection, what becomes active two epochs ahead is early; nothing else is too young.
                self.pool.request_withdraw(self.context, stake).unwrap();
            }
            StakeState::Withdrawing { withdraw_epoch } if withdraw_epoch > self.context.epoch => {}
            _ => {
                let stake = self.stakes.swap_remove(index);
                let active = stake.activation_epoch <= self.context.epoch;
                if self.is_idle() && active && self.pool.num_shares == 0 {
                    self.visits += 1;
                }
                let paid = self.pool.withdraw(self.context, &stake).unwrap();
                self.paid += paid - stake.principal;
            }
        }
        self.check();
    }

    fn leave_all(&mut self) {
        for index in (0..self.stakes.len()).rev() {
            self.leave(index);
        }
    }

    /// People come and go, or only go.
    fn act(&mut self, deserted: bool) {
        if deserted {
            return self.leave_all();
        }
        for _ in 0..self.random.between(0, 4) {
            if self.stakes.is_empty() || self.random.one_in(2) {
                self.join();
            } else {
                let index = self.random.between(0, self.stakes.len() as u64 - 1);
                self.leave(index as usize);
            }
        }
    }

    /// The node is selected only if there is stake, and not always.
    fn select(&mut self) {
        let stake = self
            .pool
            .wal_balance_at_epoch(self.context.epoch + 1)
            .unwrap();
        self.context.selected = true;
        self.context.in_next = stake > LITTLE && !self.random.one_in(4);
    }

    fn change_epoch(&mut self) {
        let was_member = self.context.in_current;
        self.context = Context {
            epoch: self.context.epoch + 1,
            selected: false,
            in_current: self.context.in_next,
            in_next: false,
        };
        let rewards = if was_member {
            self.random.between(0, self.pool.wal_balance / 10)
        } else {
            0
        };
        if was_member || self.context.in_current {
            self.pool.advance_epoch(self.context, rewards).unwrap();
            self.earned += rewards;
        }
        self.check();
    }

    /// What counts as stake is stake and its rewards; no money came from nowhere.
    fn check(&self) {
        let epoch = self.context.epoch;
        self.pool
            .wal_balance_at_epoch(self.context.next_vote())
            .unwrap();
        let active: Frost = self
            .stakes
            .iter()
            .filter(|stake| stake.activation_epoch <= epoch)
            .filter(|stake| match stake.state {
                StakeState::Staked => true,
                StakeState::Withdrawing { withdraw_epoch } => withdraw_epoch > epoch,
            })
            .map(|stake| stake.principal)
            .sum();
        let counted = self.pool.wal_balance_at_epoch(epoch).unwrap();
        assert!(counted <= active + self.pool.rewards_pool + LITTLE);
        assert!(counted + LITTLE >= active);
        assert_eq!(
            self.pool.rewards_pool + self.pool.commission + self.paid,
            self.earned
        );
    }
}

#[test]
fn whoever_may_leave_can_leave() {
    let mut visits = 0;
    for seed in 0..200 {
        let mut world = World::new(seed);
        let mut deserted = false;
        for _ in 0..40 {
            if world.random.one_in(6) {
                deserted = !deserted;
            }
            world.act(deserted);
            world.select();
            world.act(deserted);
            world.change_epoch();
        }
        for _ in 0..4 {
            world.leave_all();
            world.select();
            world.change_epoch();
        }
        world.leave_all();
        assert!(world.stakes.is_empty());
        let left = world
            .pool
            .wal_balance_at_epoch(world.context.epoch)
            .unwrap();
        assert!(left < LITTLE, "{left} FROST of nobody, seed {seed}");
        visits += world.visits;
    }
    assert!(visits > 0, "nobody has joined a deserted pool");
}
