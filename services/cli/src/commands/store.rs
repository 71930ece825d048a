//! `walrus store`. Client spec 2.5.

use anyhow::Context;
use serde::Serialize;
use walrus_sdk::{
    BlobStoreResult, BlobToStore, DryRun, EpochsAhead, EventOrObject, ResourceOperation,
    StoreOptions, StoreOutcome, StoreReport,
};

use super::print_json;
use crate::{
    args::{EpochCount, GlobalOptions, StoreArgs},
    context::Network,
    input::Inputs,
    progress::Bars,
    report::{Reporter, bytes, duration, explain, wal},
    stop::Stop,
};

/// One element of the JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredFile<'a> {
    blob_store_result: &'a BlobStoreResult,
    path: &'a str,
}

/// The JSON result of a store.
pub(crate) fn json_result(outcomes: &[StoreOutcome]) -> Vec<StoredFile<'_>> {
    outcomes
        .iter()
        .map(|outcome| StoredFile {
            blob_store_result: &outcome.result,
            path: &outcome.label,
        })
        .collect()
}

/// Stores files.
pub(crate) async fn run(global: &GlobalOptions, args: StoreArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let bars = Bars::new(reporter.clone());
    let stop = Stop::on_signals()?;
    let store = async {
        let network = Network::load(global, None).await?;
        let blobs = inputs(&network, &args).await?;
        if args.dry_run {
            return dry_run(global, &network, &args, &reporter, blobs).await;
        }
        let report = store(global, &network, &args, &bars, blobs).await?;
        bars.finish();
        print_report(global, &reporter, &report)
    };
    // What is left of the store ends with it: requests, computations, temporary files.
    tokio::select! {
        result = store => result,
        () = stop.wait() => Err(bars.interrupted()),
    }
}

/// Looks at all files before anything is done with one of them.
async fn inputs(network: &Network, args: &StoreArgs) -> anyhow::Result<Vec<BlobToStore>> {
    let max = network.encoding_config().await?.max_blob_size();
    let mut inputs = Inputs::new(max, args.spool.scratch());
    let mut blobs = Vec::with_capacity(args.files.len());
    for file in &args.files {
        let data = inputs.blob(file).await?;
        blobs.push(BlobToStore::new(file.display().to_string(), data));
    }
    Ok(blobs)
}

fn epochs(args: &StoreArgs) -> EpochsAhead {
    match args.epochs {
        EpochCount::Count(count) => EpochsAhead::Count(count),
        EpochCount::Max => EpochsAhead::Max,
    }
}

async fn dry_run(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreArgs,
    reporter: &Reporter,
    blobs: Vec<BlobToStore>,
) -> anyhow::Result<()> {
    let client = network.client_with(args.spool.scratch()).await?;
    let estimates = client.dry_run(blobs, epochs(args)).await;
    print_dry_run(global, reporter, &estimates.map_err(explain)?)
}

async fn store(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreArgs,
    bars: &Bars,
    blobs: Vec<BlobToStore>,
) -> anyhow::Result<StoreReport> {
    let mut options = StoreOptions::new(epochs(args));
    options.deletable = !args.permanent;
    options.check_status = !args.force;
    options.reuse_resources = !args.ignore_resources;
    options.gas_budget = global.gas_budget;
    let client = network
        .client_with_wallet(global, args.spool.scratch())
        .await?;
    client.store(blobs, &options, bars).await.map_err(explain)
}

fn print_report(
    global: &GlobalOptions,
    reporter: &Reporter,
    report: &StoreReport,
) -> anyhow::Result<()> {
    if global.json {
        print_json(&json_result(&report.outcomes))?;
    } else {
        for outcome in &report.outcomes {
            print_outcome(reporter, outcome);
        }
        for (phase, time) in &report.timings {
            reporter.field(phase.label(), duration(*time));
        }
    }
    let failed = report
        .outcomes
        .iter()
        .filter(|outcome| {
            matches!(
                outcome.result,
                BlobStoreResult::Error { .. } | BlobStoreResult::MarkedInvalid { .. }
            )
        })
        .count();
    anyhow::ensure!(
        failed == 0,
        "{failed} of {} files were not stored",
        report.outcomes.len()
    );
    Ok(())
}

