//! Cost: what a command is about to pay, held to the limit that was given, compared with what the wallet has, and told before it is paid.

use anyhow::{Context as _, ensure};
use walrus_sui::{
    StructTag,
    money::Coin,
    transactions::{ContractWriter, TransactionError},
};

use crate::{
    args::GlobalOptions,
    report::{say, sui, wal},
};

/// What a command pays beside the gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// What is paid for, as a subject: `the stake`.
    pub(crate) what: &'static str,
    /// In which coin.
    pub(crate) coin: Coin,
    /// How much, in its smallest unit.
    pub(crate) amount: u64,
    /// What is allowed at most.
    pub(crate) max: Option<u64>,
}

impl Cost {
    /// So many FROST for `what`.
    pub(crate) fn wal(what: &'static str, amount: u64, max: Option<u64>) -> Self {
        Self {
            what,
            coin: Coin::Wal,
            amount,
            max,
        }
    }

    /// So many MIST for `what`.
    pub(crate) fn sui(what: &'static str, amount: u64, max: Option<u64>) -> Self {
        Self {
            what,
            coin: Coin::Sui,
            amount,
            max,
        }
    }

    fn show(self, amount: u64) -> String {
        match self.coin {
            Coin::Wal => wal(amount),
            Coin::Sui => sui(amount),
        }
    }

    /// That it is not more than what is allowed.
    ///
    /// # Errors
    /// If it is.
    pub(crate) fn check_limit(self) -> anyhow::Result<()> {
        if let Some(max) = self.max {
            ensure!(
                self.amount <= max,
                "{} costs {}, more than the {} that are allowed; nothing was paid",
                self.what,
                self.show(self.amount),
                self.show(max)
            );
        }
        Ok(())
    }

    /// Tells it, if the wallet has as much and it is not more than what is allowed.
    ///
    /// # Errors
    /// [`TransactionError::InsufficientFunds`], and as [`Cost::check_limit`]; nothing is paid then.
    pub(crate) async fn announce(
        self,
        global: &GlobalOptions,
        writer: &ContractWriter,
    ) -> anyhow::Result<()> {
        self.check_limit()?;
        let (owner, reader) = (writer.address(), writer.reader());
        let coin_type = match self.coin {
            Coin::Wal => reader.packages().wal_type,
            Coin::Sui => StructTag::sui(),
        };
        let available = match self.amount {
            0 => 0,
            _ => reader.chain().balance(owner, &coin_type).await?,
        };
        if available < self.amount {
            let short: Result<(), _> = Err(TransactionError::InsufficientFunds {
                owner,
                coin: self.coin,
                needed: self.amount,
                available,
            });
            let cost = self.show(self.amount);
            return short.with_context(|| format!("{} costs {cost}; nothing was paid", self.what));
        }
        if self.amount > 0 && !global.json {
            let cost = self.show(self.amount);
            say(format_args!("Paying {cost} for {}", self.what));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_what_is_allowed_is_refused_with_both() {
        assert!(Cost::wal("the stake", 7, None).check_limit().is_ok());
        assert!(Cost::wal("the stake", 7, Some(7)).check_limit().is_ok());
        let error = Cost::wal("the stake", 8_000, Some(7)).check_limit();
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("the stake costs ") && error.contains("8000 FROST"),
            "{error}"
        );
        assert!(error.contains("7 FROST"), "{error}");
        let error = Cost::sui("the exchange", 8_000, Some(7)).check_limit();
        let error = error.unwrap_err().to_string();
        assert!(
            error.starts_with("the exchange costs ") && error.contains("8000 MIST"),
            "{error}"
        );
    }
}
