//! `walrus store`. Client spec 2.5.

use std::{collections::BTreeMap, time::SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use walrus_core::{EncodingType, pricing::encoded_blob_length};
use walrus_sdk::{
    BlobObject, BlobStoreResult, BlobToStore, BoughtStorage, Client, ClientError, DryRun,
    EpochsAhead, EventOrObject, PlannedAction, PostStoreAction, ResourceOperation, ReusedStorage,
    Spool, StoreBlobs, StoreOptions, StoreOutcome, StoreReport, Stored, Surplus,
};

use super::{Report, show_on};
use crate::{
    args::{EpochCount, GlobalOptions, HowToStoreArgs, StoreArgs},
    context::Network,
    input::Inputs,
    named_files,
    progress::Bars,
    report::{Reporter, bytes, count, duration, explain, say, size, sui, wal},
    stop::{Stop, unattended},
    upload_relay,
};

/// About the costs of files whose storage is bought together.
const SHARING: [&str; 2] = [
    "Storage is sold by the started MiB, and files that are registered together share",
    "it: each costs what it adds to those before it, the largest file first.",
];

/// One element of the JSON result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredFile<'a> {
    blob_store_result: BlobStoreResult,
    path: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    reused_storage: &'a [ReusedStorage],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    bought_storage: &'a [BoughtStorage],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    certified_by_other: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    surplus: Option<&'a Surplus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begun: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    parts: Vec<StoredFile<'a>>,
}

/// The JSON result of a store.
pub(crate) fn json_result(outcomes: &[StoreOutcome]) -> Vec<StoredFile<'_>> {
    outcomes
        .iter()
        .map(|outcome| StoredFile {
            blob_store_result: (&outcome.result).into(),
            path: &outcome.label,
            reused_storage: &outcome.reused_storage,
            bought_storage: &outcome.bought_storage,
            certified_by_other: outcome.certified_by_other,
            surplus: outcome.surplus.as_ref(),
            begun: outcome.begun.map(time),
            parts: json_result(&outcome.parts),
        })
        .collect()
}

/// The result of a store.
#[derive(Serialize)]
#[serde(transparent)]
struct StoreOutput<'a> {
    files: Vec<StoredFile<'a>>,
    #[serde(skip)]
    report: &'a StoreReport,
}

impl Report for StoreOutput<'_> {
    fn print(&self, reporter: &Reporter) {
        for outcome in &self.report.outcomes {
            print_outcome(reporter, outcome);
        }
        print_total(reporter, self.report);
        for (phase, time) in &self.report.timings {
            reporter.field(phase.label(), duration(*time));
        }
    }
}

/// What a store would do.
#[derive(Serialize)]
#[serde(transparent)]
struct DryRunOutput {
    estimates: Vec<DryRun>,
}

impl Report for DryRunOutput {
    fn print(&self, reporter: &Reporter) {
        let estimates = &self.estimates;
        for estimate in estimates {
            print_planned(reporter, estimate);
        }
        let costs = estimates.iter().map(|estimate| estimate.cost);
        let total = costs.fold(0, u64::saturating_add);
        reporter.line(format!("Total cost: {}", wal(total)));
        let operations = estimates.iter().filter_map(|e| match &e.action {
            PlannedAction::ResourceOperation(operation) => Some(operation),
            _ => None,
        });
        explain_sharing(reporter, operations);
        print_planned_gas(reporter, estimates);
        if let Some(reason) = estimates.iter().find_map(|e| e.cannot_pay.as_ref()) {
            reporter.line(format!("This wallet cannot pay for it now: {reason}"));
        }
    }
}

/// Stores files.
pub(crate) async fn run(global: &GlobalOptions, args: StoreArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let bars = Bars::new(reporter.clone());
    let stop = Stop::on_signals()?;
    // Before anything is read.
    args.how.attributes()?;
    args.how.tell_what_has_no_effect();
    let store = async {
        let network = Network::load(global, None).await?;
        let blobs = inputs(&network, &args).await?;
        if args.how.dry_run {
            return dry_run(global, &network, &args, &bars, &reporter, blobs).await;
        }
        let report = store(global, &network, &args, &bars, blobs).await?;
        bars.finish();
        conclude(global, &reporter, &report)
    };
    // What is left of the store ends with it: requests, computations, temporary files.
    tokio::select! {
        result = store => result,
        () = stop.wait() => Err(bars.interrupted()),
    }
}

