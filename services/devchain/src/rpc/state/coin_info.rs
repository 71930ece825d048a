//! Coin metadata: what the chain knows of a coin type, from the registry's `Currency<T>`, or from the objects of older coins
//! (devchain spec 1.3).

use sui_devchain_executor::genesis::SUPPLY;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::coin_metadata::MetadataCapState;
use sui_rpc::proto::sui::rpc::v2::coin_treasury::SupplyState;
use sui_rpc::proto::sui::rpc::v2::regulated_coin_metadata::CoinRegulatedState;
use sui_sdk_types::{Address, Object, StructTag, TypeTag};
use tonic::Status;

use crate::indexes::Indexes;
use crate::render::type_text;
use crate::rpc::error::not_found;

/// BCS layouts of `0x2::coin` and `0x2::coin_registry`.
mod layout {
    use serde::Deserialize;
    use sui_sdk_types::Address;

    #[derive(Deserialize)]
    pub(super) struct CoinMetadata {
        pub(super) id: Address,
        pub(super) decimals: u8,
        pub(super) name: String,
        pub(super) symbol: String,
        pub(super) description: String,
        pub(super) icon_url: Option<String>,
    }

    #[derive(Deserialize)]
    pub(super) struct TreasuryCap {
        pub(super) id: Address,
        pub(super) total_supply: u64,
    }

    #[derive(Deserialize)]
    pub(super) struct RegulatedCoinMetadata {
        pub(super) id: Address,
        pub(super) coin_metadata_object: Address,
        pub(super) deny_cap_object: Address,
    }

    #[derive(Deserialize)]
    pub(super) struct DenyCapV2 {
        pub(super) id: Address,
        pub(super) allow_global_pause: bool,
    }

    #[derive(Deserialize)]
    pub(super) struct Currency {
        pub(super) id: Address,
        pub(super) decimals: u8,
        pub(super) name: String,
        pub(super) symbol: String,
        pub(super) description: String,
        pub(super) icon_url: String,
        pub(super) supply: Option<Supply>,
        pub(super) regulated: Regulation,
        pub(super) treasury_cap_id: Option<Address>,
        pub(super) metadata_cap: MetadataCap,
        /// Name, type name and bytes of fields that later versions may add.
        _extra_fields: Vec<(String, String, Vec<u8>)>,
    }

    #[derive(Deserialize)]
    pub(super) enum Supply {
        Fixed(u64),
        BurnOnly(u64),
        Unknown,
    }

    #[derive(Deserialize)]
    pub(super) enum Regulation {
        Regulated {
            cap: Address,
            allow_global_pause: Option<bool>,
            variant: u8,
        },
        Unregulated,
        Unknown,
    }

    #[derive(Deserialize)]
    pub(super) enum MetadataCap {
        Claimed(Address),
        Unclaimed,
        Deleted,
    }
}

/// The objects that describe one coin type.
#[derive(Default)]
struct Facts {
    metadata: Option<layout::CoinMetadata>,
    treasury: Option<layout::TreasuryCap>,
    regulated: Option<layout::RegulatedCoinMetadata>,
    deny_cap: Option<layout::DenyCapV2>,
    currency: Option<layout::Currency>,
}

fn content<T: serde::de::DeserializeOwned>(object: &Object) -> Option<T> {
    bcs::from_bytes(object.as_struct()?.contents()).ok()
}

impl Facts {
    fn of(indexes: &Indexes, coin_type: &TypeTag) -> Self {
        let mut facts = Self::default();
        for object in indexes.coin_facts(coin_type) {
            let Some(value) = object.as_struct() else {
                continue;
            };
            match value.object_type().name().as_str() {
                "CoinMetadata" => facts.metadata = content(object),
                "TreasuryCap" => facts.treasury = content(object),
                "RegulatedCoinMetadata" => facts.regulated = content(object),
                "DenyCapV2" => facts.deny_cap = content(object),
                "Currency" => facts.currency = content(object),
                _ => {}
            }
        }
        facts
    }

