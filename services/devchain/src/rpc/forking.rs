//! `sui.forking.v1alpha.ForkingService`: how public clients move the clock of a development chain
//! (devchain spec 6.4). Only on a loopback address. `sui-rpc` has no server for it, so messages and
//! routes are here.

use std::time::Duration;

use prost::Message;
use tonic::{Request, Response, Status};

use super::Context;
use super::methods::Methods;

const SERVICE_NAME: &str = "sui.forking.v1alpha.ForkingService";
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
struct ForkingServer {
    context: Context,
}

impl ForkingServer {
    fn new(context: Context) -> Self {
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

/// Adds the methods.
pub(super) fn serve(methods: &mut Methods, context: &Context) {
    let server = ForkingServer::new(context.clone());
    macro_rules! unary {
        ($name:literal, $call:ident) => {
            let server = server.clone();
            methods.unary((SERVICE_NAME, $name), move |request: Request<_>| {
                let answer = server.clone().$call(request.into_inner());
                async move { answer.await.map(Response::new) }
            });
        };
    }
    unary!("AdvanceClock", advance_clock);
    unary!("AdvanceCheckpoint", advance_checkpoint);
    unary!("GetStatus", get_status);
}
