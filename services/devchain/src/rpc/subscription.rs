//! SubscriptionService: new checkpoints, transactions and events as they are made
//! (devchain spec 1.6).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::subscription_service_server::SubscriptionService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::cursor::Cursor;
use super::filter::Filter;
use super::{Context, list, parse};
use crate::indexes::{Checkpoint, Indexes};
use crate::limits::{HEARTBEAT, MAX_SUBSCRIBERS, SUBSCRIBER_BUFFER};
use crate::render;

/// How many streams are open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscribers(Arc<AtomicUsize>);

/// Counts one subscriber until dropped.
struct Seat(Subscribers);

impl Subscribers {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Result<Seat, Status> {
        if self.0.fetch_add(1, Ordering::Relaxed) >= MAX_SUBSCRIBERS {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return Err(Status::unavailable(format!(
                "{MAX_SUBSCRIBERS} subscribers are connected already"
            )));
        }
        Ok(Seat(self.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) struct SubscriptionRpc {
    context: Context,
}

/// Frames, or why the stream ends here.
type Frames<T> = Result<Vec<T>, Status>;

/// What a subscription sends.
trait Feed: Send + 'static {
    type Message: Send + 'static;

    /// The first frames, when the subscription starts with the chain at this checkpoint: its progress, unless the
    /// stream begins with something else.
    fn open(&self, _indexes: &Indexes, tip: &Checkpoint) -> Frames<Self::Message> {
        Ok(self
            .progress(tip.summary.sequence_number)
            .into_iter()
            .collect())
    }

    /// The frames of a new checkpoint.
    fn frames(&self, indexes: &Indexes, checkpoint: &Checkpoint) -> Frames<Self::Message>;

    /// A sign of life that repeats the progress; `None` if this stream has no such frame.
    fn progress(&self, tip: u64) -> Option<Self::Message>;
}

impl SubscriptionRpc {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }

