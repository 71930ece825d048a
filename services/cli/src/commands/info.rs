//! `walrus info`. Client spec 2.7.

use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use walrus_core::{
    BlsPublicKey, EncodingConfig, EncodingType,
    pricing::{BYTES_PER_UNIT, encoded_blob_length, metadata_size, slivers_size, storage_units},
};
use walrus_node_client::Uptime;
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember},
    objects::{EpochState, StakingInnerV1, SystemStateInnerV1, VotingParams},
};

use super::print_json;
use crate::{
    args::{GlobalOptions, InfoArgs, InfoSection},
    context::{Network, rfc3339},
    node_table::{NodeRow, node_table},
    report::{Reporter, bytes, count, duration, size, wal, wal_only},
    table::{
        Align::{Left, Right},
        Table,
    },
};

/// The largest blob inside a quilt: its length is a 32-bit number.
const MAX_BLOB_SIZE_IN_QUILT: u64 = u32::MAX as u64;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    epoch_info: EpochInfo,
    storage_info: StorageInfo,
    size_info: SizeInfo,
    price_info: PriceInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    committee_info: Option<CommitteeInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bft_info: Option<BftInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EpochInfo {
    current_epoch: u32,
    start_of_current_epoch: EpochStart,
    epoch_duration: Uptime,
    max_epochs_ahead: u32,
}

