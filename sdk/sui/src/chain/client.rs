//! Chain client: the connection to a network.

use std::sync::Arc;

use futures::{StreamExt as _, future::BoxFuture};
use sui_rpc::{
    client::HeadersInterceptor,
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, Digest, StructTag, TypeTag};

use super::{
    Call, ChainError,
    object::{CoinObject, Funds, GasLimits, OBJECT_MASK, ObjectData},
    retry,
    servers::{Info, Position, SERVICE_INFO, Server, Servers},
    url::shown,
};
use crate::limits;

/// The call that reads a transaction.
const GET_TRANSACTION: &str = "GetTransaction";

/// A connection to a Sui network. Cheap to clone; clones share the connection.
///
/// Every call has a deadline and is repeated a bounded number of times while its error is transient. With
/// [fallbacks](Self::with_fallbacks) another server takes over as soon as the one in use fails.
#[derive(Clone)]
pub struct ChainClient {
    servers: Arc<Servers>,
}

impl std::fmt::Debug for ChainClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainClient")
            .field("url", &shown(self.url()))
            .finish()
    }
}

impl ChainClient {
    /// Prepares a connection; it is opened by the first call.
    ///
    /// # Errors
    /// [`ChainError::InvalidUrl`].
    pub fn new(url: &str) -> Result<Self, ChainError> {
        let servers = Arc::new(Servers::new(Server::new(url)?));
        Ok(Self { servers })
    }

    /// Speaks through a client that was set up elsewhere: with other timeouts, or over something else than a connection.
    pub fn over(rpc: sui_rpc::Client) -> Self {
        let servers = Arc::new(Servers::new(Server::over(rpc)));
        Self { servers }
    }

    /// The same client with other servers of the same network: when the one in use fails, the next of them that answers, is of the
    /// same network and has seen as much takes over.
    #[must_use]
    pub fn with_fallbacks(self, others: impl IntoIterator<Item = Self>) -> Self {
        let others = others
            .into_iter()
            .map(|other| other.servers.current().1.clone());
        let servers = Arc::new(self.servers.and(others));
        Self { servers }
    }

