//! `walrus list-blobs`. Client spec 2.8.

use serde::Serialize;
use walrus_sdk::BlobObject;

use super::{Report, show};
use crate::{
    args::{GlobalOptions, ListBlobsArgs},
    context::Network,
    report::{Reporter, bytes, count},
};

#[derive(Serialize)]
#[serde(transparent)]
struct ListBlobsOutput {
    blobs: Vec<BlobObject>,
    #[serde(skip)]
    epoch: u32,
}

impl Report for ListBlobsOutput {
    fn print(&self, reporter: &Reporter) {
        for blob in &self.blobs {
            reporter.line(blob.blob_id.to_string());
            reporter.line(format!("  blob object {}", blob.id));
            reporter.field("unencoded size", bytes(blob.size));
            reporter.field("encoded size", bytes(blob.storage.storage_size));
            let end = blob.storage.end_epoch;
            let expires = match end > self.epoch {
                true => format!("with epoch {end}"),
                false => format!("expired with epoch {end}"),
            };
            reporter.field("expires", expires);
            let certified = match blob.certified_epoch {
                Some(epoch) => format!("since epoch {epoch}"),
                None => "no".to_owned(),
            };
            reporter.field("certified", certified);
            reporter.field("deletable", if blob.deletable { "yes" } else { "no" });
        }
        reporter.line(count(self.blobs.len() as u64, "blob object"));
    }
}

/// Shows the blob objects of the wallet.
pub(crate) async fn run(global: &GlobalOptions, args: ListBlobsArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let owner = network.writer(global)?.address();
    let output = ListBlobsOutput {
        blobs: network
            .client()
            .owned_blobs(owner, args.include_expired)
            .await?,
        epoch: network.reader().epoch().await?,
    };
    show(global, &output)
}
