//! `POST /v1/blob-upload-relay` and `GET /v1/tip-config`. Client spec 4.3 to 4.7.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, HttpBody as _},
    extract::State,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use walrus_core::messages::BlobPersistence;
use walrus_sdk::{Address, BlobId, ClientError, Digest, EncodingType, UploadCertificate};
use walrus_service::{clock::Clock, envelope::Refusal, request::QueryPairs};

use super::{
    Relay, Tip, TipConfig,
    answer::RelayError,
    tip::{self, Due, Received},
};
use crate::{
    api::{AnyRefusals, HowToRelay, RelayAnswer, RelayRefusals, TipAnswer},
    spool::{ReceiveError, discard, receive},
};

const KNOWN: [&str; 5] = [
    "blob_id",
    "deletable_blob_object",
    "tx_id",
    "nonce",
    "encoding_type",
];

/// What a blob is uploaded as, and what paid for it.
#[derive(Debug)]
struct Wanted {
    blob_id: BlobId,
    persistence: BlobPersistence,
    tip: Option<(Digest, [u8; 32])>,
}

/// The answer. Client spec 4.7.
#[derive(Debug, Serialize)]
struct Relayed {
    /// An array of numbers.
    blob_id: [u8; 32],
    confirmation_certificate: Certificate,
}

#[derive(Debug, Serialize)]
struct Certificate {
    signers: Vec<u16>,
    serialized_message: Vec<u8>,
    signature: String,
}

impl Relayed {
    fn new(blob_id: BlobId, confirmed: UploadCertificate) -> Self {
        let UploadCertificate {
            signers,
            certificate,
        } = confirmed;
        Self {
            blob_id: blob_id.0,
            confirmation_certificate: Certificate {
                signers,
                serialized_message: certificate.message,
                signature: BASE64_STANDARD.encode(certificate.signature),
            },
        }
    }
}

/// What an upload costs.
#[utoipa::path(
    get,
    path = "/v1/tip-config",
    tag = "upload relay",
    responses(TipAnswer, AnyRefusals),
    extensions(("x-codeSamples" = json!([{"lang": "Shell", "source": "curl --fail \"$PUBLISHER/v1/tip-config\""}]))),
)]
pub(super) async fn tip_config(State(relay): State<Relay>) -> Json<TipConfig> {
    Json(relay.options.tip)
}

/// Brings a blob that somebody has registered to the storage nodes, and answers with their certificate.
///
/// Errors are plain text, unless `Accept` names `application/json`. If there is a tip to pay, a transaction must have paid it.
#[utoipa::path(
    post,
    path = "/v1/blob-upload-relay",
    operation_id = "relay_blob",
    tag = "upload relay",
    params(HowToRelay),
    request_body(description = "The bytes of the blob.", content((Vec<u8> = "application/octet-stream"))),
    responses(RelayAnswer, RelayRefusals),
)]
pub(super) async fn blob(
    State(relay): State<Relay>,
    query: QueryPairs,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let told = body.size_hint().lower();
    let mut stream = body.into_data_stream();
    let relayed = async {
        let wanted = Wanted::of(&query, &relay.options.tip)?;
        let blocklist = relay.blocklist.as_ref();
        if blocklist.is_some_and(|list| list.blocks(&wanted.blob_id)) {
            return Err(RelayError::Blocked);
        }
        let limit = relay.options.max_body_size;
        if told > limit {
            return Err(ReceiveError::TooLarge { limit }.into());
        }
        relay.preview(&wanted, told).await?;
        let mut hasher = Sha256::new();
        let spool = &relay.options.spool;
        let data = receive(&mut stream, limit, spool, |bytes| hasher.update(bytes)).await?;
        let body = Received {
            digest: hasher.finalize().into(),
            length: data.length().map_err(ReceiveError::Unwritable)?,
        };
        relay.check_tip(&wanted, &body).await?;
        let Wanted {
            blob_id,
            persistence,
            ..
        } = wanted;
        let (backend, memory) = (Arc::clone(&relay.backend), relay.memory.clone());
        // A task: a client that asks again finds the nodes with what they have by then.
        let upload = tokio::spawn(async move {
            let _memory = memory.take(body.length).await;
            backend.upload(data, blob_id, persistence).await
        });
        let confirmed = upload
            .await
            .map_err(|error| RelayError::Interrupted(error.to_string()))??;
        Ok::<_, RelayError>(Relayed::new(blob_id, confirmed))
    };
    match relayed.await {
        Ok(relayed) => Json(relayed).into_response(),
        Err(error) => {
            discard(&headers, &mut stream).await;
            error.answer(&headers)
        }
    }
}