/// Looks at all files before anything is done with one of them.
async fn inputs(network: &Network, args: &StoreArgs) -> anyhow::Result<Vec<BlobToStore>> {
    let attributes = args.how.attributes()?;
    let config = network.encoding_config().await?;
    let paths = args.files.clone();
    let files = unattended(move || named_files::below(&paths)).await?;
    let mut inputs = Inputs::of_bodies(config, args.how.spool.spool());
    let mut blobs = Vec::with_capacity(files.len());
    for file in &files {
        let data = inputs.blob(file).await?;
        let mut blob = BlobToStore::new(file.display().to_string(), data);
        blob.attributes = attributes.clone();
        blobs.push(blob);
    }
    Ok(blobs)
}

fn epochs(how: &HowToStoreArgs) -> anyhow::Result<EpochsAhead> {
    match (how.epochs, how.earliest_expiry_time, how.end_epoch) {
        (Some(EpochCount::Count(count)), None, None) => Ok(EpochsAhead::Count(count)),
        (Some(EpochCount::Max), None, None) => Ok(EpochsAhead::Max),
        (None, Some(time), None) => Ok(EpochsAhead::AtLeastUntil(time.into())),
        (None, None, Some(epoch)) => Ok(EpochsAhead::Until(epoch)),
        _ => anyhow::bail!(
            "exactly one of `epochs`, `earliest-expiry-time`, or `end-epoch` must be specified"
        ),
    }
}

/// How to store, as it was asked for.
pub(super) async fn options(
    global: &GlobalOptions,
    how: &HowToStoreArgs,
) -> anyhow::Result<StoreOptions> {
    let mut options = StoreOptions::new(epochs(how)?);
    options.deletable = !how.permanent;
    options.check_status = !how.force;
    options.reuse_resources = !how.ignore_resources;
    options.gas_budget = global.gas_budget;
    options.max_cost = how.max_cost;
    options.journal = how.journal.journal();
    options.relay = upload_relay::connect(&how.relay).await?;
    if how.share {
        options.post_store = PostStoreAction::Share;
    }
    Ok(options)
}

/// What is asked of the network, in earnest or not.
fn request<'a>(
    client: &'a Client,
    options: StoreOptions,
    blobs: Vec<BlobToStore>,
    bars: &'a Bars,
) -> StoreBlobs<'a> {
    client.store_many(blobs).options(options).progress(bars)
}

async fn dry_run(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreArgs,
    bars: &Bars,
    reporter: &Reporter,
    blobs: Vec<BlobToStore>,
) -> anyhow::Result<()> {
    let client = client_for_dry_run(global, network, args.how.spool.spool())?;
    let options = options(global, &args.how).await?;
    let request = request(&client, options, blobs, bars);
    let estimates = request.dry_run().await.map_err(explain)?;
    bars.finish();
    show_on(reporter, global, &DryRunOutput { estimates })
}

/// With the wallet that would pay, if there is one.
pub(super) fn client_for_dry_run(
    global: &GlobalOptions,
    network: &Network,
    spool: Spool,
) -> anyhow::Result<Client> {
    match network.client_with_wallet(global, spool.clone()) {
        Err(error) if global.wallet.is_none() => {
            say(format_args!(
                "Without a wallet, what it owns is not known ({error:#})"
            ));
            Ok(network.client_with(spool))
        }
        client => client,
    }
}

async fn store(
    global: &GlobalOptions,
    network: &Network,
    args: &StoreArgs,
    bars: &Bars,
    blobs: Vec<BlobToStore>,
) -> anyhow::Result<StoreReport> {
    let client = network.client_with_wallet(global, args.how.spool.spool())?;
    let options = options(global, &args.how).await?;
    if let Some(relay) = &options.relay {
        let n_shards = network.n_shards().await?;
        let sizes = blobs.iter().map(|blob| {
            let length = blob.data.length()?;
            Ok(encoded_blob_length(n_shards, length, EncodingType::RS2)?)
        });
        let sizes = sizes.collect::<anyhow::Result<Vec<_>>>()?;
        upload_relay::ask(relay, &sizes, &args.how.relay)?;
    }
    request(&client, options, blobs, bars)
        .await
        .map_err(explain)
}

