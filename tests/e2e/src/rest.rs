//! Raw REST requests, as nobody's client would make them.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use walrus_node_client::{Reason, client_tls_config};

use crate::Member;

/// HTTPS to one node, without the manners of a client.
#[derive(Debug, Clone)]
pub struct RawNode {
    base: String,
    http: reqwest::Client,
}

impl RawNode {
    /// Connects to a node, trusting nothing but its key.
    pub fn new(member: &Member) -> Self {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(client_tls_config(&member.network_key()).expect("a key"))
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            base: format!("https://{}", member.info.network_address),
            http,
        }
    }

    /// A request for `path`, to be filled and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request and checks that it is refused with exactly the status, the code and the body of the protocol. Node
    /// spec 1.2.
    ///
    /// # Panics
    /// If not.
    pub async fn refused(&self, what: &str, request: RequestBuilder, reason: Reason) {
        let response = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
        let status = response.status();
        let media_type = response.headers().get("content-type").cloned();
        let origin = response
            .headers()
            .get("access-control-allow-origin")
            .cloned();
        let text = response.text().await.unwrap_or_default();
        assert_eq!(
            status,
            StatusCode::from_u16(reason.http_status()).expect("a status"),
            "{what}: {text}"
        );
        assert_eq!(
            media_type.as_ref().map(|value| value.as_bytes()),
            Some(b"application/json".as_slice()),
            "{what}: {text}"
        );
        assert_eq!(
            origin.as_ref().map(|value| value.as_bytes()),
            Some(b"*".as_slice()),
            "{what}: browsers must be able to read the error"
        );
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error} in {text}"));
        let message = body.pointer("/error/message").and_then(Value::as_str);
        assert!(
            message.is_some_and(|message| !message.is_empty()),
            "{what}: {text}"
        );
        let expected = serde_json::json!({"error": {
            "status": serde_json::to_value(reason.status()).expect("a name"),
            "code": reason.http_status(),
            "message": message,
            "details": [{
                "@type": "ErrorInfo",
                "reason": reason.as_str(),
                "domain": reason.domain(),
                "metadata": {},
            }],
        }});
        assert_eq!(body, expected, "{what}");
    }
}
