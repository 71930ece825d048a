//! `walrus health`. Client spec 2.7.

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use walrus_node_client::HealthInfo;
use walrus_sdk::{NodeHealth, NodesToAsk};
use walrus_sui::Address;

use super::{Report, show};
use crate::{
    args::{GlobalOptions, HealthArgs, HealthOrder},
    context::Network,
    report::{Reporter, count},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthOutput {
    health_info: Vec<NodeOutput>,
    latest_seq: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeOutput {
    node_id: Address,
    node_url: String,
    node_name: String,
    network_public_key: String,
    /// `Ok` or `Err`, as Rust has it.
    health_info: Result<HealthInfo, String>,
}

impl From<NodeHealth> for NodeOutput {
    fn from(NodeHealth { node, health }: NodeHealth) -> Self {
        Self {
            node_id: node.node_id,
            node_url: node.network_address,
            node_name: node.name,
            network_public_key: STANDARD.encode(node.network_public_key),
            health_info: health.map_err(|problem| problem.to_string()),
        }
    }
}

impl Report for HealthOutput {
    fn print(&self, reporter: &Reporter) {
        for node in &self.health_info {
            reporter.line(format!("{} at {}", node.node_name, node.node_url));
            reporter.field("node ID", node.node_id);
            match &node.health_info {
                Ok(health) => {
                    reporter.field("status", &health.node_status);
                    reporter.field("epoch", health.epoch);
                    let shards = &health.shard_summary;
                    let ready = shards.owned_shard_status.ready;
                    reporter.field(
                        "shards",
                        format!("{}, of which {ready} ready", shards.owned),
                    );
                    let events = &health.event_progress;
                    reporter.field(
                        "events",
                        format!("{} done, {} pending", events.persisted, events.pending),
                    );
                    for problem in &health.problems {
                        reporter.field("problem", problem);
                    }
                }
                Err(error) => reporter.field("status", format!("no answer: {error}")),
            }
        }
        let answered = self
            .health_info
            .iter()
            .filter(|node| node.health_info.is_ok())
            .count();
        reporter.line(format!(
            "{answered} of {} answered",
            count(self.health_info.len() as u64, "node")
        ));
    }
}

/// Shows the health of nodes.
pub(crate) async fn run(global: &GlobalOptions, args: HealthArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let client = network.client();
    let nodes = match (args.node_ids.is_empty(), args.node_urls.is_empty()) {
        (false, _) => NodesToAsk::Ids(args.node_ids.clone()),
        (true, false) => NodesToAsk::Ids(of_urls(&network, &args.node_urls).await?),
        (true, true) if args.active_set => NodesToAsk::ActiveSet,
        (true, true) => {
            ensure!(
                args.committee,
                "name nodes, or one of --committee and --active-set"
            );
            NodesToAsk::Committee
        }
    };
    let found = client
        .health_of(&nodes, args.detail, args.concurrent_requests)
        .await?;
    let mut health_info: Vec<NodeOutput> = found.into_iter().map(NodeOutput::from).collect();
    sort(&mut health_info, &args);
    let seen = health_info
        .iter()
        .filter_map(|node| node.health_info.as_ref().ok());
    let latest_seq = seen
        .filter_map(|health| health.latest_checkpoint_sequence_number)
        .max();
    show(
        global,
        &HealthOutput {
            health_info,
            latest_seq,
        },
    )
}

fn sort(nodes: &mut [NodeOutput], args: &HealthArgs) {
    nodes.sort_by(|a, b| {
        let by_name = || alphanumeric_sort::compare_str(&a.node_name, &b.node_name);
        let order = match args.sort_by {
            HealthOrder::Status => {
                let status = |node: &NodeOutput| match &node.health_info {
                    Ok(health) => (false, health.node_status.clone()),
                    Err(error) => (true, error.clone()),
                };
                status(a).cmp(&status(b)).then_with(by_name)
            }
            HealthOrder::Id => a.node_id.cmp(&b.node_id),
            HealthOrder::Name => by_name(),
            HealthOrder::Url => a.node_url.cmp(&b.node_url),
        };
        if args.desc { order.reverse() } else { order }
    });
}

/// IDs of nodes of the active set by their addresses.
async fn of_urls(network: &Network, urls: &[String]) -> anyhow::Result<Vec<Address>> {
    let reader = network.reader();
    let ids: Vec<_> = reader
        .active_set()
        .await?
        .nodes
        .into_iter()
        .map(|entry| entry.node_id)
        .collect();
    let pools = reader.pools(&ids).await?;
    let ids = urls.iter().map(|url| {
        let wanted = url.trim_start_matches("https://").trim_end_matches('/');
        let found = pools
            .iter()
            .find(|(_, pool)| pool.node_info.network_address == wanted);
        let (id, _) = found.with_context(|| format!("no node of the active set is at {url}"))?;
        Ok(*id)
    });
    ids.collect()
}
