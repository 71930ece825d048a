//! Coin metadata from `CoinMetadata<T>` objects or the registry's `Currency<T>` (devchain spec 1.3).

use prost_types::value::Kind;

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Object, StructTag, TypeTag};
use tonic::Status;

use crate::indexes::Indexes;
use crate::render::{json, type_text};
use crate::rpc::error::not_found;

/// BCS layout of `0x2::coin::CoinMetadata<T>`.
#[derive(serde::Deserialize)]
struct Metadata {
    id: Address,
    decimals: u8,
    name: String,
    symbol: String,
    description: String,
    icon_url: Option<String>,
}

/// BCS layout of `0x2::coin::TreasuryCap<T>`.
#[derive(serde::Deserialize)]
struct Treasury {
    id: Address,
    total_supply: u64,
}

fn content<T: serde::de::DeserializeOwned>(object: &Object) -> Option<T> {
    bcs::from_bytes(object.as_struct()?.contents()).ok()
}

/// What the chain knows of a coin type; NOT_FOUND if that is nothing.
pub(super) fn coin_info(
    indexes: &Indexes,
    coin_type: &TypeTag,
) -> Result<proto::GetCoinInfoResponse, Status> {
    let mut response = proto::GetCoinInfoResponse::default();
    response.coin_type = Some(type_text::canonical(coin_type));
    for object in indexes.of_types(&[
        coin_struct("coin", "CoinMetadata", coin_type),
        coin_struct("coin", "TreasuryCap", coin_type),
        coin_struct("coin_registry", "Currency", coin_type),
    ]) {
        if let Some(found) = content::<Metadata>(object) {
            let mut metadata = proto::CoinMetadata::default();
            metadata.id = Some(found.id.to_string());
            metadata.decimals = Some(found.decimals.into());
            metadata.name = Some(found.name);
            metadata.symbol = Some(found.symbol);
            metadata.description = Some(found.description);
            metadata.icon_url = found.icon_url;
            response.metadata = Some(metadata);
        } else if let Some(found) = content::<Treasury>(object) {
            let mut treasury = proto::CoinTreasury::default();
            treasury.id = Some(found.id.to_string());
            treasury.total_supply = Some(found.total_supply);
            response.treasury = Some(treasury);
        } else if let Some(metadata) = currency(indexes, object) {
            response.metadata = Some(metadata);
        }
    }
    if response.metadata.is_none() && response.treasury.is_none() {
        return Err(not_found(format!("coin type {coin_type} not found")));
    }
    Ok(response)
}

/// `Currency<T>` starts with the fields of the metadata; the rest varies, so they are read by name.
fn currency(indexes: &Indexes, object: &Object) -> Option<proto::CoinMetadata> {
    let value = object.as_struct()?;
    let rendered = json::render_struct(indexes, value.object_type(), value.contents())?;
    let Some(Kind::StructValue(fields)) = rendered.kind else {
        return None;
    };
    let text = |name: &str| match &fields.fields.get(name)?.kind {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    let mut metadata = proto::CoinMetadata::default();
    metadata.id = Some(object.object_id().to_string());
    metadata.decimals = match fields.fields.get("decimals")?.kind {
        Some(Kind::NumberValue(number)) => format!("{number:.0}").parse().ok(),
        _ => None,
    };
    metadata.name = text("name");
    metadata.symbol = text("symbol");
    metadata.description = text("description");
    metadata.icon_url = text("icon_url");
    Some(metadata)
}

fn coin_struct(module: &'static str, name: &'static str, coin_type: &TypeTag) -> StructTag {
    StructTag::new(
        Address::TWO,
        sui_sdk_types::Identifier::from_static(module),
        sui_sdk_types::Identifier::from_static(name),
        vec![coin_type.clone()],
    )
}