fn print_dry_run(
    global: &GlobalOptions,
    reporter: &Reporter,
    estimates: &[DryRun],
) -> anyhow::Result<()> {
    if global.json {
        return print_json(&estimates);
    }
    for estimate in estimates {
        reporter.line(format!("{}: nothing was stored (dry run)", estimate.label));
        reporter.field("blob ID", estimate.blob_id);
        reporter.field("unencoded size", bytes(estimate.unencoded_size));
        reporter.field("encoded size", bytes(estimate.encoded_size));
        reporter.field("cost", wal(estimate.storage_cost));
    }
    let total = estimates
        .iter()
        .try_fold(0_u64, |sum, estimate| {
            sum.checked_add(estimate.storage_cost)
        })
        .context("the total cost does not fit 64 bits")?;
    reporter.line(format!("Total cost: {}", wal(total)));
    Ok(())
}

/// Prints what became of one file.
pub(crate) fn print_outcome(reporter: &Reporter, outcome: &StoreOutcome) {
    match &outcome.result {
        BlobStoreResult::NewlyCreated {
            blob_object,
            resource_operation,
            cost,
            ..
        } => {
            reporter.line(format!("{}: stored", outcome.label));
            reporter.field("blob ID", blob_object.blob_id);
            reporter.field("blob object", blob_object.id);
            reporter.field("unencoded size", bytes(outcome.unencoded_size));
            reporter.field("encoded size", bytes(outcome.encoded_size));
            reporter.field(
                "cost",
                format!("{}, {}", wal(*cost), describe(resource_operation)),
            );
            reporter.field(
                "expires",
                format!("with epoch {}", blob_object.storage.end_epoch),
            );
            reporter.field(
                "deletable",
                if blob_object.deletable { "yes" } else { "no" },
            );
        }
        BlobStoreResult::AlreadyCertified {
            blob_id,
            event_or_object,
            end_epoch,
        } => {
            reporter.line(format!(
                "{}: stored already, nothing was paid",
                outcome.label
            ));
            reporter.field("blob ID", blob_id);
            match event_or_object {
                EventOrObject::Event(event) => reporter.field(
                    "certified by",
                    format!(
                        "{} event {}",
                        walrus_sui::Digest::new(event.tx_digest),
                        event.event_seq
                    ),
                ),
                EventOrObject::Object(object) => reporter.field("blob object", object),
            }
            reporter.field("expires", format!("with epoch {end_epoch}"));
        }
        BlobStoreResult::MarkedInvalid { blob_id, .. } => {
            reporter.line(format!(
                "{}: {blob_id} is marked invalid on chain",
                outcome.label
            ));
        }
        BlobStoreResult::Error {
            failure_phase,
            error_msg,
            ..
        } => {
            reporter.line(format!(
                "{}: failed to {failure_phase}: {error_msg}",
                outcome.label
            ));
        }
    }
    if let Some(digest) = outcome.register_digest {
        reporter.field("registered by", digest);
    }
    if let Some(digest) = outcome.certify_digest {
        reporter.field("certified by", digest);
    }
}

fn describe(operation: &ResourceOperation) -> String {
    match operation {
        ResourceOperation::RegisterFromScratch { epochs_ahead, .. } => {
            format!("new storage for {epochs_ahead} epochs")
        }
        ResourceOperation::ReuseStorage { .. } => "in storage you owned".to_owned(),
        ResourceOperation::ReuseRegistration { .. } => "with a registration you owned".to_owned(),
        ResourceOperation::ReuseAndExtend {
            epochs_extended, ..
        }
        | ResourceOperation::ReuseAndExtendNonCertified {
            epochs_extended, ..
        } => {
            format!("a blob you owned, extended by {epochs_extended} epochs")
        }
    }
}
