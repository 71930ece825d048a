//! Faucet of a test network: asking it for SUI (devchain spec 1.7).

use std::time::Duration;

use serde::Deserialize;
use sui_sdk_types::{Address, Digest};
use walrus_sui::chain::shown_url;

/// Longest wait of a faucet request.
const FAUCET_DEADLINE: Duration = Duration::from_secs(60);
/// Largest answer of a faucet.
const MAX_FAUCET_RESPONSE_BYTES: usize = 1024 * 1024;

/// A coin that a faucet sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaucetCoin {
    /// MIST.
    pub amount: u64,
    /// The coin object.
    pub id: Address,
    /// The transaction.
    pub transfer_tx_digest: Digest,
}

/// A faucet gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum FaucetError {
    /// It cannot be reached, or the answer does not arrive.
    #[error("the faucet at {url} cannot be reached: {reason}")]
    Unreachable {
        /// Its URL, without the secrets in it.
        url: String,
        /// Why.
        reason: String,
    },
    /// It asks to wait.
    #[error("the faucet at {url} limits the rate of requests; try again later")]
    RateLimited {
        /// Its URL, without the secrets in it.
        url: String,
    },
    /// It refused.
    #[error("the faucet at {url} answered {status}: {reason}")]
    Refused {
        /// Its URL, without the secrets in it.
        url: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    status: serde_json::Value,
    #[serde(default)]
    coins_sent: Option<Vec<FaucetCoin>>,
}

/// Asks the faucet at `base` (without `/v2/gas`) for its fixed amount.
///
/// # Errors
/// [`FaucetError`].
pub async fn request(base: &str, recipient: Address) -> Result<Vec<FaucetCoin>, FaucetError> {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("{}/v2/gas", base.trim_end_matches('/'));
    let unreachable = |error: reqwest::Error| FaucetError::Unreachable {
        url: shown_url(base).into_owned(),
        reason: error.without_url().to_string(),
    };
    let client = reqwest::Client::builder()
        .timeout(FAUCET_DEADLINE)
        .build()
        .map_err(unreachable)?;
    let body = serde_json::json!({"FixedAmountRequest": {"recipient": recipient.to_string()}});
    let mut response = client
        .post(&url)
        .json(&body)
        .send()
        .await
        .map_err(unreachable)?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len() + chunk.len() > MAX_FAUCET_RESPONSE_BYTES {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    if status.as_u16() == 429 {
        let url = shown_url(base).into_owned();
        return Err(FaucetError::RateLimited { url });
    }
    let text = String::from_utf8_lossy(&bytes);
    read_answer(&text)
        .filter(|_| status.is_success())
        .ok_or_else(|| FaucetError::Refused {
            url: shown_url(base).into_owned(),
            status: status.as_u16(),
            reason: text.chars().take(300).collect(),
        })
}

/// The coins of a successful answer.
fn read_answer(text: &str) -> Option<Vec<FaucetCoin>> {
    let answer: Answer = serde_json::from_str(text).ok()?;
    (answer.status == "Success").then(|| answer.coins_sent.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_has_coins_and_failure_has_none() {
        let id = Address::TWO;
        let digest = Digest::ZERO;
        let text = format!(
            r#"{{"status":"Success","coins_sent":[{{"amount":5,"id":"{id}","transferTxDigest":"{digest}"}}]}}"#
        );
        let coins = read_answer(&text).unwrap();
        assert_eq!(
            coins,
            [FaucetCoin {
                amount: 5,
                id,
                transfer_tx_digest: digest
            }]
        );
        assert_eq!(
            read_answer(r#"{"status":{"Failure":{"Internal":"empty"}}}"#),
            None
        );
        assert_eq!(read_answer("gateway error"), None);
    }
}
