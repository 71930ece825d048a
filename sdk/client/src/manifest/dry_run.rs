//! Dry run of a body that is cut: what becomes of its parts and of its manifest. Client spec 2.5.

use walrus_core::manifest::{BodyDigest, Manifest, Part, PartPlan};

use super::store::{manifest_blob, open, parts};
use crate::{
    BlobToStore, ClientError, DryRun, Progress,
    store::CostLimit,
    store_request::{Request, nothing_done},
};

impl Request<'_> {
    /// What a store would do with a body. With a limit, as [`Request::dry_run_together`].
    pub(crate) async fn dry_run_body(
        &self,
        blob: BlobToStore,
        plan: PartPlan,
        limit: Option<CostLimit>,
        progress: &dyn Progress,
    ) -> Result<DryRun, ClientError> {
        let body = open(&blob, plan)?;
        let ranges: Vec<_> = plan.ranges().collect();
        let to_store = parts((&blob.label, None), &body, 0, ranges.len(), &ranges);
        let digest = body.hash(&blob.label, BodyDigest::default(), 0..body.length());
        let planned = self.dry_run_together(to_store, limit, progress);
        let (planned, digest) = tokio::try_join!(planned, digest)?;
        let digest = digest.finish();
        let named = planned.iter().map(|part| Part {
            blob_id: part.blob_id,
            length: part.unencoded_size,
        });
        let manifest = Manifest::new(digest, named.collect())
            .map_err(|error| ClientError::Interrupted(error.to_string()))?;
        let manifest = vec![manifest_blob(&blob, &manifest)];
        let manifest = self.dry_run_together(manifest, None, progress).await?;
        let manifest = manifest.into_iter().next().ok_or_else(nothing_done)?;
        Ok(joined(manifest, planned))
    }
}

/// One plan of the manifest's and those of the parts.
fn joined(manifest: DryRun, parts: Vec<DryRun>) -> DryRun {
    let gas = |of: fn(&DryRun) -> Option<i64>, own| {
        let parts = parts.iter().filter_map(of);
        parts.chain(own).reduce(i64::saturating_add)
    };
    let sum = |of: fn(&DryRun) -> u64, own| {
        let parts = parts.iter().map(of);
        parts.fold(own, u64::saturating_add)
    };
    let ends = parts.iter().map(|part| part.end_epoch);
    let refusals = parts.iter().find_map(|part| part.cannot_pay.clone());
    let unencoded = parts.iter().map(|part| part.unencoded_size);
    DryRun {
        unencoded_size: unencoded.fold(0, u64::saturating_add),
        encoded_size: sum(|part| part.encoded_size, manifest.encoded_size),
        storage_cost: sum(|part| part.storage_cost, manifest.storage_cost),
        cost: sum(|part| part.cost, manifest.cost),
        end_epoch: ends.fold(manifest.end_epoch, u32::min),
        registration_gas: gas(|part| part.registration_gas, manifest.registration_gas),
        extension_gas: gas(|part| part.extension_gas, manifest.extension_gas),
        certification_gas: gas(|part| part.certification_gas, manifest.certification_gas),
        merges_coins: manifest.merges_coins || parts.iter().any(|part| part.merges_coins),
        cannot_pay: refusals.or(manifest.cannot_pay),
        parts,
        ..manifest
    }
}