    /// Connects and makes sure that a network answers.
    ///
    /// # Errors
    /// [`ChainError::InvalidUrl`], or that of the first call.
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        Self::new(url)?.answering().await
    }

    /// The same as [`Self::connect`], with credentials (`user:password`) if there are any.
    ///
    /// # Errors
    /// [`ChainError::InvalidUrl`], or that of the first call.
    pub async fn connect_with(url: &str, credentials: Option<&str>) -> Result<Self, ChainError> {
        let client = Self::new(url)?;
        let client = match credentials {
            Some(credentials) => client.with_basic_auth(credentials),
            None => client,
        };
        client.answering().await
    }

    /// Makes sure that a network answers.
    ///
    /// # Errors
    /// That of the first call.
    pub async fn answering(self) -> Result<Self, ChainError> {
        self.chain_id().await?;
        Ok(self)
    }

    /// The same with credentials, `user:password`, in every call: for servers that want basic authentication.
    pub fn with_basic_auth(self, credentials: &str) -> Self {
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        let mut headers = HeadersInterceptor::new();
        headers.basic_auth(user, password);
        let servers = Arc::new(self.servers.with_headers(&headers));
        Self { servers }
    }

    /// The URL of the server in use. It may hold a key: show it as [`shown_url`](super::shown_url) does.
    pub fn url(&self) -> &str {
        &self.servers.current().1.url
    }

    /// The underlying client of the server in use, for calls that this type does not wrap.
    pub fn rpc(&self) -> sui_rpc::Client {
        self.server().1
    }

    /// The server in use, and its client.
    pub(crate) fn server(&self) -> (Position, sui_rpc::Client) {
        let (position, server) = self.servers.current();
        (position, server.rpc.clone())
    }

    /// How many servers there are.
    pub(crate) fn server_count(&self) -> usize {
        self.servers.count()
    }

    /// Has another server take over from one that failed; whether one did.
    pub(crate) fn replace(&self, failed: Position) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.servers.replace(failed).await })
    }

    /// The same for a server that refused something, if it does not answer at all.
    pub(crate) fn replace_if_gone(&self, suspect: Position) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            self.servers.count() > 1
                && !self.servers.answers(suspect).await
                && self.servers.replace(suspect).await
        })
    }

    /// Notes a checkpoint that a server which takes over must have.
    pub(crate) fn saw_checkpoint(&self, checkpoint: u64) {
        self.servers.saw(checkpoint);
    }

    /// A read call, repeated while its error is transient, by another server if there is one.
    pub(crate) async fn read<T, F>(
        &self,
        call: &'static str,
        work: impl FnMut(sui_rpc::Client) -> F,
    ) -> Result<T, ChainError>
    where
        F: Future<Output = Result<T, tonic::Status>>,
    {
        let (deadline, attempts) = (limits::READ_DEADLINE, limits::READ_ATTEMPTS);
        retry::read(&self.servers, call, deadline, attempts, work).await
    }

    /// Digest of the genesis checkpoint.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn chain_id(&self) -> Result<Digest, ChainError> {
        Ok(self.service_info().await?.network)
    }

    /// Sequence number of the newest checkpoint.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn latest_checkpoint(&self) -> Result<u64, ChainError> {
        let newest = self.service_info().await?.newest;
        newest.ok_or_else(|| ChainError::malformed(SERVICE_INFO, "no checkpoint height"))
    }

    /// The oldest checkpoint whose transactions the server in use still has; 0 if it does not say.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn lowest_checkpoint(&self) -> Result<u64, ChainError> {
        Ok(self.service_info().await?.lowest.unwrap_or(0))
    }

    fn service_info(&self) -> Call<'_, Info> {
        Box::pin(async move {
            let info = self
                .read(SERVICE_INFO, |mut rpc| async move {
                    let request = proto::GetServiceInfoRequest::default();
                    Ok(rpc
                        .ledger_client()
                        .get_service_info(request)
                        .await?
                        .into_inner())
                })
                .await?;
            let info = Info::of(&info)?;
            self.servers.told(info);
            Ok(info)
        })
    }

    /// The reference gas price in MIST.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn reference_gas_price(&self) -> Call<'_, u64> {
        Box::pin(async move {
            self.read("GetEpoch", |mut rpc| async move {
                rpc.get_reference_gas_price().await
            })
            .await
        })
    }

    /// The chain's current epoch, which is not that of the storage network.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn epoch(&self) -> Call<'_, u64> {
        Box::pin(async move {
            let answer = self
                .read("GetEpoch", |mut rpc| {
                    let mask = FieldMask::from_paths(["epoch"]);
                    let request = proto::GetEpochRequest::default().with_read_mask(mask);
                    async move { Ok(rpc.ledger_client().get_epoch(request).await?.into_inner()) }
                })
                .await?;
            let epoch = answer.epoch().epoch_opt();
            epoch.ok_or_else(|| ChainError::malformed("GetEpoch", "no epoch"))
        })
    }

    /// What the protocol says about gas budgets. A chain that does not tell its protocol's configuration has no limits here.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn gas_limits(&self) -> Call<'_, GasLimits> {
        Box::pin(async move {
            let epoch = self
                .read("GetEpoch", |mut rpc| {
                    let mask = FieldMask::from_paths(["reference_gas_price", "protocol_config"]);
                    let request = proto::GetEpochRequest::default().with_read_mask(mask);
                    async move { Ok(rpc.ledger_client().get_epoch(request).await?.into_inner()) }
                })
                .await?;
            let attributes = &epoch.epoch().protocol_config().attributes;
            let number = |name: &str| attributes.get(name)?.parse::<u64>().ok();
            let price = epoch.epoch().reference_gas_price();
            Ok(GasLimits {
                largest_budget: number("max_tx_gas"),
                smallest_budget: number("base_tx_cost_fixed")
                    .map(|units| units.saturating_mul(price)),
            })
        })
    }

    /// An object at its latest version.
    ///
    /// # Errors
    /// [`ChainError::ObjectNotFound`] and others.
    pub fn object(&self, id: Address) -> Call<'_, ObjectData> {
        Box::pin(async move {
            let found = self.objects(&[id]).await?.pop().flatten();
            found.ok_or(ChainError::ObjectNotFound { id })
        })
    }

    /// Objects at their latest versions, in the order of `ids`; `None` where there is none.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn objects<'a>(&'a self, ids: &'a [Address]) -> Call<'a, Vec<Option<ObjectData>>> {
        Box::pin(async move {
            const CALL: &str = "BatchGetObjects";
            let mut found = Vec::with_capacity(ids.len());
            for batch in ids.chunks(limits::OBJECTS_PER_BATCH) {
                let reading = self.read(CALL, |rpc| batch_get(rpc, batch, &OBJECT_MASK));
                let response = reading.await?;
                if response.objects.len() != batch.len() {
                    let reason =
                        format!("{} answers to {} IDs", response.objects.len(), batch.len());
                    return Err(ChainError::malformed(CALL, reason));
                }
                for (result, id) in response.objects.into_iter().zip(batch) {
                    found.push(single_object(CALL, *id, result)?);
                }
            }
            Ok(found)
        })
    }

    /// The first version of each package, in the order of `ids`.
    ///
    /// # Errors
    /// [`ChainError::ObjectNotFound`] where there is no such package, and others.
    pub fn original_packages<'a>(&'a self, ids: &'a [Address]) -> Call<'a, Vec<Address>> {
        Box::pin(async move {
            const CALL: &str = "BatchGetObjects";
            let mut originals = Vec::with_capacity(ids.len());
            for batch in ids.chunks(limits::OBJECTS_PER_BATCH) {
                let mask = ["object_id", "package.original_id"];
                let response = self.read(CALL, |rpc| batch_get(rpc, batch, &mask)).await?;
                if response.objects.len() != batch.len() {
                    let reason =
                        format!("{} answers to {} IDs", response.objects.len(), batch.len());
                    return Err(ChainError::malformed(CALL, reason));
                }
                for (result, id) in response.objects.into_iter().zip(batch) {
                    let object =
                        found(CALL, result)?.ok_or(ChainError::ObjectNotFound { id: *id })?;
                    let original = object.package().original_id();
                    let original = original.parse().map_err(|error| {
                        ChainError::malformed(CALL, format!("original ID of package {id}: {error}"))
                    })?;
                    originals.push(original);
                }
            }
            Ok(originals)
        })
    }

    /// Total balance of an address in the smallest unit of a coin type, wherever it lies.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn balance(&self, owner: Address, coin_type: &StructTag) -> Result<u64, ChainError> {
        Ok(self.funds(owner, coin_type).await?.total)
    }

    /// What an address owns of a coin type, and where it lies.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn funds<'a>(&'a self, owner: Address, coin_type: &'a StructTag) -> Call<'a, Funds> {
        Box::pin(async move {
            self.read("GetBalance", |mut rpc| {
                let request = proto::GetBalanceRequest::default()
                    .with_owner(owner.to_string())
                    .with_coin_type(coin_type.to_string());
                async move {
                    let response = rpc.state_client().get_balance(request).await?.into_inner();
                    let balance = response.balance();
                    Ok(Funds {
                        total: balance.balance(),
                        address_balance: balance.address_balance(),
                    })
                }
            })
            .await
        })
    }

    /// SUI balance of an address in MIST.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn sui_balance(&self, owner: Address) -> Result<u64, ChainError> {
        self.balance(owner, &StructTag::sui()).await
    }

    /// The coins of one type that an address owns, largest first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn coins<'a>(
        &'a self,
        owner: Address,
        coin_type: &'a StructTag,
    ) -> Call<'a, Vec<CoinObject>> {
        Box::pin(async move {
            let tag = StructTag::coin(TypeTag::from(coin_type.clone()));
            let objects = self.owned_objects(owner, &tag).await?;
            let mut coins = objects
                .iter()
                .map(ObjectData::as_coin)
                .collect::<Result<Vec<_>, _>>()?;
            coins.sort_by_key(|coin| std::cmp::Reverse(coin.balance));
            Ok(coins)
        })
    }

    /// The objects of one type that an address owns, with contents.
    ///
    /// # Errors
    /// [`ChainError::TooMany`] above [`limits::MAX_LISTED_OBJECTS`], and others.
    pub fn owned_objects<'a>(
        &'a self,
        owner: Address,
        object_type: &'a StructTag,
    ) -> Call<'a, Vec<ObjectData>> {
        Box::pin(async move {
            const CALL: &str = "ListOwnedObjects";
            self.read(CALL, |rpc| {
                let request = proto::ListOwnedObjectsRequest::default()
                    .with_owner(owner.to_string())
                    .with_object_type(object_type.to_string())
                    .with_page_size(limits::PAGE_SIZE)
                    .with_read_mask(FieldMask::from_paths(OBJECT_MASK));
                async move {
                    let pages = rpc.list_owned_objects(request);
                    let mut pages = std::pin::pin!(pages.take(limits::MAX_LISTED_OBJECTS + 1));
                    let mut objects = Vec::new();
                    while let Some(object) = pages.next().await {
                        objects.push(object?);
                    }
                    Ok(objects)
                }
            })
            .await
            .and_then(|objects| {
                if objects.len() > limits::MAX_LISTED_OBJECTS {
                    return Err(ChainError::TooMany {
                        call: CALL,
                        limit: limits::MAX_LISTED_OBJECTS,
                    });
                }
                objects
                    .iter()
                    .map(|object| ObjectData::from_proto(CALL, object))
                    .collect()
            })
        })
    }

    /// The events of an executed transaction in order, each as type and BCS.
    ///
    /// # Errors
    /// [`ChainError`], also when the chain does not know the transaction.
    pub fn transaction_events<'a>(
        &'a self,
        digest: &'a Digest,
    ) -> Call<'a, Vec<(StructTag, Vec<u8>)>> {
        Box::pin(async move {
            let reading = self.get_transaction(digest.to_string(), &["digest", "events"]);
            let response = reading.await?;
            response
                .transaction()
                .events()
                .events()
                .iter()
                .map(|event| {
                    let event_type = event.event_type().parse().map_err(|error| {
                        let reason = format!("{}: {error}", event.event_type());
                        ChainError::malformed(GET_TRANSACTION, reason)
                    })?;
                    Ok((event_type, event.contents().value().to_vec()))
                })
                .collect()
        })
    }

    /// The checkpoint with the transaction that last changed an object; of a package, which nothing changes, that is the one that
    /// published it.
    ///
    /// # Errors
    /// [`ChainError`], also when the server does not have the transaction any more.
    pub fn checkpoint_of_last_change(&self, id: Address) -> Call<'_, u64> {
        Box::pin(async move {
            let batch = [id];
            let mask = ["object_id", "previous_transaction"];
            let read = |rpc| batch_get(rpc, &batch, &mask);
            let response = self.read("BatchGetObjects", read).await?;
            let result = response.objects.into_iter().next();
            let object = result.map(|result| found("BatchGetObjects", result));
            let object = object.transpose()?.flatten();
            let object = object.ok_or(ChainError::ObjectNotFound { id })?;
            let digest = object.previous_transaction().to_owned();
            let reading = self.get_transaction(digest, &["digest", "checkpoint"]);
            let response = reading.await?;
            let checkpoint = response.transaction().checkpoint_opt();
            checkpoint.ok_or_else(|| ChainError::malformed(GET_TRANSACTION, "no checkpoint"))
        })
    }

    /// Has a transaction simulated, once by each server until one answers.
    ///
    /// # Errors
    /// [`ChainError`]; what the simulated transaction itself came to is in the answer.
    pub fn simulate(
        &self,
        request: proto::SimulateTransactionRequest,
    ) -> Call<'_, proto::SimulateTransactionResponse> {
        Box::pin(async move {
            const CALL: &str = "SimulateTransaction";
            let attempts = u32::try_from(self.server_count()).unwrap_or(1);
            let deadline = limits::SIMULATE_DEADLINE;
            let simulate = |mut rpc: sui_rpc::Client| {
                let request = request.clone();
                async move {
                    let mut execution = rpc.execution_client();
                    Ok(execution.simulate_transaction(request).await?.into_inner())
                }
            };
            retry::read(&self.servers, CALL, deadline, attempts, simulate).await
        })
    }

    /// A transaction with the given fields; `None` if the chain does not know it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub(crate) async fn transaction(
        &self,
        digest: &Digest,
        mask: &[&str],
    ) -> Result<Option<proto::ExecutedTransaction>, ChainError> {
        match self.get_transaction(digest.to_string(), mask).await {
            Ok(found) => Ok(found.transaction),
            Err(ChainError::Rpc {
                code: tonic::Code::NotFound,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The answer about a transaction, with the given fields; one that the chain does not know is an error of the server.
    fn get_transaction<'a>(
        &'a self,
        digest: String,
        mask: &'a [&'a str],
    ) -> Call<'a, proto::GetTransactionResponse> {
        Box::pin(async move {
            self.read(GET_TRANSACTION, |mut rpc| {
                let request = proto::GetTransactionRequest::default()
                    .with_digest(digest.as_str())
                    .with_read_mask(FieldMask::from_paths(mask));
                async move {
                    let found = rpc.ledger_client().get_transaction(request).await?;
                    Ok(found.into_inner())
                }
            })
            .await
        })
    }

    /// A checkpoint with the given fields.
    pub(crate) async fn checkpoint(
        &self,
        sequence_number: u64,
        mask: &[&str],
    ) -> Result<proto::Checkpoint, ChainError> {
        const CALL: &str = "GetCheckpoint";
        let response = self
            .read(CALL, |mut rpc| {
                let request = proto::GetCheckpointRequest::by_sequence_number(sequence_number)
                    .with_read_mask(FieldMask::from_paths(mask));
                async move {
                    Ok(rpc
                        .ledger_client()
                        .get_checkpoint(request)
                        .await?
                        .into_inner())
                }
            })
            .await?;
        response
            .checkpoint
            .ok_or_else(|| ChainError::malformed(CALL, "no checkpoint"))
    }
}

