//! LedgerService: objects, transactions, checkpoints, epochs (devchain spec 1.2).

use sui_devchain_executor::ObjectStore;
use sui_rpc::field::FieldMaskTree;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::get_checkpoint_request::CheckpointId;
use sui_rpc::proto::sui::rpc::v2::ledger_service_server::LedgerService;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::error::{invalid, not_found, to_rpc_status};
use super::filter::Filter;
use super::headers::{CHAIN_NAME, SERVER};
use super::items::{Checkpoints, Events, Transactions};
use super::list::{self, Query};
use super::{Context, parse};
use crate::indexes::Indexes;
use crate::limits::MAX_BATCH;
use crate::render::{self, RenderError};

const OBJECT_MASK: &str = "object_id,version,digest";
const TRANSACTION_MASK: &str = "digest";

pub(crate) struct LedgerRpc {
    context: Context,
}

impl LedgerRpc {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }

    fn indexes(&self) -> Indexes {
        self.context.ledger.state().read()
    }
}

fn object(
    indexes: &Indexes,
    request: &proto::GetObjectRequest,
    mask: &FieldMaskTree,
) -> Result<proto::Object, Status> {
    let id = parse::address("object_id", request.object_id.as_deref())?;
    let found = match request.version {
        Some(version) => indexes
            .at_version(&id, version)?
            .ok_or_else(|| not_found(format!("object {id} version {version} not found")))?,
        None => indexes
            .latest(&id)
            .ok_or_else(|| not_found(format!("object {id} not found")))?,
    };
    Ok(render::object::object(indexes, &found, mask))
}

fn transaction(
    indexes: &Indexes,
    lowest: u64,
    digest: Option<&str>,
    mask: &FieldMaskTree,
) -> Result<proto::ExecutedTransaction, Status> {
    let digest = parse::digest("digest", digest)?;
    let executed = indexes
        .transaction(&digest)?
        .filter(|executed| executed.checkpoint >= lowest)
        .ok_or_else(|| not_found(format!("transaction {digest} not found")))?;
    Ok(render::transaction::executed(indexes, &executed, mask)?)
}

fn bounded(count: usize) -> Result<(), Status> {
    if count > MAX_BATCH {
        return Err(invalid(
            "requests",
            format!("{count} elements, the limit is {MAX_BATCH}"),
        ));
    }
    Ok(())
}

#[tonic::async_trait]
impl LedgerService for LedgerRpc {
    async fn get_service_info(
        &self,
        _request: Request<proto::GetServiceInfoRequest>,
    ) -> Result<Response<proto::GetServiceInfoResponse>, Status> {
        let indexes = self.indexes();
        let tip = indexes
            .tip()
            .ok_or_else(|| Status::internal("the chain has no checkpoint"))?;
        let mut message = proto::GetServiceInfoResponse::default();
        message.chain_id = Some(self.context.ledger.state().chain_id().to_string());
        message.chain = Some(CHAIN_NAME.into());
        message.epoch = Some(self.context.ledger.state().params().epoch);
        message.checkpoint_height = Some(tip.summary.sequence_number);
        message.timestamp = Some(render::transaction::timestamp(tip.summary.timestamp_ms));
        let lowest = self.context.ledger.state().lowest();
        message.lowest_available_checkpoint = Some(lowest);
        message.lowest_available_checkpoint_objects = Some(0);
        message.server = Some(SERVER.into());
        Ok(Response::new(message))
    }

    async fn get_object(
        &self,
        request: Request<proto::GetObjectRequest>,
    ) -> Result<Response<proto::GetObjectResponse>, Status> {
        let mut request = request.into_inner();
        let mask = parse::mask::<proto::Object>(request.read_mask.take(), OBJECT_MASK)?;
        let found = object(&self.indexes(), &request, &mask)?;
        Ok(Response::new(proto::GetObjectResponse::new(found)))
    }

    async fn batch_get_objects(
        &self,
        request: Request<proto::BatchGetObjectsRequest>,
    ) -> Result<Response<proto::BatchGetObjectsResponse>, Status> {
        let request = request.into_inner();
        bounded(request.requests.len())?;
        let mask = parse::mask::<proto::Object>(request.read_mask, OBJECT_MASK)?;
        let indexes = self.indexes();
        let objects = request
            .requests
            .iter()
            .map(|request| match object(&indexes, request, &mask) {
                Ok(found) => proto::GetObjectResult::new_object(found),
                Err(status) => proto::GetObjectResult::new_error(to_rpc_status(&status)),
            })
            .map(Ok::<_, RenderError>);
        let objects = render::together(objects)?;
        Ok(Response::new(proto::BatchGetObjectsResponse::new(objects)))
    }

