//! Certificates by random members.

use walrus_core::messages::MessageBody;
use walrus_economy::{Abort, economy::Economy, is_quorum};

use super::{World, node_id};

/// Whether so many shards may certify.
pub(super) fn check(economy: &Economy, weight: u64) -> Result<(), Abort> {
    if is_quorum(weight, economy.system.n_shards()) {
        Ok(())
    } else {
        Err(Abort::code("bls_aggregate", 2))
    }
}

impl World {
    /// Signature, bitmap and message by random members, and their weight: mostly a bare quorum, at times one less.
    pub(super) fn certificate<B: MessageBody>(&mut self, body: B) -> ([Vec<u8>; 3], u64) {
        let short = self.random.one_in(10);
        let n_shards = self.economy.system.n_shards();
        let mut order: Vec<usize> = (0..self.network.nodes.len()).collect();
        for index in (1..order.len()).rev() {
            order.swap(index, self.random.between(0, index as u64) as usize);
        }
        let (mut signers, mut weight) = (Vec::new(), 0);
        for position in order {
            let id = node_id(self.network.nodes[position].id);
            let members = &self.economy.system.committee;
            let Some((_, shards)) = members.iter().find(|(member, _)| *member == id) else {
                continue;
            };
            let reached = is_quorum(weight + u64::from(*shards), n_shards);
            if short && reached && !signers.is_empty() {
                break;
            }
            signers.push(position);
            weight += u64::from(*shards);
            if reached {
                break;
            }
        }
        (self.network.certificate(body, &signers), weight)
    }
}
