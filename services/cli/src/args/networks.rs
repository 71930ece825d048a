//! Arguments of the commands for networks: looking at one, paying on one.

use clap::{Args, ValueEnum};

use super::amounts::{parse_frost, parse_mist, parse_some_mist};

/// Arguments of `info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Which part to show.
    #[arg(value_enum)]
    pub(crate) section: Option<InfoSection>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
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

/// The least stake, in FROST: 1 WAL.
const MIN_STAKE: u64 = 1_000_000_000;

/// Arguments of `stake`.
#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    /// The nodes; `walrus-node register` and `walrus-node status` say the ID of one.
    #[arg(long, alias = "node-id", value_name = "NODE_ID", required = true, num_args = 1..)]
    pub(crate) node_ids: Vec<walrus_sui::Address>,
    /// How much, in FROST (1 WAL = 1000000000 FROST) or with a unit, such as `1.5WAL`: one amount for all nodes, or one for each; 1 WAL is the least.
    #[arg(long, alias = "amount", value_name = "FROST", num_args = 1.., default_values_t = [MIN_STAKE], value_parser = parse_stake)]
    pub(crate) amounts: Vec<u64>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Pay nothing if all stakes together are more, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) max_cost: Option<u64>,
}

fn parse_stake(text: &str) -> Result<u64, String> {
    match parse_frost(text)? {
        frost if frost >= MIN_STAKE => Ok(frost),
        _ => Err(format!("a stake is at least {MIN_STAKE} FROST (1 WAL)")),
    }
}

/// Arguments of `close-epoch-change`.
#[derive(Debug, Args)]
pub(crate) struct CloseEpochChangeArgs {
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}
