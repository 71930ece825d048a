//! `walrus blob-status`. Client spec 2.6.

use serde::Serialize;
use walrus_core::{BlobId, Epoch};
use walrus_node_client::BlobStatus;

use super::{Report, show};
use crate::{
    args::{BlobStatusArgs, GlobalOptions},
    context::Network,
    encoding::identify,
    input,
    lifetime::{Lifetime, LifetimeOutput},
    parts::PartsStatus,
    report::{Reporter, count},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobStatusOutput {
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    status: BlobStatus,
    /// Of permanent objects alone, as ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_expiry_timestamp: Option<String>,
    lifetime: LifetimeOutput,
    /// Of a manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<PartsStatus>,
    #[serde(skip)]
    found: Lifetime,
    /// About when it ends, RFC 3339.
    #[serde(skip)]
    end: Option<String>,
}

impl Report for BlobStatusOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.field("blob ID", self.blob_id);
        if let Some(file) = &self.file {
            reporter.field("file", file);
        }
        print_status(reporter, &self.status, self.found);
        if let Some(time) = &self.end {
            reporter.field("expires about", time);
        }
        if let Some(parts) = &self.parts {
            parts.print(reporter);
        }
    }
}

/// Shows the status of a blob.
pub(crate) async fn run(global: &GlobalOptions, args: BlobStatusArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let blob_id = match (args.blob_id(), &args.file) {
        (Some(text), _) => input::parse_blob_id(text)?,
        (None, Some(file)) => {
            let config = network.encoding_config().await?;
            let reporter = Reporter::new(global.json);
            let spool = args.copy.spool();
            identify(file, config, spool, &reporter).await?.blob_id
        }
        (None, None) => anyhow::bail!("exactly one of `--file` and `--blob-id` must be given"),
    };
    let status = network.client().blob_status(&blob_id, args.timeout).await?;
    let lifetime = Lifetime::find(global, &network, &blob_id, &status).await?;
    let estimated_expiry_timestamp = match &status {
        BlobStatus::Permanent { end_epoch, .. } => network.epoch_start_estimate(*end_epoch).await?,
        _ => None,
    };
    let end = match lifetime {
        Lifetime::Until { end_epoch, .. } => network.epoch_start_estimate(end_epoch).await?,
        _ => None,
    };
    let file = args.file.map(|file| file.display().to_string());
    let parts = match status.initial_certified_epoch() {
        Some(_) => PartsStatus::of(&network, &blob_id, args.timeout).await?,
        None => None,
    };
    let output = BlobStatusOutput {
        blob_id,
        file,
        parts,
        status,
        estimated_expiry_timestamp,
        lifetime: LifetimeOutput::new(lifetime, end.clone()),
        found: lifetime,
        end,
    };
    show(global, &output)
}

fn print_status(reporter: &Reporter, status: &BlobStatus, lifetime: Lifetime) {
    match status {
        BlobStatus::Nonexistent => return reporter.field("status", lifetime.absence()),
        BlobStatus::Invalid { .. } => {
            return reporter.field("status", "invalid: no file has this blob ID");
        }
        BlobStatus::Permanent {
            deletable_counts,
            initial_certified_epoch,
            ..
        } => {
            print_certification(reporter, *initial_certified_epoch);
            let others = deletable_counts.count_deletable_total;
            let kind = match others {
                0 => "permanent".to_owned(),
                others => format!("permanent, and {}", count(others, "deletable object")),
            };
            reporter.field("kind", kind);
        }
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        } => {
            print_certification(reporter, *initial_certified_epoch);
            reporter.field("kind", "deletable");
            let (total, certified) = (
                deletable_counts.count_deletable_total,
                deletable_counts.count_deletable_certified,
            );
            reporter.field(
                "objects",
                format!("{total}, of which {certified} certified"),
            );
        }
    }
    match lifetime {
        Lifetime::Until {
            end_epoch,
            is_latest: true,
        } => reporter.field("expires", format!("with epoch {end_epoch}")),
        Lifetime::Until { end_epoch, .. } => reporter.field(
            "expires",
            format!("with epoch {end_epoch} or later, if objects of others last longer"),
        ),
        _ => reporter.field(
            "expires",
            "nodes do not tell it of deletable objects, and none is this wallet's",
        ),
    }
}

fn print_certification(reporter: &Reporter, epoch: Option<Epoch>) {
    match epoch {
        Some(epoch) => {
            reporter.field("status", "available");
            reporter.field("certified", format!("since epoch {epoch}"));
        }
        None => {
            reporter.field("status", "registered");
            reporter.field("certified", "no");
        }
    }
}
