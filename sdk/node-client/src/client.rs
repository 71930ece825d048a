//! Client of one storage node, over HTTPS.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, header};
use serde::de::DeserializeOwned;
use walrus_core::{
    BlobId, BlobMetadata, EncodingConfig, SliverIndex, SliverPairIndex, SliverType, SymbolId,
    UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
    messages::{BlobPersistence, InvalidBlobId},
    network_key::{NetworkKeyPair, NetworkPublicKey},
    recovery::GeneralRecoverySymbol,
    signed_message::{SignedMessage, StorageConfirmation},
};

use crate::{
    Addresses, BlobStatus, EXTENSIONS, Extensions, HealthInfo, MAX_JSON_BYTES,
    METADATA_HEADROOM_BYTES, NodeError, StoredOnNodeStatus,
    envelope::{ErrorEnvelope, SuccessEnvelope},
    introduction::{INTRODUCTION, Introducer},
    limits::METADATA_BYTES_PER_PAIR,
    routes,
    tls::client_tls_config,
    transport::{Transport, Way},
};

/// The longest length prefix of a BCS vector of at most 65535 items.
const VECTOR_LENGTH_BYTES: usize = 3;

/// How patient a [`NodeClient`] is. Client spec 1.9.
#[derive(Debug, Clone)]
pub struct NodeClientOptions {
    /// Time to establish a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is read. Large bodies may take as long as they like while they make progress.
    pub read_timeout: Duration,
    /// Longest time for a whole request.
    pub total_timeout: Duration,
    /// When an idle connection is closed; up to the HTTP client when absent.
    pub pool_idle_timeout: Option<Duration>,
    /// Time between pings over HTTP/2; none are sent when absent.
    pub keep_alive_interval: Option<Duration>,
    /// How long the answer to a ping may take before the connection is given up.
    pub keep_alive_timeout: Duration,
    /// Whether connections without requests get pings, too.
    pub keep_alive_while_idle: bool,
    /// Where nodes may be.
    pub addresses: Addresses,
    /// The network key of the node that asks, which introduces itself with it; clients have none.
    pub identity: Option<Arc<NetworkKeyPair>>,
    /// What carries the requests; HTTPS when absent. The time to connect, the pool and pings are those of HTTPS alone.
    pub transport: Option<Arc<dyn Transport>>,
}

impl Default for NodeClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(300),
            pool_idle_timeout: None,
            keep_alive_interval: None,
            keep_alive_timeout: Duration::from_secs(5),
            keep_alive_while_idle: true,
            addresses: Addresses::Public,
            identity: None,
            transport: None,
        }
    }
}

/// Whether an upload changed anything. Node spec 1.6 and 1.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// The node did not have it before (HTTP 201 or 202).
    New,
    /// The node had it already (HTTP 200).
    Existing,
}

/// One storage node. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct NodeClient {
    pub(crate) base: String,
    way: Way,
    pub(crate) read_timeout: Duration,
    pub(crate) total_timeout: Duration,
    /// What the node said last that it offers.
    extensions: Arc<Mutex<Option<Extensions>>>,
    introducer: Option<Arc<Introducer>>,
}

impl NodeClient {
    /// A client for the node at `network_address` (`host:port`) that holds `network_key`, both as
    /// on chain. Connects on first use.
    ///
    /// # Errors
    /// If the address or the key is malformed, or the address is none that [`NodeClientOptions::addresses`] permits. What a name
    /// stands for is known, and checked, with the first request.
    pub fn new(
        network_address: &str,
        network_key: &NetworkPublicKey,
        options: &NodeClientOptions,
    ) -> Result<Self, NodeError> {
        let invalid_address = || NodeError::InvalidAddress(network_address.to_owned());
        let base = format!("https://{network_address}");
        let parsed = reqwest::Url::parse(&base).map_err(|_| invalid_address())?;
        if parsed.host_str().is_none() || parsed.path() != "/" || !parsed.username().is_empty() {
            return Err(invalid_address());
        }
        options.addresses.check(&parsed)?;
        let guarded = options.addresses.guard(reqwest::Client::builder());
        let mut http = guarded
            .tls_backend_preconfigured(client_tls_config(network_key)?)
            .connect_timeout(options.connect_timeout)
            .timeout(options.total_timeout)
            .http2_keep_alive_interval(options.keep_alive_interval)
            .http2_keep_alive_timeout(options.keep_alive_timeout)
            .http2_keep_alive_while_idle(options.keep_alive_while_idle);
        if let Some(idle) = options.pool_idle_timeout {
            http = http.pool_idle_timeout(idle);
        }
        let http = http.build().map_err(|source| NodeError::Transport {
            url: base.clone(),
            source: source.into(),
        })?;
        let way = Way {
            http,
            instead: options.transport.clone(),
        };
        let introduce = |key| Arc::new(Introducer::new(key, *network_key));
        Ok(Self {
            base,
            way,
            read_timeout: options.read_timeout,
            total_timeout: options.total_timeout,
            extensions: Arc::default(),
            introducer: options.identity.clone().map(introduce),
        })
    }

