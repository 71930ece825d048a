//! `walrus extend`. Client spec 2.8.

use std::{collections::BTreeSet, time::SystemTime};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use walrus_sdk::{BlobId, Manifest, SharedParts, info::EpochTimes};
use walrus_sui::{
    Address,
    chain::ChainError,
    contract::Prices,
    objects::{Blob, SystemStateInnerV1},
    transactions::ContractWriter,
};

use super::{Report, show_on};
use crate::{
    args::{ExtendArgs, GlobalOptions},
    context::Network,
    cost::Cost,
    parts::{describe_missing, manifest_of, objects_of},
    report::{Reporter, count, say, wal},
};

/// The JSON result: what every caller knows, and each object.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtendOutput {
    /// The most epochs that any of them was extended by.
    epochs_extended: u32,
    blobs: Vec<Extended>,
}

/// An object, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extended {
    blob_obj_id: Address,
    epochs_extended: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_epoch: Option<u32>,
    /// What it took from the wallet, or of a shared object from its own funds.
    cost: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Extended {
    fn failed(blob_obj_id: Address, error: &anyhow::Error) -> Self {
        Self {
            blob_obj_id,
            epochs_extended: 0,
            end_epoch: None,
            cost: 0,
            error: Some(format!("{error:#}")),
        }
    }
}

impl Report for ExtendOutput {
    fn print(&self, reporter: &Reporter) {
        for blob in &self.blobs {
            reporter.line(format!("object {}", blob.blob_obj_id));
            match (&blob.error, blob.end_epoch) {
                (Some(error), _) => reporter.field("not extended", error),
                (None, end) => {
                    let by = match blob.epochs_extended {
                        0 => "not needed, it lasts long enough".to_owned(),
                        epochs => format!("by {}", count(epochs, "epoch")),
                    };
                    reporter.field("extended", by);
                    reporter.field("cost", wal(blob.cost));
                    if let Some(end) = end {
                        reporter.field("expires", format!("with epoch {end}"));
                    }
                }
            }
        }
    }
}

/// What is to be done with an object.
struct Plan {
    object: Address,
    epochs: u32,
    end_epoch: u32,
    cost: u64,
}

/// Extends. First all objects are looked at, so that what it costs is known before anything is paid.
pub(crate) async fn run(global: &GlobalOptions, args: ExtendArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let mut plans = Vec::with_capacity(args.blob_obj_id.len());
    let terms = Terms::of(&network.reader().system_state().await?);
    let until = Until::of(&network, &args).await?;
    let family = Family::of(&network, &args, writer.address()).await?;
    for object in &family.objects {
        let planned = plan(&network, &args, *object, &until, &terms).await;
        plans.push(planned.map_err(|error| Extended::failed(*object, &error)));
    }
    plans.extend(family.incomplete.into_iter().map(Err));
    let cost = plans
        .iter()
        .flatten()
        .map(|plan| plan.cost)
        .fold(0, u64::saturating_add);
    match args.shared {
        false => {
            let cost = Cost::wal("the extension", cost, args.max_cost);
            cost.announce(global, &writer).await?;
        }
        true if cost > 0 && !global.json => say(format_args!(
            "Paying {} for the extension from the objects' funds",
            wal(cost)
        )),
        true => {}
    }
    let mut blobs = Vec::with_capacity(plans.len());
    for planned in plans {
        blobs.push(match planned {
            Ok(plan) => extend(&writer, &args, plan).await,
            Err(failed) => failed,
        });
    }
    let failed = blobs.iter().filter(|blob| blob.error.is_some()).count();
    let all = count(blobs.len() as u64, "object");
    let output = ExtendOutput {
        epochs_extended: blobs
            .iter()
            .map(|blob| blob.epochs_extended)
            .max()
            .unwrap_or(0),
        blobs,
    };
    show_on(&reporter, global, &output)?;
    ensure!(failed == 0, "{failed} of {all} not extended");
    Ok(())
}

