//! Choosing what pays: coins, the address balance, or both.

use sui_sdk_types::{Address, StructTag};
use sui_transaction_builder::Argument;

use super::{Ptb, TransactionError};
use crate::{chain::CoinObject, limits, money::Coin};

/// A payment that a transaction makes from what the sender owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinNeed {
    /// The coin's type.
    pub coin_type: StructTag,
    /// The least amount, in the smallest unit.
    pub amount: u64,
}

/// What the payment of one transaction is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) coins: Vec<CoinObject>,
    /// Taken out of the address balance.
    pub(super) withdrawal: u64,
}

/// How a payment can be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// With these.
    Pay(Payment),
    /// Only if these coins become one before: in so many pieces the amount does not fit one transaction.
    Merge(Vec<CoinObject>),
}

/// What the sender has of a coin type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holdings<'a> {
    pub(super) owner: Address,
    /// Largest first.
    pub(super) coins: &'a [CoinObject],
    pub(super) address_balance: u64,
}

impl Holdings<'_> {
    fn total(&self) -> u64 {
        sum(self.coins).saturating_add(self.address_balance)
    }

    /// What one transaction can pay with.
    fn usable(&self) -> u64 {
        let coins = self
            .coins
            .get(..limits::MAX_PAYMENT_COINS)
            .unwrap_or(self.coins);
        sum(coins).saturating_add(self.address_balance)
    }
}

/// What coins hold together.
pub(super) fn sum(coins: &[CoinObject]) -> u64 {
    coins
        .iter()
        .fold(0, |sum: u64, coin| sum.saturating_add(coin.balance))
}

impl CoinNeed {
    /// Chooses coins, largest first, and what they lack from the address balance.
    ///
    /// Twice the amount is gathered where it is at hand: the contract takes what is due from a coin that is
    /// passed by reference, so a price that rises before execution does not fail the transaction.
    pub(super) fn choose(&self, from: Holdings<'_>) -> Result<Choice, TransactionError> {
        let goal = self.amount.saturating_mul(2);
        let mut gathered: u64 = 0;
        let mut coins = Vec::new();
        for coin in from.coins.iter().take(limits::MAX_PAYMENT_COINS) {
            if gathered >= goal && !coins.is_empty() {
                break;
            }
            gathered = gathered.saturating_add(coin.balance);
            coins.push(coin.clone());
        }
        let Some(lacking) = self.amount.checked_sub(gathered).filter(|l| *l > 0) else {
            let withdrawal = 0;
            return Ok(Choice::Pay(Payment { coins, withdrawal }));
        };
        if from.address_balance >= lacking {
            // Where coins join in, the rest of the withdrawal would end in a coin, so it is exact.
            let withdrawal = match coins.is_empty() {
                true => goal.min(from.address_balance),
                false => lacking,
            };
            return Ok(Choice::Pay(Payment { coins, withdrawal }));
        }
        if from.total() >= self.amount {
            let merged = from.coins.iter().take(limits::MAX_MERGED_COINS);
            return Ok(Choice::Merge(merged.cloned().collect()));
        }
        Err(TransactionError::InsufficientFunds {
            owner: from.owner,
            coin: Coin::of(&self.coin_type),
            needed: self.amount,
            available: from.total(),
        })
    }

    /// The error of a payment that is still in too many pieces.
    pub(super) fn in_pieces(&self, from: Holdings<'_>) -> TransactionError {
        TransactionError::TooManyCoins {
            owner: from.owner,
            coin: Coin::of(&self.coin_type),
            needed: self.amount,
            balance: from.total(),
            coins: from.coins.len(),
            usable: from.usable(),
            limit: limits::MAX_PAYMENT_COINS,
        }
    }

    /// Makes one coin of the payment; the result is the coin to pay from.
    pub(super) fn gather(
        &self,
        ptb: &mut Ptb,
        payment: &Payment,
    ) -> Result<Argument, TransactionError> {
        let withdrawn =
            (payment.withdrawal > 0).then(|| ptb.withdraw(&self.coin_type, payment.withdrawal));
        let mut coins: Vec<_> = payment
            .coins
            .iter()
            .map(|coin| ptb.object_reference(&coin.reference))
            .collect();
        coins.extend(withdrawn);
        let mut coins = coins.into_iter();
        match coins.next() {
            Some(first) => {
                ptb.merge(first, coins.collect());
                Ok(first)
            }
            None => ptb.zero_coin(&self.coin_type),
        }
    }

