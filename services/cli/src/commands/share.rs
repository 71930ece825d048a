//! `walrus share` and `walrus fund-shared-blob`. Client spec 2.8.

use anyhow::{Context as _, ensure};
use serde::Serialize;
use walrus_sdk::{BlobId, Manifest, SharedParts};
use walrus_sui::{Address, objects::Blob, transactions::ContractWriter};

use super::{Report, show};
use crate::{
    args::{FundSharedBlobArgs, GlobalOptions, ShareArgs},
    context::Network,
    cost::Cost,
    parts::{describe_missing, manifest_of, objects_of},
    report::{Reporter, say, wal},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShareOutput {
    shared_blob_object_id: Address,
    /// Of the parts of a manifest, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared_parts: Vec<Address>,
    /// Parts of which the wallet has no object that can be shared, or none any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts_not_shared: Vec<BlobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
}

impl Report for ShareOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line("The blob is shared: anybody can extend it");
        reporter.line(format!("  shared blob {}", self.shared_blob_object_id));
        for part in &self.shared_parts {
            reporter.line(format!("  shared part {part}"));
        }
        reporter.field("funds", wal(self.amount.unwrap_or(0)));
    }
}

/// Puts a blob object into a shared one.
pub(crate) async fn share(global: &GlobalOptions, args: ShareArgs) -> anyhow::Result<()> {
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let blob = network.reader().blob(args.blob_obj_id).await?;
    ensure!(
        !blob.deletable,
        "deletable blobs cannot be shared; one that is stored with --permanent can be"
    );
    let amount = args.amount.filter(|frost| *frost > 0);
    let parts = Parts::of(&network, &writer, &blob).await?;
    let objects = 1 + parts.objects.len() as u64;
    let funds = amount.unwrap_or(0).saturating_mul(objects);
    Cost::wal("sharing the blob", funds, args.max_cost)
        .announce(global, &writer)
        .await?;
    // The manifest comes last: the same command goes on after a part that fails.
    let shared_parts = match &parts.manifest {
        Some(manifest) => {
            share_parts(&writer, &blob, manifest, &parts, amount.unwrap_or(0)).await?
        }
        None => Vec::new(),
    };
    let shared = writer
        .share_blob(args.blob_obj_id, amount.unwrap_or(0))
        .await?;
    let output = ShareOutput {
        shared_blob_object_id: shared,
        shared_parts,
        parts_not_shared: parts.missing,
        amount,
    };
    show(global, &output)
}

/// Shares the parts of a manifest, and notes at its object which shared objects they have: nobody finds them otherwise.
async fn share_parts(
    writer: &ContractWriter,
    object: &Blob,
    manifest: &Manifest,
    parts: &Parts,
    funds: u64,
) -> anyhow::Result<Vec<Address>> {
    // Those that an earlier try has shared.
    let before = SharedParts::find(writer.reader(), object, manifest).await?;
    let mut known = before.objects().to_vec();
    let mut shared_parts = Vec::with_capacity(parts.objects.len());
    let mut result = Ok(());
    for (blob_id, part) in &parts.objects {
        let shared = match writer.share_blob(*part, funds).await {
            Ok(shared) => shared,
            Err(error) => {
                result = Err(error);
                break;
            }
        };
        shared_parts.push(shared);
        let named = manifest.parts().iter().zip(&mut known);
        for (_, known) in named.filter(|(part, _)| part.blob_id == *blob_id) {
            *known = Some(shared);
        }
    }
    let attributes = SharedParts::new(known).attributes();
    if !attributes.is_empty() {
        writer.set_attributes(object.id, &attributes).await?;
    }
    result?;
    Ok(shared_parts)
}

/// The parts of a manifest, as far as they can be shared.
#[derive(Default)]
struct Parts {
    /// The manifest, if the blob is one.
    manifest: Option<Manifest>,
    objects: Vec<(BlobId, Address)>,
    missing: Vec<BlobId>,
}

impl Parts {
    /// Those of a blob; none, if it is no manifest.
    async fn of(network: &Network, writer: &ContractWriter, blob: &Blob) -> anyhow::Result<Self> {
        let client = network.client();
        if blob.certified_epoch.is_none() {
            return Ok(Self::default());
        }
        let Some(manifest) = manifest_of(client, &blob.blob_id, blob.size).await? else {
            return Ok(Self::default());
        };
        let owned = client.owned_blobs(writer.address(), false).await?;
        let permanent: Vec<_> = owned.into_iter().filter(|o| !o.deletable).collect();
        let (objects, missing) = objects_of(&manifest, &permanent);
        if !missing.is_empty() {
            let missing = describe_missing(&missing);
            say(format_args!("Not shared: {missing} that can be"));
        }
        Ok(Self {
            objects: objects
                .into_iter()
                .map(|object| (object.blob_id, object.id))
                .collect(),
            missing: missing.into_iter().map(|(_, blob_id)| blob_id).collect(),
            manifest: Some(manifest),
        })
    }
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
    let found = network.reader().shared_blob(shared).await;
    found.with_context(|| format!("{shared} cannot be funded; nothing was paid"))?;
    let cost = Cost::wal("funding the shared blob", amount, args.max_cost);
    cost.announce(global, &writer).await?;
    writer.fund_shared_blob(shared, amount).await?;
    show(global, &FundOutput { amount, shared })
}
