//! Staking (contracts spec 7.11).

use sui_sdk_types::Address;

use super::{ContractWriter, ExecutedTransaction, TransactionError};
use crate::objects::StakedWal;

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
        let ids = executed.created("staked_wal", "StakedWal");
        let objects = self.reader().chain().objects(&ids).await?;
        let mut created = objects
            .iter()
            .flatten()
            .map(|object| object.decode::<StakedWal>())
            .collect::<Result<Vec<_>, _>>()?;
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

    /// Asks for the withdrawal of a stake.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn request_withdraw_stake(
        &self,
        stake: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![plan.staking(), plan.ptb.object(stake)];
            plan.call("staking", "request_withdraw_stake", arguments)?;
            Ok(())
        })
        .await
    }

    /// Withdraws a stake with its rewards to the sender.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn withdraw_stake(
        &self,
        stake: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![plan.staking(), plan.ptb.object(stake)];
            let coin = plan.call("staking", "withdraw_stake", arguments)?;
            plan.ptb.transfer(vec![coin], plan.sender)
        })
        .await
    }

    /// Collects the commission of a node whose receiver is `cap`, to the sender.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn collect_commission(
        &self,
        node_id: Address,
        cap: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let cap_type = self.reader().struct_tag("storage_node", "StorageNodeCap");
        self.run(None, |plan| {
            let cap = plan.ptb.object(cap);
            let authenticated = plan.ptb.call(
                plan.packages.current,
                "auth",
                "authenticate_with_object",
                vec![cap_type.clone().into()],
                vec![cap],
            )?;
            let arguments = vec![plan.staking(), plan.ptb.pure(&node_id)?, authenticated];
            let coin = plan.call("staking", "collect_commission", arguments)?;
            plan.ptb.transfer(vec![coin], plan.sender)
        })
        .await
    }
}
