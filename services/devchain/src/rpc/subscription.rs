//! SubscriptionService: new checkpoints, transactions and events as they are made
//! (devchain spec 1.6).

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost_types::FieldMask;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::subscription_service_server::SubscriptionService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::cursor::Cursor;
use super::filter::Filter;
use super::items::{Checkpoints, Events, Item, Subscribed, Transactions};
use super::{Context, parse};
use crate::history::Checkpoint;
use crate::indexes::Indexes;
use crate::limits::{HEARTBEAT, MAX_SUBSCRIBERS, SUBSCRIBER_BUFFER};

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
        let mut heights = self.context.ledger.state().heights();
        let start = *heights.borrow_and_update();
        let opening = {
            let indexes = self.context.ledger.state().read();
            let tip = indexes
                .checkpoint(start)?
                .ok_or_else(|| Status::internal("the tip is missing"))?;
            feed.open(&indexes, &tip)?
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
                let indexes = context.ledger.state().read();
                match indexes.checkpoint(delivered) {
                    Ok(Some(checkpoint)) => feed.frames(&indexes, &checkpoint),
                    Ok(None) => return,
                    Err(unreadable) => Err(unreadable.into()),
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

/// Whole checkpoints, whose frames carry a number instead of a watermark.
struct WholeCheckpoints {
    mask: FieldMaskTree,
    filter: Option<Filter>,
}

impl Feed for WholeCheckpoints {
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
        let mut message = Self::Message::default();
        message.cursor = Some(checkpoint.summary.sequence_number);
        let found = Checkpoints::matching(checkpoint, self.filter.as_ref());
        if let Some(position) = found.first() {
            message.checkpoint = Checkpoints::render(indexes, *position, &self.mask)?;
        }
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

/// Items of one kind, and after those of a checkpoint a watermark.
struct Items<I> {
    mask: FieldMaskTree,
    filter: Option<Filter>,
    kind: PhantomData<fn() -> I>,
}

impl<I: Subscribed> Items<I> {
    fn new(mask: Option<FieldMask>, filter: Option<Filter>) -> Result<Self, Status> {
        Ok(Self {
            mask: parse::mask::<I::Message>(mask, I::MASK)?,
            filter,
            kind: PhantomData,
        })
    }
}

impl<I: Subscribed> Feed for Items<I> {
    type Message = I::Sent;

    fn frames(&self, indexes: &Indexes, checkpoint: &Checkpoint) -> Frames<Self::Message> {
        let number = checkpoint.summary.sequence_number;
        let covered = number.checked_sub(1);
        let mut frames = Vec::new();
        for position in I::matching(checkpoint, self.filter.as_ref()) {
            if let Some(item) = I::render(indexes, position, &self.mask)? {
                frames.push(I::sent(Some(item), position.watermark(covered)));
            }
        }
        frames.extend(self.progress(number));
        Ok(frames)
    }

    fn progress(&self, tip: u64) -> Option<Self::Message> {
        Some(I::sent(None, Cursor::end_of(tip).watermark(Some(tip))))
    }
}

#[tonic::async_trait]
impl SubscriptionService for SubscriptionRpc {
    async fn subscribe_checkpoints(
        &self,
        request: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        self.subscribe(WholeCheckpoints {
            mask: parse::mask::<proto::Checkpoint>(request.read_mask, Checkpoints::MASK)?,
            filter: Filter::transactions(request.filter)?,
        })
    }

    async fn subscribe_transactions(
        &self,
        request: Request<proto::SubscribeTransactionsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeTransactionsResponse>>, Status> {
        let request = request.into_inner();
        let filter = Filter::transactions(request.filter)?;
        self.subscribe(Items::<Transactions>::new(request.read_mask, filter)?)
    }

    async fn subscribe_events(
        &self,
        request: Request<proto::SubscribeEventsRequest>,
    ) -> Result<Response<BoxStream<proto::SubscribeEventsResponse>>, Status> {
        let request = request.into_inner();
        let filter = Filter::events(request.filter)?;
        self.subscribe(Items::<Events>::new(request.read_mask, filter)?)
    }
}
