//! `sui.forking.v1alpha.ForkingService`: how public clients move the clock of a development chain
//! (devchain spec 6.4). Only on a loopback address. `sui-rpc` has no server for it, so messages and
//! routes are here.

use std::convert::Infallible;
use std::time::Duration;

use prost::Message;
use tonic::codegen::{Body, BoxFuture, Context as TaskContext, Poll, Service, StdError};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::Context;

/// How far the clock moves when the request does not say: 1 ms.
const DEFAULT_STEP_MS: u64 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct AdvanceClockRequest {
    #[prost(uint64, optional, tag = "1")]
    duration_ms: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct AdvanceClockResponse {
    #[prost(uint64, tag = "1")]
    timestamp_ms: u64,
    /// Digest of the transaction that set the Clock object.
    #[prost(string, tag = "2")]
    tx_digest: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct Empty {}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct AdvanceCheckpointResponse {
    #[prost(uint64, tag = "1")]
    checkpoint_sequence_number: u64,
    #[prost(uint64, tag = "2")]
    timestamp_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
struct GetStatusResponse {
    #[prost(uint64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    checkpoint_sequence_number: u64,
    #[prost(uint64, tag = "3")]
    timestamp_ms: u64,
    /// This chain was never forked from another: 0.
    #[prost(uint64, tag = "4")]
    forked_at_checkpoint: u64,
}

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct ForkingServer {
    context: Context,
}

impl ForkingServer {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }

    async fn advance_clock(
        self,
        request: AdvanceClockRequest,
    ) -> Result<AdvanceClockResponse, Status> {
        let by = Duration::from_millis(request.duration_ms.unwrap_or(DEFAULT_STEP_MS));
        let number = self.context.ledger.tick(by).await?;
        let indexes = self.context.ledger.state().read();
        let sealed = indexes.checkpoint(number)?.ok_or_else(lost)?;
        let prologue = sealed.transactions.first().ok_or_else(lost)?;
        Ok(AdvanceClockResponse {
            timestamp_ms: sealed.summary.timestamp_ms,
            tx_digest: prologue.digest.to_string(),
        })
    }

    async fn advance_checkpoint(self, _: Empty) -> Result<AdvanceCheckpointResponse, Status> {
        let number = self.context.ledger.tick(Duration::ZERO).await?;
        let indexes = self.context.ledger.state().read();
        let sealed = indexes.checkpoint(number)?.ok_or_else(lost)?;
        Ok(AdvanceCheckpointResponse {
            checkpoint_sequence_number: number,
            timestamp_ms: sealed.summary.timestamp_ms,
        })
    }

    async fn get_status(self, _: Empty) -> Result<GetStatusResponse, Status> {
        let indexes = self.context.ledger.state().read();
        let tip = indexes.tip().ok_or_else(lost)?;
        Ok(GetStatusResponse {
            epoch: self.context.ledger.state().params().epoch,
            checkpoint_sequence_number: tip.summary.sequence_number,
            timestamp_ms: tip.summary.timestamp_ms,
            forked_at_checkpoint: 0,
        })
    }
}

fn lost() -> Status {
    Status::internal("the checkpoint is not there")
}

impl NamedService for ForkingServer {
    const NAME: &'static str = "sui.forking.v1alpha.ForkingService";
}

type HttpResponse = http::Response<tonic::body::Body>;

/// Answers one call with a function of the decoded request.
async fn unary<In, Out, B, F, Answer>(request: http::Request<B>, answer: F) -> HttpResponse
where
    In: Message + Default + Send + 'static,
    Out: Message + Send + 'static,
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
    F: FnOnce(In) -> Answer + Clone + Send,
    Answer: Future<Output = Result<Out, Status>> + Send,
{
    let service = service_fn(move |request: Request<In>| {
        let answer = answer.clone();
        async move { answer(request.into_inner()).await.map(Response::new) }
    });
    Grpc::new(ProstCodec::<Out, In>::default())
        .unary(service, request)
        .await
}

impl<B> Service<http::Request<B>> for ForkingServer
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = HttpResponse;
    type Error = Infallible;
    type Future = BoxFuture<HttpResponse, Infallible>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let method = path.rsplit('/').next().unwrap_or_default();
            Ok(match method {
                "AdvanceClock" => unary(request, |message| server.advance_clock(message)).await,
                "AdvanceCheckpoint" => {
                    unary(request, |message| server.advance_checkpoint(message)).await
                }
                "GetStatus" => unary(request, |message| server.get_status(message)).await,
                _ => Status::unimplemented(format!("there is no {path}")).into_http(),
            })
        })
    }
}