/// Shows what became of the files. An error if not all are stored.
fn conclude(
    global: &GlobalOptions,
    reporter: &Reporter,
    report: &StoreReport,
) -> anyhow::Result<()> {
    let output = StoreOutput {
        files: json_result(&report.outcomes),
        report,
    };
    show_on(reporter, global, &output)?;
    let failures = report
        .outcomes
        .iter()
        .filter_map(|o| o.result.as_ref().err());
    let reasons: Vec<_> = failures.map(|failure| failure.error.to_string()).collect();
    anyhow::ensure!(
        reasons.is_empty(),
        "{} of {} not stored: {}",
        reasons.len(),
        count(report.outcomes.len() as u64, "file"),
        counted(&reasons)
    );
    Ok(())
}

/// Each reason once, the most frequent first, with how many files have it; so many of them at most.
fn counted(reasons: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut counts = BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason).or_insert(0_u64) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    let shown = counts.iter().take(SHOWN);
    let mut shown: Vec<_> = shown
        .map(|(reason, files)| format!("{reason} ({})", count(*files, "file")))
        .collect();
    if counts.len() > SHOWN {
        shown.push(format!("{} more reasons", counts.len() - SHOWN));
    }
    shown.join("; ")
}

/// Prints what a store of several files cost.
fn print_total(reporter: &Reporter, report: &StoreReport) {
    let total = report.cost();
    if report.outcomes.len() > 1 {
        let files = count(report.outcomes.len() as u64, "file");
        reporter.line(format!("Total cost of {files}: {}", wal(total)));
        reporter.line(format!("Gas: {}", sui(report.gas)));
        let operations = report.outcomes.iter().filter_map(|o| match &o.result {
            Ok(Stored::NewlyCreated {
                resource_operation, ..
            }) => Some(resource_operation),
            _ => None,
        });
        explain_sharing(reporter, operations);
    } else {
        reporter.field("gas", sui(report.gas));
    }
}

/// Says why one of several files costs less than the next one.
fn explain_sharing<'a>(
    reporter: &Reporter,
    operations: impl Iterator<Item = &'a ResourceOperation>,
) {
    let new = |o: &&ResourceOperation| matches!(o, ResourceOperation::RegisterFromScratch { .. });
    if operations.filter(new).count() > 1 {
        for line in SHARING {
            reporter.line(line);
        }
    }
}

/// Prints what gas all would take.
pub(super) fn print_planned_gas(reporter: &Reporter, estimates: &[DryRun]) {
    let sum = |gas: fn(&DryRun) -> Option<i64>| {
        let gas = estimates.iter().filter_map(gas);
        gas.reduce(i64::saturating_add)
    };
    let lines = [
        ("to register", sum(|e| e.registration_gas)),
        ("to extend", sum(|e| e.extension_gas)),
        ("at most to certify", sum(|e| e.certification_gas)),
    ];
    for (what, gas) in lines {
        if let Some(gas) = gas {
            reporter.line(format!("Gas {what}: {}", sui(gas)));
        }
    }
    if estimates.iter().any(|e| e.merges_coins) {
        reporter.line("Coins are merged first, so that the gas after that is not known yet.");
    }
}

/// Prints what would become of one file.
pub(super) fn print_planned(reporter: &Reporter, planned: &DryRun) {
    reporter.line(format!("{}: nothing was stored (dry run)", planned.label));
    reporter.field("blob ID", planned.blob_id);
    if let Some(first) = planned.parts.first() {
        let (number, largest) = (planned.parts.len(), size(first.unencoded_size));
        let parts = format!("{number} blobs of up to {largest}, and a manifest");
        reporter.field("parts", parts);
    }
    reporter.field("unencoded size", bytes(planned.unencoded_size));
    reporter.field("encoded size", bytes(planned.encoded_size));
    let how = match &planned.action {
        _ if !planned.parts.is_empty() => "for all parts".to_owned(),
        PlannedAction::ResourceOperation(operation) => describe(operation, &planned.bought_storage),
        PlannedAction::AlreadyCertified(_) => "stored already".to_owned(),
        PlannedAction::MarkedInvalid(_) => "marked invalid, cannot be stored".to_owned(),
        PlannedAction::DuplicateOf(label) => format!("the same as {label}"),
    };
    reporter.field("cost", format!("{}, {how}", wal(planned.cost)));
    if let PlannedAction::AlreadyCertified(EventOrObject::Object(object)) = &planned.action {
        print_object(reporter, "blob object", object);
    }
    if planned.storage_cost != planned.cost {
        reporter.field("from scratch", wal(planned.storage_cost));
    }
    print_parts(reporter, &planned.reused_storage, &planned.bought_storage);
    reporter.field("expires", format!("with epoch {}", planned.end_epoch));
}

