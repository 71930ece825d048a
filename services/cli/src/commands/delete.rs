//! `walrus delete`. Client spec 2.8.

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use serde::Serialize;
use walrus_node_client::BlobStatus;
use walrus_sdk::{BlobId, BlobObject};
use walrus_sui::{Address, transactions::ContractWriter};

use crate::{
    args::{DeleteArgs, GlobalOptions},
    consent,
    context::Network,
    encoding::encode_file,
    input,
    report::{Reporter, count},
    standard_output,
};

/// How long nodes may take to see that something was deleted.
const SETTLE: Duration = Duration::from_secs(1);
/// How long they are asked for what they have then.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// What was to be deleted, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion {
    blob_identity: BlobIdentity,
    deleted_blobs: Vec<BlobObject>,
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
            post_deletion_status: None,
            no_blob_found: false,
            error: None,
            aborted: false,
        }
    }

    fn print(&self, reporter: &Reporter) {
        let what = self.blob_identity.describe();
        for object in &self.deleted_blobs {
            reporter.line(format!("{what}: deleted"));
            reporter.line(format!("  blob object {}", object.id));
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
        delete(global, &args, &writer, found, &mut deletion).await;
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
        let metadata = encode_file(file, config, None, args.copy.spool(), reporter).await?;
        all.push(BlobIdentity {
            blob_id: Some(*metadata.blob_id()),
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

/// Deletes the objects of one blob, each by a transaction of its own; goes on after one that fails.
async fn delete(
    global: &GlobalOptions,
    args: &DeleteArgs,
    writer: &ContractWriter,
    found: Vec<BlobObject>,
    deletion: &mut Deletion,
) {
    if found.is_empty() {
        deletion.no_blob_found = true;
        return;
    }
    let is_named = deletion.blob_identity.object_id.is_some();
    let question = format!(
        "Delete {} of {}?",
        count(found.len() as u64, "object"),
        deletion.blob_identity.describe()
    );
    if let Err(error) = consent::ask(&question, args.yes || global.json || is_named) {
        deletion.aborted = true;
        deletion.error = Some(error.to_string());
        return;
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
    let blob_id = deletion.deleted_blobs.first()?.blob_id;
    tokio::time::sleep(SETTLE).await;
    let status = network.client().blob_status(&blob_id, STATUS_TIMEOUT).await;
    status.ok()
}
