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
}

impl ChainHeadersLayer {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }
}

impl<S> Layer<S> for ChainHeadersLayer {
    type Service = ChainHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ChainHeaders {
            inner,
            ledger: self.ledger.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ChainHeaders<S> {
    inner: S,
    ledger: Ledger,
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
        let ledger = self.ledger.clone();
        Box::pin(async move {
            let mut response = answer.await?;
            insert(&ledger, response.headers_mut());
            Ok(response)
        })
    }
}

fn insert(ledger: &Ledger, map: &mut HeaderMap) {
    let Some((height, timestamp_ms)) = ledger
        .state()
        .read()
        .tip()
        .map(|tip| (tip.summary.sequence_number, tip.summary.timestamp_ms))
    else {
        return;
    };
    let values = [
        ledger.state().chain_id().to_string(),
        CHAIN_NAME.to_owned(),
        height.to_string(),
        "0".to_owned(),
        "0".to_owned(),
        ledger.state().params().epoch.to_string(),
        timestamp_ms.to_string(),
        crate::render::transaction::timestamp(timestamp_ms).to_string(),
        SERVER.to_owned(),
    ];
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Ok(value) = HeaderValue::try_from(value) {
            map.insert(name, value);
        }
    }
}
