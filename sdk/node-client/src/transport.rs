//! Transport: what carries a request to a node and its answer back.
//!
//! It is HTTPS, except where a simulation puts nodes and clients into one process. There is nothing below it but the way: whoever
//! replaces it still sends every byte of the API, and has to stand in for the proof that TLS gives, that the node at an address
//! holds its network key.

use std::{fmt, io, sync::Arc};

use futures::future::BoxFuture;
use reqwest::{Request, Response};

/// Carries requests to nodes, in place of HTTPS.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request. The answer is there when its head is; its body follows.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>>;
}

/// No answer came, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Over HTTPS: connection refused, timed out, TLS failure, broken stream.
    // reqwest's own text ends at "error sending request".
    #[error("{}", innermost(.0))]
    Https(#[from] reqwest::Error),
    /// The way that stands in for HTTPS is broken.
    #[error("{0}")]
    Broken(#[from] io::Error),
}

impl TransportError {
    /// Whether there was no answer in time.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Https(error) => error.is_timeout(),
            Self::Broken(error) => error.kind() == io::ErrorKind::TimedOut,
        }
    }
}

/// The last cause of a chain.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// The way to one node: connections of its own, or what stands in for them. Requests are put together with the former in both
/// cases.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) http: reqwest::Client,
    pub(crate) instead: Option<Arc<dyn Transport>>,
}

impl Way {
    pub(crate) async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, TransportError> {
        match &self.instead {
            None => Ok(request.send().await?),
            Some(transport) => transport.send(request.build()?).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, network_key::NetworkKeyPair};

    use super::*;
    use crate::{Addresses, NodeClient, NodeClientOptions, NodeError, StoredOnNodeStatus};

    /// Answers what it is asked, or breaks.
    #[derive(Debug)]
    struct Told(Result<&'static str, io::ErrorKind>);

    impl Transport for Told {
        fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
            assert_eq!(request.url().host_str(), Some("203.0.113.7"));
            let asked = request.url().path().ends_with("/metadata/status");
            let told = match self.0 {
                Ok(json) if asked => Ok(Response::from(http::Response::new(json))),
                Ok(_) => panic!("another path"),
                Err(kind) => Err(io::Error::from(kind).into()),
            };
            Box::pin(std::future::ready(told))
        }
    }

    async fn status(told: Told) -> Result<StoredOnNodeStatus, NodeError> {
        let key = NetworkKeyPair::from_secret_bytes(&[7; 32]).unwrap();
        let options = NodeClientOptions {
            addresses: Addresses::Any,
            transport: Some(Arc::new(told)),
            ..NodeClientOptions::default()
        };
        // Nobody is there: an address for documentation.
        let client = NodeClient::new("203.0.113.7:9185", &key.public_key(), &options).unwrap();
        client.metadata_status(&BlobId([9; 32])).await
    }

    #[tokio::test]
    async fn what_stands_in_for_https_gets_the_request_and_gives_the_answer() {
        let answer = r#"{"success":{"code":200,"data":"stored"}}"#;
        let stored = status(Told(Ok(answer))).await.unwrap();
        assert_eq!(stored, StoredOnNodeStatus::Stored);
    }

    #[tokio::test]
    async fn a_way_that_is_broken_is_a_node_that_is_unreachable() {
        let refused = status(Told(Err(io::ErrorKind::ConnectionRefused))).await;
        let refused = refused.unwrap_err();
        assert!(refused.is_unreachable() && !refused.is_timeout());
        assert!(refused.to_string().contains("203.0.113.7"), "{refused}");
        let late = status(Told(Err(io::ErrorKind::TimedOut)))
            .await
            .unwrap_err();
        assert!(late.is_unreachable() && late.is_timeout());
    }
}