    /// Puts what is left of the paying coin where it belongs: a coin of the sender stays, a withdrawal goes back.
    pub(super) fn give_back(
        &self,
        ptb: &mut Ptb,
        payment: &Payment,
        coin: Argument,
        sender: Address,
    ) -> Result<(), TransactionError> {
        if !payment.coins.is_empty() {
            return Ok(());
        }
        if payment.withdrawal > self.amount {
            return ptb.send_funds(&self.coin_type, coin, sender);
        }
        // Nothing is left of what was exact. If a price has changed this fails, and nothing is paid.
        ptb.destroy_zero(&self.coin_type, coin)
    }
}

#[cfg(test)]
mod tests {
    use sui_sdk_types::{Digest, ObjectReference};

    use super::*;

    fn coins(balances: &[u64]) -> Vec<CoinObject> {
        let coin = |(index, balance): (usize, &u64)| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&index.to_le_bytes());
            let reference = ObjectReference::new(Address::new(id), 1, Digest::ZERO);
            let balance = *balance;
            CoinObject { reference, balance }
        };
        balances.iter().enumerate().map(coin).collect()
    }

    fn choose(amount: u64, coins: &[CoinObject], address_balance: u64) -> Choice {
        try_choose(amount, coins, address_balance).unwrap()
    }

    fn try_choose(
        amount: u64,
        coins: &[CoinObject],
        address_balance: u64,
    ) -> Result<Choice, TransactionError> {
        let coin_type = StructTag::sui();
        let need = CoinNeed { coin_type, amount };
        need.choose(Holdings {
            owner: Address::TWO,
            coins,
            address_balance,
        })
    }

    fn pay(coins: &[CoinObject], withdrawal: u64) -> Choice {
        let coins = coins.to_vec();
        Choice::Pay(Payment { coins, withdrawal })
    }

    #[test]
    fn coins_pay_first_and_the_address_balance_what_they_lack() {
        let owned = coins(&[70, 60, 50, 40]);
        assert_eq!(choose(60, &owned, 1000), pay(&owned[..2], 0));
        assert_eq!(choose(220, &owned, 1000), pay(&owned, 0));
        assert_eq!(choose(221, &owned, 1000), pay(&owned, 1));
        assert_eq!(choose(1220, &owned, 1000), pay(&owned, 1000));
        assert_eq!(choose(0, &owned, 1000), pay(&owned[..1], 0));
        assert_eq!(choose(0, &[], 1000), pay(&[], 0));
    }

    #[test]
    fn the_address_balance_alone_gives_room_for_a_price_that_rises() {
        assert_eq!(choose(60, &[], 1000), pay(&[], 120));
        assert_eq!(choose(60, &[], 100), pay(&[], 100));
        assert_eq!(choose(60, &[], 60), pay(&[], 60));
    }

    #[test]
    fn a_balance_in_too_many_coins_is_merged_first() {
        let owned = coins(&[12_000; 300]);
        assert_eq!(choose(3_200_000, &owned, 0), Choice::Merge(owned.clone()));
        assert_eq!(choose(2_400_000, &owned, 0), pay(&owned[..200], 0));
        assert_eq!(
            choose(3_200_000, &owned, 800_000),
            pay(&owned[..200], 800_000)
        );
        let error = try_choose(3_600_001, &owned, 0).unwrap_err();
        let TransactionError::InsufficientFunds { available, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(available, 3_600_000, "all coins count");
        let need = CoinNeed {
            coin_type: StructTag::sui(),
            amount: 3_200_000,
        };
        let error = need.in_pieces(Holdings {
            owner: Address::TWO,
            coins: &owned,
            address_balance: 5,
        });
        let text = error.to_string();
        let told = "has 0.003600005 SUI in 300 coins, but one transaction can use at most 200 coins, 0.002400005 SUI of the 0.0032 SUI needed";
        assert!(text.contains(told), "{text}");
        let many = coins(&[1; 600]);
        assert_eq!(choose(600, &many, 0), Choice::Merge(many[..500].to_vec()));
    }
}
