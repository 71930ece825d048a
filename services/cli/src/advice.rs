//! Advice on errors that money or a certificate mends: where SUI and WAL come from, and how an authority is trusted.

use walrus_sdk::ClientError;
use walrus_sui::{money::Coin, transactions::TransactionError};

const WAL: &str = "On a test network `walrus get-wal` gives WAL for SUI.";
const SUI: &str =
    "Test networks have a faucet for SUI; that of a local one is `faucetUrl` in its network.json.";

const AUTHORITY: &str = "The server's certificate is of an authority that is not known here: name a file with that authority's certificate \
    with SSL_CERT_FILE; a local network's is `caBundle` in its network.json.";
const PERMANENT: &str = "With --permanent it can be: nobody may delete it before its end then.";
/// How TLS says it.
const UNKNOWN_AUTHORITY: &str = "UnknownIssuer";

/// What to do about a wallet that cannot pay, a server that is not trusted, or a blob that cannot be shared, if that is what an error is
/// about.
pub(crate) fn on(error: &anyhow::Error) -> Option<&'static str> {
    if error
        .chain()
        .any(|cause| cause.to_string().contains(UNKNOWN_AUTHORITY))
    {
        return Some(AUTHORITY);
    }
    let is_of_deletable = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(ClientError::DeletableShared))
    };
    if error.chain().any(is_of_deletable) {
        return Some(PERMANENT);
    }
    let short = error.chain().find_map(transaction_error)?;
    match short {
        TransactionError::InsufficientFunds { coin, .. } => Some(match coin {
            Coin::Wal => WAL,
            Coin::Sui => SUI,
        }),
        TransactionError::NoGas { .. } | TransactionError::NoGasLater { .. } => Some(SUI),
        _ => None,
    }
}

fn transaction_error<'a>(
    cause: &'a (dyn std::error::Error + 'static),
) -> Option<&'a TransactionError> {
    let boxed = cause.downcast_ref::<Box<TransactionError>>();
    boxed.map(|boxed| &**boxed).or_else(|| cause.downcast_ref())
}

#[cfg(test)]
mod tests {
    use walrus_sui::Address;

    use super::*;

    fn short_of(coin: Coin) -> TransactionError {
        TransactionError::InsufficientFunds {
            owner: Address::TWO,
            coin,
            needed: 2,
            available: 1,
        }
    }

    #[test]
    fn a_wallet_without_money_is_told_where_to_get_some() {
        assert_eq!(on(&short_of(Coin::Sui).into()), Some(SUI));
        let store = ClientError::Transaction {
            action: "registering",
            source: Box::new(short_of(Coin::Wal)),
        };
        let error = anyhow::Error::from(store).context("cannot store");
        assert_eq!(on(&error), Some(WAL));
        let untrusted = anyhow::anyhow!("invalid peer certificate: UnknownIssuer");
        assert_eq!(on(&untrusted.context("no answer")), Some(AUTHORITY));
        assert_eq!(on(&ClientError::DeletableShared.into()), Some(PERMANENT));
        assert_eq!(on(&anyhow::anyhow!("something else")), None);
    }
}
