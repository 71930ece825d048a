//! Network information: epochs, sizes, prices, fault tolerance and committee. Client spec 2.7.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use walrus_core::{
    BlsPublicKey, EncodingConfig, EncodingType, Epoch,
    parameters::ParameterError,
    pricing::{BYTES_PER_UNIT, encoded_blob_length, metadata_size, slivers_size, storage_units},
};
use walrus_sui::{
    Address,
    chain::ChainError,
    contract::{Committee, CommitteeMember, Committees, ContractReader},
    objects::{EpochState, StakingInnerV1, StakingPool, SystemStateInnerV1, VotingParams},
};

use crate::{Client, ClientError, CommitteeError};

/// The largest blob inside a quilt: its length is a 32-bit number.
const MAX_BLOB_SIZE_IN_QUILT: u64 = u32::MAX as u64;

/// A network at one moment.
#[derive(Debug, Clone)]
pub struct NetworkInfo {
    /// The staking state.
    pub staking: StakingInnerV1,
    /// The system state.
    pub system: SystemStateInnerV1,
    /// The committees.
    pub committees: Committees,
    /// The parameters of the encoding.
    pub encoding: EncodingConfig,
}

impl Client {
    /// What the chain says about the network now.
    ///
    /// # Errors
    /// [`ClientError::Chain`], [`ClientError::Committee`].
    pub async fn info(&self) -> Result<NetworkInfo, ClientError> {
        NetworkInfo::load(self.reader()).await
    }
}

impl NetworkInfo {
    /// Reads the state of the contract.
    ///
    /// # Errors
    /// [`ClientError::Chain`]; [`ClientError::Committee`] if the number of shards has no encoding.
    pub async fn load(reader: &ContractReader) -> Result<Self, ClientError> {
        let staking = reader.staking_state().await?;
        let system = reader.system_state().await?;
        let encoding = EncodingConfig::new(staking.n_shards).map_err(CommitteeError::Shards)?;
        let committees = reader.committees().await?;
        Ok(Self {
            staking,
            system,
            committees,
            encoding,
        })
    }

    /// The current epoch.
    pub fn epoch(&self) -> EpochInfo {
        EpochInfo {
            times: EpochTimes::of(&self.staking),
            max_epochs_ahead: self.system.future_accounting.length,
        }
    }

    /// Shards and nodes.
    pub fn storage(&self) -> StorageInfo {
        StorageInfo {
            n_shards: self.committees.current.n_shards,
            n_nodes: self.committees.current.members.len(),
        }
    }

    /// Sizes.
    pub fn sizes(&self) -> SizeInfo {
        SizeInfo {
            storage_unit_size: BYTES_PER_UNIT,
            max_blob_size: self.encoding.max_blob_size(),
            max_blob_size_in_quilt: MAX_BLOB_SIZE_IN_QUILT,
        }
    }

    /// Prices, with examples.
    ///
    /// # Errors
    /// [`ParameterError`] never happens for parameters that have an encoding.
    pub fn prices(&self) -> Result<PriceInfo, ParameterError> {
        let storage_price = self.system.storage_price_per_unit_size;
        let write_price = self.system.write_price_per_unit_size;
        PriceInfo::new(&self.encoding, storage_price, write_price)
    }

    /// What the network survives.
    pub fn fault_tolerance(&self) -> FaultTolerance {
        FaultTolerance::new(&self.encoding, &self.committees.current)
    }

    /// The committee and its nodes, by name.
    ///
    /// # Errors
    /// [`ClientError::Chain`]; [`ClientError::Committee`] if a node has no usable key.
    pub async fn committee(&self, reader: &ContractReader) -> Result<CommitteeInfo, ClientError> {
        let n_shards = self.encoding.n_shards();
        let largest = self.encoding.max_blob_size();
        let max_encoded = encoded_blob_length(n_shards, largest, EncodingType::default());
        let next_storage_nodes = match &self.committees.next {
            Some(next) => Some(nodes(reader, next).await?),
            None => None,
        };
        let secondary = self.encoding.secondary_source_symbols();
        Ok(CommitteeInfo {
            n_shards,
            n_primary_source_symbols: self.encoding.primary_source_symbols(),
            n_secondary_source_symbols: secondary,
            max_sliver_size: u64::from(secondary) * MAX_SYMBOL_SIZE,
            metadata_storage_size: metadata_on_all_shards(n_shards),
            max_encoded_blob_size: max_encoded.map_err(CommitteeError::Shards)?,
            current_storage_nodes: nodes(reader, &self.committees.current).await?,
            next_storage_nodes,
        })
    }
}

