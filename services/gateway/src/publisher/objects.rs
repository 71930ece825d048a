//! `/v1/quota` and `/v1/objects`: what a key has, and what it may do with that. Client spec 3.12.

use axum::{Json, body::Body, extract::State, http::HeaderMap};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_sdk::{Address, BlobId, check_attribute};
use walrus_service::{
    envelope::{Refusal, RequestReason},
    request::{BodyError, PathParts, QueryPairs, invalid_query, read_body},
};

use super::{
    HoldingError, Holdings, Publisher,
    account::Account,
    jobs::{Holding, Tables, disk_failed, holding_key},
    keys::Holder,
    refusal::WriteReason,
};
use crate::{
    api::{
        AttributesAnswer, DeletedAnswer, ExtendedAnswer, HowLonger, KeyRefusals, ObjectAnswer,
        ObjectRefusals, ObjectsAnswer, OwnObject, PageOfObjects, QuotaAnswer,
    },
    limits,
    reason::GatewayReason,
};

/// The routes, described.
pub(super) fn described() -> OpenApiRouter<Publisher> {
    OpenApiRouter::default()
        .routes(routes!(quota))
        .routes(routes!(list))
        .routes(routes!(one, delete))
        .routes(routes!(extend))
        .routes(routes!(attributes))
}

/// What a key may have, and has had.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Quota {
    id: String,
    name: String,
    /// FROST for storage: in all, spent, and set aside for stores that are not done.
    budget: Option<u64>,
    spent: u64,
    set_aside: u64,
    /// Bytes before encoding: in all, stored, and of stores that are not done.
    bytes: Option<u64>,
    bytes_stored: u64,
    bytes_set_aside: u64,
    stores: u64,
    expires_ms: Option<u64>,
}

/// What a key may have, and has had.
#[utoipa::path(
    get,
    path = "/v1/quota",
    operation_id = "quota",
    tag = "keys",
    responses(QuotaAnswer, KeyRefusals)
)]
async fn quota(
    State(publisher): State<Publisher>,
    request: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let Holder { key } = publisher.require_holder(&request)?;
    let account = Account::of_key(key.id.bytes());
    let (used, open) = (
        publisher.jobs.usage(account)?,
        publisher.jobs.set_aside(account),
    );
    let quota = Quota {
        id: key.id.to_string(),
        name: key.name,
        budget: key.budget,
        spent: used.frost,
        set_aside: open.frost,
        bytes: key.bytes,
        bytes_stored: used.bytes,
        bytes_set_aside: open.bytes,
        stores: used.stores,
        expires_ms: key.expires_ms,
    };
    serde_json::to_value(quota).map(Json).map_err(disk_failed)
}

/// An object of a key.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    object_id: Address,
    blob_id: BlobId,
    size: u64,
    deletable: bool,
    end_epoch: u32,
    stored_ms: u64,
}

impl Listed {
    fn new(object_id: Address, holding: &Holding) -> Self {
        Self {
            object_id,
            blob_id: holding.blob_id,
            size: holding.size,
            deletable: holding.deletable,
            end_epoch: holding.end_epoch,
            stored_ms: holding.stored_ms,
        }
    }
}

/// Lists the objects that a key stored, in the order of their IDs.
#[utoipa::path(
    get,
    path = "/v1/objects",
    operation_id = "list_objects",
    tag = "keys",
    params(PageOfObjects),
    responses(ObjectsAnswer, KeyRefusals)
)]
async fn list(
    State(publisher): State<Publisher>,
    request: HeaderMap,
    query: QueryPairs,
) -> Result<Json<Value>, Refusal> {
    query.only(&["limit", "after"])?;
    let account = publisher.require_holder(&request)?.caller().account;
    let limit = query.one::<usize>("limit")?.unwrap_or(limits::OBJECTS_PAGE);
    if !(1..=limits::OBJECTS_PAGE).contains(&limit) {
        let most = limits::OBJECTS_PAGE;
        return Err(invalid_query(format!("`limit` is 1 to {most}")));
    }
    let after = query.one::<Address>("after")?;
    let tables = publisher.jobs.tables().clone();
    let page = tokio::task::spawn_blocking(move || page_of(&tables, account, after, limit));
    let page = page.await.map_err(disk_failed)??;
    let next = (page.len() == limit).then(|| page.last().map(|object| object.object_id));
    Ok(Json(json!({"objects": page, "next": next.flatten()})))
}

