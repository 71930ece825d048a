//! Committee replacement, the dearest change of an epoch: others replace all members at once.

use std::ops::Range;

use crate::{Account, BlobSpec, Network, NetworkOptions, NodeOptions, WAL};

/// Stakes that stay below every limit on inputs and commands of one transaction.
const STAKES_PER_TRANSACTION: usize = 50;

impl Network {
    /// A network of `nodes` members of which every one costs the epoch change as much as a member can: it earned commission, and
    /// somebody withdraws stake from it that was active for one epoch only. As many others, registered long ago, have just pushed
    /// all members out of the active set. The vote and the epoch change are still to come.
    #[must_use]
    pub fn about_to_be_replaced(nodes: usize) -> Self {
        let options = NodeOptions {
            commission_rate: 500,
            ..NodeOptions::default()
        };
        let mut network = Self::new(&NetworkOptions {
            nodes,
            node: options.clone(),
            ..NetworkOptions::default()
        });
        network.next_epoch();
        for index in 0..nodes {
            network.register(&format!("other-{index}"), &options);
        }
        let admin = network.admin.clone();
        let blob = BlobSpec::numbered(1, 1 << 30);
        let _ = network.register_blob(&admin, &blob, 10).expect_success();
        network.next_epoch();

        let user = network.chain.account("user");
        network.give_wal(user.address, nodes as u64 * WAL);
        network.stake_with(&user, 0..nodes, WAL);
        let _ = network.end_voting().expect_success();
        for stake in network.stakes_of(user.address) {
            let _ = network.request_withdraw(&user, stake.id).expect_success();
        }
        let _ = network.change_epoch().expect_success();
        network.sync_all();
        network.stake_with(&admin, nodes..2 * nodes, 5000 * WAL);
        network
    }

    /// Stakes `amount` FROST with each of some nodes, by positions in `nodes`, in as many transactions as it takes.
    pub fn stake_with(&mut self, staker: &Account, nodes: Range<usize>, amount: u64) {
        let ids = self.nodes[nodes].iter().map(|node| (node.id, amount));
        let stakes: Vec<_> = ids.collect();
        for stakes in stakes.chunks(STAKES_PER_TRANSACTION) {
            let _ = self.stake_all(staker, stakes).expect_success();
        }
    }
}
