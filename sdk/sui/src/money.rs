//! Amounts of SUI and WAL, as people read them.
//!
//! Programs compute in the smallest units, MIST and FROST. What is shown has a unit with it, and is exact.

use std::fmt;

use sui_sdk_types::StructTag;

/// Smallest units in one coin, of either kind.
const UNITS: u128 = 1_000_000_000;
/// Amounts below this are shown in the smallest unit: nobody counts the zeros of 0.000000007 WAL.
const FEW: u128 = 1_000;

/// A coin that people pay with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coin {
    /// Pays for gas.
    Sui,
    /// Pays for storage.
    Wal,
}

impl Coin {
    /// The coin of a type. Nothing but SUI and WAL is paid with.
    pub fn of(coin_type: &StructTag) -> Self {
        match *coin_type == StructTag::sui() {
            true => Self::Sui,
            false => Self::Wal,
        }
    }

    /// So many of its smallest units; less than none where something is given back.
    pub fn amount(self, smallest: impl Into<i128>) -> Amount {
        Amount {
            coin: self,
            smallest: smallest.into(),
        }
    }

    /// Name of the smallest unit.
    pub fn smallest_unit(self) -> &'static str {
        match self {
            Self::Sui => "MIST",
            Self::Wal => "FROST",
        }
    }
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sui => "SUI",
            Self::Wal => "WAL",
        })
    }
}

/// An amount of a coin. `{}` shows it in that coin, and a very small one in its smallest unit: `0.0012 WAL`, `7 FROST`. `{:#}` shows
/// both: `0.0012 WAL (1200000 FROST)`.
///
/// ```
/// use walrus_sui::money::Amount;
///
/// assert_eq!(Amount::wal(1_200_000).to_string(), "0.0012 WAL");
/// assert_eq!(format!("{:#}", Amount::sui(2_000_000_000)), "2 SUI (2000000000 MIST)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The coin.
    pub coin: Coin,
    /// How many of its smallest units.
    pub smallest: i128,
}

impl Amount {
    /// An amount of SUI, from MIST.
    pub fn sui(mist: impl Into<i128>) -> Self {
        Coin::Sui.amount(mist)
    }

    /// An amount of WAL, from FROST.
    pub fn wal(frost: impl Into<i128>) -> Self {
        Coin::Wal.amount(frost)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { coin, smallest } = *self;
        let unit = coin.smallest_unit();
        let size = smallest.unsigned_abs();
        if !f.alternate() && (1..FEW).contains(&size) {
            return write!(f, "{smallest} {unit}");
        }
        let sign = if smallest < 0 { "-" } else { "" };
        let fraction = format!("{:09}", size % UNITS);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{fraction} {coin}", size / UNITS)?;
        if f.alternate() {
            write!(f, " ({smallest} {unit})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_have_a_unit() {
        for (amount, short, long) in [
            (Amount::sui(-7), "-7 MIST", "-0.000000007 SUI (-7 MIST)"),
            (
                Amount::sui(-1_500_000),
                "-0.0015 SUI",
                "-0.0015 SUI (-1500000 MIST)",
            ),
            (Amount::wal(0), "0 WAL", "0 WAL (0 FROST)"),
            (Amount::sui(7), "7 MIST", "0.000000007 SUI (7 MIST)"),
            (Amount::sui(999), "999 MIST", "0.000000999 SUI (999 MIST)"),
            (
                Amount::wal(1_000),
                "0.000001 WAL",
                "0.000001 WAL (1000 FROST)",
            ),
            (
                Amount::wal(1_200_000),
                "0.0012 WAL",
                "0.0012 WAL (1200000 FROST)",
            ),
            (
                Amount::sui(5_000_000_000_u64),
                "5 SUI",
                "5 SUI (5000000000 MIST)",
            ),
            (
                Amount::wal(u64::MAX),
                "18446744073.709551615 WAL",
                "18446744073.709551615 WAL (18446744073709551615 FROST)",
            ),
        ] {
            assert_eq!(amount.to_string(), short);
            assert_eq!(format!("{amount:#}"), long);
        }
    }

    #[test]
    fn the_coin_of_gas_is_told_from_its_type() {
        assert_eq!(Coin::of(&StructTag::sui()), Coin::Sui);
        assert_eq!(Coin::of(&StructTag::gas_coin()), Coin::Wal);
    }
}