/// The largest symbol: an even number of 16 bits, in bytes.
const MAX_SYMBOL_SIZE: u64 = 65_534;

/// Accounting size of the metadata of a blob: one copy for each shard.
fn metadata_on_all_shards(n_shards: u16) -> u64 {
    metadata_size(n_shards).saturating_mul(u64::from(n_shards))
}

/// The current epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochInfo {
    /// Its number, when it began, and how long epochs are.
    pub times: EpochTimes,
    /// For how many epochs storage is sold.
    pub max_epochs_ahead: u32,
}

/// When epochs begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochTimes {
    /// The current epoch.
    pub current: Epoch,
    /// When it began, in milliseconds since 1970; `None` while shards are still moving to its committee.
    pub started: Option<u64>,
    /// How long epochs are, in milliseconds.
    pub length: u64,
}

impl EpochTimes {
    /// As the staking state says.
    pub fn of(staking: &StakingInnerV1) -> Self {
        let started = match staking.epoch_state {
            EpochState::EpochChangeDone(start) | EpochState::NextParamsSelected(start) => {
                Some(start)
            }
            EpochState::EpochChangeSync(_) => None,
        };
        Self {
            current: staking.epoch,
            started,
            length: staking.epoch_duration,
        }
    }

    /// Epochs from the current one that storage must cover so as to last until `end`, in milliseconds since 1970; `None` if that is
    /// not after `now` and after the beginning of the epoch. `now` counts as the beginning of an epoch that is just beginning.
    pub fn epochs_until(&self, end: u64, now: u64) -> Option<u32> {
        let start = self.started.unwrap_or(now);
        let lasts = end
            .checked_sub(start)
            .filter(|lasts| *lasts > 0 && end > now)?;
        let whole = lasts.checked_div(self.length)?;
        Some(u32::try_from(whole).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// About when an epoch will begin, or began, in milliseconds since 1970; `None` if that is too far away to say. `now` counts
    /// as the beginning of an epoch that is just beginning.
    pub fn start_of(&self, epoch: Epoch, now: u64) -> Option<u64> {
        let start = self.started.unwrap_or(now);
        let distance = u64::from(epoch.abs_diff(self.current)).checked_mul(self.length)?;
        match epoch < self.current {
            false => start.checked_add(distance),
            true => start.checked_sub(distance),
        }
    }
}

/// Shards and nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageInfo {
    /// Shards.
    pub n_shards: u16,
    /// Nodes of the current committee.
    pub n_nodes: usize,
}

/// Sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SizeInfo {
    /// What storage is sold in.
    pub storage_unit_size: u64,
    /// The largest blob.
    pub max_blob_size: u64,
    /// The largest blob in a quilt.
    pub max_blob_size_in_quilt: u64,
}

/// Prices in FROST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceInfo {
    /// Of a unit for an epoch.
    pub storage_price_per_unit_size: u64,
    /// Of a unit, once, when a blob is registered.
    pub write_price_per_unit_size: u64,
    /// What follows from them for each encoding.
    pub encoding_dependent_price_info: Vec<EncodingPriceInfo>,
}

/// What blobs of one encoding take for one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EncodingPriceInfo {
    /// Bytes that more of a blob are counted in.
    pub marginal_size: u64,
    /// FROST for the metadata, which every blob has.
    pub metadata_price: u64,
    /// FROST for `marginal_size` more bytes, encoded.
    pub marginal_price: u64,
    /// Some blobs.
    pub example_blobs: Vec<ExampleBlob>,
    /// The encoding.
    pub encoding_type: EncodingType,
    /// Bytes of the metadata on all shards.
    #[serde(skip)]
    pub metadata_size: u64,
    /// What a single byte takes.
    #[serde(skip)]
    pub smallest: ExampleBlob,
}

