//! `walrus close-epoch-change`: the way out of an epoch change that no quorum of nodes reports as done.

use serde::Serialize;
use walrus_sui::Digest;

use super::print_json;
use crate::{
    args::{CloseEpochChangeArgs, GlobalOptions},
    context::Network,
    report::Reporter,
};

/// The JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CloseEpochChangeOutput {
    /// The epoch that goes on.
    epoch: u32,
    /// The transaction.
    tx_digest: Digest,
}

/// Closes it, or says why that is not possible.
pub(crate) async fn run(global: &GlobalOptions, args: CloseEpochChangeArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let writer = network.writer(global)?;
    let tx_digest = writer.close_epoch_change().await?.digest;
    let epoch = network.reader().epoch().await?;
    if global.json {
        return print_json(&CloseEpochChangeOutput { epoch, tx_digest });
    }
    let reporter = Reporter::new(false);
    reporter.line(format!("Closed the change to epoch {epoch}"));
    reporter.field("transaction", tx_digest);
    Ok(())
}
