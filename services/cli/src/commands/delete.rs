//! `walrus delete`. Client spec 2.8.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::ensure;
use serde::Serialize;
use walrus_node_client::BlobStatus;
use walrus_sdk::{BlobId, BlobObject, Client};
use walrus_sui::{Address, transactions::ContractWriter};

use crate::{
    args::{DeleteArgs, GlobalOptions},
    consent,
    context::Network,
    encoding::identify,
    input,
    parts::{manifest_of, named_by_others},
    report::{Reporter, count},
    standard_output,
};

/// How long nodes may take to see that something was deleted.
const SETTLE: Duration = Duration::from_secs(1);
/// Objects of parts that one transaction deletes.
const PARTS_PER_TRANSACTION: usize = 100;
/// How long they are asked for what they have then.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What was to be deleted, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion {
    blob_identity: BlobIdentity,
    deleted_blobs: Vec<BlobObject>,
    /// Parts of a manifest that were left, because others of the wallet have them as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts_kept: Vec<BlobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_deletion_status: Option<BlobStatus>,
    no_blob_found: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    aborted: bool,
}

/// What was named.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobIdentity {
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_id: Option<BlobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_id: Option<Address>,
}

impl BlobIdentity {
    fn describe(&self) -> String {
        match (&self.file, &self.blob_id, &self.object_id) {
            (Some(file), _, _) => file.display().to_string(),
            (None, Some(blob_id), _) => format!("blob {blob_id}"),
            (None, None, Some(object)) => format!("object {object}"),
            (None, None, None) => String::new(),
        }
    }

    /// Whether this object is meant.
    fn is_of(&self, object: &BlobObject) -> bool {
        match self.object_id {
            Some(id) => object.id == id,
            None => self.blob_id == Some(object.blob_id),
        }
    }
}

impl Deletion {
    fn of(blob_identity: BlobIdentity) -> Self {
        Self {
            blob_identity,
            deleted_blobs: Vec::new(),
            parts_kept: Vec::new(),
            post_deletion_status: None,
            no_blob_found: false,
            error: None,
            aborted: false,
        }
    }

    fn print(&self, reporter: &Reporter) {
        let what = self.blob_identity.describe();
        for object in &self.deleted_blobs {
            let part = match self.blob_identity.blob_id {
                Some(blob_id) if blob_id != object.blob_id => " (a part)",
                _ => "",
            };
            reporter.line(format!("{what}: deleted{part}"));
            reporter.line(format!("  blob object {}", object.id));
        }
        for blob_id in &self.parts_kept {
            reporter.line(format!("{what}: a part is left, another manifest has it"));
            reporter.line(format!("  blob ID {blob_id}"));
        }
        match (&self.error, self.no_blob_found, self.aborted) {
            (Some(error), _, _) => reporter.line(format!("{what}: not deleted: {error}")),
            (None, true, _) => {
                reporter.line(format!("{what}: the wallet owns no deletable object of it"))
            }
            (None, _, true) => reporter.line(format!("{what}: left as it is")),
            _ => {}
        }
        match &self.post_deletion_status {
            Some(BlobStatus::Nonexistent) => reporter.field("status", "not stored any more"),
            Some(_) => reporter.field("status", "still stored, by other objects"),
            None => {}
        }
    }
}

/// Deletes.
pub(crate) async fn run(global: &GlobalOptions, args: DeleteArgs) -> anyhow::Result<()> {
    let reporter = Reporter::new(global.json);
    let network = Network::load(global, None).await?;
    let writer = network.writer(global)?;
    let identities = identities(&network, &args, &reporter).await?;
    let owned = network
        .client()
        .owned_blobs(writer.address(), false)
        .await?;
    let client = network.client();
    let named = named(&identities, &owned);
    let mut deletions = Vec::with_capacity(identities.len());
    for identity in identities {
        let found: Vec<_> = owned
            .iter()
            .filter(|object| object.deletable && identity.is_of(object))
            // Named twice, it is gone after the first time.
            .filter(|object| !is_deleted(&deletions, object.id))
            .cloned()
            .collect();
        let mut deletion = Deletion::of(identity);
        match parts_of(client, &found, &owned, &named, &mut deletion).await {
            Ok(mut parts) => {
                parts.retain(|object| !is_deleted(&deletions, object.id));
                delete(global, &args, &writer, parts, found, &mut deletion).await;
            }
            Err(error) => deletion.error = Some(format!("{error:#}")),
        }
        if !args.no_status_check && !deletion.deleted_blobs.is_empty() {
            deletion.post_deletion_status = status_after(&network, &deletion).await;
        }
        deletions.push(deletion);
    }
    if global.json {
        // One line, as ever.
        standard_output::line(&serde_json::to_string(&deletions)?);
    } else {
        deletions
            .iter()
            .for_each(|deletion| deletion.print(&reporter));
    }
    let failed = deletions
        .iter()
        .filter(|deletion| deletion.deleted_blobs.is_empty() || deletion.error.is_some());
    let failed = failed.count();
    ensure!(
        failed == 0,
        "{failed} of {} not deleted",
        count(deletions.len() as u64, "blob")
    );
    Ok(())
}