/// A blob, and what it takes for one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExampleBlob {
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage.
    pub encoded_size: u64,
    /// FROST for the storage.
    pub price: u64,
    /// The encoding.
    pub encoding_type: EncodingType,
    /// FROST for the storage and the write: what a store takes.
    #[serde(skip)]
    pub total: u64,
}

impl PriceInfo {
    fn new(
        encoding: &EncodingConfig,
        storage_price: u64,
        write_price: u64,
    ) -> Result<Self, ParameterError> {
        let (n_shards, largest) = (encoding.n_shards(), encoding.max_blob_size());
        let encoding_type = EncodingType::default();
        let price_of = |size: u64| storage_units(size).saturating_mul(storage_price);
        let mut marginal_size = BYTES_PER_UNIT;
        while marginal_size > largest && marginal_size > 1 {
            marginal_size /= 4;
        }
        let smallest = largest.next_power_of_two() / 1024;
        let example = |unencoded_size: u64| -> Result<ExampleBlob, ParameterError> {
            let encoded_size = encoded_blob_length(n_shards, unencoded_size, encoding_type)?;
            Ok(ExampleBlob {
                unencoded_size,
                encoded_size,
                price: price_of(encoded_size),
                total: store_price(encoded_size, storage_price, write_price),
                encoding_type,
            })
        };
        let sizes = [smallest, smallest.saturating_mul(32), largest];
        let metadata_size = metadata_on_all_shards(n_shards);
        Ok(Self {
            storage_price_per_unit_size: storage_price,
            write_price_per_unit_size: write_price,
            encoding_dependent_price_info: vec![EncodingPriceInfo {
                marginal_size,
                metadata_price: price_of(metadata_size),
                marginal_price: price_of(slivers_size(n_shards, marginal_size)?),
                example_blobs: sizes.into_iter().map(example).collect::<Result<_, _>>()?,
                encoding_type,
                metadata_size,
                smallest: example(1)?,
            }],
        })
    }
}

/// What a store for one epoch takes, FROST: the storage, and the write that is paid once. Both prices are for a unit.
fn store_price(encoded_size: u64, storage_price: u64, write_price: u64) -> u64 {
    storage_units(encoded_size).saturating_mul(storage_price.saturating_add(write_price))
}

/// What the network survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultTolerance {
    /// Shards that may lie.
    pub max_faulty_shards: u16,
    /// Shards that a store needs.
    pub min_correct_shards: u16,
    /// Shards of a quorum.
    pub quorum_threshold: u16,
    /// The fewest nodes that have more shards than may lie.
    pub min_nodes_above: usize,
    /// Their shards.
    pub shards_above: usize,
}

impl FaultTolerance {
    fn new(encoding: &EncodingConfig, committee: &Committee) -> Self {
        let max_faulty_shards = encoding.max_faulty();
        let members = committee.members.iter();
        let mut weights: Vec<_> = members.map(|member| member.shards.len()).collect();
        weights.sort_unstable_by(|a, b| b.cmp(a));
        let (mut min_nodes_above, mut shards_above) = (0, 0);
        for weight in weights {
            if shards_above > usize::from(max_faulty_shards) {
                break;
            }
            min_nodes_above += 1;
            shards_above += weight;
        }
        Self {
            max_faulty_shards,
            min_correct_shards: encoding.n_shards() - max_faulty_shards,
            quorum_threshold: 2 * max_faulty_shards + 1,
            min_nodes_above,
            shards_above,
        }
    }
}

/// The committee and its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitteeInfo {
    /// Shards.
    pub n_shards: u16,
    /// Primary slivers that decode a blob.
    pub n_primary_source_symbols: u16,
    /// Secondary slivers that do.
    pub n_secondary_source_symbols: u16,
    /// Bytes of the largest sliver.
    pub max_sliver_size: u64,
    /// Bytes of the metadata on all shards.
    pub metadata_storage_size: u64,
    /// Bytes in storage of the largest blob.
    pub max_encoded_blob_size: u64,
    /// The nodes, by name.
    pub current_storage_nodes: Vec<NodeInfo>,
    /// Those of the next epoch, once they are selected.
    pub next_storage_nodes: Option<Vec<NodeInfo>>,
}

