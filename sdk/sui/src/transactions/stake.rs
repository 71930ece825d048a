//! Staking (contracts spec 7.11).

use sui_sdk_types::Address;
use sui_transaction_builder::Argument;

use super::{ContractWriter, ExecutedTransaction, TransactionError, writer::Plan};
use crate::{chain::ObjectData, objects::StakedWal};

impl Plan<'_> {
    /// Withdraws a stake; the coin.
    fn withdraw_stake(&mut self, stake: Address) -> Result<Argument, TransactionError> {
        let arguments = vec![self.staking(), self.ptb.object(stake)];
        self.call("staking", "withdraw_stake", arguments)
    }
}

impl ContractWriter {
    /// Stakes FROST with nodes, in one transaction; at least 1 WAL each. The stakes are returned in the order
    /// given.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn stake(
        &self,
        stakes: &[(Address, u64)],
    ) -> Result<Vec<StakedWal>, TransactionError> {
        let total = stakes
            .iter()
            .try_fold(0u64, |sum, (_, amount)| sum.checked_add(*amount))
            .ok_or_else(|| TransactionError::build("the stakes exceed 2^64 FROST"))?;
        let amounts: Vec<u64> = stakes.iter().map(|(_, amount)| *amount).collect();
        let executed = self
            .run(Some(total), |plan| {
                let payment = plan.payment()?;
                plan.ptb.make_unique();
                let coins = plan.ptb.split(payment, &amounts)?;
                let mut staked = Vec::with_capacity(stakes.len());
                for ((node, _), coin) in stakes.iter().zip(coins) {
                    let arguments = vec![plan.staking(), coin, plan.ptb.pure(node)?];
                    staked.push(plan.call("staking", "stake_with_pool", arguments)?);
                }
                plan.ptb.transfer(staked, plan.sender)
            })
            .await?;
        let mut created = self.created_stakes(&executed).await?;
        stakes
            .iter()
            .map(|(node, amount)| {
                created
                    .iter()
                    .position(|stake| stake.node_id == *node && stake.principal == *amount)
                    .map(|index| created.swap_remove(index))
                    .ok_or_else(|| executed.unexpected(format!("new stake with node {node}")))
            })
            .collect()
    }

    /// The stakes that a transaction made.
    async fn created_stakes(
        &self,
        executed: &ExecutedTransaction,
    ) -> Result<Vec<StakedWal>, TransactionError> {
        let ids = executed.created("staked_wal", "StakedWal");
        let objects = self.reader().chain().objects(&ids).await?;
        let stakes = objects.iter().flatten().map(ObjectData::decode);
        Ok(stakes.collect::<Result<_, _>>()?)
    }

    /// Asks for the withdrawal of a stake.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn request_withdraw_stake(
        &self,
        stake: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.request_withdraw_stakes(&[stake]).await
    }

    /// Asks for the withdrawal of stakes, in one transaction.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn request_withdraw_stakes(
        &self,
        stakes: &[Address],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            for stake in stakes {
                let arguments = vec![plan.staking(), plan.ptb.object(*stake)];
                plan.call("staking", "request_withdraw_stake", arguments)?;
            }
            Ok(())
        })
        .await
    }

    /// Withdraws stakes with their rewards to the sender, in one transaction.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn withdraw_stakes(
        &self,
        stakes: &[Address],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let mut coins = Vec::with_capacity(stakes.len());
            for stake in stakes {
                coins.push(plan.withdraw_stake(*stake)?);
            }
            plan.ptb.transfer(coins, plan.sender)
        })
        .await
    }

    /// Withdraws stakes and stakes all of it, rewards included, with another node, in one transaction. The new stakes are returned, in
    /// any order.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn restake(
        &self,
        stakes: &[Address],
        node_id: Address,
    ) -> Result<(ExecutedTransaction, Vec<StakedWal>), TransactionError> {
        let executed = self
            .run(None, |plan| {
                let mut staked = Vec::with_capacity(stakes.len());
                for stake in stakes {
                    let coin = plan.withdraw_stake(*stake)?;
                    let arguments = vec![plan.staking(), coin, plan.ptb.pure(&node_id)?];
                    staked.push(plan.call("staking", "stake_with_pool", arguments)?);
                }
                plan.ptb.transfer(staked, plan.sender)
            })
            .await?;
        let staked = self.created_stakes(&executed).await?;
        Ok((executed, staked))
    }
}
