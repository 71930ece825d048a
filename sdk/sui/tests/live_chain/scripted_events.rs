//! The event stream against a chain that is written down: package versions, and ends of the chain, that no package here makes.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use sui_rpc::proto::sui::rpc::v2::{
    self as proto,
    ledger_service_server::{LedgerService, LedgerServiceServer},
    subscription_service_server::{SubscriptionService, SubscriptionServiceServer},
};
use sui_sdk_types::{Address, Digest};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};
use walrus_sui::{
    chain::ChainClient,
    contract::ContractPackages,
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition},
};

/// A chain of one event in each checkpoint, by the package of its type.
#[derive(Clone)]
struct Script {
    events: Arc<Vec<Address>>,
    originals: Arc<BTreeMap<Address, Address>>,
    /// The oldest checkpoint that is left.
    lowest: u64,
}

#[tonic::async_trait]
impl LedgerService for Script {
    async fn get_service_info(
        &self,
        _: Request<proto::GetServiceInfoRequest>,
    ) -> Result<Response<proto::GetServiceInfoResponse>, Status> {
        let mut info = proto::GetServiceInfoResponse::default();
        info.checkpoint_height = Some(self.events.len() as u64 - 1);
        info.lowest_available_checkpoint = Some(self.lowest);
        Ok(Response::new(info))
    }

    async fn batch_get_objects(
        &self,
        request: Request<proto::BatchGetObjectsRequest>,
    ) -> Result<Response<proto::BatchGetObjectsResponse>, Status> {
        let requests = request.into_inner().requests;
        let results = requests.iter().map(|request| {
            let id: Address = request.object_id().parse().unwrap();
            let mut package = proto::Package::default();
            package.original_id = Some(self.originals[&id].to_string());
            let mut object = proto::Object::default();
            object.object_id = Some(id.to_string());
            object.package = Some(package);
            proto::GetObjectResult::new_object(object)
        });
        let mut response = proto::BatchGetObjectsResponse::default();
        response.objects = results.collect();
        Ok(Response::new(response))
    }

    async fn get_checkpoint(
        &self,
        request: Request<proto::GetCheckpointRequest>,
    ) -> Result<Response<proto::GetCheckpointResponse>, Status> {
        let sequence = request.into_inner().sequence_number();
        let mut event = proto::Event::default();
        let package = self.events[usize::try_from(sequence).unwrap()];
        event.event_type = Some(format!("{package}::events::EpochParametersSelected"));
        let mut contents = proto::Bcs::default();
        contents.value = Some(
            u32::try_from(sequence)
                .unwrap()
                .to_le_bytes()
                .to_vec()
                .into(),
        );
        event.contents = Some(contents);
        let mut events = proto::TransactionEvents::default();
        events.events = vec![event];
        let mut transaction = proto::ExecutedTransaction::default();
        transaction.digest = Some(Digest::new([1; 32]).to_string());
        transaction.events = Some(events);
        let mut checkpoint = proto::Checkpoint::default();
        checkpoint.sequence_number = Some(sequence);
        checkpoint.transactions = vec![transaction];
        let mut response = proto::GetCheckpointResponse::default();
        response.checkpoint = Some(checkpoint);
        Ok(Response::new(response))
    }
}

#[tonic::async_trait]
impl SubscriptionService for Script {
    async fn subscribe_checkpoints(
        &self,
        _: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<
        Response<
            futures::stream::BoxStream<
                'static,
                Result<proto::SubscribeCheckpointsResponse, Status>,
            >,
        >,
        Status,
    > {
        Ok(Response::new(futures::stream::pending().boxed()))
    }
}

async fn stream(script: Script, source: EventSource, checkpoint: u64) -> EventStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder()
        .add_service(LedgerServiceServer::new(script.clone()))
        .add_service(SubscriptionServiceServer::new(script));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    tokio::spawn(server.serve_with_incoming(incoming));
    let cursor = EventPosition::at_checkpoint(checkpoint);
    EventStream::start(ChainClient::new(&url).unwrap(), source, cursor)
}

#[tokio::test]
async fn events_of_every_version_of_the_package_are_the_contract_s() {
    let [origin, second, third, foreign] = [1, 2, 3, 9].map(|byte| Address::from([byte; 32]));
    let script = Script {
        events: Arc::new(vec![origin, second, foreign, third, second]),
        originals: Arc::new(BTreeMap::from([
            (origin, origin),
            (second, origin),
            (third, origin),
            (foreign, foreign),
        ])),
        lowest: 0,
    };
    let source = EventSource::from(&ContractPackages {
        origin,
        current: third,
        wal_type: format!("{foreign}::wal::WAL").parse().unwrap(),
    });
    let mut stream = stream(script, source, 0).await;
    let mut found = Vec::new();
    while let Some(item) = stream.next_item().await {
        match item {
            StreamItem::Event {
                event: ContractEvent::EpochParametersSelected(selected),
                ..
            } => found.push(selected.next_epoch),
            StreamItem::Watermark { checkpoint: 4, .. } => break,
            StreamItem::Watermark { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        found,
        [0, 1, 3, 4],
        "the second version is neither first nor current"
    );
}

#[tokio::test]
async fn a_cursor_of_another_chain_ends_the_stream() {
    let package = Address::from([1; 32]);
    let script = Script {
        events: Arc::new(vec![package; 3]),
        originals: Arc::default(),
        lowest: 0,
    };
    let mut stream = stream(script, EventSource::new(package), 1_000_000).await;
    let ahead = StreamItem::Ahead {
        cursor: 1_000_000,
        latest: 2,
    };
    assert_eq!(stream.next_item().await, Some(ahead));
    assert_eq!(stream.next_item().await, None);
}

#[tokio::test]
async fn a_cursor_that_the_server_has_forgotten_ends_the_stream() {
    let package = Address::from([1; 32]);
    let script = Script {
        events: Arc::new(vec![package; 3]),
        originals: Arc::new(BTreeMap::from([(package, package)])),
        lowest: 2,
    };
    let source = EventSource::new(package);
    let mut forgotten = stream(script.clone(), source.clone(), 1).await;
    let pruned = StreamItem::Pruned {
        cursor: 1,
        lowest: 2,
    };
    assert_eq!(forgotten.next_item().await, Some(pruned));
    assert_eq!(forgotten.next_item().await, None);
    let mut left = stream(script, source, 2).await;
    let first = left.next_item().await;
    assert!(matches!(first, Some(StreamItem::Event { position, .. }) if position.checkpoint == 2));
}
