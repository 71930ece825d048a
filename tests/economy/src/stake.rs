//! Staked WAL: a staker's object (contracts spec 4.5 and 7.11).

use crate::{
    Abort, Epoch, Frost, NodeId,
    abort::{add, ensure},
    pool::Context,
};

const MODULE: &str = "staked_wal";
/// The smallest principal, in FROST.
pub const MIN_PRINCIPAL: Frost = 1_000_000_000;

/// Whether a withdrawal is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StakeState {
    /// No.
    Staked,
    /// Yes.
    Withdrawing {
        /// When it can be paid out.
        withdraw_epoch: Epoch,
    },
}

/// Principal staked with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stake {
    /// The node.
    pub node: NodeId,
    /// FROST, held by the object itself.
    pub principal: Frost,
    /// The first epoch it counts in.
    pub activation_epoch: Epoch,
    /// Whether it leaves.
    pub state: StakeState,
}

impl Stake {
    /// New stake.
    ///
    /// # Errors
    /// Less than 1 WAL (`staked_wal` 7).
    pub fn new(node: NodeId, activation_epoch: Epoch, principal: Frost) -> Result<Self, Abort> {
        ensure(principal >= MIN_PRINCIPAL, MODULE, 7)?;
        Ok(Self {
            node,
            principal,
            activation_epoch,
            state: StakeState::Staked,
        })
    }

    /// Whether the principal can be taken back at once, because no committee depends on it yet.
    #[must_use]
    pub fn is_early(&self, context: Context) -> bool {
        let unseen = self.activation_epoch == context.epoch + 2
            || self.activation_epoch == context.epoch + 1 && !context.in_next;
        self.state == StakeState::Staked && unseen
    }

    /// Splits off a part.
    ///
    /// # Errors
    /// Not smaller than the principal (`staked_wal` 2), or one of both below 1 WAL (7).
    pub fn split(&mut self, amount: Frost) -> Result<Self, Abort> {
        ensure(self.principal > amount, MODULE, 2)?;
        let rest = self.principal - amount;
        ensure(amount >= MIN_PRINCIPAL && rest >= MIN_PRINCIPAL, MODULE, 7)?;
        self.principal = rest;
        Ok(Self {
            principal: amount,
            ..self.clone()
        })
    }

    /// Takes in another stake.
    ///
    /// # Errors
    /// Another node, activation epoch or state (`staked_wal` 1).
    pub fn join(&mut self, other: Self) -> Result<(), Abort> {
        let same = self.node == other.node
            && self.activation_epoch == other.activation_epoch
            && self.state == other.state;
        ensure(same, MODULE, 1)?;
        self.principal = add(self.principal, other.principal)?;
        Ok(())
    }
}
