//! Moving coins and objects.

use sui_sdk_types::{Address, StructTag};

use super::{CoinNeed, ContractWriter, ExecutedTransaction, TransactionError, TransactionExecutor};

fn total(payments: &[(Address, u64)]) -> Result<u64, TransactionError> {
    payments
        .iter()
        .try_fold(0u64, |sum, (_, amount)| sum.checked_add(*amount))
        .ok_or_else(|| TransactionError::build("the amounts exceed 2^64"))
}

impl TransactionExecutor {
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
                coin: "SUI",
                needed,
                available,
            });
        }
        let amounts: Vec<u64> = payments.iter().map(|(_, amount)| *amount).collect();
        self.execute(None, |ptb, _| {
            let gas = ptb.gas();
            let coins = ptb.split(gas, &amounts)?;
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
        let need = CoinNeed {
            coin_type: coin_type.clone(),
            amount: total(payments)?,
        };
        let amounts: Vec<u64> = payments.iter().map(|(_, amount)| *amount).collect();
        self.execute(Some(&need), |ptb, payment| {
            let payment = payment.ok_or_else(|| TransactionError::build("no payment coin"))?;
            let coins = ptb.split(payment, &amounts)?;
            for ((recipient, _), coin) in payments.iter().zip(coins) {
                ptb.transfer(vec![coin], *recipient)?;
            }
            Ok(())
        })
        .await
    }

    /// Merges all coins of a type into the largest one, as far as one transaction allows.
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn merge_all_coins(
        &self,
        coin_type: &StructTag,
    ) -> Result<ExecutedTransaction, TransactionError> {
        // Half of everything is the smallest need that makes the selection take all coins.
        let amount = self
            .chain()
            .balance(self.sender(), coin_type)
            .await?
            .div_ceil(2);
        let need = CoinNeed {
            coin_type: coin_type.clone(),
            amount,
        };
        self.execute(Some(&need), |_, _| Ok(())).await
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
}
