//! `walrus localnet node`: the nodes of a network that is up.

use anyhow::{Context, ensure};
use serde::Serialize;
use walrus_localnet::{NodeListing, NodeOrder, OrderAnswer, give_order};
use walrus_sui::local_network::default_directory;

use super::{Report, show};
use crate::{
    args::{GlobalOptions, LocalnetNodeArgs, LocalnetNodeCommand},
    report::Reporter,
    table::{Align, Table},
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodesOutput {
    /// A sentence; empty for a list.
    message: String,
    /// The nodes afterwards.
    nodes: Vec<NodeListing>,
}

impl Report for NodesOutput {
    fn print(&self, reporter: &Reporter) {
        if !self.message.is_empty() {
            reporter.line(&self.message);
        }
        let mut table = Table::new([
            ("node", Align::Left),
            ("state", Align::Left),
            ("shards", Align::Right),
            ("next epoch", Align::Right),
        ]);
        for node in &self.nodes {
            let state = match (node.is_running, node.is_removed) {
                (true, false) => "up",
                (false, false) => "stopped",
                (true, true) => "leaving",
                (false, true) => "has left",
            };
            let next = node
                .next_shards
                .map_or("not chosen yet".to_owned(), |n| n.to_string());
            let cells = [
                node.name.clone(),
                state.to_owned(),
                node.shards.to_string(),
                next,
            ];
            table.row(cells, [node.node_id.to_string()]);
        }
        table.print(reporter);
    }
}

/// Gives the order, and shows what came of it.
pub(crate) async fn run(global: &GlobalOptions, args: LocalnetNodeArgs) -> anyhow::Result<()> {
    let dir = args.dir.or_else(default_directory);
    let dir = dir.context("there is no home directory; say where the network is with --dir")?;
    let order = match args.command {
        LocalnetNodeCommand::List => NodeOrder::List {},
        LocalnetNodeCommand::Add => NodeOrder::Add {},
        LocalnetNodeCommand::Remove { name } => NodeOrder::Remove { name },
        LocalnetNodeCommand::Stop { name } => NodeOrder::Stop { name },
        LocalnetNodeCommand::Start { name } => NodeOrder::Start { name },
    };
    let OrderAnswer {
        success,
        message,
        nodes,
    } = give_order(&dir, &order).await?;
    ensure!(success, "{message}");
    show(global, &NodesOutput { message, nodes })
}
