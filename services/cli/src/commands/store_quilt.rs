//! `walrus store-quilt`. Client spec 2.5.

use anyhow::Context as _;
use serde::Serialize;
use walrus_sdk::{
    BlobStoreResult, Client, DryRun, PatchColumns, PatchToStore, QuiltIndex, QuiltPlan,
    QuiltReport, StoreOptions, StoreQuilt, StoredPatch, Tags,
};

use super::{
    Report, show_on,
    store::{client_for_dry_run, options, print_outcome, print_planned, print_planned_gas, time},
};
use crate::{
    args::{GlobalOptions, StoreQuiltArgs},
    context::Network,
    input::Inputs,
    named_files,
    progress::Bars,
    report::{Reporter, count, duration, explain, sui},
    stop::{Stop, unattended},
    upload_relay,
};

/// What the only blob is called where a file would be.
const NO_PATH: &str = "n/a";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreQuiltOutput<'a> {
    blob_store_result: BlobStoreResult,
    stored_quilt_blobs: Vec<StoredQuiltBlob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begun: Option<String>,
    #[serde(skip)]
    report: &'a QuiltReport,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StoredQuiltBlob<'a> {
    identifier: &'a str,
    quilt_patch_id: String,
    range: [u16; 2],
}

impl<'a> From<&'a StoredPatch> for StoredQuiltBlob<'a> {
    fn from(patch: &'a StoredPatch) -> Self {
        let PatchColumns { start, end } = patch.columns();
        Self {
            identifier: &patch.identifier,
            quilt_patch_id: patch.id.to_string(),
            range: [start, end],
        }
    }
}

impl Report for StoreQuiltOutput<'_> {
    fn print(&self, reporter: &Reporter) {
        print_outcome(reporter, &self.report.outcome);
        reporter.field("gas", sui(self.report.gas));
        for (phase, time) in &self.report.timings {
            reporter.field(phase.label(), duration(*time));
        }
        let patches = count(self.report.patches.len() as u64, "file");
        reporter.line(format!("{patches} in the quilt"));
        for patch in &self.report.patches {
            reporter.line(format!("  {}  {}", patch.id, patch.identifier));
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuiltPlanOutput {
    quilt_blob_output: DryRun,
    quilt_index: VersionedIndex,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum VersionedIndex {
    V1(IndexOutput),
}

/// An index in JSON: starts follow from the ends before them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexOutput {
    quilt_patches: Vec<IndexedPatch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexedPatch {
    end_index: u16,
    identifier: String,
    tags: Tags,
}

impl From<&QuiltIndex> for IndexOutput {
    fn from(index: &QuiltIndex) -> Self {
        let patches = index.patches().iter();
        Self {
            quilt_patches: patches
                .map(|patch| IndexedPatch {
                    end_index: patch.columns.end,
                    identifier: patch.identifier.clone(),
                    tags: patch.tags.clone(),
                })
                .collect(),
        }
    }
}

impl Report for QuiltPlanOutput {
    fn print(&self, reporter: &Reporter) {
        let planned = &self.quilt_blob_output;
        print_planned(reporter, planned);
        print_planned_gas(reporter, std::slice::from_ref(planned));
        if let Some(reason) = &planned.cannot_pay {
            reporter.line(format!("This wallet cannot pay for it now: {reason}"));
        }
        let VersionedIndex::V1(index) = &self.quilt_index;
        let patches = count(index.quilt_patches.len() as u64, "file");
        reporter.line(format!("{patches} in the quilt"));
        for patch in &index.quilt_patches {
            reporter.line(format!("  {}", patch.identifier));
        }
    }
}

/// Stores files as one quilt.
pub(crate) async fn run(global: &GlobalOptions, args: StoreQuiltArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let bars = Bars::new(reporter.clone());
    let stop = Stop::on_signals()?;
    // Before anything is read.
    args.how.attributes()?;
    args.how.tell_what_has_no_effect();
    let store = async {
        let network = Network::load(global, None).await?;
        let patches = inputs(&network, &args).await?;
        match args.how.dry_run {
            true => dry_run(global, &network, &args, patches, &bars, &reporter).await,
            false => store(global, &network, &args, patches, &bars, &reporter).await,
        }
    };
    // What is left of the store ends with it: requests, computations, temporary files.
    tokio::select! {
        result = store => result,
        () = stop.wait() => Err(bars.interrupted()),
    }
}

/// Looks at all files before anything is done with one of them.
async fn inputs(network: &Network, args: &StoreQuiltArgs) -> anyhow::Result<Vec<PatchToStore>> {
    let config = network.encoding_config().await?;
    let most = usize::from(config.secondary_source_symbols()).saturating_sub(1);
    let named = match args.paths.is_empty() {
        true => named_files::of_blobs(args.blobs.clone()),
        false => {
            let paths = args.paths.clone();
            unattended(move || named_files::of_paths(&paths, most)).await?
        }
    };
    let mut inputs = Inputs::new(config, args.how.spool.spool());
    let mut patches = Vec::with_capacity(named.len());
    for file in named {
        let data = inputs.blob(&file.path).await?;
        patches.push(PatchToStore {
            identifier: file.identifier,
            tags: file.tags,
            data,
        });
    }
    Ok(patches)
}

/// What is asked of the network, in earnest or not.
fn request<'a>(
    client: &'a Client,
    options: StoreOptions,
    args: &StoreQuiltArgs,
    patches: Vec<PatchToStore>,
    bars: &'a Bars,
) -> anyhow::Result<StoreQuilt<'a>> {
    let request = client.store_quilt(patches);
    let request = request.options(options).progress(bars);
    let attributes = args.how.attributes()?.into_iter();
    Ok(attributes.fold(request, |request, (key, value)| {
        request.attribute(key, value)
    }))
}

async fn store(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreQuiltArgs,
    patches: Vec<PatchToStore>,
    bars: &Bars,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let client = network.client_with_wallet(global, args.how.spool.spool())?;
    let options = options(global, &args.how).await?;
    let relay = options.relay.clone();
    let request = request(&client, options, args, patches, bars)?;
    if let Some(relay) = &relay {
        // The tip is that of the quilt, which is more than its files.
        let planned = request.clone().dry_run().await.map_err(explain)?;
        upload_relay::ask(relay, &[planned.blob.encoded_size], &args.how.relay)?;
    }
    let report = request.await.map_err(explain)?;
    bars.finish();
    let output = StoreQuiltOutput {
        blob_store_result: (&report.outcome.result).into(),
        stored_quilt_blobs: report.patches.iter().map(Into::into).collect(),
        begun: report.outcome.begun.map(time),
        report: &report,
    };
    show_on(reporter, global, &output)?;
    match &report.outcome.result {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.clone()).context("the quilt is not stored"),
    }
}

async fn dry_run(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreQuiltArgs,
    patches: Vec<PatchToStore>,
    bars: &Bars,
    reporter: &Reporter,
) -> anyhow::Result<()> {
    let client = client_for_dry_run(global, network, args.how.spool.spool())?;
    let options = options(global, &args.how).await?;
    let request = request(&client, options, args, patches, bars)?.label(NO_PATH);
    let QuiltPlan { blob, index } = request.dry_run().await.map_err(explain)?;
    bars.finish();
    let output = QuiltPlanOutput {
        quilt_blob_output: blob,
        quilt_index: VersionedIndex::V1((&index).into()),
    };
    show_on(reporter, global, &output)
}
