//! Coin metadata from `CoinMetadata<T>` objects (devchain spec 1.3).

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Object, StructTag, TypeTag};
use tonic::Status;

use crate::indexes::Indexes;
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
    response.coin_type = Some(coin_type.to_string());
    for object in indexes.of_types(&[
        coin_struct("CoinMetadata", coin_type),
        coin_struct("TreasuryCap", coin_type),
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
        }
    }
    if response.metadata.is_none() && response.treasury.is_none() {
        return Err(not_found(format!("coin type {coin_type} not found")));
    }
    Ok(response)
}

fn coin_struct(name: &'static str, coin_type: &TypeTag) -> StructTag {
    StructTag::new(
        Address::TWO,
        sui_sdk_types::Identifier::from_static("coin"),
        sui_sdk_types::Identifier::from_static(name),
        vec![coin_type.clone()],
    )
}
