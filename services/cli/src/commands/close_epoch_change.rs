//! `walrus close-epoch-change`: the way out of an epoch change that no quorum of nodes reports as done.

use serde::Serialize;
use walrus_sui::Digest;

use super::{Report, show};
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

impl Report for CloseEpochChangeOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Closed the change to epoch {}", self.epoch));
        reporter.field("transaction", self.tx_digest);
    }
}

/// Closes it, or says why that is not possible.
pub(crate) async fn run(global: &GlobalOptions, args: CloseEpochChangeArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let writer = network.writer(global)?;
    let tx_digest = writer.close_epoch_change().await?.digest;
    let epoch = network.reader().epoch().await?;
    show(global, &CloseEpochChangeOutput { epoch, tx_digest })
}
