//! Catching up, then following the tip.

use futures::StreamExt as _;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use tokio::sync::mpsc::Sender;

use super::{
    EventSource, StreamItem,
    checkpoint::{CHECKPOINT_MASK, items, timestamp_ms},
};
use crate::{
    chain::{ChainClient, ChainError, backoff},
    events::EventPosition,
    limits::{CATCH_UP_CONCURRENCY, READ_DEADLINE, SUBSCRIPTION_IDLE},
};

/// The consumer is gone, or the chain failed.
enum Stop {
    Consumer,
    Chain(ChainError),
}

impl From<ChainError> for Stop {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

struct Follower {
    chain: ChainClient,
    source: EventSource,
    cursor: EventPosition,
    latest: u64,
    sender: Sender<StreamItem>,
}

/// Runs until the consumer is gone.
pub(super) async fn follow(
    chain: ChainClient,
    source: EventSource,
    cursor: EventPosition,
    sender: Sender<StreamItem>,
) {
    let mut follower = Follower {
        chain,
        source,
        cursor,
        latest: 0,
        sender,
    };
    let mut failures = 0u32;
    loop {
        let before = follower.cursor;
        match follower.run().await {
            Ok(()) => {}
            Err(Stop::Consumer) => return,
            Err(Stop::Chain(error)) => {
                tracing::warn!(%error, cursor = %follower.cursor, "the event stream reconnects");
            }
        }
        failures = if follower.cursor > before {
            1
        } else {
            failures.saturating_add(1)
        };
        tokio::select! {
            () = tokio::time::sleep(backoff(failures)) => {}
            () = follower.sender.closed() => return,
        }
    }
}

impl Follower {
    /// One connection: subscribe first, then fill the gap up to the tip, then follow.
    async fn run(&mut self) -> Result<(), Stop> {
        const CALL: &str = "SubscribeCheckpoints";
        let request = proto::SubscribeCheckpointsRequest::default()
            .with_read_mask(FieldMask::from_paths(["sequence_number"]));
        let mut rpc = self.chain.rpc();
        let mut service = rpc.subscription_client();
        let opened =
            tokio::time::timeout(READ_DEADLINE, service.subscribe_checkpoints(request)).await;
        let mut subscription = opened
            .map_err(|_| ChainError::Timeout {
                call: CALL,
                deadline: READ_DEADLINE,
            })?
            .map_err(|status| ChainError::from_status(CALL, &status))?
            .into_inner();
        let tip = self.chain.latest_checkpoint().await?;
        self.advance(tip).await?;
        loop {
            // The subscription only says that there is something new; contents are always fetched, so that
            // a slow consumer cannot stall the connection that all calls share.
            let message = tokio::select! {
                message = tokio::time::timeout(SUBSCRIPTION_IDLE, subscription.message()) => message,
                () = self.sender.closed() => return Err(Stop::Consumer),
            };
            let message = message
                .map_err(|_| ChainError::Timeout {
                    call: CALL,
                    deadline: SUBSCRIPTION_IDLE,
                })?
                .map_err(|status| ChainError::from_status(CALL, &status))?;
            let Some(message) = message else {
                return Ok(());
            };
            if let Some(tip) = message
                .cursor_opt()
                .or(message.checkpoint().sequence_number_opt())
            {
                self.advance(tip).await?;
            }
        }
    }

    /// Yields everything up to and including checkpoint `tip`.
    async fn advance(&mut self, tip: u64) -> Result<(), Stop> {
        self.latest = self.latest.max(tip);
        let first = self.cursor.checkpoint;
        if first > tip {
            return Ok(());
        }
        let chain = self.chain.clone();
        let mut checkpoints = futures::stream::iter(first..=tip)
            .map(|sequence| {
                let chain = chain.clone();
                async move { chain.checkpoint(sequence, &CHECKPOINT_MASK).await }
            })
            .buffered(CATCH_UP_CONCURRENCY);
        while let Some(checkpoint) = checkpoints.next().await {
            let checkpoint = checkpoint?;
            if checkpoint.sequence_number() != self.cursor.checkpoint {
                return Err(ChainError::malformed(
                    "GetCheckpoint",
                    format!(
                        "{} instead of {}",
                        checkpoint.sequence_number(),
                        self.cursor.checkpoint
                    ),
                )
                .into());
            }
            self.yield_checkpoint(&checkpoint).await?;
        }
        Ok(())
    }

    async fn yield_checkpoint(&mut self, checkpoint: &proto::Checkpoint) -> Result<(), Stop> {
        let sequence = checkpoint.sequence_number();
        for item in items(checkpoint, &mut self.source, self.cursor)? {
            let (StreamItem::Event { position, .. } | StreamItem::Malformed { position, .. }) =
                &item
            else {
                continue;
            };
            let position = *position;
            self.send(item).await?;
            self.cursor = position.next();
        }
        let (timestamp_ms, latest) = (timestamp_ms(checkpoint), self.latest);
        self.send(StreamItem::Watermark {
            checkpoint: sequence,
            timestamp_ms,
            latest,
        })
        .await?;
        self.cursor = EventPosition::after_checkpoint(sequence);
        Ok(())
    }

    async fn send(&self, item: StreamItem) -> Result<(), Stop> {
        self.sender.send(item).await.map_err(|_| Stop::Consumer)
    }
}