    async fn get_transaction(
        &self,
        request: Request<proto::GetTransactionRequest>,
    ) -> Result<Response<proto::GetTransactionResponse>, Status> {
        let request = request.into_inner();
        let mask = parse::mask::<proto::ExecutedTransaction>(request.read_mask, TRANSACTION_MASK)?;
        let lowest = self.context.ledger.state().lowest();
        let found = transaction(&self.indexes(), lowest, request.digest.as_deref(), &mask)?;
        Ok(Response::new(proto::GetTransactionResponse::new(found)))
    }

    async fn batch_get_transactions(
        &self,
        request: Request<proto::BatchGetTransactionsRequest>,
    ) -> Result<Response<proto::BatchGetTransactionsResponse>, Status> {
        let request = request.into_inner();
        bounded(request.digests.len())?;
        let mask = parse::mask::<proto::ExecutedTransaction>(request.read_mask, TRANSACTION_MASK)?;
        let indexes = self.indexes();
        let lowest = self.context.ledger.state().lowest();
        let transactions = request.digests.iter().map(|digest| {
            match transaction(&indexes, lowest, Some(digest), &mask) {
                Ok(found) => proto::GetTransactionResult::new_transaction(found),
                Err(status) => proto::GetTransactionResult::new_error(to_rpc_status(&status)),
            }
        });
        let transactions = transactions.map(Ok::<_, RenderError>);
        let transactions = render::together(transactions)?;
        Ok(Response::new(proto::BatchGetTransactionsResponse::new(
            transactions,
        )))
    }

    async fn get_checkpoint(
        &self,
        request: Request<proto::GetCheckpointRequest>,
    ) -> Result<Response<proto::GetCheckpointResponse>, Status> {
        let request = request.into_inner();
        let mask = parse::mask::<proto::Checkpoint>(request.read_mask, "sequence_number,digest")?;
        let indexes = self.indexes();
        let found = match &request.checkpoint_id {
            None => indexes.tip().cloned(),
            Some(CheckpointId::SequenceNumber(number)) => indexes.checkpoint(*number)?,
            Some(CheckpointId::Digest(text)) => {
                match indexes.checkpoint_number(&parse::digest("digest", Some(text))?) {
                    Some(number) => indexes.checkpoint(number)?,
                    None => None,
                }
            }
            Some(_) => return Err(invalid("checkpoint_id", "unknown kind of id")),
        }
        .ok_or_else(|| match &request.checkpoint_id {
            Some(CheckpointId::SequenceNumber(number)) => {
                not_found(format!("checkpoint {number} not found"))
            }
            Some(CheckpointId::Digest(text)) => not_found(format!("checkpoint {text} not found")),
            _ => not_found("no checkpoint"),
        })?;
        let (number, lowest) = (
            found.summary.sequence_number,
            self.context.ledger.state().lowest(),
        );
        if number < lowest {
            return Err(not_found(format!(
                "checkpoint {number} not found: those before {lowest} were pruned"
            )));
        }
        let message = render::checkpoint::checkpoint(&indexes, &found, &mask)?;
        Ok(Response::new(proto::GetCheckpointResponse::new(message)))
    }

    async fn get_epoch(
        &self,
        request: Request<proto::GetEpochRequest>,
    ) -> Result<Response<proto::GetEpochResponse>, Status> {
        let request = request.into_inner();
        let mask = parse::mask::<proto::Epoch>(request.read_mask, "epoch")?;
        let found = self.indexes().epoch(request.epoch).copied();
        let found = found
            .ok_or_else(|| not_found(format!("epoch {} not found", request.epoch.unwrap_or(0))))?;
        let message = render::epoch::epoch(self.context.ledger.state(), &found, &mask);
        Ok(Response::new(proto::GetEpochResponse::new(message)))
    }

    async fn list_checkpoints(
        &self,
        request: Request<proto::ListCheckpointsRequest>,
    ) -> Result<Response<BoxStream<proto::ListCheckpointsResponse>>, Status> {
        let request = request.into_inner();
        let filter = Filter::transactions(request.filter)?;
        let query = Query::new(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
        )?;
        list::items::<Checkpoints>(&self.context, request.read_mask, filter, query)
            .await
            .map(Response::new)
    }

    async fn list_transactions(
        &self,
        request: Request<proto::ListTransactionsRequest>,
    ) -> Result<Response<BoxStream<proto::ListTransactionsResponse>>, Status> {
        let request = request.into_inner();
        let filter = Filter::transactions(request.filter)?;
        let query = Query::new(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
        )?;
        list::items::<Transactions>(&self.context, request.read_mask, filter, query)
            .await
            .map(Response::new)
    }

    async fn list_events(
        &self,
        request: Request<proto::ListEventsRequest>,
    ) -> Result<Response<BoxStream<proto::ListEventsResponse>>, Status> {
        let request = request.into_inner();
        let filter = Filter::events(request.filter)?;
        let query = Query::new(
            request.start_checkpoint,
            request.end_checkpoint,
            request.options,
        )?;
        list::items::<Events>(&self.context, request.read_mask, filter, query)
            .await
            .map(Response::new)
    }
}