    /// The address of the node, `https://host:port`.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// What the node offers beyond the API that all have; `None` before its first answer.
    pub fn extensions(&self) -> Option<Extensions> {
        *self.known_extensions()
    }

    fn known_extensions(&self) -> MutexGuard<'_, Option<Extensions>> {
        let known = self.extensions.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    /// The metadata of a blob. Node spec 1.5.
    ///
    /// # Errors
    /// [`NodeError`]; `METADATA_NOT_FOUND` if the node has none.
    pub async fn metadata(
        &self,
        blob_id: &BlobId,
        config: &EncodingConfig,
    ) -> Result<UnverifiedBlobMetadataWithId, NodeError> {
        let url = routes::blob(&self.base, blob_id, "metadata");
        let limit =
            usize::from(config.n_shards()) * METADATA_BYTES_PER_PAIR + METADATA_HEADROOM_BYTES;
        let body = self.get_binary(&url, limit).await?;
        UnverifiedBlobMetadataWithId::from_bcs(&body, config)
            .map_err(|error| malformed(&url, &error))
    }

    /// Uploads the metadata of a blob. Node spec 1.6.
    ///
    /// # Errors
    /// [`NodeError`]; `NOT_REGISTERED` while the node has not seen the registration.
    pub async fn store_metadata(
        &self,
        blob_id: &BlobId,
        metadata: &BlobMetadata,
    ) -> Result<Stored, NodeError> {
        let url = routes::blob(&self.base, blob_id, "metadata");
        self.put(&url, metadata.to_bcs().into()).await
    }

