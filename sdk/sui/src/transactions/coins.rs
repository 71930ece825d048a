//! Moving coins and objects.

use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::Argument;

use super::{
    CoinNeed, ContractWriter, ExecutedTransaction, Ptb, TransactionError, TransactionExecutor,
};
use crate::{limits, money::Coin};

fn total(payments: &[(Address, u64)]) -> Result<u64, TransactionError> {
    payments
        .iter()
        .try_fold(0u64, |sum, (_, amount)| sum.checked_add(*amount))
        .ok_or_else(|| TransactionError::build("the amounts exceed 2^64"))
}

impl TransactionExecutor {
    /// Sends MIST to one recipient by a transaction whose first input is `note`, byte by byte.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn send_sui_with_note(
        &self,
        recipient: Address,
        amount: u64,
        note: &[u8],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.execute(None, |ptb, _| {
            ptb.note(note);
            let coins = ptb.split_gas(&[amount])?;
            ptb.transfer(coins, recipient)
        })
        .await
    }

    /// Sends MIST to several addresses in one transaction, from the gas coin.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn send_sui(
        &self,
        payments: &[(Address, u64)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        let needed = total(payments)?;
        let available = self.chain().sui_balance(self.sender()).await?;
        if available < needed {
            let owner = self.sender();
            return Err(TransactionError::InsufficientFunds {
                owner,
                coin: Coin::Sui,
                needed,
                available,
            });
        }
        let amounts: Vec<u64> = payments.iter().map(|(_, amount)| *amount).collect();
        self.execute(None, |ptb, _| {
            ptb.make_unique();
            let coins = ptb.split_gas(&amounts)?;
            for ((recipient, _), coin) in payments.iter().zip(coins) {
                ptb.transfer(vec![coin], *recipient)?;
            }
            Ok(())
        })
        .await
    }

    /// Sends coins of one type to several addresses in one transaction. For SUI see
    /// [`TransactionExecutor::send_sui`].
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn send_coins(
        &self,
        coin_type: &StructTag,
        payments: &[(Address, u64)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.pay_out(coin_type, payments, |ptb, coin, recipient| {
            ptb.transfer(vec![coin], recipient)
        })
        .await
    }

    /// The same into the address balances of the recipients, where amounts do not pile up as coins.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn deposit_coins(
        &self,
        coin_type: &StructTag,
        payments: &[(Address, u64)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.pay_out(coin_type, payments, |ptb, coin, recipient| {
            ptb.send_funds(coin_type, coin, recipient)
        })
        .await
    }

    async fn pay_out(
        &self,
        coin_type: &StructTag,
        payments: &[(Address, u64)],
        give: impl Fn(&mut Ptb, Argument, Address) -> Result<(), TransactionError> + Sync,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let need = CoinNeed {
            coin_type: coin_type.clone(),
            amount: total(payments)?,
        };
        let amounts: Vec<u64> = payments.iter().map(|(_, amount)| *amount).collect();
        self.execute(Some(&need), |ptb, payment| {
            let payment = payment.ok_or_else(|| TransactionError::build("no payment coin"))?;
            ptb.make_unique();
            let coins = ptb.split(payment, &amounts)?;
            for ((recipient, _), coin) in payments.iter().zip(coins) {
                give(ptb, coin, *recipient)?;
            }
            Ok(())
        })
        .await
    }

    /// Merges coins of a type and what lies in the address balance into the largest coin, as many as one transaction takes;
    /// for programs that know one coin only.
    ///
    /// # Errors
    /// [`TransactionError`]; [`TransactionError::Build`] when there is nothing to merge.
    pub async fn merge_all_coins(
        &self,
        coin_type: &StructTag,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let owner = self.sender();
        let (mut coins, funds) = tokio::try_join!(
            self.chain().coins(owner, coin_type),
            self.chain().funds(owner, coin_type)
        )?;
        coins.truncate(limits::MAX_MERGED_COINS);
        let withdrawal = funds.address_balance;
        if coins.len() + usize::from(withdrawal > 0) < 2 {
            return Err(TransactionError::build("there is nothing to merge"));
        }
        self.clone()
            .with_one_attempt()
            .execute(None, |ptb, _| {
                let mut others: Vec<_> = coins
                    .iter()
                    .map(|coin| ptb.object_reference(&coin.reference))
                    .collect();
                if withdrawal > 0 {
                    others.push(ptb.withdraw(coin_type, withdrawal));
                }
                let mut others = others.into_iter();
                if let Some(first) = others.next() {
                    ptb.merge(first, others.collect());
                }
                Ok(())
            })
            .await
    }

    /// Transfers objects to an address.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn transfer_objects(
        &self,
        objects: &[Address],
        recipient: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.execute(None, |ptb, _| {
            let arguments = objects.iter().map(|id| ptb.object(*id)).collect();
            ptb.transfer(arguments, recipient)
        })
        .await
    }
}

impl ContractWriter {
    /// Sends FROST to several addresses in one transaction.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn send_wal(
        &self,
        payments: &[(Address, u64)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.executor()
            .send_coins(&self.reader().packages().wal_type, payments)
            .await
    }

    /// The same into the address balances of the recipients.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn deposit_wal(
        &self,
        payments: &[(Address, u64)],
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.executor()
            .deposit_coins(&self.reader().packages().wal_type, payments)
            .await
    }
}
