//! Arguments of the commands for stakes. Client spec 2.8.

use clap::{Args, Subcommand, ValueEnum};
use walrus_sui::Address;

use super::amounts::parse_frost;

/// The least stake, in FROST: 1 WAL.
pub(crate) const MIN_STAKE: u64 = 1_000_000_000;
/// Stakes that one command changes: a transaction takes 1024 commands, two for each.
const MAX_STAKES: usize = 256;

/// Arguments of `stake`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    walrus stake --node-id 0xNODE                            1 WAL\n  \
    walrus stake --node-id 0xNODE --amount 1000000000000     1000 WAL\n  \
    walrus stake --node-ids 0xONE 0xOTHER --amounts 2WAL 3WAL --json\n  \
    walrus stake nodes                                       whom to stake with\n  \
    walrus stake estimate --node-id 0xNODE --amount 1000WAL  when, and for what\n\n\
    A node gets shards in proportion to its stake. The committee of an epoch is chosen in the middle of the one before: what is \
    staked by then counts from the next epoch on, what is staked later from the one after that. A node needs enough to be a \
    candidate, 500 WAL on a local network; the command says what is missing.\n\n\
    The stake is an object of the wallet: `walrus list-staked-wal` shows it, `walrus request-withdraw-stake` and `walrus withdraw-stake` \
    bring it back.")]
#[command(
    override_usage = "walrus stake [OPTIONS] --node-ids <NODE_ID>... [--amounts <FROST>...]\n       \
    walrus stake <nodes|estimate> [OPTIONS]"
)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct StakeArgs {
    /// What to look at in place of staking.
    #[command(subcommand)]
    pub(crate) command: Option<StakeCommand>,
    /// The nodes; `walrus stake nodes` lists them.
    #[arg(long, alias = "node-id", value_name = "NODE_ID", required = true, num_args = 1..)]
    pub(crate) node_ids: Vec<Address>,
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

/// What can be looked at before staking.
#[derive(Debug, Subcommand)]
pub(crate) enum StakeCommand {
    /// List the storage nodes that can be staked with.
    #[command(after_help = "Examples:\n  \
        walrus stake nodes\n  \
        walrus stake nodes --sort commission\n  \
        walrus stake nodes --sort return --desc --json\n\n\
        These are the candidates for the next committee and the members of the current one. The commission is what the node keeps of \
        its rewards. The return is what a stake has earned in the last epoch, after the commission; it says nothing about the next.")]
    Nodes(StakeNodesArgs),
    /// Say when a stake would count and come back, and what it would have earned.
    #[command(after_help = "Examples:\n  \
        walrus stake estimate --node-id 0xNODE\n  \
        walrus stake estimate --node-id 0xNODE --amount 1000WAL --json\n\n\
        Nothing is paid, and no wallet is needed.")]
    Estimate(StakeEstimateArgs),
}

/// Arguments of `stake nodes`.
#[derive(Debug, Args)]
pub(crate) struct StakeNodesArgs {
    /// In which order.
    #[arg(long, alias = "sort-by", value_enum, value_name = "ORDER", default_value_t = StakeOrder::Name)]
    pub(crate) sort: StakeOrder,
    /// The other way round.
    #[arg(long)]
    pub(crate) desc: bool,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// Orders of nodes for people who stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StakeOrder {
    /// By name.
    Name,
    /// By node ID.
    Id,
    /// By shards in the current committee.
    Shards,
    /// By what is staked with it.
    Stake,
    /// By what it keeps of its rewards.
    Commission,
    /// By what a stake has earned in the last epoch.
    Return,
}

/// Arguments of `stake estimate`.
#[derive(Debug, Args)]
pub(crate) struct StakeEstimateArgs {
    /// The node.
    #[arg(long, value_name = "NODE_ID")]
    pub(crate) node_id: Address,
    /// How much, in FROST (1 WAL = 1000000000 FROST) or with a unit; 1 WAL is the least.
    #[arg(long, value_name = "FROST", default_value_t = MIN_STAKE, value_parser = parse_stake)]
    pub(crate) amount: u64,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// Arguments of `list-staked-wal`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    walrus list-staked-wal\n  \
    walrus list-staked-wal --withdrawing-only --json")]
pub(crate) struct ListStakedWalArgs {
    /// Only those that no withdrawal was requested of.
    #[arg(long, conflicts_with = "withdrawing_only")]
    pub(crate) staked_only: bool,
    /// Only those that a withdrawal was requested of.
    #[arg(long)]
    pub(crate) withdrawing_only: bool,
}

/// Arguments of `request-withdraw-stake`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    walrus request-withdraw-stake 0xNODE               the only stake with a node\n  \
    walrus request-withdraw-stake 0xNODE 0xSTAKE 0xSTAKE\n  \
    walrus request-withdraw-stake 0xNODE 0xSTAKE --dry-run\n\n\
    A stake that counts is free from the next epoch on, or from the one after that if the committee of the next epoch is chosen \
    already and the node is in it. It earns until then. One that does not count yet, or whose node is in no committee, needs no request.")]
pub(crate) struct RequestWithdrawStakeArgs {
    /// The node that the stakes are with.
    #[arg(value_name = "NODE_ID")]
    pub(crate) node_id: Address,
    /// The stakes, by their object IDs; none is needed if the wallet has one with the node. If it has several, they are listed.
    #[arg(value_name = "STAKED_WAL_IDS", num_args = 0..=MAX_STAKES)]
    pub(crate) staked_wal_ids: Vec<Address>,
    /// Only say what would be requested.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `withdraw-stake`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    walrus withdraw-stake 0xSTAKE\n  \
    walrus withdraw-stake 0xSTAKE 0xSTAKE --json\n\n\
    `walrus list-staked-wal` says which are free, and from when on the others are.")]
pub(crate) struct WithdrawStakeArgs {
    /// The stakes, by their object IDs.
    #[arg(value_name = "STAKED_WAL_IDS", required = true, num_args = 1..=MAX_STAKES)]
    pub(crate) staked_wal_ids: Vec<Address>,
}

/// Arguments of `redelegate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    walrus redelegate 0xSTAKE --to 0xNODE\n  \
    walrus redelegate 0xSTAKE 0xSTAKE --to 0xNODE --json\n\n\
    What is free moves at once, in one transaction. What is not is requested, and the same command moves it when it is free; the \
    command says from when on.")]
pub(crate) struct RedelegateArgs {
    /// The stakes, by their object IDs.
    #[arg(value_name = "STAKED_WAL_IDS", required = true, num_args = 1..=MAX_STAKES)]
    pub(crate) staked_wal_ids: Vec<Address>,
    /// The node that they go to.
    #[arg(long, value_name = "NODE_ID")]
    pub(crate) to: Address,
}

fn parse_stake(text: &str) -> Result<u64, String> {
    match parse_frost(text)? {
        frost if frost >= MIN_STAKE => Ok(frost),
        _ => Err(format!("a stake is at least {MIN_STAKE} FROST (1 WAL)")),
    }
}
