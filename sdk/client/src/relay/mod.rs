//! Upload relay, as its client sees it: it takes a registered blob unencoded, sends it to the nodes and gives back their certificate.
//! Client spec 4.
//!
//! Nothing that it says is believed: the certificate is checked against the committee. It may want a tip, which a transaction pays that
//! names the blob; the same tip is good for the same blob until the relay takes it for too old, so that a try may follow a try.

mod body;
mod tip;

use std::{sync::Arc, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::{Client as Http, Response, StatusCode};
use serde::Deserialize;
use walrus_core::{
    BlobId, BlsSignature, Epoch,
    certificate::{CertificateError, ProtocolMessageCertificate},
    messages::{BlobPersistence, StorageConfirmationBody},
    quorum::min_certificate_weight,
};
use walrus_sui::{Address, transactions::BlobCertificate};

pub use self::tip::{Tip, TipConfig, TipKind};
pub(crate) use self::{
    body::digest_of,
    tip::{Nonce, PaidTip, package},
};
use crate::{BlobData, limits, nodes::NodeCommittee};

/// An upload relay that has said what it wants. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UploadRelay {
    url: Arc<str>,
    http: Http,
    tip: TipConfig,
}

/// A relay does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The URL is none that a relay can have.
    #[error("`{url}` is not the URL of an upload relay: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It does not answer.
    #[error("the upload relay {url} does not answer: {reason}")]
    Unreachable {
        /// The relay.
        url: String,
        /// Why.
        reason: String,
    },
    /// It refuses.
    #[error("the upload relay {url} refuses with status {status}: {reason}")]
    Refused {
        /// The relay.
        url: String,
        /// The HTTP status.
        status: u16,
        /// In its words.
        reason: String,
    },
    /// Its answer is none.
    #[error("the answer of the upload relay {url} is none: {reason}")]
    Malformed {
        /// The relay.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// It certifies something else.
    #[error("the upload relay {url} certifies another blob, {found}")]
    OtherBlob {
        /// The relay.
        url: String,
        /// The blob.
        found: BlobId,
    },
    /// Its certificate does not hold.
    #[error("the certificate of the upload relay {url} does not hold: {source}")]
    Certificate {
        /// The relay.
        url: String,
        /// Why.
        source: CertificateError,
    },
    /// Its certificate is of another epoch, or about something else.
    #[error(
        "the certificate of the upload relay {url} is for epoch {found}, and this is epoch {expected}"
    )]
    OtherEpoch {
        /// The relay.
        url: String,
        /// Its epoch.
        found: Epoch,
        /// The network's.
        expected: Epoch,
    },
    /// Too few nodes signed its certificate.
    #[error("the certificate of the upload relay {url} has {weight} shards; {needed} are needed")]
    Weight {
        /// The relay.
        url: String,
        /// Shards of those who signed.
        weight: u64,
        /// Shards needed.
        needed: u16,
    },
    /// The tip is beyond 64 bits.
    #[error("the tip of the upload relay {url} exceeds 2^64 MIST")]
    TipOverflow {
        /// The relay.
        url: String,
    },
    /// The blob cannot be read.
    #[error("the blob cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
}

impl RelayError {
    /// Whether another epoch may be the reason.
    pub(crate) fn may_be_epoch_change(&self) -> bool {
        matches!(self, Self::OtherEpoch { .. } | Self::Certificate { .. })
    }
}

/// The answer to an upload. Client spec 4.7.
#[derive(Debug, Deserialize)]
struct Relayed {
    blob_id: [u8; 32],
    confirmation_certificate: Certificate,
}

#[derive(Debug, Deserialize)]
struct Certificate {
    signers: Vec<u16>,
    serialized_message: Vec<u8>,
    signature: String,
}

/// A blob for a relay.
pub(crate) struct ToRelay<'a> {
    pub(crate) data: &'a BlobData,
    pub(crate) length: u64,
    pub(crate) blob_id: BlobId,
    pub(crate) persistence: BlobPersistence,
    pub(crate) tip: Option<PaidTip>,
}

