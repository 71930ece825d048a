//! `walrus info`. Client spec 2.7.

use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use walrus_node_client::Uptime;
use walrus_sdk::info::{
    CommitteeInfo, EpochInfo, FaultTolerance, NodeInfo, PriceInfo, SizeInfo, StorageInfo,
};

use super::{Report, commission_receivers, show};
use crate::{
    args::{GlobalOptions, InfoArgs, InfoSection, NodeOrder},
    context::{Network, rfc3339},
    node_table::{NodeKey, NodeRow, NodeView, node_table},
    report::{Reporter, bytes, count, duration, size, wal, wal_only},
    table::{
        Align::{Left, Right},
        Table,
    },
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    epoch_info: EpochOutput,
    storage_info: StorageInfo,
    size_info: SizeInfo,
    price_info: PriceInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    committee_info: Option<CommitteeOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bft_info: Option<FaultTolerance>,
}

/// A committee, and how it is shown.
#[derive(Serialize)]
#[serde(transparent)]
struct CommitteeOutput {
    info: CommitteeInfo,
    #[serde(skip)]
    view: NodeView,
}

impl CommitteeOutput {
    fn new(mut info: CommitteeInfo, view: NodeView) -> Self {
        let next = info.next_storage_nodes.iter_mut();
        for nodes in next.chain([&mut info.current_storage_nodes]) {
            view.sort_plainly(nodes, |node| NodeKey {
                name: &node.name,
                address: &node.network_address,
                id: node.node_id,
            });
        }
        Self { info, view }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EpochOutput {
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
struct CoinInfo {
    coin_type: String,
}

/// Shows the network.
pub(crate) async fn run(global: &GlobalOptions, args: InfoArgs) -> anyhow::Result<()> {
    let shows_nodes = matches!(
        args.section,
        Some(InfoSection::All | InfoSection::Committee)
    );
    if let Some(option) = args.about_nodes().filter(|_| !shows_nodes) {
        bail!("{option} is about nodes, which only `info committee` and `info all` show");
    }
    let view = NodeView {
        order: args.sort_by.unwrap_or(NodeOrder::Name),
        descends: args.desc,
        has_details: !args.hide_details,
    };
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    if args.commission_receivers {
        return commission_receivers::print(network.reader(), view).await;
    }
    if args.section == Some(InfoSection::Coin) {
        let coin_type = network.reader().packages().wal_type.to_string();
        return show(global, &CoinInfo { coin_type });
    }
    let info = network.client().info().await?;
    let reader = network.reader();
    match args.section {
        Some(InfoSection::Epoch) => show(global, &EpochOutput::new(&info.epoch())),
        Some(InfoSection::Storage) => show(global, &info.storage()),
        Some(InfoSection::Size) => show(global, &info.sizes()),
        Some(InfoSection::Price) => show(global, &info.prices()?),
        Some(InfoSection::Bft) => show(global, &info.fault_tolerance()),
        Some(InfoSection::Committee) => {
            let committee = info.committee(reader).await?;
            show(global, &CommitteeOutput::new(committee, view))
        }
        None | Some(InfoSection::All | InfoSection::Coin) => {
            let all = args.section.is_some();
            let committee_info = match all {
                true => Some(CommitteeOutput::new(info.committee(reader).await?, view)),
                false => None,
            };
            let output = Info {
                epoch_info: EpochOutput::new(&info.epoch()),
                storage_info: info.storage(),
                size_info: info.sizes(),
                price_info: info.prices()?,
                committee_info,
                bft_info: all.then(|| info.fault_tolerance()),
            };
            show(global, &output)
        }
    }
}

impl Report for Info {
    fn print(&self, reporter: &Reporter) {
        self.epoch_info.print(reporter);
        self.storage_info.print(reporter);
        self.size_info.print(reporter);
        self.price_info.print(reporter);
        if let Some(bft) = &self.bft_info {
            bft.print(reporter);
        }
        if let Some(committee) = &self.committee_info {
            committee.print(reporter);
        }
    }
}

impl Report for CoinInfo {
    fn print(&self, reporter: &Reporter) {
        reporter.field("WAL coin type", &self.coin_type);
    }
}

impl EpochOutput {
    fn new(info: &EpochInfo) -> Self {
        let start_of_current_epoch = match info.times.started {
            Some(start) => rfc3339(start).map_or_else(
                || EpochStart::Message("out of range".to_owned()),
                EpochStart::DateTime,
            ),
            None => EpochStart::Message("Epoch change in progress.".to_owned()),
        };
        Self {
            current_epoch: info.times.current,
            start_of_current_epoch,
            epoch_duration: Duration::from_millis(info.times.length).into(),
            max_epochs_ahead: info.max_epochs_ahead,
        }
    }
}

impl Report for EpochOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line("Epoch");
        reporter.field("current", self.current_epoch);
        match &self.start_of_current_epoch {
            EpochStart::DateTime(text) | EpochStart::Message(text) => {
                reporter.field("started", text);
            }
        }
        let length = Duration::new(self.epoch_duration.secs, self.epoch_duration.nanos);
        reporter.field("length", duration(length));
        reporter.field(
            "storage sold for",
            format!("{} ahead", count(self.max_epochs_ahead, "epoch")),
        );
    }
}

impl Report for StorageInfo {
    fn print(&self, reporter: &Reporter) {
        reporter.line("Storage");
        reporter.field("nodes", self.n_nodes);
        reporter.field("shards", self.n_shards);
    }
}

impl Report for SizeInfo {
    fn print(&self, reporter: &Reporter) {
        reporter.line("Sizes");
        reporter.field("storage unit", bytes(self.storage_unit_size));
        reporter.field("largest blob", bytes(self.max_blob_size));
    }
}

impl Report for PriceInfo {
    fn print(&self, reporter: &Reporter) {
        reporter.line("Prices (one epoch)");
        reporter.field("storage unit", wal(self.storage_price_per_unit_size));
        reporter.field("write, per unit", wal(self.write_price_per_unit_size));
        for encoding in &self.encoding_dependent_price_info {
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

impl Report for FaultTolerance {
    fn print(&self, reporter: &Reporter) {
        reporter.line("Fault tolerance");
        reporter.field("faulty shards", format!("up to {}", self.max_faulty_shards));
        reporter.field("needed to write", count(self.min_correct_shards, "shard"));
        reporter.field(
            "breaks with",
            format!(
                "the {} ({})",
                count(self.min_nodes_above as u64, "largest node"),
                count(self.shards_above as u64, "shard")
            ),
        );
    }
}

impl Report for CommitteeOutput {
    fn print(&self, reporter: &Reporter) {
        let print = |nodes: &[NodeInfo]| {
            let rows = nodes.iter().map(|node| NodeRow {
                name: &node.name,
                shards: node.n_shards,
                stake: node.stake,
                address: &node.network_address,
                id: node.node_id,
            });
            node_table(rows.collect(), self.view).print(reporter);
        };
        reporter.line("Committee");
        print(&self.info.current_storage_nodes);
        if let Some(next) = &self.info.next_storage_nodes {
            reporter.line("Committee of the next epoch");
            print(next);
        }
    }
}
