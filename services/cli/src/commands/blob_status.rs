//! `walrus blob-status`. Client spec 2.6.

use serde::Serialize;
use walrus_core::BlobId;
use walrus_node_client::BlobStatus;

use super::print_json;
use crate::{
    args::{BlobStatusArgs, GlobalOptions},
    context::Network,
    encoding::encode_file,
    input,
    report::Reporter,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobStatusOutput {
    blob_id: BlobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    status: BlobStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_expiry_timestamp: Option<String>,
}

/// Shows the status of a blob.
pub(crate) async fn run(global: &GlobalOptions, args: BlobStatusArgs) -> anyhow::Result<()> {
    let network = Network::load(global, args.rpc_url.as_deref()).await?;
    let blob_id = match (&args.blob_id, &args.file) {
        (Some(text), _) => input::parse_blob_id(text)?,
        (None, Some(file)) => {
            let config = network.encoding_config().await?;
            let reporter = Reporter::new(global.json);
            let scratch = args.copy.scratch();
            let metadata = encode_file(file, config, None, scratch, &reporter).await?;
            *metadata.blob_id()
        }
        (None, None) => anyhow::bail!("exactly one of `--file` and `--blob-id` must be given"),
    };
    let status = network
        .client()
        .await?
        .blob_status(&blob_id, args.timeout)
        .await?;
    let estimated_expiry_timestamp = match &status {
        BlobStatus::Permanent { end_epoch, .. } => network.epoch_start_estimate(*end_epoch).await?,
        _ => None,
    };
    let output = BlobStatusOutput {
        blob_id,
        file: args.file.map(|file| file.display().to_string()),
        status,
        estimated_expiry_timestamp,
    };
    if global.json {
        return print_json(&output);
    }
    print_status(&Reporter::new(false), &output);
    Ok(())
}

fn print_status(reporter: &Reporter, output: &BlobStatusOutput) {
    reporter.field("blob ID", output.blob_id);
    if let Some(file) = &output.file {
        reporter.field("file", file);
    }
    let certified = |epoch: &Option<u32>| match epoch {
        Some(epoch) => format!("since epoch {epoch}"),
        None => "no".to_owned(),
    };
    match &output.status {
        BlobStatus::Nonexistent => reporter.field("status", "not stored on this network"),
        BlobStatus::Invalid { .. } => {
            reporter.field("status", "invalid: no file has this blob ID");
        }
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            initial_certified_epoch,
            ..
        } => {
            reporter.field(
                "status",
                if *is_certified {
                    "available"
                } else {
                    "registered"
                },
            );
            reporter.field("kind", "permanent");
            reporter.field("certified", certified(initial_certified_epoch));
            reporter.field("expires", format!("with epoch {end_epoch}"));
        }
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        } => {
            let available = initial_certified_epoch.is_some();
            reporter.field("status", if available { "available" } else { "registered" });
            reporter.field("kind", "deletable");
            reporter.field("certified", certified(initial_certified_epoch));
            reporter.field(
                "objects",
                format!(
                    "{}, of which {} certified",
                    deletable_counts.count_deletable_total,
                    deletable_counts.count_deletable_certified
                ),
            );
        }
    }
    if let Some(time) = &output.estimated_expiry_timestamp {
        reporter.field("expires about", time);
    }
}