async fn batch_get(
    mut rpc: sui_rpc::Client,
    ids: &[Address],
    mask: &[&str],
) -> Result<proto::BatchGetObjectsResponse, tonic::Status> {
    let requests: Vec<_> = ids.iter().map(proto::GetObjectRequest::new).collect();
    let request = proto::BatchGetObjectsRequest::default()
        .with_requests(requests)
        .with_read_mask(FieldMask::from_paths(mask));
    let answer = rpc.ledger_client().batch_get_objects(request).await?;
    Ok(answer.into_inner())
}

fn single_object(
    call: &'static str,
    id: Address,
    result: proto::GetObjectResult,
) -> Result<Option<ObjectData>, ChainError> {
    let Some(object) = found(call, result)? else {
        return Ok(None);
    };
    let object = ObjectData::from_proto(call, &object)?;
    if object.id != id {
        return Err(ChainError::malformed(
            call,
            format!("{} instead of {id}", object.id),
        ));
    }
    Ok(Some(object))
}

/// The object of an answer; `None` if there is none.
fn found(
    call: &'static str,
    result: proto::GetObjectResult,
) -> Result<Option<proto::Object>, ChainError> {
    match result.to_result() {
        Ok(object) => Ok(Some(object)),
        Err(status) if status.code == i32::from(tonic::Code::NotFound) => Ok(None),
        Err(status) => Err(ChainError::Rpc {
            call,
            code: tonic::Code::from_i32(status.code),
            message: status.message,
        }),
    }
}
