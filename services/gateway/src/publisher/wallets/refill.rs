//! Topping up: what sub-wallets lack comes from the main wallet; what each of them has is looked at meanwhile, and told.
//!
//! Money counts wherever it lies, in coins or in the address balance. WAL goes to the address balance of a sub-wallet, where it does not
//! fall to pieces; SUI goes there as a coin, since gas is paid from one.

use std::sync::PoisonError;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use walrus_sdk::{Address, ChainError, TransactionError};
use walrus_service::{
    metrics::Registry,
    worker::{Failure, Step, Worker},
};
use walrus_sui::StructTag;

use super::{Wallets, WalletsError};
use crate::limits;

/// Sub-wallets were not topped up.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The main wallet could not pay.
    #[error(transparent)]
    Payment(#[from] TransactionError),
}

/// What a wallet has of one coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CoinFunds {
    /// MIST, or FROST, wherever they are.
    pub(crate) total: u64,
    /// Those of them that lie in no coin.
    pub(crate) address_balance: u64,
}

/// What a wallet had when that was last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WalletFunds {
    pub(crate) address: Address,
    /// `main`, or the number of the sub-wallet.
    pub(crate) wallet: String,
    pub(crate) sui: CoinFunds,
    pub(crate) wal: CoinFunds,
}

impl Wallets {
    /// What the wallets had when that was last looked at: the main one, and the sub-wallets.
    pub(crate) fn funds(&self) -> Vec<WalletFunds> {
        let funds = self.0.funds.lock();
        funds.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(&self) -> Result<Vec<WalletFunds>, ChainError> {
        let main = (self.0.main.address(), "main".to_owned());
        let subs = self.0.wallets.iter().enumerate();
        let subs = subs.map(|(index, sub)| (sub.writer.address(), index.to_string()));
        let all: Vec<_> = std::iter::once(main).chain(subs).collect();
        let looked = stream::iter(all).map(|(address, wallet)| async move {
            let reader = self.0.main.reader();
            let (sui, wal) = (StructTag::sui(), reader.packages().wal_type);
            let sui = reader.chain().funds(address, &sui);
            let (sui, wal) = tokio::try_join!(sui, reader.chain().funds(address, &wal))?;
            let funds = |funds: walrus_sui::chain::Funds| CoinFunds {
                total: funds.total,
                address_balance: funds.address_balance,
            };
            Ok::<_, ChainError>(WalletFunds {
                address,
                wallet,
                sui: funds(sui),
                wal: funds(wal),
            })
        });
        let looked: Vec<_> = looked
            .buffered(limits::BALANCE_REQUESTS)
            .try_collect()
            .await?;
        let mut funds = self.0.funds.lock().unwrap_or_else(PoisonError::into_inner);
        funds.clone_from(&looked);
        Ok(looked)
    }

    /// Gives each sub-wallet that has too little what it is to get; what all had before.
    pub(super) async fn refill(&self) -> Result<Vec<WalletFunds>, RefillError> {
        let (main, options) = (&self.0.main, &self.0.options);
        let funds = self.look().await?;
        let subs = || funds.iter().skip(1);
        let lacks = |coin: CoinFunds| coin.total < options.min_balance;
        let of_sui = subs().filter(|wallet| lacks(wallet.sui));
        let of_sui: Vec<_> = of_sui
            .map(|wallet| (wallet.address, options.gas_refill))
            .collect();
        if !of_sui.is_empty() {
            main.executor().send_sui(&of_sui).await?;
        }
        let of_wal = subs().filter(|wallet| lacks(wallet.wal));
        let of_wal: Vec<_> = of_wal
            .map(|wallet| (wallet.address, options.wal_refill))
            .collect();
        if !of_wal.is_empty() {
            main.deposit_wal(&of_wal).await?;
        }
        Ok(funds)
    }

    /// That each sub-wallet can pay the gas of a store, after it was topped up.
    pub(super) async fn require_gas(&self) -> Result<(), WalletsError> {
        for funds in self
            .look()
            .await
            .map_err(RefillError::from)?
            .into_iter()
            .skip(1)
        {
            if funds.sui.total < limits::STORE_GAS {
                return Err(WalletsError::NoGas {
                    address: funds.address,
                    balance: funds.sui.total,
                });
            }
        }
        Ok(())
    }
}

/// Tops sub-wallets up.
pub(crate) struct Refiller {
    pub(super) wallets: Wallets,
    pub(super) funds: prometheus::IntGaugeVec,
}

impl Wallets {
    /// The worker that tops the sub-wallets up.
    pub(crate) fn refiller(&self, registry: &Registry) -> Refiller {
        let funds = registry.gauges(
            "walrus_gateway_wallet_funds",
            "What the wallets of the publisher have, in MIST and FROST; where is `all`, or `address-balance` for what lies in no coin",
            &["wallet", "coin", "where"],
        );
        Refiller {
            wallets: self.clone(),
            funds,
        }
    }
}

impl Refiller {
    fn tell(&self) {
        for wallet in self.wallets.funds() {
            for (coin, funds) in [("SUI", wallet.sui), ("WAL", wallet.wal)] {
                for (place, amount) in [
                    ("all", funds.total),
                    ("address-balance", funds.address_balance),
                ] {
                    let gauge = self
                        .funds
                        .with_label_values(&[&*wallet.wallet, coin, place]);
                    gauge.set(i64::try_from(amount).unwrap_or(i64::MAX));
                }
            }
        }
    }
}

impl Worker for Refiller {
    fn name(&self) -> &'static str {
        "wallet-refill"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let refilled = self.wallets.refill().await;
        self.tell();
        match refilled {
            Ok(_) => Ok(Step::WaitAtMost(self.wallets.0.options.refill_interval)),
            // What a sub-wallet lacks is told to whoever stores with it.
            Err(error) => Ok(Step::Retry(error.into())),
        }
    }
}
