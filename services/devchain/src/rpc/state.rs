//! StateService: what is owned, balances, dynamic fields, coin metadata (devchain spec 1.3).

mod coin_info;
mod dynamic_fields;

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;
use sui_devchain_executor::ObjectStore;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::state_service_server::StateService;
use sui_sdk_types::hash::Hasher;
use sui_sdk_types::{Address, Digest, StructTag, TypeTag};
use tonic::{Request, Response, Status};

use super::Context;
use super::error::invalid;
use super::parse::{self, TypeFilter};
use crate::indexes::{Indexes, OwnedKey};
use crate::limits::PAGE_BYTES;
use crate::render;

pub(crate) struct StateRpc {
    context: Context,
}

impl StateRpc {
    pub(crate) fn new(context: Context) -> Self {
        Self { context }
    }
}

/// Where a list goes on, and of which request: a token is good for that list alone.
fn token<T: serde::Serialize>(list: &Digest, next: &T) -> Option<Bytes> {
    bcs::to_bytes(&(list, next)).ok().map(Bytes::from)
}

/// Reads a token that [`token`] made for this list.
fn resume<T: serde::de::DeserializeOwned>(
    list: &Digest,
    token: Option<&[u8]>,
) -> Result<Option<T>, Status> {
    match parse::page_token::<(Digest, T)>(token)? {
        Some((made_for, _)) if made_for != *list => {
            Err(invalid("page_token", "belongs to another list"))
        }
        found => Ok(found.map(|(_, next)| next)),
    }
}