impl UploadRelay {
    /// Asks the relay at this address what it wants.
    ///
    /// # Errors
    /// [`RelayError`].
    pub async fn connect(url: &str) -> Result<Self, RelayError> {
        let wrong = |reason: String| RelayError::Url {
            url: url.to_owned(),
            reason,
        };
        let parsed = reqwest::Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong("it begins with http:// or https://".to_owned()));
        }
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http::builder()
            .connect_timeout(limits::SMALL_REQUEST)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let mut relay = Self {
            url: url.trim_end_matches('/').into(),
            http,
            tip: TipConfig::NoTip,
        };
        let asked = relay.http.get(relay.route("tip-config"));
        let asked = asked.timeout(limits::SMALL_REQUEST).send().await;
        let answer = asked.map_err(|error| relay.unreachable(error))?;
        let (status, text) = relay.text(answer).await?;
        if !status.is_success() {
            return Err(relay.refused(status, &text));
        }
        relay.tip = serde_json::from_str(&text).map_err(|error| relay.malformed(error))?;
        Ok(relay)
    }

    /// What it wants.
    pub fn tip(&self) -> &TipConfig {
        &self.tip
    }

    /// What it wants for a blob that takes so many bytes in storage: for whom, and how many MIST.
    ///
    /// # Errors
    /// [`RelayError::TipOverflow`].
    pub fn tip_for(&self, encoded_length: u64) -> Result<Option<(Address, u64)>, RelayError> {
        let TipConfig::SendTip(tip) = self.tip else {
            return Ok(None);
        };
        let amount = tip.kind.amount(encoded_length);
        let amount = amount.ok_or_else(|| RelayError::TipOverflow { url: self.shown() })?;
        Ok(Some((tip.address, amount)))
    }

    /// Has a blob uploaded; the certificate, checked. A relay that does not answer, or is busy, is asked again with the same tip.
    pub(crate) async fn upload(
        &self,
        committee: &NodeCommittee,
        blob: &ToRelay<'_>,
    ) -> Result<BlobCertificate, RelayError> {
        let mut attempt = 1;
        let text = loop {
            let error = match self.post(blob).await {
                Ok(text) => break text,
                Err(error) => error,
            };
            if attempt >= limits::RELAY_TRIES || !is_passing(&error) {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "asking the relay again");
            let pause = limits::MIN_BACKOFF.saturating_mul(1 << attempt.min(8));
            tokio::time::sleep(pause.min(limits::MAX_BACKOFF)).await;
            attempt = attempt.saturating_add(1);
        };
        let relayed: Relayed =
            serde_json::from_str(&text).map_err(|error| self.malformed(error))?;
        self.check(committee, blob, relayed)
    }

    async fn post(&self, blob: &ToRelay<'_>) -> Result<String, RelayError> {
        let mut query = vec![("blob_id", blob.blob_id.to_string())];
        if let BlobPersistence::Deletable { object_id } = blob.persistence {
            let object = Address::new(object_id);
            query.push(("deletable_blob_object", object.to_string()));
        }
        if let Some(PaidTip { digest, nonce }) = &blob.tip {
            query.push(("tx_id", digest.to_string()));
            query.push(("nonce", URL_SAFE_NO_PAD.encode(nonce)));
        }
        query.push(("encoding_type", "RS2".to_owned()));
        let url = reqwest::Url::parse_with_params(&self.route("blob-upload-relay"), &query);
        let url = url.map_err(|error| self.malformed(error))?;
        let body = body::of(blob.data, blob.length).map_err(RelayError::Unreadable)?;
        let megabytes = blob.length >> 20;
        let patience = limits::RELAY_UPLOAD.saturating_add(Duration::from_secs(megabytes));
        let asked = self.http.post(url).timeout(patience);
        let asked = asked.header(reqwest::header::CONTENT_LENGTH, blob.length);
        let answer = asked.body(body).send().await;
        let answer = answer.map_err(|error| self.unreachable(error))?;
        let (status, text) = self.text(answer).await?;
        match status.is_success() {
            true => Ok(text),
            false => Err(self.refused(status, &text)),
        }
    }

    /// Checks that a certificate is one for this blob, of the committee.
    fn check(
        &self,
        committee: &NodeCommittee,
        blob: &ToRelay<'_>,
        relayed: Relayed,
    ) -> Result<BlobCertificate, RelayError> {
        let found = BlobId(relayed.blob_id);
        if found != blob.blob_id {
            let url = self.shown();
            return Err(RelayError::OtherBlob { url, found });
        }
        let Certificate {
            signers,
            serialized_message,
            signature,
        } = relayed.confirmation_certificate;
        let signature = STANDARD.decode(signature).ok();
        let signature: Option<[u8; 96]> = signature.and_then(|bytes| bytes.try_into().ok());
        let signature =
            signature.ok_or_else(|| self.malformed("the signature has not 96 bytes"))?;
        let certificate = ProtocolMessageCertificate::<StorageConfirmationBody>::from_parts(
            signers,
            serialized_message,
            BlsSignature(signature),
        );
        let wrong = |source| RelayError::Certificate {
            url: self.shown(),
            source,
        };
        let keys = committee
            .nodes
            .iter()
            .map(|node| node.public_key().cloned());
        let keys: Option<Vec<_>> = keys.collect();
        let keys = keys.ok_or_else(|| self.malformed("the BLS key of a node on chain is none"))?;
        let message = certificate.verify(&keys).map_err(wrong)?;
        let expected = committee.epoch;
        if message.epoch != expected {
            return Err(RelayError::OtherEpoch {
                url: self.shown(),
                found: message.epoch,
                expected,
            });
        }
        if message.body.blob_id != blob.blob_id || message.body.persistence != blob.persistence {
            return Err(self.malformed("its certificate is about something else"));
        }
        let signers = certificate.signers.iter();
        let signers = signers.filter_map(|index| committee.nodes.get(usize::from(*index)));
        let weight: u64 = signers.map(|node| u64::from(node.weight)).sum();
        let needed = min_certificate_weight(committee.n_shards());
        if weight < u64::from(needed) {
            return Err(RelayError::Weight {
                url: self.shown(),
                weight,
                needed,
            });
        }
        let signers_bitmap = certificate
            .signers_bitmap(committee.size())
            .map_err(wrong)?;
        Ok(BlobCertificate {
            signature: certificate.signature.0.to_vec(),
            signers_bitmap,
            message: certificate.serialized_message,
        })
    }

    fn route(&self, name: &str) -> String {
        format!("{}/v1/{name}", self.url)
    }

    /// The text of an answer, bounded.
    async fn text(&self, mut answer: Response) -> Result<(StatusCode, String), RelayError> {
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.unreachable(error))?
        {
            if bytes.len().saturating_add(chunk.len()) > limits::RELAY_ANSWER_BYTES {
                return Err(self.malformed("it is too long"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Scheme, host and port: whatever else is in a URL may be a secret.
    fn shown(&self) -> String {
        match reqwest::Url::parse(&self.url) {
            Ok(url) => url.origin().ascii_serialization(),
            Err(_) => String::new(),
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> RelayError {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        RelayError::Unreachable {
            url: self.shown(),
            reason,
        }
    }

    fn refused(&self, status: StatusCode, text: &str) -> RelayError {
        RelayError::Refused {
            url: self.shown(),
            status: status.as_u16(),
            reason: words(text).chars().take(300).collect(),
        }
    }

    fn malformed(&self, reason: impl ToString) -> RelayError {
        RelayError::Malformed {
            url: self.shown(),
            reason: reason.to_string(),
        }
    }
}

/// The words of a refusal: plain text, or the message of an envelope.
fn words(text: &str) -> String {
    let document: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let message = document.as_ref().and_then(|document| {
        let message = document.pointer("/error/message")?;
        message.as_str()
    });
    message.unwrap_or(text).trim().to_owned()
}

/// Whether the same request may succeed a moment later.
fn is_passing(error: &RelayError) -> bool {
    match error {
        RelayError::Unreachable { .. } => true,
        RelayError::Refused { status, .. } => *status == 429 || *status >= 500,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_the_words_of_the_relay() {
        assert_eq!(
            words(" the tip is insufficient\n"),
            "the tip is insufficient"
        );
        let envelope = r#"{"error":{"status":"INTERNAL","code":500,"message":"no nodes"}}"#;
        assert_eq!(words(envelope), "no nodes");
        assert_eq!(words("{}"), "{}");
    }

    #[tokio::test]
    async fn what_is_no_url_of_a_relay_is_told() {
        for url in ["", "relay", "ftp://host", "https://"] {
            let error = UploadRelay::connect(url).await.unwrap_err();
            assert!(matches!(error, RelayError::Url { .. }), "{url}: {error}");
        }
    }
}