    fn subscribe<F: Feed>(&self, feed: F) -> Result<Response<BoxStream<F::Message>>, Status> {
        let seat = self.context.subscribers.enter()?;
        let (sender, receiver) = mpsc::channel(SUBSCRIBER_BUFFER);
        let mut heights = self.context.ledger.heights();
        let start = *heights.borrow_and_update();
        let opening = {
            let indexes = self.context.ledger.read();
            let tip = indexes
                .checkpoint(start)
                .ok_or_else(|| Status::internal("the tip is missing"))?;
            feed.open(&indexes, tip)?
        };
        let context = self.context.clone();
        tokio::spawn(async move {
            let _seat = seat;
            let feeding = deliver(&context, feed, sender.clone(), heights, start, opening);
            tokio::select! {
                () = feeding => {}
                () = context.shutdown.cancelled() => {}
                () = sender.closed() => {}
            }
        });
        let stream: BoxStream<F::Message> = Box::pin(ReceiverStream::new(receiver));
        Ok(Response::new(stream))
    }
}

/// Sends frames until the subscriber leaves. A slow subscriber falls behind and catches up: its
/// position is a number, not a queue.
async fn deliver<F: Feed>(
    context: &Context,
    feed: F,
    sender: mpsc::Sender<Result<F::Message, Status>>,
    mut heights: tokio::sync::watch::Receiver<u64>,
    start: u64,
    opening: Vec<F::Message>,
) {
    let mut delivered = start;
    for message in opening {
        if sender.send(Ok(message)).await.is_err() {
            return;
        }
    }
    loop {
        let tip = *heights.borrow_and_update();
        while delivered < tip {
            delivered = delivered.saturating_add(1);
            let messages = {
                let indexes = context.ledger.read();
                match indexes.checkpoint(delivered) {
                    Some(checkpoint) => feed.frames(&indexes, checkpoint),
                    None => return,
                }
            };
            let messages = match messages {
                Ok(messages) => messages,
                Err(status) => {
                    // A subscriber who left does not need to know.
                    let _ = sender.send(Err(status)).await;
                    return;
                }
            };
            for message in messages {
                if sender.send(Ok(message)).await.is_err() {
                    return;
                }
            }
        }
        match tokio::time::timeout(HEARTBEAT, heights.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                if let Some(message) = feed.progress(delivered)
                    && sender.send(Ok(message)).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

struct Checkpoints {
    mask: sui_rpc::field::FieldMaskTree,
    filter: Option<Filter>,
}

impl Feed for Checkpoints {
    type Message = proto::SubscribeCheckpointsResponse;

    fn open(&self, indexes: &Indexes, tip: &Checkpoint) -> Frames<Self::Message> {
        match self.filter {
            // With a filter the first frame only tells where the stream starts.
            Some(_) => Ok(self
                .progress(tip.summary.sequence_number)
                .into_iter()
                .collect()),
            None => self.frames(indexes, tip),
        }
    }

    fn frames(&self, indexes: &Indexes, checkpoint: &Checkpoint) -> Frames<Self::Message> {
        let wanted = self.filter.as_ref().is_none_or(|filter| {
            checkpoint
                .transactions
                .iter()
                .any(|executed| filter.matches_transaction(executed))
        });
        let mut message = Self::Message::default();
        message.cursor = Some(checkpoint.summary.sequence_number);
        message.checkpoint = wanted
            .then(|| render::checkpoint::checkpoint(indexes, checkpoint, &self.mask))
            .transpose()?;
        Ok(vec![message])
    }

    fn progress(&self, tip: u64) -> Option<Self::Message> {
        // Without a filter every frame has to carry a checkpoint; the chain's own heartbeat
        // checkpoints keep such streams alive.
        self.filter.as_ref()?;
        let mut message = Self::Message::default();
        message.cursor = Some(tip);
        Some(message)
    }
}

struct Transactions {
    mask: sui_rpc::field::FieldMaskTree,
    filter: Option<Filter>,
}

impl Feed for Transactions {
    type Message = proto::SubscribeTransactionsResponse;

    fn frames(&self, indexes: &Indexes, checkpoint: &Checkpoint) -> Frames<Self::Message> {
        let number = checkpoint.summary.sequence_number;
        let covered = number.checked_sub(1);
        let mut frames: Vec<_> = checkpoint
            .transactions
            .iter()
            .filter(|executed| {
                self.filter
                    .as_ref()
                    .is_none_or(|filter| filter.matches_transaction(executed))
            })
            .map(|executed| {
                let mut message = Self::Message::default();
                message.transaction =
                    Some(render::transaction::executed(indexes, executed, &self.mask));
                message.watermark =
                    Some(Cursor::transaction(number, executed.index).watermark(covered));
                message
            })
            .collect();
        frames.extend(self.progress(number));
        Ok(frames)
    }

    fn progress(&self, tip: u64) -> Option<Self::Message> {
        let mut message = Self::Message::default();
        message.watermark = Some(Cursor::end_of(tip).watermark(Some(tip)));
        Some(message)
    }
}

struct Events {
    mask: sui_rpc::field::FieldMaskTree,
    filter: Option<Filter>,
}

impl Feed for Events {
    type Message = proto::SubscribeEventsResponse;

    fn frames(&self, indexes: &Indexes, checkpoint: &Checkpoint) -> Frames<Self::Message> {
        let number = checkpoint.summary.sequence_number;
        let covered = number.checked_sub(1);
        let mut frames: Vec<_> = checkpoint
            .transactions
            .iter()
            .flat_map(|executed| list::matching_events(executed, self.filter.as_ref()))
            .filter_map(|position| {
                let mut message = Self::Message::default();
                message.event = Some(list::event(indexes, position, &self.mask)?);
                message.watermark = Some(position.watermark(covered));
                Some(message)
            })
            .collect();
        frames.extend(self.progress(number));
        Ok(frames)
    }

    fn progress(&self, tip: u64) -> Option<Self::Message> {
        let mut message = Self::Message::default();
        message.watermark = Some(Cursor::end_of(tip).watermark(Some(tip)));
        Some(message)
    }
}

#[tonic::async_trait]
impl SubscriptionService for SubscriptionRpc {
    async fn subscribe_checkpoints(
        &self,
        request: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        self.subscribe(Checkpoints {
            mask: parse::mask::<proto::Checkpoint>(request.read_mask, "sequence_number,digest")?,
            filter: Filter::transactions(request.filter)?,
        })
    }

    async fn subscribe_transactions(
        &self,
        request: Request<proto::SubscribeTransactionsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeTransactionsResponse>>, Status> {
        let request = request.into_inner();
        self.subscribe(Transactions {
            mask: parse::mask::<proto::ExecutedTransaction>(
                request.read_mask,
                "digest,checkpoint,transaction_index",
            )?,
            filter: Filter::transactions(request.filter)?,
        })
    }

    async fn subscribe_events(
        &self,
        request: Request<proto::SubscribeEventsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeEventsResponse>>, Status> {
        let request = request.into_inner();
        self.subscribe(Events {
            mask: parse::mask::<proto::Event>(request.read_mask, list::EVENT_MASK)?,
            filter: Filter::events(request.filter)?,
        })
    }
}