impl Wanted {
    fn of(query: &QueryPairs, tip: &TipConfig) -> Result<Self, RelayError> {
        let refused =
            |refusal: Refusal| RelayError::Query(refusal.envelope().error.message.clone());
        query.only(&KNOWN).map_err(refused)?;
        query
            .one::<EncodingType>("encoding_type")
            .map_err(refused)?;
        let blob_id = query.one::<BlobId>("blob_id").map_err(refused)?;
        let blob_id =
            blob_id.ok_or_else(|| RelayError::Query("`blob_id` is missing".to_owned()))?;
        let object = query
            .one::<Address>("deletable_blob_object")
            .map_err(refused)?;
        let persistence = match object {
            Some(object) => BlobPersistence::Deletable {
                object_id: object.into_inner(),
            },
            None => BlobPersistence::Permanent,
        };
        let tip = match tip {
            // Some clients send both whatever the relay wants.
            TipConfig::NoTip => None,
            TipConfig::SendTip(_) => {
                let digest = query.one::<Digest>("tx_id").map_err(refused)?;
                let digest = digest.ok_or(RelayError::Missing("tx_id"))?;
                let nonce = query.one::<String>("nonce").map_err(refused)?;
                let nonce = nonce.ok_or(RelayError::Missing("nonce"))?;
                Some((digest, parse_nonce(&nonce)?))
            }
        };
        Ok(Self {
            blob_id,
            persistence,
            tip,
        })
    }
}

fn parse_nonce(text: &str) -> Result<[u8; 32], RelayError> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .ok();
    let nonce = bytes.and_then(|bytes| bytes.try_into().ok());
    nonce.ok_or_else(|| RelayError::Query("`nonce` is not 32 bytes in base64url".to_owned()))
}

impl Relay {
    /// Refuses what would be refused once the body is there, of which `told` bytes are announced. What may pass until then, as that the
    /// chain does not know the transaction yet, is left to that time.
    async fn preview(&self, wanted: &Wanted, told: u64) -> Result<(), RelayError> {
        let encoded = match self.backend.encoded_length(told).await {
            Ok(encoded) => encoded,
            Err(error @ (ClientError::BlobTooLarge { .. } | ClientError::Encode(_))) => {
                return Err(error.into());
            }
            Err(_) => return Ok(()),
        };
        let (TipConfig::SendTip(tip), Some((digest, _))) = (&self.options.tip, &wanted.tip) else {
            return Ok(());
        };
        match self.backend.payment(*digest).await {
            Ok(payment) => Ok(tip::check_payment(&payment, &self.due(tip, encoded))?),
            Err(_) => Ok(()),
        }
    }

    async fn check_tip(&self, wanted: &Wanted, body: &Received) -> Result<(), RelayError> {
        let (TipConfig::SendTip(tip), Some((digest, nonce))) = (&self.options.tip, &wanted.tip)
        else {
            return Ok(());
        };
        let encoded = self.backend.encoded_length(body.length).await?;
        let payment = self.backend.payment(*digest).await?;
        Ok(tip::check(&payment, &self.due(tip, encoded), nonce, body)?)
    }

    /// What is to be paid now for so many bytes in storage.
    fn due(&self, tip: &Tip, encoded: u64) -> Due {
        Due {
            to: tip.address,
            // What is beyond 64 bits nobody has.
            amount: tip.kind.amount(encoded).unwrap_or(u64::MAX),
            freshness: self.options.freshness,
            max_future: self.options.max_future,
            now_ms: Clock::system().unix_ms(),
        }
    }
}