fn page_of(
    tables: &Tables,
    account: Account,
    after: Option<Address>,
    limit: usize,
) -> Result<Vec<Listed>, Refusal> {
    use std::ops::Bound;
    let begin = match after {
        Some(object) => Bound::Excluded(holding_key(account, object)),
        None => Bound::Included((account.bytes(), [0; 32])),
    };
    let end = Bound::Included((account.bytes(), [0xff; 32]));
    let mut pages = tables.holdings.pages_in((begin, end), limit);
    let page = pages
        .next()
        .transpose()
        .map_err(disk_failed)?
        .unwrap_or_default();
    let listed = page.iter();
    Ok(listed
        .map(|((_, object), holding)| Listed::new(Address::new(*object), holding))
        .collect())
}

/// An object that a request names, of the key that it shows.
struct Named<'a> {
    holder: Holder,
    object: Address,
    holding: Holding,
    wallet: &'a dyn Holdings,
}

impl Publisher {
    fn named<'a>(&'a self, request: &HeaderMap, path: &PathParts) -> Result<Named<'a>, Refusal> {
        let holder = self.require_holder(request)?;
        let object: Address = path.part("object_id", "an object ID")?;
        let key = holding_key(holder.caller().account, object);
        let holding = self.jobs.tables().holdings.get(&key).map_err(disk_failed)?;
        let holding = holding.ok_or_else(no_object)?;
        let wallet = self.uploader.holdings().ok_or_else(no_object)?;
        Ok(Named {
            holder,
            object,
            holding,
            wallet,
        })
    }

    /// Writes down what became of an object; `None` if it is gone.
    async fn note_holding(
        &self,
        account: Account,
        object: Address,
        holding: Option<Holding>,
    ) -> Result<(), Refusal> {
        let tables = self.jobs.tables().clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut batch = tables.database.batch();
            let key = holding_key(account, object);
            match holding {
                Some(holding) => batch.insert(&tables.holdings, &key, &holding)?,
                None => batch.remove(&tables.holdings, &key),
            }
            batch.commit_durably()
        });
        written.await.map_err(disk_failed)?.map_err(disk_failed)
    }
}

fn no_object() -> Refusal {
    let message =
        "the key has no such object: another one stored it, it was sent to somebody, or it is gone";
    Refusal::new(WriteReason::ObjectNotFound, message)
}

impl From<HoldingError> for Refusal {
    fn from(error: HoldingError) -> Self {
        match error {
            HoldingError::Gone => no_object(),
            HoldingError::Unsuitable(message) => Self::new(WriteReason::ObjectUnsuitable, message),
            HoldingError::Failed(error) => error.into(),
        }
    }
}

/// An object that a key stored, and who else stores the blob.
#[utoipa::path(
    get,
    path = "/v1/objects/{object_id}",
    operation_id = "object",
    tag = "keys",
    params(OwnObject),
    responses(ObjectAnswer, ObjectRefusals)
)]
async fn one(
    State(publisher): State<Publisher>,
    request: HeaderMap,
    path: PathParts,
) -> Result<Json<Value>, Refusal> {
    let named = publisher.named(&request, &path)?;
    let holders = named.wallet.holders(named.holding.blob_id).await?;
    let object = Listed::new(named.object, &named.holding);
    let own = u32::from(named.holding.deletable);
    let mut answer = serde_json::to_value(object).map_err(disk_failed)?;
    add_others(
        &mut answer,
        holders.permanent_until,
        holders.deletable.saturating_sub(own),
    );
    Ok(Json(answer))
}

fn add_others(answer: &mut Value, permanent_until: Option<u32>, deletable: u32) {
    if let Value::Object(object) = answer {
        let others = json!({"permanentUntil": permanent_until, "deletableObjects": deletable});
        object.insert("stored".to_owned(), others);
    }
}

/// Deletes an object, and tells whether the blob is stored all the same, because others hold it.
#[utoipa::path(
    delete,
    path = "/v1/objects/{object_id}",
    operation_id = "delete_object",
    tag = "keys",
    params(OwnObject),
    responses(DeletedAnswer, ObjectRefusals)
)]
async fn delete(
    State(publisher): State<Publisher>,
    request: HeaderMap,
    path: PathParts,
) -> Result<Json<Value>, Refusal> {
    let named = publisher.named(&request, &path)?;
    if !named.holding.deletable {
        let message = format!(
            "the object is permanent: nobody can delete it before epoch {}",
            named.holding.end_epoch
        );
        return Err(Refusal::new(WriteReason::ObjectUnsuitable, message));
    }
    let before = named.wallet.holders(named.holding.blob_id).await?;
    match named.wallet.delete(named.object).await {
        // Then that is what was asked for.
        Ok(()) | Err(HoldingError::Gone) => {}
        Err(error) => return Err(error.into()),
    }
    let account = named.holder.caller().account;
    publisher.note_holding(account, named.object, None).await?;
    let mut answer = json!({"deleted": named.object, "blobId": named.holding.blob_id});
    add_others(
        &mut answer,
        before.permanent_until,
        before.deletable.saturating_sub(1),
    );
    Ok(Json(answer))
}

