//! Amounts of money on the command line: `1000000000`, `1000000000MIST`, `1SUI`, `1.5 WAL`.

/// Units of the smaller kind in one of the larger: MIST in 1 SUI, FROST in 1 WAL.
const PER_COIN: u64 = 1_000_000_000;
/// Decimal places of the larger kind.
const DECIMALS: usize = 9;

/// What an amount is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coin {
    Sui,
    Wal,
}

impl Coin {
    /// The smaller unit, which an amount without one is in, and the larger.
    fn units(self) -> [&'static str; 2] {
        match self {
            Self::Sui => ["MIST", "SUI"],
            Self::Wal => ["FROST", "WAL"],
        }
    }
}

/// Reads an amount of SUI, in MIST.
pub(crate) fn parse_mist(text: &str) -> Result<u64, String> {
    parse(text, Coin::Sui)
}

/// Reads an amount of SUI that is not zero, in MIST.
pub(crate) fn parse_some_mist(text: &str) -> Result<u64, String> {
    match parse_mist(text)? {
        0 => Err("the amount must be more than zero".to_owned()),
        mist => Ok(mist),
    }
}

/// Reads an amount of WAL that is not zero, in FROST.
pub(crate) fn parse_some_frost(text: &str) -> Result<u64, String> {
    match parse_frost(text)? {
        0 => Err("the amount must be more than zero".to_owned()),
        frost => Ok(frost),
    }
}

/// Reads an amount of WAL, in FROST.
pub(crate) fn parse_frost(text: &str) -> Result<u64, String> {
    parse(text, Coin::Wal)
}

fn parse(text: &str, coin: Coin) -> Result<u64, String> {
    let [small, large] = coin.units();
    let expected = || {
        format!(
            "expected a number of {small}, or an amount with its unit, such as 1000000000{small} or 1.5{large}"
        )
    };
    let digits = text
        .trim()
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.trim().get(digits.len()..).unwrap_or_default();
    let digits = digits.trim_end();
    let in_coins = match unit {
        "" => false,
        unit if unit.eq_ignore_ascii_case(small) => false,
        unit if unit.eq_ignore_ascii_case(large) => true,
        unit => {
            return Err(format!(
                "`{unit}` is no unit of this amount: {}",
                expected()
            ));
        }
    };
    if !in_coins {
        let number = digits.parse::<u64>();
        return number.map_err(|_| match is_number(digits) {
            true => format!("more than 2^64 {small} do not exist"),
            false => expected(),
        });
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !is_number(whole) || !is_number(fraction) {
        return Err(expected());
    }
    if fraction.len() > DECIMALS {
        return Err(format!(
            "1 {large} is {PER_COIN} {small}: at most {DECIMALS} decimal places mean something"
        ));
    }
    let amount = || {
        let whole = whole.parse::<u64>().ok()?.checked_mul(PER_COIN)?;
        let fraction = format!("{fraction:0<DECIMALS$}").parse::<u64>().ok()?;
        whole.checked_add(fraction)
    };
    amount().ok_or_else(|| format!("more than 2^64 {small} do not exist"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units() {
        for (text, mist) in [
            ("0", 0),
            ("5", 5),
            ("5MIST", 5),
            ("5 mist", 5),
            ("1SUI", PER_COIN),
            ("1.5 sui", PER_COIN + PER_COIN / 2),
            ("0.000000001SUI", 1),
            ("18446744073SUI", 18_446_744_073 * PER_COIN),
        ] {
            assert_eq!(parse_mist(text), Ok(mist), "{text}");
        }
        assert_eq!(parse_frost("2WAL"), Ok(2 * PER_COIN));
        assert_eq!(parse_frost("7FROST"), Ok(7));
    }

    #[test]
    fn what_is_no_amount_is_told_with_the_unit() {
        for (text, why) in [
            ("", "a number of MIST"),
            ("SUI", "a number of MIST"),
            ("1.5", "a number of MIST"),
            ("-1", "a number of MIST"),
            ("1.SUI", "such as 1000000000MIST or 1.5SUI"),
            ("1WAL", "`WAL` is no unit of this amount"),
            ("1.0000000001SUI", "at most 9 decimal places"),
            ("18446744074SUI", "more than 2^64 MIST"),
            ("99999999999999999999", "more than 2^64 MIST"),
        ] {
            let said = parse_mist(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(parse_some_mist("0SUI").is_err());
        assert!(parse_frost("1SUI").unwrap_err().contains("FROST"));
    }
}
