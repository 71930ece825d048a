//! The course of an epoch.

use std::time::Duration;

use walrus_contract_tests::{Account, Ptb};
use walrus_economy::staking::EpochState;

use super::{World, node_id};

impl World {
    /// The next committee is selected: a moment too early in vain, then in time.
    pub(crate) fn end_voting(&mut self) {
        let time = self.network.voting_end_time();
        self.wait_until(time - 1);
        self.send_voting_end();
        assert!(
            matches!(self.economy.staking.state, EpochState::Done(_)),
            "too early"
        );
        self.wait_until(time);
        self.send_voting_end();
        assert!(
            matches!(self.economy.staking.state, EpochState::Selected(_)),
            "in time"
        );
    }

    /// The next epoch begins: a moment too early in vain, then in time.
    pub(crate) fn change_epoch(&mut self) {
        let epoch = self.economy.staking.epoch;
        let time = self.network.epoch_change_time();
        self.wait_until(time - 1);
        self.send_epoch_change();
        self.wait_until(time);
        self.send_epoch_change();
        assert_eq!(self.economy.staking.epoch, epoch + 1);
        let system = &self.economy.system;
        if self.economy.staking.next_capacity != Some(system.total_capacity) {
            self.note("change epoch: more is sold than the committee votes for");
        }
    }

    /// Time that has passed already is no reason to wait.
    fn wait_until(&mut self, time: u64) {
        self.network
            .chain
            .set_time(time.max(self.network.chain.now_ms()));
    }

    fn send_voting_end(&mut self) {
        let sender = self.staker();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts().staking), ptb.clock()];
        self.call(&mut ptb, "staking", "voting_end", arguments);
        let now = self.network.chain.now_ms();
        self.both("end voting", &sender, &ptb, |economy| {
            economy.staking.voting_end(now)
        });
    }

    fn send_epoch_change(&mut self) {
        let sender = self.staker();
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts().staking),
            ptb.object(self.contracts().system),
            ptb.object(self.contracts().treasury),
            ptb.clock(),
        ];
        self.call(&mut ptb, "staking", "initiate_epoch_change_v2", arguments);
        let now = self.network.chain.now_ms();
        self.both("change epoch", &sender, &ptb, |economy| {
            economy.change_epoch(now)
        });
    }

    /// All nodes report their shards, in random order and over time; those that are no members are refused.
    pub(crate) fn sync(&mut self) {
        let mut order: Vec<usize> = (0..self.network.nodes.len()).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, self.random.between(0, index as u64) as usize);
        }
        for position in order {
            self.network.chain.advance(Duration::from_millis(7));
            let node = self.network.nodes[position].clone();
            let late = u32::from(self.random.one_in(15));
            self.report(&node.account, position, self.economy.staking.epoch - late);
            if late > 0 {
                self.report(&node.account, position, self.economy.staking.epoch);
            }
        }
        assert!(matches!(self.economy.staking.state, EpochState::Done(_)));
    }

    fn report(&mut self, account: &Account, position: usize, epoch: u32) {
        let node = self.network.nodes[position].clone();
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts().staking),
            ptb.object(node.cap),
            ptb.pure(&epoch),
            ptb.clock(),
        ];
        self.call(&mut ptb, "staking", "epoch_sync_done", arguments);
        let now = self.network.chain.now_ms();
        self.both("report shards", account, &ptb, |economy| {
            economy
                .staking
                .epoch_sync_done(node_id(node.id), epoch, now)
        });
    }
}
