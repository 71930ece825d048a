//! Manifests as the commands for blob objects see them: what is done to one is meant for its parts as well. Manifest spec 6.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use walrus_sdk::{BlobId, BlobObject, Client, Manifest};

use crate::{
    context::Network,
    report::{Reporter, count, explain},
};

/// Blobs that are looked at, at the same time.
const AT_ONCE: usize = 8;

/// The manifest that a blob of `size` bytes is, if it is one.
pub(crate) async fn manifest_of(
    client: &Client,
    blob_id: &BlobId,
    size: u64,
) -> anyhow::Result<Option<Manifest>> {
    if !Manifest::can_have_length(size) {
        return Ok(None);
    }
    let body = client.open(blob_id).await.map_err(explain);
    let body = body.with_context(|| format!("cannot look whether blob {blob_id} is a manifest"))?;
    Ok(body.manifest().cloned())
}

/// Blobs that are parts of manifests which the wallet owns, leaving out these manifests.
pub(crate) async fn named_by_others(
    client: &Client,
    owned: &[BlobObject],
    leave_out: &BTreeSet<BlobId>,
) -> anyhow::Result<HashSet<BlobId>> {
    let others: BTreeSet<(BlobId, u64)> = owned
        .iter()
        .filter(|object| object.certified_epoch.is_some() && !leave_out.contains(&object.blob_id))
        .map(|object| (object.blob_id, object.size))
        .collect();
    let manifests: Vec<Option<Manifest>> = stream::iter(others)
        .map(|(blob_id, size)| async move { manifest_of(client, &blob_id, size).await })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let parts = manifests.iter().flatten().flat_map(Manifest::parts);
    Ok(parts.map(|part| part.blob_id).collect())
}

/// The longest-lived object that the wallet owns of each part, and the parts of which it owns none, numbered from 1 on.
pub(crate) fn objects_of<'a>(
    manifest: &Manifest,
    owned: &'a [BlobObject],
) -> (Vec<&'a BlobObject>, Vec<(usize, BlobId)>) {
    let (mut objects, mut missing, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (part, number) in manifest.parts().iter().zip(1..) {
        if !seen.insert(part.blob_id) {
            continue;
        }
        let of_part = owned.iter().filter(|object| object.blob_id == part.blob_id);
        match of_part.max_by_key(|object| object.storage.end_epoch) {
            Some(object) => objects.push(object),
            None => missing.push((number, part.blob_id)),
        }
    }
    (objects, missing)
}

/// The parts without an object of the wallet, for people.
pub(crate) fn describe_missing(missing: &[(usize, BlobId)]) -> String {
    let parts = missing
        .iter()
        .map(|(number, blob_id)| format!("{number} ({blob_id})"));
    let parts: Vec<_> = parts.collect();
    format!(
        "the wallet has no object of {} {}",
        if parts.len() == 1 { "part" } else { "parts" },
        parts.join(", ")
    )
}

/// The parts of a manifest, and whether they are there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartsStatus {
    count: usize,
    available: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_available: Vec<AbsentPart>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AbsentPart {
    number: usize,
    blob_id: BlobId,
}

impl PartsStatus {
    /// Asks for the status of each part; nothing if the blob is no manifest, or cannot be read now.
    pub(crate) async fn of(
        network: &Network,
        blob_id: &BlobId,
        timeout: Duration,
    ) -> anyhow::Result<Option<Self>> {
        let client = network.client();
        let Ok(body) = client.open(blob_id).await else {
            return Ok(None);
        };
        let Some(manifest) = body.manifest() else {
            return Ok(None);
        };
        let parts = manifest.parts().iter().zip(1..);
        let statuses: Vec<_> = stream::iter(parts)
            .map(|(part, number)| {
                let client = &client;
                async move {
                    let status = client.blob_status(&part.blob_id, timeout).await;
                    let certified = status.map(|status| status.initial_certified_epoch());
                    (number, part.blob_id, matches!(certified, Ok(Some(_))))
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let absent = statuses.iter().filter(|(_, _, available)| !available);
        let not_available: Vec<_> = absent
            .map(|(number, blob_id, _)| AbsentPart {
                number: *number,
                blob_id: *blob_id,
            })
            .collect();
        Ok(Some(Self {
            count: statuses.len(),
            available: statuses.len().saturating_sub(not_available.len()),
            not_available,
        }))
    }

    pub(crate) fn print(&self, reporter: &Reporter) {
        let parts = count(self.count as u64, "part");
        match self.not_available.is_empty() {
            true => reporter.field("manifest of", format!("{parts}, all available")),
            false => {
                let available = format!("{parts}, of which {} are available", self.available);
                reporter.field("manifest of", available);
            }
        }
        for AbsentPart { number, blob_id } in &self.not_available {
            reporter.line(format!("  not available: part {number}, blob {blob_id}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_sdk::{EncodingType, Part, StorageResource};
    use walrus_sui::Address;

    use super::*;

    fn object(id: u8, blob: u8, end_epoch: u32) -> BlobObject {
        BlobObject {
            id: Address::new([id; 32]),
            registered_epoch: 1,
            blob_id: BlobId([blob; 32]),
            size: 1,
            encoding_type: EncodingType::RS2,
            certified_epoch: Some(1),
            storage: StorageResource {
                id: Address::new([100; 32]),
                start_epoch: 1,
                end_epoch,
                storage_size: 1,
            },
            deletable: true,
        }
    }

    #[test]
    fn each_part_has_one_object_or_is_told() {
        let parts = [1, 2, 1, 3].map(|blob| Part {
            blob_id: BlobId([blob; 32]),
            length: 1,
        });
        let manifest = Manifest::new([0; 32], parts.to_vec()).unwrap();
        let owned = [
            object(10, 1, 5),
            object(11, 1, 7),
            object(12, 3, 5),
            object(13, 9, 5),
        ];
        let (objects, missing) = objects_of(&manifest, &owned);
        let ids: Vec<_> = objects.iter().map(|object| object.id).collect();
        assert_eq!(ids, [owned[1].id, owned[2].id]);
        assert_eq!(missing, [(2, BlobId([2; 32]))]);
        let said = describe_missing(&missing);
        assert!(
            said.starts_with("the wallet has no object of part 2 ("),
            "{said}"
        );
    }
}
