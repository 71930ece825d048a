//! Catching up, then following the tip.

use std::time::Duration;

use futures::StreamExt as _;
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use tokio::{sync::mpsc::Sender, time::Instant};

use super::{
    EventSource, StreamItem,
    checkpoint::{CHECKPOINT_MASK, items, packages, timestamp_ms},
};
use crate::{
    chain::{ChainClient, ChainError, Position, backoff},
    events::EventPosition,
    limits::{
        BEHIND_CHECKPOINTS, BEHIND_PATIENCE, CATCH_UP_CONCURRENCY, READ_DEADLINE, SUBSCRIPTION_IDLE,
    },
};

/// Why a connection ended.
enum Stop {
    /// The consumer is gone.
    Consumer,
    /// The chain is not the one that the cursor is of.
    Ahead,
    /// The server has the cursor's checkpoint no more.
    Pruned,
    /// The chain failed.
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
    /// Since when the chain is behind the cursor, while it is.
    behind_since: Option<Instant>,
    /// Where it is subscribed.
    server: Position,
}

/// Runs until the consumer is gone.
pub(super) async fn follow(
    chain: ChainClient,
    source: EventSource,
    cursor: EventPosition,
    sender: Sender<StreamItem>,
) {
    let (server, _) = chain.server();
    let mut follower = Follower {
        chain,
        source,
        cursor,
        latest: 0,
        sender,
        behind_since: None,
        server,
    };
    let mut failures = 0u32;
    loop {
        let before = follower.cursor;
        match follower.run().await {
            Ok(()) => {}
            Err(Stop::Consumer | Stop::Ahead | Stop::Pruned) => return,
            Err(Stop::Chain(error)) => {
                if error.is_transient() {
                    follower.chain.replace(follower.server).await;
                }
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
        let (server, mut rpc) = self.chain.server();
        self.server = server;
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
        self.check_not_ahead(tip).await?;
        self.check_not_pruned().await?;
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
                self.check_not_ahead(tip).await?;
                self.advance(tip).await?;
            }
        }
    }

    /// Ends the stream if the chain, at `tip`, has not what was processed already, and is not only late.
    async fn check_not_ahead(&mut self, tip: u64) -> Result<(), Stop> {
        let behind = self.cursor.checkpoint.saturating_sub(tip.saturating_add(1));
        if behind == 0 {
            self.behind_since = None;
            return Ok(());
        }
        let waited = self.behind_since.get_or_insert_with(Instant::now).elapsed();
        if !is_other_chain(behind, waited) {
            return Ok(());
        }
        let (cursor, latest) = (self.cursor.checkpoint, tip);
        self.send(StreamItem::Ahead { cursor, latest }).await?;
        Err(Stop::Ahead)
    }

    /// Ends the stream if the server has no more what is to be read next.
    async fn check_not_pruned(&mut self) -> Result<(), Stop> {
        let lowest = self.chain.lowest_checkpoint().await?;
        let cursor = self.cursor.checkpoint;
        if cursor >= lowest {
            return Ok(());
        }
        self.send(StreamItem::Pruned { cursor, lowest }).await?;
        Err(Stop::Pruned)
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
        let packages = packages(checkpoint)?;
        self.source.look_up(&self.chain, packages).await?;
        for item in items(checkpoint, &self.source, self.cursor)? {
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

/// Whether a chain that lacks `behind` checkpoints before the cursor, and has for so long, is another one than the cursor's.
fn is_other_chain(behind: u64, waited: Duration) -> bool {
    behind > BEHIND_CHECKPOINTS || waited >= BEHIND_PATIENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_server_is_waited_for_and_another_chain_is_not() {
        assert!(!is_other_chain(1, Duration::ZERO));
        assert!(!is_other_chain(BEHIND_CHECKPOINTS, BEHIND_PATIENCE / 2));
        assert!(is_other_chain(1, BEHIND_PATIENCE));
        assert!(is_other_chain(BEHIND_CHECKPOINTS + 1, Duration::ZERO));
    }
}
