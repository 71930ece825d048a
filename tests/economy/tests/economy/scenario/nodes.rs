//! Node operators.

use sui_sdk_types::{Argument, Identifier, StructTag, TypeTag};
use walrus_contract_tests::{Account, Node, NodeOptions, Ptb, WAL};
use walrus_core::messages::DenyListUpdate;
use walrus_economy::{Abort, pool::NodeVotes};

use super::{World, node_id};

impl World {
    /// A node with random votes and commission registers.
    pub(crate) fn register_node(&mut self) {
        let commission_rate = *self.random.pick(&[0, 1, 500, 1_000, 3_333, 10_000]);
        let votes = self.random_votes();
        let options = NodeOptions {
            commission_rate,
            storage_price: votes.storage_price,
            write_price: votes.write_price,
            node_capacity: votes.capacity,
        };
        let name = format!("node-{}", self.network.nodes.len());
        let position = self.network.register(&name, &options);
        let id = node_id(self.network.nodes[position].id);
        self.economy
            .staking
            .register(id, commission_rate, votes)
            .unwrap();
    }

    fn random_votes(&mut self) -> NodeVotes {
        NodeVotes {
            storage_price: self.random.between(10_000_000, 40_000_000),
            write_price: self.random.between(1_000_000, 30_000_000),
            capacity: self.random.between(150_000_000, 700_000_000),
        }
    }

    fn node(&mut self) -> Node {
        self.random.pick(&self.network.nodes).clone()
    }

    /// A call of a node about itself: `staking`, its cap, and one number.
    fn set(&self, node: &Node, function: &str, value: Vec<u8>) -> Ptb {
        let mut ptb = Ptb::new();
        let number = match value.len() {
            2 => ptb.pure(&u16::from_le_bytes([value[0], value[1]])),
            _ => ptb.pure(&u64::from_le_bytes(value.try_into().unwrap())),
        };
        let arguments = vec![
            ptb.object(self.contracts().staking),
            ptb.object(node.cap),
            number,
        ];
        self.call(&mut ptb, "staking", function, arguments);
        ptb
    }

    /// A node votes for other prices, which take effect at once.
    pub(super) fn vote_prices(&mut self) {
        let node = self.node();
        let votes = self.random_votes();
        let storage = self.random.one_in(2);
        let mut ptb = if storage {
            self.set(
                &node,
                "set_storage_price_vote",
                votes.storage_price.to_le_bytes().to_vec(),
            )
        } else {
            self.set(
                &node,
                "set_write_price_vote",
                votes.write_price.to_le_bytes().to_vec(),
            )
        };
        let arguments = vec![
            ptb.object(self.contracts().staking),
            ptb.object(self.contracts().system),
        ];
        self.call(&mut ptb, "staking", "update_prices", arguments);
        self.both("vote on prices", &node.account, &ptb, |economy| {
            let pool = economy.staking.pool(node_id(node.id))?;
            if storage {
                pool.votes.storage_price = votes.storage_price;
            } else {
                pool.votes.write_price = votes.write_price;
            }
            economy.staking.update_prices(&mut economy.system);
            Ok(())
        });
    }

    pub(super) fn vote_capacity(&mut self) {
        let (node, capacity) = (self.node(), self.random_votes().capacity);
        self.vote_capacity_of(&node, capacity);
    }

    fn vote_capacity_of(&mut self, node: &Node, capacity: u64) {
        let value = capacity.to_le_bytes().to_vec();
        let ptb = self.set(node, "set_node_capacity_vote", value);
        self.both("vote on capacity", &node.account, &ptb, |economy| {
            economy.staking.pool(node_id(node.id))?.votes.capacity = capacity;
            Ok(())
        });
    }

    /// All nodes vote for a fraction of the capacity they voted for.
    pub(crate) fn shrink_capacity(&mut self, divisor: u64) {
        for node in self.network.nodes.clone() {
            let votes = self.economy.staking.pools[&node_id(node.id)].votes;
            self.vote_capacity_of(&node, votes.capacity / divisor);
        }
    }

    pub(super) fn set_commission(&mut self) {
        let node = self.node();
        let rate = self.random.between(0, 11_000) as u16;
        let ptb = self.set(&node, "set_next_commission", rate.to_le_bytes().to_vec());
        self.both("set commission", &node.account, &ptb, |economy| {
            let epoch = economy.staking.epoch;
            economy
                .staking
                .pool(node_id(node.id))?
                .set_next_commission(epoch, rate)
        });
    }

    /// The operator, or somebody else, collects a node's commission.
    pub(super) fn collect_commission(&mut self) {
        let node = self.node();
        let thief = self.random.one_in(8);
        let mut ptb = Ptb::new();
        let auth = if thief {
            self.call(&mut ptb, "auth", "authenticate_sender", vec![])
        } else {
            self.authenticate_with_cap(&mut ptb, &node)
        };
        let arguments = vec![
            ptb.object(self.contracts().staking),
            ptb.pure(&node.id),
            auth,
        ];
        let coin = self.call(&mut ptb, "staking", "collect_commission", arguments);
        ptb.transfer(vec![coin], node.account.address);
        let done = self.both("collect commission", &node.account, &ptb, |economy| {
            if thief {
                return Err(Abort::code("staking_pool", 15));
            }
            let paid = economy.staking.pool(node_id(node.id))?.collect_commission();
            *economy.purse(node.account.address.into_inner()) += paid;
            Ok(paid)
        });
        if let Some((_, 1..)) = done {
            self.note("collect commission: not nothing");
        }
    }