/// Stores an object for longer, at the expense of the key.
#[utoipa::path(
    post,
    path = "/v1/objects/{object_id}/extend",
    operation_id = "extend_object",
    tag = "keys",
    params(OwnObject, HowLonger),
    responses(ExtendedAnswer, ObjectRefusals)
)]
async fn extend(
    State(publisher): State<Publisher>,
    request: HeaderMap,
    path: PathParts,
    query: QueryPairs,
) -> Result<Json<Value>, Refusal> {
    query.only(&["epochs"])?;
    let epochs = query.one::<u32>("epochs")?.filter(|epochs| *epochs > 0);
    let epochs = epochs.ok_or_else(|| invalid_query("`epochs` is to be at least 1"))?;
    let Named {
        holder,
        object,
        mut holding,
        ..
    } = publisher.named(&request, &path)?;
    // A task: what is paid for is also written down.
    let extended = tokio::spawn(async move {
        let wallet = publisher.uploader.holdings().ok_or_else(no_object)?;
        let cost = wallet.extension_price(object, epochs).await?;
        let caller = holder.caller();
        // Counted first: a process that is killed in between has counted too much, never too little.
        publisher.jobs.charge(caller, cost).await?;
        match wallet.extend(object, epochs).await {
            Ok(end_epoch) => {
                holding.end_epoch = end_epoch;
                publisher
                    .note_holding(caller.account, object, Some(holding))
                    .await?;
                Ok(Json(
                    json!({"objectId": object, "endEpoch": end_epoch, "cost": cost}),
                ))
            }
            Err(error) => {
                publisher.jobs.refund(caller.account, cost).await?;
                Err(error.into())
            }
        }
    });
    match extended.await {
        Ok(answer) => answer,
        Err(error) => Err(Refusal::internal(GatewayReason::Internal, error)),
    }
}

/// Sets attributes of an object; null removes one.
#[utoipa::path(
    put,
    path = "/v1/objects/{object_id}/attributes",
    operation_id = "set_attributes",
    tag = "keys",
    params(OwnObject),
    request_body(description = "Names and values.", content((Object = "application/json"))),
    responses(AttributesAnswer, ObjectRefusals),
)]
async fn attributes(
    State(publisher): State<Publisher>,
    request: HeaderMap,
    path: PathParts,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let named = publisher.named(&request, &path)?;
    let body = read_body(body, limits::ATTRIBUTES_BODY).await;
    let body = body.map_err(|error| {
        let message = error.to_string();
        match error {
            BodyError::TooLarge(_) => Refusal::new(RequestReason::BodyTooLarge, message),
            _ => Refusal::new(GatewayReason::InvalidBody, message),
        }
    })?;
    let pairs = attributes_of(&body)?;
    let names: Vec<String> = pairs.iter().map(|(key, _)| key.clone()).collect();
    named.wallet.set_attributes(named.object, pairs).await?;
    Ok(Json(json!({"objectId": named.object, "set": names})))
}

/// The attributes that a body sets, and removes where there is no value.
fn attributes_of(body: &[u8]) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let refused = |message: String| Refusal::new(GatewayReason::UnprocessableBody, message);
    let wrong = || {
        let message =
            "the body is to be a JSON object of strings, or null for attributes to remove";
        refused(message.to_owned())
    };
    let given: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
    let pairs = given.into_iter().map(|(key, value)| match value {
        Value::String(value) => {
            check_attribute(&key, &value).map_err(|error| refused(error.to_string()))?;
            Ok((key, Some(value)))
        }
        // One of another time is removed whatever it is called.
        Value::Null => Ok((key, None)),
        _ => Err(wrong()),
    });
    let pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
    let most = limits::ATTRIBUTES;
    if !(1..=most).contains(&pairs.len()) {
        return Err(refused(format!("1 to {most} attributes are set at once")));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_texts_that_can_be_headers() {
        let pairs = attributes_of(br#"{"a": "b", "c\n": null}"#).unwrap();
        let text = |text: &str| text.to_owned();
        assert_eq!(pairs, [(text("a"), Some(text("b"))), (text("c\n"), None)]);
        for (body, said) in [
            (r#"{"a": "b\r\nset-cookie: c"}"#, "U+000D"),
            (r#"{"a\u0000": "b"}"#, "U+0000"),
            (r#"{"a": 1}"#, "object of strings"),
            ("[]", "object of strings"),
            ("{}", "1 to 100"),
        ] {
            let refused = attributes_of(body.as_bytes()).unwrap_err();
            assert!(refused.is(GatewayReason::UnprocessableBody));
            let message = &refused.envelope().error.message;
            assert!(message.contains(said), "{body}: {message}");
        }
    }
}
