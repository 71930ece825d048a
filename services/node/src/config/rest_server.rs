//! REST server configuration: certificate, connections, memory.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use walrus_node_client::Extensions;
use walrus_service::server::Limits;
use walrus_sui::home;

/// Certificate options. Node spec 1.1.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Plain HTTP, for use behind a proxy that holds the key.
    pub disable_tls: bool,
    /// Plain HTTP on the same port, beside TLS: for clients of the same machine that cannot be told to trust the node's own
    /// certificate, such as browsers.
    pub also_plain_http: bool,
    /// PEM chain whose leaf carries the network key; a self-signed certificate is made when absent, the same at each start.
    #[serde(deserialize_with = "home::deserialize")]
    pub certificate_path: Option<PathBuf>,
}

/// Tuning of the REST service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestServerConfig {
    /// Streams of one HTTP/2 connection.
    pub http2_max_concurrent_streams: u32,
    /// Connections at once of all that are no storage nodes.
    pub max_connections: usize,
    /// Of these, those from one address.
    pub max_connections_per_address: usize,
    /// Connections at once of storage nodes.
    pub max_peer_connections: usize,
    /// Open requests of all that are no storage nodes.
    pub max_requests: usize,
    /// Of these, those from one address.
    pub max_requests_per_address: usize,
    /// Concurrent requests for recovery and decoding symbols; more are answered with 503.
    pub experimental_max_active_recovery_symbols_requests: Option<usize>,
    /// Bytes of bodies that are being read or stored at once.
    pub max_upload_bytes_in_flight: usize,
    /// Bytes of answers that are being sent at once.
    pub max_answer_bytes_in_flight: usize,
    /// Of either, bytes of one address or of one storage node. Not less than the largest sliver, for that could not be sent then.
    pub max_bytes_in_flight_per_address: usize,
    /// Whether the extensions of the API are offered: a blob in one request, and slivers in one answer.
    pub extensions: bool,
    /// Longest wait for a registration in a confirmation request; 0 disables waiting.
    pub confirmation_long_poll_max_millis: u64,
    /// Most requests that wait at once.
    pub confirmation_long_poll_max_in_flight_requests: Option<usize>,
}

impl Default for RestServerConfig {
    fn default() -> Self {
        Self {
            http2_max_concurrent_streams: 1000,
            max_connections: Limits::default().connections,
            max_connections_per_address: Limits::default().connections_per_address,
            max_peer_connections: Limits::default().peer_connections,
            max_requests: Limits::default().requests,
            max_requests_per_address: Limits::default().requests_per_address,
            experimental_max_active_recovery_symbols_requests: Some(1000),
            max_upload_bytes_in_flight: 96 << 20,
            max_answer_bytes_in_flight: 96 << 20,
            max_bytes_in_flight_per_address: 64 << 20,
            extensions: true,
            confirmation_long_poll_max_millis: 5000,
            confirmation_long_poll_max_in_flight_requests: Some(1000),
        }
    }
}

impl RestServerConfig {
    /// What is offered beyond the API that all nodes have.
    pub(crate) fn extensions(&self) -> Extensions {
        if self.extensions {
            Extensions::ALL
        } else {
            Extensions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PEERS_SHARE_OF_MEMORY;

    #[test]
    fn one_address_leaves_memory_to_other_strangers() {
        let config = RestServerConfig::default();
        for total in [
            config.max_upload_bytes_in_flight,
            config.max_answer_bytes_in_flight,
        ] {
            let strangers = total - total / PEERS_SHARE_OF_MEMORY;
            assert!(config.max_bytes_in_flight_per_address < strangers);
        }
    }
}