/// A storage node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeInfo {
    /// Its name.
    pub name: String,
    /// `host:port`.
    pub network_address: String,
    /// The key of its confirmations.
    pub public_key: BlsPublicKey,
    /// The one that it has announced for the next epoch, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_epoch_public_key: Option<BlsPublicKey>,
    /// The key of its certificate, base64 of the compressed point; empty if that on chain is malformed.
    pub network_public_key: String,
    /// How many shards it has.
    pub n_shards: usize,
    /// Which ones.
    pub shard_ids: Vec<u16>,
    /// The ID of its pool.
    pub node_id: Address,
    /// FROST that are staked with it.
    pub stake: u64,
    /// What it votes for.
    pub voting_params: VotingParams,
}

async fn nodes(
    reader: &ContractReader,
    committee: &Committee,
) -> Result<Vec<NodeInfo>, ClientError> {
    let ids: Vec<_> = committee
        .members
        .iter()
        .map(|member| member.node_id)
        .collect();
    let pools = reader.pools(&ids).await?;
    let nodes = committee.members.iter().map(|member| {
        let id = member.node_id;
        let pool = pools.get(&id).ok_or(ChainError::ObjectNotFound { id })?;
        node(member, pool)
    });
    let mut nodes = nodes.collect::<Result<Vec<_>, ClientError>>()?;
    nodes.sort_by_key(|node| node.name.to_lowercase());
    Ok(nodes)
}

fn node(member: &CommitteeMember, pool: &StakingPool) -> Result<NodeInfo, ClientError> {
    let node_id = member.node_id;
    Ok(NodeInfo {
        name: member.name.clone(),
        network_address: member.network_address.clone(),
        public_key: member.public_key.ok_or(CommitteeError::NoKey { node_id })?,
        next_epoch_public_key: pool.node_info.next_bls_public_key(),
        network_public_key: member
            .network_public_key
            .map(|key| STANDARD.encode(key.0))
            .unwrap_or_default(),
        n_shards: member.shards.len(),
        shard_ids: member.shards.iter().map(|shard| shard.get()).collect(),
        node_id,
        stake: pool.wal_balance,
        voting_params: pool.voting_params,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_pays_for_the_write_too() {
        assert_eq!(store_price(1, 100, 20), 120);
        assert_eq!(store_price(2 * BYTES_PER_UNIT + 1, 100, 20), 360);
        assert_eq!(store_price(u64::MAX, u64::MAX, 1), u64::MAX);
    }

    #[test]
    fn epochs_begin_one_length_after_the_other() {
        let epoch = EpochTimes {
            current: 5,
            started: Some(10_000),
            length: 1_000,
        };
        assert_eq!(epoch.start_of(5, 0), Some(10_000));
        assert_eq!(epoch.start_of(7, 0), Some(12_000));
        assert_eq!(epoch.start_of(3, 0), Some(8_000));
        assert_eq!(epoch.start_of(Epoch::MAX, 0), Some(4_294_967_300_000));
        let beginning = EpochTimes {
            started: None,
            length: u64::MAX,
            ..epoch
        };
        assert_eq!(beginning.start_of(5, 7), Some(7));
        assert_eq!(beginning.start_of(7, 7), None);
        assert_eq!(beginning.start_of(3, 7), None);
    }

    #[test]
    fn storage_lasts_for_the_epoch_in_which_it_is_to_end() {
        let epoch = EpochTimes {
            current: 5,
            started: Some(10_000),
            length: 1_000,
        };
        for (end, count) in [
            (10_501, 1),
            (10_999, 1),
            (11_000, 2),
            (11_001, 2),
            (13_500, 4),
        ] {
            assert_eq!(epoch.epochs_until(end, 10_500), Some(count), "{end}");
        }
        for past in [0, 9_999, 10_000, 10_500] {
            assert_eq!(epoch.epochs_until(past, 10_500), None, "{past}");
        }
        assert_eq!(epoch.epochs_until(10_000, 9_000), None, "before the epoch");
        assert_eq!(epoch.epochs_until(u64::MAX, 10_500), Some(u32::MAX));
        let beginning = EpochTimes {
            started: None,
            ..epoch
        };
        assert_eq!(beginning.epochs_until(11_600, 10_500), Some(2));
    }
}
