//! Metrics push: sends all metrics to a collector, signed with the network key, so that it knows whose they are. Node spec 8.3.

mod families;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::ecdsa::SigningKey;
use serde::Serialize;
use walrus_core::network_key::NetworkKeyPair;
use walrus_service::{
    clock::Clock,
    worker::{Failure, Status, Step, Worker},
};

use crate::{
    config::MetricsPushConfig,
    metrics::{Metrics, Scrape},
};

/// Longest request.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of an answer that says no, so much is told.
const TOLD_BYTES: usize = 200;

/// Why metrics are not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    /// The key signs nothing, which does not happen.
    #[error("the network key cannot sign: {0}")]
    Sign(#[from] p256::ecdsa::Error),
    /// The form cannot be written, which does not happen.
    #[error("the metrics have no JSON form: {0}")]
    Json(#[from] serde_json::Error),
    /// They cannot be made smaller, which does not happen.
    #[error("the metrics cannot be compressed: {0}")]
    Compress(#[from] snap::Error),
    /// The collector was not reached.
    #[error("metrics cannot be sent to metrics_push.push_url: {0}")]
    Send(reqwest::Error),
    /// The collector does not want them.
    #[error("the collector of metrics_push.push_url answered {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
}

/// Sends metrics.
pub(crate) struct MetricsPush {
    config: MetricsPushConfig,
    key: SigningKey,
    labels: BTreeMap<String, String>,
    metrics: Arc<Metrics>,
    /// What brings them up to date.
    scrape: Option<Scrape>,
    client: reqwest::Client,
    sent: u64,
}

/// What is sent, before it is compressed.
#[derive(Serialize)]
struct Body<'a> {
    labels: &'a BTreeMap<String, String>,
    buf: &'a [u8],
}

/// Who sends it.
#[derive(Serialize)]
struct Token {
    signature: String,
    message: String,
}

impl MetricsPush {
    /// Of the node `name`, with its network key.
    ///
    /// # Errors
    /// If the key or the HTTP client cannot be used.
    pub(crate) fn new(
        config: MetricsPushConfig,
        name: &str,
        key: &NetworkKeyPair,
        metrics: Arc<Metrics>,
    ) -> Result<Self, PushError> {
        let mut labels = config.labels.clone();
        labels.insert("name".to_owned(), name.to_owned());
        labels.insert("host".to_owned(), host_name());
        labels.insert("role".to_owned(), "walrus-node".to_owned());
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Ok(Self {
            key: SigningKey::from_slice(&*key.secret_bytes())?,
            client: client.map_err(PushError::Send)?,
            config,
            labels,
            metrics,
            scrape: None,
            sent: 0,
        })
    }

    /// Looks at the node each time before metrics are sent.
    #[must_use]
    pub(crate) fn looking_at(self, scrape: Scrape) -> Self {
        Self {
            scrape: Some(scrape),
            ..self
        }
    }

    fn body(&self) -> Result<Vec<u8>, PushError> {
        let now = Clock::system().unix_ms();
        let families = families::encode(&self.metrics.registry().gather(), now);
        let body = Body {
            labels: &self.labels,
            buf: &families,
        };
        let json = serde_json::to_vec(&body)?;
        Ok(snap::raw::Encoder::new().compress_vec(&json)?)
    }

    /// A signature over 16 bytes that are never the same again: the time, and chance.
    fn authorization(&self) -> Result<String, PushError> {
        let message = uuid_v7(Clock::system().unix_ms());
        let (signature, recovery) = self.key.sign_recoverable(&message)?;
        let mut bytes = signature.to_vec();
        bytes.push(recovery.to_byte());
        let token = Token {
            signature: STANDARD.encode(bytes),
            message: message.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let token = STANDARD.encode(serde_json::to_vec(&token)?);
        Ok(format!("Secp256k1-recoverable: {token}"))
    }

    async fn push(&self) -> Result<(), PushError> {
        if let Some(scrape) = self.scrape.clone() {
            // One that panicked has left the gauges as they were.
            let _ = tokio::task::spawn_blocking(move || scrape.look()).await;
        }
        // Small enough not to hold others up: some hundred series.
        let (body, authorization) = (self.body()?, self.authorization()?);
        let request = self.client.post(&self.config.push_url);
        let request = request
            .header(http::header::CONTENT_ENCODING, "snappy")
            .header(http::header::CONTENT_LENGTH, body.len())
            .header(http::header::AUTHORIZATION, authorization)
            .body(body);
        let sent = request.send().await;
        // The URL may hold a secret.
        let mut answer = sent.map_err(|error| PushError::Send(error.without_url()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let beginning = answer.chunk().await.ok().flatten().unwrap_or_default();
        let text: String = String::from_utf8_lossy(&beginning)
            .chars()
            .filter(|char| !char.is_control())
            .take(TOLD_BYTES)
            .collect();
        Err(PushError::Refused {
            status: status.as_u16(),
            text,
        })
    }
}

impl Worker for MetricsPush {
    fn name(&self) -> &'static str {
        "metrics-push"
    }

    fn status(&self) -> Status {
        Status {
            done: Some(self.sent),
            ..Status::default()
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        Ok(match self.push().await {
            Ok(()) => {
                self.sent = self.sent.saturating_add(1);
                Step::WaitAtMost(Duration::from_secs(self.config.push_interval_secs.max(1)))
            }
            Err(error) => Step::Retry(error.into()),
        })
    }
}

#[cfg(unix)]
fn host_name() -> String {
    let names = rustix::system::uname();
    names.nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// RFC 9562: 48 bits of the time, the version, the variant, and chance.
fn uuid_v7(unix_ms: u64) -> [u8; 16] {
    let chance: u128 = rand::random();
    let time = u128::from(unix_ms & 0xffff_ffff_ffff) << 80;
    let low = chance & ((1 << 80) - 1);
    let marked = (low & !(0xf << 76) & !(0b11 << 62)) | (7 << 76) | (0b10 << 62);
    (time | marked).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
    use p256::ecdsa::VerifyingKey;
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn the_bits_of_a_uuid_are_where_they_belong() {
        let bytes = uuid_v7(0x0123_4567_89ab);
        assert_eq!(bytes[..6], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
        assert_eq!((bytes[6] >> 4, bytes[8] >> 6), (7, 0b10));
        assert_ne!(uuid_v7(1)[8..], uuid_v7(1)[8..]);
    }

    /// What the collector was sent, signed with `key`.
    fn received(headers: &HeaderMap, body: &Bytes, key: &NetworkKeyPair) -> serde_json::Value {
        assert_eq!(headers["content-encoding"], "snappy");
        let json = snap::raw::Decoder::new().decompress_vec(body).unwrap();
        let authorization = headers["authorization"].to_str().unwrap();
        let token = authorization
            .strip_prefix("Secp256k1-recoverable: ")
            .unwrap();
        let token: serde_json::Value =
            serde_json::from_slice(&STANDARD.decode(token).unwrap()).unwrap();
        let hex = token["message"].as_str().unwrap();
        let message: Vec<_> = (0..16)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let bytes = STANDARD
            .decode(token["signature"].as_str().unwrap())
            .unwrap();
        // The same message gives the same signature, and that leads to the key.
        let signer = SigningKey::from_slice(&*key.secret_bytes()).unwrap();
        let (signature, recovery) = signer.sign_recoverable(&message).unwrap();
        assert_eq!(bytes[..64], *signature.to_vec());
        assert_eq!(bytes[64..], [recovery.to_byte()]);
        let found = VerifyingKey::recover_from_msg(&message, &signature, recovery).unwrap();
        let point = found.to_encoded_point(true);
        assert_eq!(point.as_bytes(), key.public_key().0);
        serde_json::from_slice(&json).unwrap()
    }

    #[tokio::test]
    async fn a_collector_learns_whose_metrics_they_are_and_may_refuse_them() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (sender, mut requests) = mpsc::unbounded_channel();
        let take = move |headers: HeaderMap, body: Bytes| {
            let _ = sender.send((headers, body));
            std::future::ready(())
        };
        let refuse = || std::future::ready((http::StatusCode::FORBIDDEN, "who are you?"));
        let router = Router::new()
            .route("/publish/metrics", post(take))
            .route("/refuse", post(refuse));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let key = NetworkKeyPair::generate(&mut rand::rng());
        let metrics = Arc::new(Metrics::new());
        metrics.identity.epoch.set(7);
        let push = |path: &str| {
            let config = MetricsPushConfig {
                push_interval_secs: 60,
                push_url: format!("http://{address}{path}"),
                labels: BTreeMap::from([("region".to_owned(), "here".to_owned())]),
            };
            MetricsPush::new(config, "mine", &key, Arc::clone(&metrics)).unwrap()
        };
        push("/publish/metrics").push().await.unwrap();
        let (headers, body) = requests.recv().await.unwrap();
        let sent = received(&headers, &body, &key);
        assert_eq!(sent["labels"]["name"], "mine");
        assert_eq!(sent["labels"]["region"], "here");
        assert_eq!(sent["labels"]["role"], "walrus-node");
        let bytes = sent["buf"].as_array().unwrap().iter();
        let bytes: Vec<_> = bytes
            .map(|byte| u8::try_from(byte.as_u64().unwrap()).unwrap())
            .collect();
        let families = families::decode(&bytes);
        assert!(
            families.contains(&("walrus_current_epoch".to_owned(), 7.0)),
            "{families:?}"
        );
        let refused = push("/refuse").push().await.unwrap_err().to_string();
        assert!(refused.contains("403: who are you?"), "{refused}");
    }
}