/// Prints an object ID: its line has 80 columns.
fn print_object(reporter: &Reporter, label: &str, object: impl std::fmt::Display) {
    reporter.line(format!("  {label} {object}"));
}

/// Prints what was taken of storage that the wallet owned, what is left of it, and what was bought beside it.
fn print_parts(reporter: &Reporter, reused: &[ReusedStorage], bought: &[BoughtStorage]) {
    let epochs = |start: u32, end: u32| format!("from epoch {start} until epoch {end}");
    for part in reused {
        let time = epochs(part.start_epoch, part.end_epoch);
        reporter.field("taken", format!("{} {time}", bytes(part.taken)));
        print_object(reporter, "of resource", part.resource);
        if part.left > 0 {
            let left = format!(
                "{} until epoch {}",
                bytes(part.left),
                part.resource_end_epoch
            );
            reporter.field("left", left);
        }
        if let Some(from) = part.left_before_from {
            let earlier = format!("{} {}", bytes(part.taken), epochs(from, part.start_epoch));
            reporter.field("left before", earlier);
        }
        if part.end_epoch < part.resource_end_epoch {
            let later = format!("{} from epoch {} on", bytes(part.taken), part.end_epoch);
            reporter.field("left for later", later);
        }
    }
    for part in bought {
        let time = epochs(part.start_epoch, part.end_epoch);
        reporter.field("bought", format!("{} {time}", bytes(part.size)));
    }
}

/// Prints what was paid for nothing.
fn print_surplus(reporter: &Reporter, surplus: &Surplus) {
    let cost = wal(surplus.cost);
    reporter.field("also paid", format!("{cost}, registered by two at once"));
    print_object(reporter, "as object  ", surplus.object);
    match surplus.deleted {
        true => reporter.field(
            "",
            "deleted again: its storage is yours, for the next store",
        ),
        false => reporter.field("", "not needed: deleting it gives you its storage back"),
    }
}

/// Prints what became of one file.
pub(crate) fn print_outcome(reporter: &Reporter, outcome: &StoreOutcome) {
    match &outcome.result {
        Ok(Stored::NewlyCreated {
            blob_object,
            resource_operation,
            cost,
            shared_blob_object,
        }) => {
            let how = describe(resource_operation, &outcome.bought_storage);
            print_created(
                reporter,
                outcome,
                blob_object,
                &match outcome.parts.is_empty() {
                    true => format!("{}, {how}", wal(*cost)),
                    false => format!("{}, for all parts", wal(outcome.cost())),
                },
            );
            if let Some(shared) = shared_blob_object {
                print_object(reporter, "shared blob", shared);
            }
        }
        Ok(Stored::AlreadyCertified {
            blob_id,
            event_or_object,
            end_epoch,
        }) => {
            let paid = match outcome.surplus {
                Some(_) => "",
                None => ", nothing was paid",
            };
            reporter.line(format!("{}: stored already{paid}", outcome.label));
            reporter.field("blob ID", blob_id);
            print_certifier(reporter, event_or_object);
            reporter.field("expires", format!("with epoch {end_epoch}"));
        }
        Err(failure) => match &*failure.error {
            ClientError::MarkedInvalid { .. } => {
                reporter.line(format!("{}: {}", outcome.label, failure.error));
            }
            _ => reporter.line(format!("{}: {failure}", outcome.label)),
        },
    }
    if let Some(surplus) = &outcome.surplus {
        print_surplus(reporter, surplus);
    }
    if let Some(digest) = outcome.register_digest {
        reporter.field("registered by", digest);
    }
    if let Some(digest) = outcome.certify_digest {
        reporter.field("certified by", digest);
    }
    if let Some(digest) = outcome.extend_digest {
        reporter.field("extended by", digest);
    }
}