/// The objects that were named, and those of the parts of manifests among them.
struct Family {
    objects: Vec<Address>,
    /// Manifests of which not all parts are extended.
    incomplete: Vec<Extended>,
}

impl Family {
    async fn of(network: &Network, args: &ExtendArgs, owner: Address) -> anyhow::Result<Self> {
        let mut objects = Vec::new();
        let mut blobs = Vec::new();
        for named in &args.blob_obj_id {
            if objects.contains(named) {
                continue;
            }
            objects.push(*named);
            // What it is not is told where it is extended.
            if let Ok(blob) = network.reader().blob_inside(*named).await {
                blobs.push((*named, blob));
            }
        }
        let mut incomplete = Vec::new();
        let client = network.client();
        let mut owned = None;
        for (named, blob) in &blobs {
            let is_certified = blob.certified_epoch.is_some();
            let manifest = match is_certified {
                true => manifest_of(client, &blob.blob_id, blob.size).await,
                false => Ok(None),
            };
            let missing = match manifest {
                Ok(None) => continue,
                Ok(Some(manifest)) if args.shared => {
                    let shared = SharedParts::find(network.reader(), blob, &manifest).await?;
                    let parts = shared.objects().iter().flatten();
                    let new: BTreeSet<_> = parts.filter(|id| !objects.contains(id)).collect();
                    objects.extend(new.into_iter().copied().collect::<Vec<_>>());
                    let is_named = |part| blobs.iter().any(|(_, blob)| blob.blob_id == part);
                    match unknown_parts(&manifest, &shared, is_named) {
                        None => continue,
                        Some(unknown) => unknown,
                    }
                }
                Ok(Some(manifest)) => {
                    let owned = match &owned {
                        Some(owned) => owned,
                        None => owned.insert(client.owned_blobs(owner, false).await?),
                    };
                    let (parts, missing) = objects_of(&manifest, owned);
                    let parts = parts.into_iter().map(|object| object.id);
                    let new: Vec<_> = parts.filter(|id| !objects.contains(id)).collect();
                    objects.extend(new);
                    if missing.is_empty() {
                        continue;
                    }
                    describe_missing(&missing)
                }
                Err(error) => format!("{error:#}"),
            };
            let error = anyhow::anyhow!("not all of its parts are extended: {missing}");
            incomplete.push(Extended::failed(*named, &error));
        }
        Ok(Self {
            objects,
            incomplete,
        })
    }
}

/// The parts of a shared manifest whose shared objects are neither noted at it nor named by the user, for people.
fn unknown_parts(
    manifest: &Manifest,
    shared: &SharedParts,
    is_named: impl Fn(BlobId) -> bool,
) -> Option<String> {
    let parts = manifest.parts().iter().zip(shared.objects()).zip(1..);
    let unknown = parts.filter(|((part, object), _)| object.is_none() && !is_named(part.blob_id));
    let unknown: Vec<_> = unknown
        .map(|((part, _), number)| format!("{number} ({})", part.blob_id))
        .collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "which shared objects these have is not noted at it: part {}; name their objects as well",
            unknown.join(", ")
        )
    })
}

/// How long objects are to last.
enum Until {
    Longer(u32),
    Epoch(u32),
}

impl Until {
    async fn of(network: &Network, args: &ExtendArgs) -> anyhow::Result<Self> {
        match (
            args.epochs_extended,
            args.end_epoch,
            args.earliest_expiry_time,
        ) {
            (Some(epochs), None, None) => Ok(Self::Longer(epochs)),
            (None, Some(epoch), None) => Ok(Self::Epoch(epoch)),
            (None, None, Some(time)) => {
                let times = EpochTimes::of(&network.reader().staking_state().await?);
                let millis = |time: SystemTime| {
                    let since = time
                        .duration_since(SystemTime::UNIX_EPOCH)
                        .unwrap_or_default();
                    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
                };
                let epochs = times.epochs_until(millis(time.into()), millis(SystemTime::now()));
                let epochs = epochs
                    .context("the time is not after now and after the beginning of the epoch")?;
                Ok(Self::Epoch(times.current.saturating_add(epochs)))
            }
            _ => bail!(
                "exactly one of `epochs-extended`, `end-epoch`, or `earliest-expiry-time` must be specified"
            ),
        }
    }