fn is_deleted(deletions: &[Deletion], object: Address) -> bool {
    let deleted = deletions
        .iter()
        .flat_map(|deletion| &deletion.deleted_blobs);
    deleted.into_iter().any(|blob| blob.id == object)
}

async fn identities(
    network: &Network,
    args: &DeleteArgs,
    reporter: &Reporter,
) -> anyhow::Result<Vec<BlobIdentity>> {
    let mut all = Vec::new();
    for file in &args.files {
        let config = network.encoding_config().await?;
        let identity = identify(file, config, args.copy.spool(), reporter).await?;
        all.push(BlobIdentity {
            blob_id: Some(identity.blob_id),
            file: Some(file.clone()),
            object_id: None,
        });
    }
    for text in &args.blob_ids {
        all.push(BlobIdentity {
            blob_id: Some(input::parse_blob_id(text)?),
            ..BlobIdentity::default()
        });
    }
    all.extend(args.object_ids.iter().map(|id| BlobIdentity {
        object_id: Some(*id),
        ..BlobIdentity::default()
    }));
    ensure!(
        !all.is_empty(),
        "no files, blob IDs, or object IDs specified"
    );
    Ok(all)
}

/// The blobs that are named, of which manifests are looked at no further.
fn named(identities: &[BlobIdentity], owned: &[BlobObject]) -> BTreeSet<BlobId> {
    let of_objects = owned
        .iter()
        .filter(|object| identities.iter().any(|identity| identity.is_of(object)));
    of_objects.map(|object| object.blob_id).collect()
}

/// The objects of the parts, if `found` are all that the wallet has of a manifest.
async fn parts_of(
    client: &Client,
    found: &[BlobObject],
    owned: &[BlobObject],
    named: &BTreeSet<BlobId>,
    deletion: &mut Deletion,
) -> anyhow::Result<Vec<BlobObject>> {
    let Some(object) = found.first().filter(|o| o.certified_epoch.is_some()) else {
        return Ok(Vec::new());
    };
    let same = owned.iter().filter(|other| other.blob_id == object.blob_id);
    if same.count() > found.len() {
        return Ok(Vec::new());
    }
    let Some(manifest) = manifest_of(client, &object.blob_id, object.size).await? else {
        return Ok(Vec::new());
    };
    deletion.blob_identity.blob_id = Some(object.blob_id);
    let mut parts: BTreeSet<BlobId> = manifest.parts().iter().map(|p| p.blob_id).collect();
    let others = named_by_others(client, owned, named).await?;
    deletion.parts_kept = parts
        .iter()
        .copied()
        .filter(|id| others.contains(id))
        .collect();
    parts.retain(|part| !others.contains(part));
    let objects = owned
        .iter()
        .filter(|object| object.deletable && parts.contains(&object.blob_id));
    Ok(objects.cloned().collect())
}

/// Deletes the objects of one blob; goes on after one that fails. Parts of a manifest go first: as long as the manifest is there, the rest of them
/// is found again.
async fn delete(
    global: &GlobalOptions,
    args: &DeleteArgs,
    writer: &ContractWriter,
    parts: Vec<BlobObject>,
    found: Vec<BlobObject>,
    deletion: &mut Deletion,
) {
    if found.is_empty() {
        deletion.no_blob_found = true;
        return;
    }
    let is_named = deletion.blob_identity.object_id.is_some() && parts.is_empty();
    let of_parts = match parts.len() {
        0 => String::new(),
        parts => format!(" and {} of its parts", count(parts as u64, "object")),
    };
    let question = format!(
        "Delete {} of {}{of_parts}?",
        count(found.len() as u64, "object"),
        deletion.blob_identity.describe()
    );
    if let Err(error) = consent::ask(&question, args.yes || global.json || is_named) {
        deletion.aborted = true;
        deletion.error = Some(error.to_string());
        return;
    }
    for batch in parts.chunks(PARTS_PER_TRANSACTION) {
        let objects: Vec<_> = batch.iter().map(|object| object.id).collect();
        match writer.delete_blobs(&objects).await {
            Ok(_) => deletion.deleted_blobs.extend_from_slice(batch),
            Err(error) => {
                deletion.error = Some(format!("its parts: {error}"));
                return;
            }
        }
    }
    for object in found {
        match writer.delete_blobs(&[object.id]).await {
            Ok(_) => deletion.deleted_blobs.push(object),
            Err(error) => deletion.error = Some(error.to_string()),
        }
    }
}

/// What the nodes have after a while; nothing if they do not agree.
async fn status_after(network: &Network, deletion: &Deletion) -> Option<BlobStatus> {
    // Of a manifest the last one.
    let blob_id = deletion.deleted_blobs.last()?.blob_id;
    tokio::time::sleep(SETTLE).await;
    let status = network.client().blob_status(&blob_id, STATUS_TIMEOUT).await;
    status.ok()
}
