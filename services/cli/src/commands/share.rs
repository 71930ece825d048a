//! `walrus share` and `walrus fund-shared-blob`. Client spec 2.8.

use anyhow::ensure;
use serde::Serialize;
use walrus_sui::Address;

use super::{Report, show};
use crate::{
    args::{FundSharedBlobArgs, GlobalOptions, ShareArgs},
    context::Network,
    cost::Cost,
    report::{Reporter, wal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShareOutput {
    shared_blob_object_id: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
}

impl Report for ShareOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line("The blob is shared: anybody can extend it");
        reporter.line(format!("  shared blob {}", self.shared_blob_object_id));
        reporter.field("funds", wal(self.amount.unwrap_or(0)));
    }
}

/// Puts a blob object into a shared one.
pub(crate) async fn share(global: &GlobalOptions, args: ShareArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let blob = network.reader().blob(args.blob_obj_id).await?;
    ensure!(!blob.deletable, "deletable blobs cannot be shared");
    let amount = args.amount.filter(|frost| *frost > 0);
    let cost = Cost::wal(amount.unwrap_or(0), args.max_cost);
    cost.announce(global, &writer).await?;
    let shared = writer
        .share_blob(args.blob_obj_id, amount.unwrap_or(0))
        .await?;
    let output = ShareOutput {
        shared_blob_object_id: shared,
        amount,
    };
    show(global, &output)
}

#[derive(Serialize)]
struct FundOutput {
    amount: u64,
    #[serde(skip)]
    shared: Address,
}

impl Report for FundOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Put {} into the shared blob", wal(self.amount)));
        reporter.line(format!("  shared blob {}", self.shared));
    }
}

/// Adds funds to a shared blob.
pub(crate) async fn fund(global: &GlobalOptions, args: FundSharedBlobArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let (shared, amount) = (args.shared_blob_obj_id, args.amount);
    let cost = Cost::wal(amount, args.max_cost);
    cost.announce(global, &writer).await?;
    writer.fund_shared_blob(shared, amount).await?;
    show(global, &FundOutput { amount, shared })
}