    /// Whether the node has the metadata of a blob. Node spec 1.7.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn metadata_status(&self, blob_id: &BlobId) -> Result<StoredOnNodeStatus, NodeError> {
        self.get_json(&routes::blob(&self.base, blob_id, "metadata/status"))
            .await
    }

    /// The BCS form of a sliver (`SliverData`, without tag). Node spec 1.8.
    ///
    /// # Errors
    /// [`NodeError`]; `SLIVER_NOT_FOUND` if the node has none.
    pub async fn sliver(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<Bytes, NodeError> {
        self.sliver_watched(metadata, pair, sliver_type, |_| {})
            .await
    }

    /// As [`Self::sliver`], telling of each piece that arrives how many bytes it has.
    ///
    /// # Errors
    /// As for [`Self::sliver`].
    pub async fn sliver_watched(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        on_bytes: impl Fn(usize) + Send,
    ) -> Result<Bytes, NodeError> {
        let url = routes::sliver(&self.base, metadata.blob_id(), pair, sliver_type);
        let response = self.get(&url).await?;
        let limit = metadata.sliver_bcs_length(sliver_type);
        self.read_watched(&url, response, limit, on_bytes).await
    }

    /// Uploads the BCS form of a sliver (`SliverData`, without tag). Node spec 1.9.
    ///
    /// # Errors
    /// [`NodeError`]; `NOT_REGISTERED` while the node has not seen the registration.
    pub async fn store_sliver(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        bcs_sliver: Bytes,
    ) -> Result<Stored, NodeError> {
        self.put(
            &routes::sliver(&self.base, blob_id, pair, sliver_type),
            bcs_sliver,
        )
        .await
    }

    /// Whether the node has a sliver. Node spec 1.7.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn sliver_status(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<StoredOnNodeStatus, NodeError> {
        let sliver = routes::sliver(&self.base, blob_id, pair, sliver_type);
        self.get_json(&format!("{sliver}/status")).await
    }

    /// A storage confirmation, waiting up to `wait` for the node to see the registration. Node spec 1.10. The signature is not
    /// checked.
    ///
    /// # Errors
    /// [`NodeError`]; `NOT_REGISTERED` or `MISSING_SLIVERS` if the node does not confirm.
    pub async fn confirmation(
        &self,
        blob_id: &BlobId,
        persistence: &BlobPersistence,
        wait: Option<Duration>,
    ) -> Result<StorageConfirmation, NodeError> {
        let mut url = match persistence {
            BlobPersistence::Permanent => {
                routes::blob(&self.base, blob_id, "confirmation/permanent")
            }
            BlobPersistence::Deletable { object_id } => routes::blob(
                &self.base,
                blob_id,
                &format!("confirmation/deletable/{}", hex_id(object_id)),
            ),
        };
        if let Some(wait) = wait {
            url.push_str(&format!(
                "?wait_for_registration=true&wait_millis={}",
                wait.as_millis()
            ));
        }
        self.get_json(&url).await
    }

    /// Every recovery symbol of a target sliver that the node can produce, with proofs against source slivers of the other
    /// sliver type. Node spec 1.11. The proofs are not checked.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn recovery_symbols(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        target: SliverIndex,
        target_type: SliverType,
    ) -> Result<Vec<GeneralRecoverySymbol>, NodeError> {
        let query = format!("targetSliver={target}&targetType={target_type}");
        let most = usize::from(metadata.n_shards());
        self.symbols(metadata, target_type, &query, most).await
    }

    /// These recovery symbols of a target sliver, with proofs against source slivers of the other axis, as far as the node can
    /// produce them: what is enough where all that the node has would be too much. Node spec 1.11. The proofs are not checked.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn recovery_symbols_of(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        ids: &[SymbolId],
        target_type: SliverType,
    ) -> Result<Vec<GeneralRecoverySymbol>, NodeError> {
        let query: Vec<_> = ids.iter().map(|id| format!("id={id}")).collect();
        let query = query.join("&");
        self.symbols(metadata, target_type, &query, ids.len()).await
    }

    async fn symbols(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        target_type: SliverType,
        query: &str,
        most: usize,
    ) -> Result<Vec<GeneralRecoverySymbol>, NodeError> {
        let url = format!(
            "{}?proofAxis={}&{query}",
            routes::blob(&self.base, metadata.blob_id(), "recoverySymbols"),
            target_type.orthogonal(),
        );
        let one = GeneralRecoverySymbol::max_bcs_length(metadata);
        let limit = most.saturating_mul(one).saturating_add(VECTOR_LENGTH_BYTES);
        let body = self.get_binary(&url, limit).await?;
        bcs::from_bytes(&body).map_err(|error| malformed(&url, &error))
    }

    /// Sends a proof (`InconsistencyProof` in BCS, without tag) that a sliver is inconsistent, for the node to attest. Node
    /// spec 1.13.
    ///
    /// # Errors
    /// [`NodeError`]; `INVALID_PROOF` if it does not verify.
    pub async fn submit_inconsistency_proof(
        &self,
        blob_id: &BlobId,
        target_type: SliverType,
        bcs_proof: Bytes,
    ) -> Result<SignedMessage<InvalidBlobId>, NodeError> {
        let rest = format!("inconsistencyProof/{target_type}");
        let url = routes::blob(&self.base, blob_id, &rest);
        let request = octet_stream(self.request(Method::POST, &url), bcs_proof);
        self.json(&url, request).await
    }

    /// The status of a blob. Node spec 1.15.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn blob_status(&self, blob_id: &BlobId) -> Result<BlobStatus, NodeError> {
        self.get_json(&routes::blob(&self.base, blob_id, "status"))
            .await
    }

    /// The health document, with or without the status of each shard. Node spec 1.16.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn health(&self, detailed: bool) -> Result<HealthInfo, NodeError> {
        let query = if detailed { "?detailed=true" } else { "" };
        self.get_json(&format!("{}{}{query}", self.base, routes::HEALTH))
            .await
    }

    /// A request over the connections of this client.
    pub(crate) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.way.http.request(method, url)
    }

    async fn put(&self, url: &str, body: Bytes) -> Result<Stored, NodeError> {
        let response = self
            .send(url, octet_stream(self.request(Method::PUT, url), body))
            .await?;
        let stored = if response.status() == reqwest::StatusCode::OK {
            Stored::Existing
        } else {
            Stored::New
        };
        // Read to the end, so that the connection can be used again.
        self.read_bounded(url, response, MAX_JSON_BYTES).await?;
        Ok(stored)
    }

    pub(crate) async fn get_json<T: DeserializeOwned>(&self, url: &str) -> Result<T, NodeError> {
        self.json(url, self.request(Method::GET, url)).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        url: &str,
        request: RequestBuilder,
    ) -> Result<T, NodeError> {
        let response = self.send(url, request).await?;
        self.json_of(url, response).await
    }

    pub(crate) async fn json_of<T: DeserializeOwned>(
        &self,
        url: &str,
        response: Response,
    ) -> Result<T, NodeError> {
        let body = self.read_bounded(url, response, MAX_JSON_BYTES).await?;
        let envelope: SuccessEnvelope<T> =
            serde_json::from_slice(&body).map_err(|error| malformed(url, &error))?;
        Ok(envelope.success.data)
    }

    async fn get_binary(&self, url: &str, limit: usize) -> Result<Bytes, NodeError> {
        let response = self.get(url).await?;
        self.read_bounded(url, response, limit).await
    }

    /// A binary answer, to be read.
    pub(crate) async fn get(&self, url: &str) -> Result<Response, NodeError> {
        let response = self.send(url, self.request(Method::GET, url)).await?;
        if let Some(media_type) = response.headers().get(header::CONTENT_TYPE)
            && !media_type
                .as_bytes()
                .starts_with(b"application/octet-stream")
        {
            let reason = format!("media type {media_type:?} instead of application/octet-stream");
            return Err(NodeError::Malformed {
                url: url.to_owned(),
                reason,
            });
        }
        Ok(response)
    }

    /// Sends a request and turns every answer that is not a success into an error.
    pub(crate) async fn send(
        &self,
        url: &str,
        request: RequestBuilder,
    ) -> Result<Response, NodeError> {
        let silent = || NodeError::Silent {
            url: url.to_owned(),
            after: self.read_timeout,
        };
        let answer = self.send_patiently(url, request);
        let answer = tokio::time::timeout(self.read_timeout, answer).await;
        self.success(url, answer.map_err(|_| silent())??).await
    }

    /// Sends a request; the caller bounds the time of it.
    pub(crate) async fn send_patiently(
        &self,
        url: &str,
        request: RequestBuilder,
    ) -> Result<Response, NodeError> {
        let request = match &self.introducer {
            Some(introducer) => request.header(INTRODUCTION, introducer.text()),
            None => request,
        };
        let answer = self.way.send(request).await;
        let response = answer.map_err(|source| NodeError::Transport {
            url: url.to_owned(),
            source,
        })?;
        let named = response.headers().get(EXTENSIONS);
        let names = named.and_then(|value| value.to_str().ok());
        let names = names.unwrap_or_default().split_ascii_whitespace();
        *self.known_extensions() = Some(Extensions::of_names(names));
        Ok(response)
    }

    /// Turns every answer that is not a success into an error.
    pub(crate) async fn success(
        &self,
        url: &str,
        response: Response,
    ) -> Result<Response, NodeError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read_bounded(url, response, MAX_JSON_BYTES).await?;
        match serde_json::from_slice::<ErrorEnvelope>(&body) {
            Ok(envelope) if envelope.error.code == status.as_u16() => Err(NodeError::Refused {
                url: url.to_owned(),
                envelope: Box::new(envelope),
            }),
            _ => Err(NodeError::Status {
                url: url.to_owned(),
                status: status.as_u16(),
            }),
        }
    }

    /// The next part of an answer; `None` at its end.
    pub(crate) async fn chunk(
        &self,
        url: &str,
        response: &mut Response,
    ) -> Result<Option<Bytes>, NodeError> {
        let chunk = tokio::time::timeout(self.read_timeout, response.chunk()).await;
        let silent = |_| NodeError::Silent {
            url: url.to_owned(),
            after: self.read_timeout,
        };
        chunk
            .map_err(silent)?
            .map_err(|source| NodeError::Transport {
                url: url.to_owned(),
                source: source.into(),
            })
    }

    async fn read_bounded(
        &self,
        url: &str,
        response: Response,
        limit: usize,
    ) -> Result<Bytes, NodeError> {
        self.read_watched(url, response, limit, |_| {}).await
    }

    async fn read_watched(
        &self,
        url: &str,
        mut response: Response,
        limit: usize,
        on_bytes: impl Fn(usize) + Send,
    ) -> Result<Bytes, NodeError> {
        let too_large = || NodeError::TooLarge {
            url: url.to_owned(),
            limit,
        };
        let announced = response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        if announced > limit {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(announced);
        while let Some(chunk) = self.chunk(url, &mut response).await? {
            if body.len().saturating_add(chunk.len()) > limit {
                return Err(too_large());
            }
            on_bytes(chunk.len());
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }
}

pub(crate) fn octet_stream(
    request: RequestBuilder,
    body: impl Into<reqwest::Body>,
) -> RequestBuilder {
    request
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .body(body)
}

pub(crate) fn malformed(url: &str, reason: &dyn std::fmt::Display) -> NodeError {
    NodeError::Malformed {
        url: url.to_owned(),
        reason: reason.to_string(),
    }
}

pub(crate) fn hex_id(id: &[u8; 32]) -> String {
    let mut text = String::with_capacity(66);
    text.push_str("0x");
    for byte in id {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