    fn metadata(&self) -> Option<proto::CoinMetadata> {
        let mut message = proto::CoinMetadata::default();
        if let Some(currency) = &self.currency {
            message.id = Some(currency.id.to_string());
            message.decimals = Some(currency.decimals.into());
            message.name = Some(currency.name.clone());
            message.symbol = Some(currency.symbol.clone());
            message.description = Some(currency.description.clone());
            message.icon_url = Some(currency.icon_url.clone());
            let (state, cap) = match &currency.metadata_cap {
                layout::MetadataCap::Claimed(cap) => (MetadataCapState::Claimed, Some(cap)),
                layout::MetadataCap::Unclaimed => (MetadataCapState::Unclaimed, None),
                layout::MetadataCap::Deleted => (MetadataCapState::Deleted, None),
            };
            message.metadata_cap_id = cap.map(|cap| cap.to_string());
            message.set_metadata_cap_state(state);
            return Some(message);
        }
        let found = self.metadata.as_ref()?;
        message.id = Some(found.id.to_string());
        message.decimals = Some(found.decimals.into());
        message.name = Some(found.name.clone());
        message.symbol = Some(found.symbol.clone());
        message.description = Some(found.description.clone());
        message.icon_url.clone_from(&found.icon_url);
        message.set_metadata_cap_state(MetadataCapState::Unknown);
        Some(message)
    }

    fn treasury(&self, coin_type: &TypeTag) -> Option<proto::CoinTreasury> {
        let mut message = proto::CoinTreasury::default();
        if *coin_type == TypeTag::from(StructTag::sui()) {
            message.total_supply = Some(SUPPLY);
            message.set_supply_state(SupplyState::Fixed);
            return Some(message);
        }
        let currency = self.currency.as_ref();
        let cap = self.treasury.as_ref();
        let (supply, state) = match currency.and_then(|currency| currency.supply.as_ref()) {
            Some(layout::Supply::Fixed(supply)) => (Some(*supply), SupplyState::Fixed),
            Some(layout::Supply::BurnOnly(supply)) => (Some(*supply), SupplyState::BurnOnly),
            Some(layout::Supply::Unknown) | None => {
                (cap.map(|cap| cap.total_supply), SupplyState::Unknown)
            }
        };
        let id: Option<Address> = cap
            .map(|cap| cap.id)
            .or_else(|| currency.and_then(|currency| currency.treasury_cap_id));
        if id.is_none() && supply.is_none() {
            return None;
        }
        message.id = id.map(|id| id.to_string());
        message.total_supply = supply;
        message.set_supply_state(state);
        Some(message)
    }

    fn regulated(&self) -> proto::RegulatedCoinMetadata {
        let mut message = proto::RegulatedCoinMetadata::default();
        let allow_global_pause = self
            .deny_cap
            .as_ref()
            .map(|cap| (cap.id, cap.allow_global_pause));
        let pause_of = |cap: Address| {
            allow_global_pause
                .filter(|(id, _)| *id == cap)
                .map(|(_, allowed)| allowed)
        };
        if let Some(currency) = &self.currency {
            match &currency.regulated {
                layout::Regulation::Regulated {
                    cap,
                    allow_global_pause,
                    variant,
                } => {
                    message.coin_metadata_object = Some(currency.id.to_string());
                    message.deny_cap_object = Some(cap.to_string());
                    message.allow_global_pause = allow_global_pause.or_else(|| pause_of(*cap));
                    message.variant = Some((*variant).into());
                    message.set_coin_regulated_state(CoinRegulatedState::Regulated);
                    return message;
                }
                layout::Regulation::Unregulated => {
                    message.set_coin_regulated_state(CoinRegulatedState::Unregulated);
                    return message;
                }
                layout::Regulation::Unknown => {}
            }
        }
        match &self.regulated {
            Some(found) => {
                message.id = Some(found.id.to_string());
                message.coin_metadata_object = Some(found.coin_metadata_object.to_string());
                message.deny_cap_object = Some(found.deny_cap_object.to_string());
                message.allow_global_pause = pause_of(found.deny_cap_object);
                message.set_coin_regulated_state(CoinRegulatedState::Regulated);
            }
            None => message.set_coin_regulated_state(CoinRegulatedState::Unknown),
        }
        message
    }
}

/// What the chain knows of a coin type; NOT_FOUND if that is nothing.
pub(super) fn coin_info(
    indexes: &Indexes,
    coin_type: &TypeTag,
) -> Result<proto::GetCoinInfoResponse, Status> {
    let facts = Facts::of(indexes, coin_type);
    let mut response = proto::GetCoinInfoResponse::default();
    response.coin_type = Some(type_text::canonical(coin_type));
    response.metadata = facts.metadata();
    response.treasury = facts.treasury(coin_type);
    if response.metadata.is_none() && response.treasury.is_none() {
        return Err(not_found(format!("coin type {coin_type} not found")));
    }
    response.regulated_metadata = Some(facts.regulated());
    Ok(response)
}
