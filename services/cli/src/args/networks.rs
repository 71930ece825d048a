//! Arguments of the commands for networks: looking at one, paying on one.

use clap::{Args, ValueEnum};

use super::amounts::{parse_mist, parse_some_mist};

/// Arguments of `info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Which part to show.
    #[arg(value_enum)]
    pub(crate) section: Option<InfoSection>,
    /// In which order nodes are shown, by `committee` and `all`. [default: by name]
    #[arg(long, value_enum, value_name = "ORDER")]
    pub(crate) sort_by: Option<NodeOrder>,
    /// The other way round.
    #[arg(long)]
    pub(crate) desc: bool,
    /// Of each node only a line, without its ID and address.
    #[arg(long)]
    pub(crate) hide_details: bool,
    /// Who gets the commission of each node of the current, the previous and the next committee, as CSV and in place of everything else.
    #[arg(long, conflicts_with = "hide_details")]
    pub(crate) commission_receivers: bool,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

impl InfoArgs {
    /// The first option that is about nodes, if one was given.
    pub(crate) fn about_nodes(&self) -> Option<&'static str> {
        let given = [
            (self.sort_by.is_some(), "--sort-by"),
            (self.desc, "--desc"),
            (self.hide_details, "--hide-details"),
            (self.commission_receivers, "--commission-receivers"),
        ];
        let mut given = given.into_iter().filter(|(is_given, _)| *is_given);
        given.next().map(|(_, name)| name)
    }
}

/// Orders of the nodes of a committee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NodeOrder {
    /// By node ID.
    Id,
    /// By name.
    Name,
    /// By address.
    Url,
}

/// The parts of `info`. Client spec 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InfoSection {
    /// Everything.
    All,
    /// The current epoch.
    Epoch,
    /// Shards and nodes.
    Storage,
    /// Size limits.
    Size,
    /// Prices.
    Price,
    /// Fault tolerance.
    Bft,
    /// The WAL coin type.
    Coin,
    /// The storage nodes.
    Committee,
}

/// Arguments of `get-wal`.
#[derive(Debug, Args)]
pub(crate) struct GetWalArgs {
    /// The exchange; one that the configuration lists under `exchange_objects` when absent.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) exchange_id: Option<walrus_sui::Address>,
    /// How much SUI to give away, in MIST (1 SUI = 1000000000 MIST) or with a unit, such as `1.5SUI`.
    #[arg(long, value_name = "MIST", default_value_t = 500_000_000, value_parser = parse_some_mist)]
    pub(crate) amount: u64,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Pay nothing if it is more than this, in MIST (1 SUI = 1000000000 MIST) or with a unit.
    #[arg(long, value_name = "MIST", value_parser = parse_mist)]
    pub(crate) max_cost: Option<u64>,
}

/// Arguments of `close-epoch-change`.
#[derive(Debug, Args)]
pub(crate) struct CloseEpochChangeArgs {
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}