    fn authenticate_with_cap(&self, ptb: &mut Ptb, node: &Node) -> Argument {
        let name = |text| Identifier::new(text).unwrap();
        let cap_type = StructTag::new(
            self.contracts().walrus,
            name("storage_node"),
            name("StorageNodeCap"),
            vec![],
        );
        let cap = ptb.object(node.cap);
        let types = vec![TypeTag::from(cap_type)];
        ptb.call_generic(
            self.network.package,
            "auth",
            "authenticate_with_object",
            types,
            vec![cap],
        )
    }

    /// Anybody adds to the commission of two nodes.
    pub(super) fn add_commission(&mut self) {
        let giver = self.staker();
        let (first, second) = (self.node(), self.node());
        let amount = self.random.between(0, WAL).min(self.wealth(&giver) / 2);
        let mut ptb = Ptb::new();
        let purse = self.purse(&mut ptb, &giver);
        let wal = TypeTag::from(self.contracts().wal_type());
        let balances = [(); 2].map(|()| {
            let coin = ptb.split(purse, amount);
            let types = vec![wal.clone()];
            ptb.call_generic(
                sui_sdk_types::Address::TWO,
                "coin",
                "into_balance",
                types,
                vec![coin],
            )
        });
        let name = |text| Identifier::new(text).unwrap();
        let balance = StructTag::new(
            sui_sdk_types::Address::TWO,
            name("balance"),
            name("Balance"),
            vec![wal],
        );
        let balances = ptb.vector(TypeTag::from(balance), balances.to_vec());
        let nodes = ptb.pure(&vec![first.id, second.id]);
        let arguments = vec![ptb.object(self.contracts().staking), nodes, balances];
        self.call(&mut ptb, "staking", "add_commission_to_pools", arguments);
        self.both("add commission", &giver, &ptb, |economy| {
            *economy.purse(giver.address.into_inner()) -= 2 * amount;
            economy.staking.add_commission(node_id(first.id), amount)?;
            economy.staking.add_commission(node_id(second.id), amount)
        });
    }

    pub(super) fn rejoin_active_set(&mut self) {
        let node = self.node();
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts().staking), ptb.object(node.cap)];
        self.call(&mut ptb, "staking", "try_join_active_set", arguments);
        self.both("rejoin", &node.account, &ptb, |economy| {
            economy.staking.try_join_active_set(node_id(node.id))
        });
    }

    /// A node has the committee sign a new deny list.
    pub(super) fn update_deny_list(&mut self) {
        let node = self.node();
        if self.economy.system.epoch == 0 {
            return;
        }
        self.deny_list_updates += 1;
        let size = *self.random.pick(&[0, 1, 3_000_000, 400_000_000, u64::MAX]);
        let body = DenyListUpdate {
            node_id: node.id.into_inner(),
            sequence_number: self.deny_list_updates,
            size,
            root: [9; 32],
        };
        let (certificate, weight) = self.certificate(body);
        let mut ptb = Ptb::new();
        let mut arguments = vec![ptb.object(self.contracts().system), ptb.object(node.cap)];
        arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
        self.call(&mut ptb, "system", "update_deny_list", arguments);
        self.both("update deny list", &node.account, &ptb, |economy| {
            let id = node_id(node.id);
            let member = economy
                .system
                .committee
                .iter()
                .any(|(member, _)| *member == id);
            if !member {
                return Err(Abort::code("system_state_inner", 8));
            }
            super::certificates::check(economy, weight)?;
            economy.system.deny_lists.insert(id, size);
            Ok(())
        });
    }

    fn vote_for_slashing(&mut self, voter: &Node, candidate: &Node) {
        let mut ptb = Ptb::new();
        let auth = self.call(&mut ptb, "auth", "authenticate_sender", vec![]);
        let arguments = vec![
            ptb.object(self.contracts().slashing_manager),
            ptb.object(self.contracts().staking),
            auth,
            ptb.pure(&voter.id),
            ptb.pure(&candidate.id),
        ];
        self.call(&mut ptb, "slashing", "vote_for_slashing", arguments);
        self.both("vote for slashing", &voter.account, &ptb, |economy| {
            let (voter, candidate) = (node_id(voter.id), node_id(candidate.id));
            economy.slashing.vote(&economy.staking, voter, candidate)
        });
    }

    fn execute_slashing(&mut self, sender: &Account, candidate: &Node) {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts().slashing_manager),
            ptb.object(self.contracts().staking),
            ptb.object(self.contracts().treasury),
            ptb.pure(&candidate.id),
        ];
        self.call(&mut ptb, "slashing", "execute_slashing", arguments);
        self.both("slash", sender, &ptb, |economy| {
            economy.slash(node_id(candidate.id))
        });
    }

    /// Some node votes, at times twice, and somebody tries to slash.
    pub(super) fn slash_without_votes(&mut self) {
        let (voter, candidate, sender) = (self.node(), self.node(), self.staker());
        self.vote_for_slashing(&voter, &candidate);
        self.vote_for_slashing(&voter, &candidate);
        self.execute_slashing(&sender, &candidate);
    }

    /// All nodes vote until the commission of a node can be burned, and it is.
    pub(crate) fn slash(&mut self, position: usize) {
        let candidate = self.network.nodes[position].clone();
        let sender = self.staker();
        for voter in self.network.nodes.clone() {
            self.vote_for_slashing(&voter, &candidate);
        }
        self.execute_slashing(&sender, &candidate);
        self.execute_slashing(&sender, &candidate);
    }
}