/// What tells one list from another.
fn list(rpc: &str, of: Address, filter: Option<&str>) -> Digest {
    let mut hasher = Hasher::new();
    for part in [
        rpc.as_bytes(),
        of.as_bytes(),
        filter.unwrap_or_default().as_bytes(),
    ] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

/// Sums the coins of one type; total supplies fit 64 bits.
fn coin_balance(indexes: &Indexes, owner: Address, coin_type: &TypeTag) -> u64 {
    let object_type = StructTag::coin(coin_type.clone()).to_string();
    indexes
        .owned_from(OwnedKey::first_of_type(owner, object_type.clone()))
        .take_while(|(key, _)| key.object_type == object_type)
        .fold(0, |sum: u64, (key, _)| sum.saturating_add(key.balance.0))
}

fn balance(coin_type: &TypeTag, coins: u64, address: u128) -> proto::Balance {
    let address = u64::try_from(address).unwrap_or(u64::MAX);
    let mut message = proto::Balance::default();
    message.coin_type = Some(render::type_text::canonical(coin_type));
    message.balance = Some(coins.saturating_add(address));
    message.address_balance = Some(address);
    message.coin_balance = Some(coins);
    message
}

#[tonic::async_trait]
impl StateService for StateRpc {
    async fn list_owned_objects(
        &self,
        request: Request<proto::ListOwnedObjectsRequest>,
    ) -> Result<Response<proto::ListOwnedObjectsResponse>, Status> {
        let request = request.into_inner();
        let owner = parse::address("owner", request.owner.as_deref())?;
        let mask =
            parse::mask::<proto::Object>(request.read_mask, "object_id,version,object_type")?;
        let size = parse::page_size(request.page_size);
        let filter = request
            .object_type
            .as_deref()
            .filter(|text| !text.is_empty())
            .map(|text| TypeFilter::parse("object_type", text))
            .transpose()?;
        let first = match &filter {
            Some(filter) => OwnedKey::first_of_type(owner, filter.start().to_owned()),
            None => OwnedKey::first(owner),
        };
        let list = list("owned objects", owner, request.object_type.as_deref());
        let start = resume::<OwnedKey>(&list, request.page_token.as_deref())?;
        if start.as_ref().is_some_and(|start| start.owner != owner) {
            return Err(invalid("page_token", "belongs to another owner"));
        }
        let start = start.map_or(first.clone(), |start| start.max(first));
        let indexes = self.context.ledger.state().read();
        let mut response = proto::ListOwnedObjectsResponse::default();
        let mut bytes = 0usize;
        for (key, object) in indexes.owned_from(start) {
            match &filter {
                Some(filter) if !key.object_type.starts_with(filter.start()) => break,
                Some(filter) if !filter.matches(&key.object_type) => continue,
                _ => {}
            }
            if response.objects.len() >= size || bytes >= PAGE_BYTES {
                response.next_page_token = token(&list, key);
                break;
            }
            let message = render::object::object(&indexes, object, &mask);
            bytes = bytes.saturating_add(message.encoded_len());
            response.objects.push(message);
        }
        Ok(Response::new(response))
    }

    async fn get_balance(
        &self,
        request: Request<proto::GetBalanceRequest>,
    ) -> Result<Response<proto::GetBalanceResponse>, Status> {
        let request = request.into_inner();
        let owner = parse::address("owner", request.owner.as_deref())?;
        let coin_type = parse::type_tag("coin_type", request.coin_type.as_deref())?;
        let indexes = self.context.ledger.state().read();
        let mut response = proto::GetBalanceResponse::default();
        response.balance = Some(balance(
            &coin_type,
            coin_balance(&indexes, owner, &coin_type),
            indexes.address_balance(&owner, &coin_type),
        ));
        Ok(Response::new(response))
    }

    async fn list_balances(
        &self,
        request: Request<proto::ListBalancesRequest>,
    ) -> Result<Response<proto::ListBalancesResponse>, Status> {
        let request = request.into_inner();
        let owner = parse::address("owner", request.owner.as_deref())?;
        let size = parse::page_size(request.page_size);
        let list = list("balances", owner, None);
        let start = resume::<String>(&list, request.page_token.as_deref())?.unwrap_or_default();
        let indexes = self.context.ledger.state().read();
        let mut totals: BTreeMap<String, (TypeTag, u64, u128)> = BTreeMap::new();
        for (_, object) in indexes.owned_from(OwnedKey::first(owner)) {
            let Some(coin) = crate::indexes::coin_of(object) else {
                continue;
            };
            let total = totals
                .entry(coin.coin_type().to_string())
                .or_insert_with(|| (coin.coin_type().clone(), 0, 0));
            total.1 = total.1.saturating_add(coin.balance());
        }
        for (coin_type, amount) in indexes.address_balances(owner) {
            let total = totals
                .entry(coin_type.to_string())
                .or_insert_with(|| (coin_type.clone(), 0, 0));
            total.2 = amount;
        }
        let mut rest = totals.range(start..).peekable();
        let mut response = proto::ListBalancesResponse::default();
        response.balances = rest
            .by_ref()
            .take(size)
            .map(|(_, (coin_type, coins, address))| balance(coin_type, *coins, *address))
            .collect();
        response.next_page_token = rest.peek().and_then(|(next, _)| token(&list, next));
        Ok(Response::new(response))
    }

    async fn list_dynamic_fields(
        &self,
        request: Request<proto::ListDynamicFieldsRequest>,
    ) -> Result<Response<proto::ListDynamicFieldsResponse>, Status> {
        let request = request.into_inner();
        let parent = parse::address("parent", request.parent.as_deref())?;
        let mask = parse::mask::<proto::DynamicField>(request.read_mask, "parent,field_id")?;
        let size = parse::page_size(request.page_size);
        let list = list("dynamic fields", parent, None);
        let start =
            resume::<Address>(&list, request.page_token.as_deref())?.unwrap_or(Address::ZERO);
        let indexes = self.context.ledger.state().read();
        let mut response = proto::ListDynamicFieldsResponse::default();
        let mut bytes = 0usize;
        for object in indexes.children_from(parent, start) {
            if response.dynamic_fields.len() >= size || bytes >= PAGE_BYTES {
                response.next_page_token = token(&list, &object.object_id());
                break;
            }
            let Some(message) = dynamic_fields::render(&indexes, parent, object, &mask) else {
                continue;
            };
            bytes = bytes.saturating_add(message.encoded_len());
            response.dynamic_fields.push(message);
        }
        Ok(Response::new(response))
    }

    async fn get_coin_info(
        &self,
        request: Request<proto::GetCoinInfoRequest>,
    ) -> Result<Response<proto::GetCoinInfoResponse>, Status> {
        let request = request.into_inner();
        let coin_type = parse::type_tag("coin_type", request.coin_type.as_deref())?;
        let indexes = self.context.ledger.state().read();
        coin_info::coin_info(&indexes, &coin_type).map(Response::new)
    }
}