/// Prints a blob object that a store made or took up.
fn print_created(
    reporter: &Reporter,
    outcome: &StoreOutcome,
    blob_object: &BlobObject,
    cost: &str,
) {
    let by_whom = match outcome.certified_by_other {
        true => " by somebody else meanwhile",
        false => "",
    };
    reporter.line(format!("{}: stored{by_whom}", outcome.label));
    reporter.field("blob ID", blob_object.blob_id);
    print_object(reporter, "blob object", blob_object.id);
    print_parts_of_body(reporter, outcome);
    reporter.field("unencoded size", bytes(outcome.unencoded_size));
    reporter.field("encoded size", bytes(outcome.encoded_size));
    reporter.field("cost", cost);
    print_parts(reporter, &outcome.reused_storage, &outcome.bought_storage);
    let end = blob_object.storage.end_epoch;
    reporter.field("expires", format!("with epoch {end}"));
    if let Some(begun) = outcome.begun {
        reporter.field(
            "paid",
            format!("by the store that was begun {}", time(begun)),
        );
    }
    let deletable = if blob_object.deletable { "yes" } else { "no" };
    reporter.field("deletable", deletable);
}

/// A moment, RFC 3339, in whole seconds.
pub(crate) fn time(moment: SystemTime) -> String {
    let moment = Timestamp::try_from(moment).unwrap_or_default();
    let seconds = Timestamp::from_second(moment.as_second());
    seconds.unwrap_or_default().to_string()
}

/// Prints of how many blobs a body is that is too large for one.
fn print_parts_of_body(reporter: &Reporter, outcome: &StoreOutcome) {
    let Some(first) = outcome.parts.first() else {
        return;
    };
    let (number, largest) = (outcome.parts.len(), size(first.unencoded_size));
    reporter.field(
        "parts",
        format!("{number} blobs of up to {largest}, and this manifest"),
    );
}

/// Prints what made a blob certified that was stored already.
fn print_certifier(reporter: &Reporter, event_or_object: &EventOrObject) {
    match event_or_object {
        EventOrObject::Event(event) => reporter.field(
            "certified by",
            format!(
                "{} event {}",
                walrus_sui::Digest::new(event.tx_digest),
                event.event_seq
            ),
        ),
        EventOrObject::Object(object) => print_object(reporter, "blob object", object),
    }
}

fn describe(operation: &ResourceOperation, bought: &[BoughtStorage]) -> String {
    match operation {
        ResourceOperation::RegisterFromScratch { epochs_ahead, .. } => {
            format!("new storage for {}", count(*epochs_ahead, "epoch"))
        }
        ResourceOperation::ReuseStorage { .. } if bought.is_empty() => {
            "in storage you owned".to_owned()
        }
        ResourceOperation::ReuseStorage { .. } => "owned and new storage".to_owned(),
        ResourceOperation::ReuseRegistration { .. } => "with a registration you owned".to_owned(),
        ResourceOperation::ReuseAndExtend {
            epochs_extended, ..
        }
        | ResourceOperation::ReuseAndExtendNonCertified {
            epochs_extended, ..
        } => {
            format!(
                "a blob you owned, extended by {}",
                count(*epochs_extended, "epoch")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_reason_is_told_once_with_how_many_files_have_it() {
        let reasons = ["a", "b", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(
            counted(&reasons),
            "b (2 files); a (1 file); c (1 file); 2 more reasons"
        );
    }

    #[test]
    fn json_is_a_list_of_files() {
        let report = StoreReport {
            outcomes: Vec::new(),
            gas: 1,
            timings: std::collections::BTreeMap::new(),
        };
        let output = StoreOutput {
            files: json_result(&report.outcomes),
            report: &report,
        };
        assert_eq!(serde_json::to_value(output).unwrap(), json!([]));
        let estimates = Vec::new();
        let planned = DryRunOutput { estimates };
        assert_eq!(serde_json::to_value(planned).unwrap(), json!([]));
    }
}