    /// Epochs that something lacks which is stored until `end`.
    fn missing(&self, end: u32) -> u32 {
        match self {
            Self::Longer(epochs) => *epochs,
            Self::Epoch(epoch) => epoch.saturating_sub(end),
        }
    }
}

/// What the network sells.
struct Terms {
    prices: Prices,
    current: u32,
    max_epochs_ahead: u32,
}

impl Terms {
    fn of(system: &SystemStateInnerV1) -> Self {
        Self {
            prices: Prices::of(system),
            current: system.committee.epoch,
            max_epochs_ahead: system.future_accounting.length,
        }
    }

    /// Says what the contract would refuse with a code.
    fn check(&self, blob: &Blob, epochs: u32) -> anyhow::Result<()> {
        let end = blob.storage.end_epoch;
        ensure!(
            blob.certified_epoch.is_some(),
            "the blob is not certified; store it again to go on with what was paid"
        );
        ensure!(
            end > self.current,
            "its storage has ended with epoch {end}; the blob has to be stored again"
        );
        let latest = self.current.saturating_add(self.max_epochs_ahead);
        ensure!(
            end.saturating_add(epochs) <= latest,
            "storage is sold for up to {} epochs ahead, until epoch {latest}; it lasts until epoch {end} and can be extended by up to {}",
            self.max_epochs_ahead,
            count(latest.saturating_sub(end), "epoch")
        );
        Ok(())
    }
}

/// An object that is another one than it was taken for.
fn of_other_kind(error: ChainError, advice: &str) -> anyhow::Error {
    match error {
        ChainError::WrongType { .. } => anyhow::anyhow!("{error}; {advice}"),
        error => error.into(),
    }
}

async fn plan(
    network: &Network,
    args: &ExtendArgs,
    object: Address,
    until: &Until,
    terms: &Terms,
) -> anyhow::Result<Plan> {
    let reader = network.reader();
    let (blob, funds): (Blob, Option<u64>) = match args.shared {
        false => {
            let blob = reader.blob(object).await;
            let blob = blob.map_err(|error| of_other_kind(error, "a shared one needs --shared"));
            (blob?, None)
        }
        true => {
            let shared = reader.shared_blob(object).await;
            let shared = shared.map_err(|error| {
                of_other_kind(error, "leave out --shared for one of the wallet")
            })?;
            (shared.blob, Some(shared.funds))
        }
    };
    let storage = &blob.storage;
    let epochs = until.missing(storage.end_epoch);
    if epochs > 0 {
        terms.check(&blob, epochs)?;
    }
    let cost = terms.prices.storage_cost(storage.storage_size, epochs);
    if let (Some(funds), Some(cost)) = (funds, cost) {
        ensure!(
            funds >= cost,
            "the extension costs {}, and the shared blob has {}; add to that with `walrus fund-shared-blob`",
            wal(cost),
            wal(funds)
        );
    }
    Ok(Plan {
        object,
        epochs,
        end_epoch: storage.end_epoch.saturating_add(epochs),
        cost: cost.context("the price exceeds 2^64 FROST")?,
    })
}

async fn extend(writer: &ContractWriter, args: &ExtendArgs, plan: Plan) -> Extended {
    let Plan {
        object,
        epochs,
        end_epoch,
        cost,
    } = plan;
    let done = match (epochs, args.shared) {
        (0, _) => Ok(()),
        (_, false) => writer.extend_blob(object, epochs).await.map(drop),
        (_, true) => writer.extend_shared_blob(object, epochs).await.map(drop),
    };
    match done {
        Ok(()) => Extended {
            blob_obj_id: object,
            epochs_extended: epochs,
            end_epoch: Some(end_epoch),
            cost,
            error: None,
        },
        Err(error) => Extended::failed(object, &error.into()),
    }
}