#[derive(Serialize)]
enum EpochStart {
    DateTime(String),
    Message(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageInfo {
    n_shards: u16,
    n_nodes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SizeInfo {
    storage_unit_size: u64,
    max_blob_size: u64,
    max_blob_size_in_quilt: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceInfo {
    storage_price_per_unit_size: u64,
    write_price_per_unit_size: u64,
    encoding_dependent_price_info: Vec<EncodingPriceInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EncodingPriceInfo {
    marginal_size: u64,
    metadata_price: u64,
    marginal_price: u64,
    example_blobs: Vec<ExampleBlob>,
    encoding_type: EncodingType,
    /// Bytes of the metadata on all shards, for people.
    #[serde(skip)]
    metadata_size: u64,
    /// What a single byte takes, for people.
    #[serde(skip)]
    smallest: ExampleBlob,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExampleBlob {
    unencoded_size: u64,
    encoded_size: u64,
    /// Of the storage for one epoch, FROST.
    price: u64,
    encoding_type: EncodingType,
    /// Of the write as well, FROST: what a store for one epoch takes. For people.
    #[serde(skip)]
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BftInfo {
    max_faulty_shards: u16,
    min_correct_shards: u16,
    quorum_threshold: u16,
    min_nodes_above: usize,
    shards_above: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CoinInfo {
    coin_type: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommitteeInfo {
    n_shards: u16,
    n_primary_source_symbols: u16,
    n_secondary_source_symbols: u16,
    max_sliver_size: u64,
    metadata_storage_size: u64,
    max_encoded_blob_size: u64,
    current_storage_nodes: Vec<NodeInfo>,
    next_storage_nodes: Option<Vec<NodeInfo>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeInfo {
    name: String,
    network_address: String,
    public_key: BlsPublicKey,
    network_public_key: String,
    n_shards: usize,
    shard_ids: Vec<u16>,
    node_id: Address,
    stake: u64,
    voting_params: VotingParams,
}

/// Shows the network.
pub(crate) async fn run(global: &GlobalOptions, args: InfoArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    if args.section == Some(InfoSection::Coin) {
        let coin_type = network.reader().packages().wal_type.to_string();
        return show(global, CoinInfo { coin_type }, |reporter, coin| {
            reporter.field("WAL coin type", &coin.coin_type);
        });
    }
    let staking = network.reader().staking_state().await?;
    let system = network.reader().system_state().await?;
    let config = EncodingConfig::new(staking.n_shards)?;
    let committees = network.reader().committees().await?;
    let committee = &committees.current;
    match args.section {
        Some(InfoSection::Epoch) => {
            show(global, EpochInfo::new(&staking, &system), EpochInfo::print)
        }
        Some(InfoSection::Storage) => show(global, StorageInfo::new(committee), StorageInfo::print),
        Some(InfoSection::Size) => show(global, SizeInfo::new(&config), SizeInfo::print),
        Some(InfoSection::Price) => {
            show(global, PriceInfo::new(&config, &system)?, PriceInfo::print)
        }
        Some(InfoSection::Bft) => show(global, BftInfo::new(&config, committee), BftInfo::print),
        Some(InfoSection::Committee) => {
            let next = committees.next.as_ref();
            let info = CommitteeInfo::load(&network, &config, committee, next).await?;
            show(global, info, CommitteeInfo::print)
        }
        None | Some(InfoSection::All | InfoSection::Coin) => {
            let all = args.section.is_some();
            let committee_info = if all {
                let next = committees.next.as_ref();
                Some(CommitteeInfo::load(&network, &config, committee, next).await?)
            } else {
                None
            };
            let info = Info {
                epoch_info: EpochInfo::new(&staking, &system),
                storage_info: StorageInfo::new(committee),
                size_info: SizeInfo::new(&config),
                price_info: PriceInfo::new(&config, &system)?,
                committee_info,
                bft_info: all.then(|| BftInfo::new(&config, committee)),
            };
            show(global, info, Info::print)
        }
    }
}

fn show<T: Serialize>(
    global: &GlobalOptions,
    value: T,
    print: impl FnOnce(&Reporter, &T),
) -> anyhow::Result<()> {
    if global.json {
        return print_json(&value);
    }
    print(&Reporter::new(false), &value);
    Ok(())
}

impl Info {
    fn print(reporter: &Reporter, info: &Self) {
        EpochInfo::print(reporter, &info.epoch_info);
        StorageInfo::print(reporter, &info.storage_info);
        SizeInfo::print(reporter, &info.size_info);
        PriceInfo::print(reporter, &info.price_info);
        if let Some(bft) = &info.bft_info {
            BftInfo::print(reporter, bft);
        }
        if let Some(committee) = &info.committee_info {
            CommitteeInfo::print(reporter, committee);
        }
    }
}

impl EpochInfo {
    fn new(staking: &StakingInnerV1, system: &SystemStateInnerV1) -> Self {
        let start_of_current_epoch = match staking.epoch_state {
            EpochState::EpochChangeDone(start) | EpochState::NextParamsSelected(start) => {
                rfc3339(start).map_or_else(
                    || EpochStart::Message("out of range".to_owned()),
                    EpochStart::DateTime,
                )
            }
            EpochState::EpochChangeSync(_) => {
                EpochStart::Message("Epoch change in progress.".to_owned())
            }
        };
        Self {
            current_epoch: staking.epoch,
            start_of_current_epoch,
            epoch_duration: std::time::Duration::from_millis(staking.epoch_duration).into(),
            max_epochs_ahead: system.future_accounting.length,
        }
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Epoch");
        reporter.field("current", info.current_epoch);
        match &info.start_of_current_epoch {
            EpochStart::DateTime(text) | EpochStart::Message(text) => {
                reporter.field("started", text);
            }
        }
        let length = std::time::Duration::new(info.epoch_duration.secs, info.epoch_duration.nanos);
        reporter.field("length", duration(length));
        reporter.field(
            "storage sold for",
            format!("{} ahead", count(info.max_epochs_ahead, "epoch")),
        );
    }
}

impl StorageInfo {
    fn new(committee: &Committee) -> Self {
        Self {
            n_shards: committee.n_shards,
            n_nodes: committee.members.len(),
        }
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Storage");
        reporter.field("nodes", info.n_nodes);
        reporter.field("shards", info.n_shards);
    }
}

impl SizeInfo {
    fn new(config: &EncodingConfig) -> Self {
        Self {
            storage_unit_size: BYTES_PER_UNIT,
            max_blob_size: config.max_blob_size(),
            max_blob_size_in_quilt: MAX_BLOB_SIZE_IN_QUILT,
        }
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Sizes");
        reporter.field("storage unit", bytes(info.storage_unit_size));
        reporter.field("largest blob", bytes(info.max_blob_size));
    }
}

impl PriceInfo {
    fn new(config: &EncodingConfig, system: &SystemStateInnerV1) -> anyhow::Result<Self> {
        let n_shards = config.n_shards();
        let price = system.storage_price_per_unit_size;
        let price_of = |size: u64| storage_units(size).saturating_mul(price);
        let mut marginal_size = BYTES_PER_UNIT;
        while marginal_size > config.max_blob_size() && marginal_size > 1 {
            marginal_size /= 4;
        }
        let metadata = metadata_size(n_shards).saturating_mul(u64::from(n_shards));
        let smallest = config.max_blob_size().next_power_of_two() / 1024;
        let example = |size: u64| -> anyhow::Result<ExampleBlob> {
            let encoded_size = encoded_blob_length(n_shards, size, EncodingType::default())?;
            Ok(ExampleBlob {
                unencoded_size: size,
                encoded_size,
                price: price_of(encoded_size),
                total: store_price(encoded_size, price, system.write_price_per_unit_size),
                encoding_type: EncodingType::default(),
            })
        };
        let sizes = [
            smallest,
            smallest.saturating_mul(32),
            config.max_blob_size(),
        ];
        Ok(Self {
            storage_price_per_unit_size: price,
            write_price_per_unit_size: system.write_price_per_unit_size,
            encoding_dependent_price_info: vec![EncodingPriceInfo {
                marginal_size,
                metadata_price: price_of(metadata),
                marginal_price: price_of(slivers_size(n_shards, marginal_size)?),
                example_blobs: sizes.into_iter().map(example).collect::<Result<_, _>>()?,
                encoding_type: EncodingType::default(),
                metadata_size: metadata,
                smallest: example(1)?,
            }],
        })
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Prices (one epoch)");
        reporter.field("storage unit", wal(info.storage_price_per_unit_size));
        reporter.field("write, per unit", wal(info.write_price_per_unit_size));
        for encoding in &info.encoding_dependent_price_info {
            let metadata = size(encoding.metadata_size);
            reporter.field(
                "metadata",
                format!("{metadata} with every blob: one copy for each shard"),
            );
            let mut table = Table::new([
                ("a blob of", Right),
                ("takes", Right),
                ("costs, with the write", Left),
            ]);
            for example in [&encoding.smallest]
                .into_iter()
                .chain(&encoding.example_blobs)
            {
                // Exact in WAL alone; with the FROST it can be too wide for a cell.
                let price = wal_only(example.total);
                table.row(
                    [
                        size(example.unencoded_size),
                        size(example.encoded_size),
                        price,
                    ],
                    [],
                );
            }
            table.print(reporter);
        }
    }
}

/// What a store for one epoch takes, FROST: the storage, and the write that is paid once. Both prices are for a unit.
fn store_price(encoded_size: u64, storage_price: u64, write_price: u64) -> u64 {
    storage_units(encoded_size).saturating_mul(storage_price.saturating_add(write_price))
}

impl BftInfo {
    fn new(config: &EncodingConfig, committee: &Committee) -> Self {
        let max_faulty_shards = config.max_faulty();
        let mut weights: Vec<_> = committee
            .members
            .iter()
            .map(|member| member.shards.len())
            .collect();
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
            min_correct_shards: config.n_shards() - max_faulty_shards,
            quorum_threshold: 2 * max_faulty_shards + 1,
            min_nodes_above,
            shards_above,
        }
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Fault tolerance");
        reporter.field("faulty shards", format!("up to {}", info.max_faulty_shards));
        reporter.field("needed to write", count(info.min_correct_shards, "shard"));
        reporter.field(
            "breaks with",
            format!(
                "the {} ({})",
                count(info.min_nodes_above as u64, "largest node"),
                count(info.shards_above as u64, "shard")
            ),
        );
    }
}

impl CommitteeInfo {
    async fn load(
        network: &Network,
        config: &EncodingConfig,
        current: &Committee,
        next: Option<&Committee>,
    ) -> anyhow::Result<Self> {
        let n_shards = config.n_shards();
        let next_storage_nodes = match next {
            Some(next) => Some(nodes(network, next).await?),
            None => None,
        };
        Ok(Self {
            n_shards,
            n_primary_source_symbols: config.primary_source_symbols(),
            n_secondary_source_symbols: config.secondary_source_symbols(),
            max_sliver_size: u64::from(config.secondary_source_symbols()) * 65_534,
            metadata_storage_size: metadata_size(n_shards).saturating_mul(u64::from(n_shards)),
            max_encoded_blob_size: encoded_blob_length(
                n_shards,
                config.max_blob_size(),
                EncodingType::default(),
            )?,
            current_storage_nodes: nodes(network, current).await?,
            next_storage_nodes,
        })
    }

    fn print(reporter: &Reporter, info: &Self) {
        reporter.line("Committee");
        let nodes = info.current_storage_nodes.iter();
        let rows = nodes.map(|node| NodeRow {
            name: &node.name,
            shards: node.n_shards,
            stake: node.stake,
            address: &node.network_address,
            id: node.node_id,
        });
        node_table(rows.collect()).print(reporter);
    }
}

async fn nodes(network: &Network, committee: &Committee) -> anyhow::Result<Vec<NodeInfo>> {
    let mut nodes = Vec::with_capacity(committee.members.len());
    for member in &committee.members {
        nodes.push(node(network, member).await?);
    }
    nodes.sort_by_key(|node| node.name.to_lowercase());
    Ok(nodes)
}

async fn node(network: &Network, member: &CommitteeMember) -> anyhow::Result<NodeInfo> {
    let summary = network.reader().pool(member.node_id).await?;
    Ok(NodeInfo {
        name: member.name.clone(),
        network_address: member.network_address.clone(),
        public_key: member
            .bls_public_key()
            .context("a committee member has no usable BLS key")?,
        network_public_key: STANDARD.encode(&member.network_public_key),
        n_shards: member.shards.len(),
        shard_ids: member.shards.iter().map(|shard| shard.get()).collect(),
        node_id: member.node_id,
        stake: summary.pool.wal_balance,
        voting_params: summary.pool.voting_params,
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
}
