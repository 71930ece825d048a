//! Choosing the coins that pay.

use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::Argument;

use super::{Ptb, TransactionError};
use crate::{
    chain::{ChainClient, CoinObject},
    limits::MAX_PAYMENT_COINS,
};

/// A payment that a transaction makes from the sender's coins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinNeed {
    /// The coin's type.
    pub coin_type: StructTag,
    /// The least amount, in the smallest unit.
    pub amount: u64,
}

impl CoinNeed {
    fn label(&self) -> &'static str {
        match self.coin_type.name().as_str() {
            "WAL" => "WAL",
            "SUI" => "SUI",
            _ => "coin",
        }
    }

    /// Chooses coins of `owner`, largest first.
    ///
    /// Twice the amount is gathered where it is at hand: the contract takes what is due from a coin that is
    /// passed by reference, so a price that rises before execution does not fail the transaction.
    pub(super) async fn select(
        &self,
        chain: &ChainClient,
        owner: Address,
    ) -> Result<Vec<CoinObject>, TransactionError> {
        let coins = chain.coins(owner, &self.coin_type).await?;
        let goal = self.amount.saturating_mul(2);
        let mut gathered: u64 = 0;
        let mut chosen = Vec::new();
        for coin in coins.into_iter().take(MAX_PAYMENT_COINS) {
            if gathered >= goal && !chosen.is_empty() {
                break;
            }
            gathered = gathered.saturating_add(coin.balance);
            chosen.push(coin);
        }
        if gathered < self.amount {
            return Err(TransactionError::InsufficientFunds {
                owner,
                coin: self.label(),
                needed: self.amount,
                available: gathered,
            });
        }
        Ok(chosen)
    }

    /// Merges the chosen coins; the result is the coin to pay from. Without any coin (and nothing to pay) it
    /// is a zero coin, which the caller gets back to keep.
    pub(super) fn merge(
        &self,
        ptb: &mut Ptb,
        coins: &[CoinObject],
    ) -> Result<(Argument, bool), TransactionError> {
        match coins.split_first() {
            Some((first, rest)) => {
                let first = ptb.object_reference(&first.reference);
                let rest = rest
                    .iter()
                    .map(|coin| ptb.object_reference(&coin.reference))
                    .collect();
                ptb.merge(first, rest);
                Ok((first, false))
            }
            None => Ok((ptb.zero_coin(&self.coin_type)?, true)),
        }
    }
}
