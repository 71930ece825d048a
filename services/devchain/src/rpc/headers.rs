//! Response headers with facts about the chain (devchain spec 1.1).

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use sui_rpc::headers;
use tower::{Layer, Service};

use crate::ledger::Ledger;

/// Name of the chain in `x-sui-chain` and GetServiceInfo.
pub(crate) const CHAIN_NAME: &str = "devchain";
/// What the server calls itself.
pub(crate) const SERVER: &str = concat!("sui-devchain/", env!("CARGO_PKG_VERSION"));
const SERVER_HEADER: &str = "server";

/// Every header that is set here.
pub(crate) const NAMES: [&str; 9] = [
    headers::X_SUI_CHAIN_ID,
    headers::X_SUI_CHAIN,
    headers::X_SUI_CHECKPOINT_HEIGHT,
    headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT,
    headers::X_SUI_LOWEST_AVAILABLE_CHECKPOINT_OBJECTS,
    headers::X_SUI_EPOCH,
    headers::X_SUI_TIMESTAMP_MS,
    headers::X_SUI_TIMESTAMP,
    SERVER_HEADER,
];

#[derive(Clone, Debug)]
pub(crate) struct ChainHeadersLayer {
    ledger: Ledger,
    chain_id: Option<HeaderValue>,
}

impl ChainHeadersLayer {
    pub(crate) fn new(ledger: Ledger) -> Self {
        // Base58 takes its time, and the id is the same in every answer.
        let chain_id = HeaderValue::try_from(ledger.state().chain_id().to_string()).ok();
        Self { ledger, chain_id }
    }
}

impl<S> Layer<S> for ChainHeadersLayer {
    type Service = ChainHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ChainHeaders {
            inner,
            facts: self.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ChainHeaders<S> {
    inner: S,
    facts: ChainHeadersLayer,
}

impl<S, In, Out> Service<Request<In>> for ChainHeaders<S>
where
    S: Service<Request<In>, Response = Response<Out>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    Out: Send + 'static,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<In>) -> Self::Future {
        let answer = self.inner.call(request);
        let facts = self.facts.clone();
        Box::pin(async move {
            let mut response = answer.await?;
            insert(&facts, response.headers_mut());
            Ok(response)
        })
    }
}

fn insert(facts: &ChainHeadersLayer, map: &mut HeaderMap) {
    let state = facts.ledger.state();
    let tip = state.read().tip().cloned();
    let Some(summary) = tip.as_ref().map(|tip| &tip.summary) else {
        return;
    };
    let timestamp = crate::render::transaction::timestamp(summary.timestamp_ms).to_string();
    let nothing = HeaderValue::from_static("0");
    let values = [
        facts.chain_id.clone(),
        Some(HeaderValue::from_static(CHAIN_NAME)),
        Some(HeaderValue::from(summary.sequence_number)),
        Some(nothing.clone()),
        Some(nothing),
        Some(HeaderValue::from(state.params().epoch)),
        Some(HeaderValue::from(summary.timestamp_ms)),
        HeaderValue::try_from(timestamp).ok(),
        Some(HeaderValue::from_static(SERVER)),
    ];
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Some(value) = value {
            map.insert(name, value);
        }
    }
}
