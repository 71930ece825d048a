//! Slashing: votes to burn a node's commission (contracts spec 7.15).

use std::collections::{BTreeMap, BTreeSet};

use crate::{Abort, Epoch, Frost, NodeId, abort::ensure, is_quorum, staking::Staking};

const MODULE: &str = "slashing";

/// The votes on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Proposal {
    epoch: Epoch,
    weight: u64,
    voters: BTreeSet<NodeId>,
}

/// The votes on all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slashing(BTreeMap<NodeId, Proposal>);

impl Slashing {
    /// A node votes for slashing another one.
    ///
    /// # Errors
    /// The voter is no member (`staking_inner` 4), or has voted (`slashing` 1).
    pub fn vote(
        &mut self,
        staking: &Staking,
        voter: NodeId,
        candidate: NodeId,
    ) -> Result<(), Abort> {
        let shards = staking.committee.get(&voter);
        let shards = shards.ok_or(Abort::code("staking_inner", 4))?;
        let proposal = self.0.entry(candidate).or_default();
        if proposal.epoch != staking.epoch {
            *proposal = Proposal {
                epoch: staking.epoch,
                ..Proposal::default()
            };
        }
        ensure(proposal.voters.insert(voter), MODULE, 1)?;
        proposal.weight += shards.len() as u64;
        Ok(())
    }

    /// Takes a node's commission, which is burned.
    ///
    /// # Errors
    /// No votes (`slashing` 2), votes of another epoch (3), no quorum (4), no such node.
    pub fn execute(&mut self, staking: &mut Staking, candidate: NodeId) -> Result<Frost, Abort> {
        let proposal = self.0.remove(&candidate).ok_or(Abort::code(MODULE, 2))?;
        ensure(proposal.epoch == staking.epoch, MODULE, 3)?;
        ensure(is_quorum(proposal.weight, staking.n_shards), MODULE, 4)?;
        Ok(staking.pool(candidate)?.slash_commission())
    }
}
