//! Store of a body that is cut: parts a few at a time, then the manifest. Manifest spec 3.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use walrus_core::{
    EncodingConfig, EncodingType,
    encoder::EncodeError,
    manifest::{BodyDigest, Manifest, Part, PartPlan},
    pricing::encoded_blob_length,
};

use super::{MANIFEST_ATTRIBUTE, ManifestProblem, SharedParts, body::Body};
use crate::{
    BlobToStore, ClientError, Progress, ProgressEvent, StoreOptions, StoreReport, Stored,
    journal::UploadKey,
    limits,
    store::{CostLimit, Known},
    store_request::Request,
};

/// What a body is stored with.
pub(crate) struct Means<'a> {
    pub(crate) options: StoreOptions,
    pub(crate) known: &'a mut Known,
    pub(crate) progress: &'a dyn Progress,
}

impl Request<'_> {
    /// Stores a body. The report has one outcome, which tells of all parts that were stored, also if the body is not.
    pub(crate) async fn store_body(
        &self,
        blob: BlobToStore,
        plan: PartPlan,
        means: Means<'_>,
    ) -> StoreReport {
        let mut report = StoreReport {
            outcomes: Vec::new(),
            timings: BTreeMap::new(),
            gas: 0,
        };
        let stored = self.store_parts(&blob, plan, means, &mut report).await;
        let parts = std::mem::take(&mut report.outcomes);
        match stored {
            Ok(manifest) => report.append(manifest),
            Err(error) => report.append_failed(vec![blob.label], error),
        }
        if let Some(outcome) = report.outcomes.first_mut() {
            let encoded = parts.iter().map(|part| part.encoded_size);
            outcome.encoded_size = encoded.fold(outcome.encoded_size, u64::saturating_add);
            outcome.unencoded_size = plan.length();
            outcome.parts = parts;
        }
        report
    }

    /// Stores the parts, which `report` tells of, and the manifest.
    async fn store_parts(
        &self,
        blob: &BlobToStore,
        plan: PartPlan,
        means: Means<'_>,
        report: &mut StoreReport,
    ) -> Result<StoreReport, ClientError> {
        let Means {
            mut options,
            known,
            progress,
        } = means;
        let body = open(blob, plan)?;
        self.check_means(blob, plan, &options).await?;
        let total = usize::try_from(plan.count()).unwrap_or(usize::MAX);
        let tell = |stored: usize| {
            let (stored, total) = (stored as u64, total as u64);
            progress.on_event(ProgressEvent::Parts { stored, total });
        };
        let names = (&*blob.label, blob.upload_key);
        let mut digest = BodyDigest::default();
        for batch in batches(plan) {
            let stored = report.outcomes.len();
            tell(stored);
            let range =
                batch.first().map_or(0, |part| part.start)..batch.last().map_or(0, |part| part.end);
            let parts = parts(names, &body, stored, total, &batch);
            let (batch, hashed) = tokio::join!(
                self.store_together(parts, &options, known, progress),
                body.hash(&blob.label, digest, range),
            );
            let batch = batch.map_err(|error| incomplete(stored, total, error))?;
            options.max_cost = left(options.max_cost, batch.paid());
            report.append(batch);
            complete(report, total)?;
            digest = hashed.map_err(|error| incomplete(stored, total, error))?;
        }
        tell(total);
        let manifest = manifest_of(report, digest)?;
        let mut manifest = manifest_blob(blob, &manifest);
        // Whoever prolongs the manifest owns none of its parts.
        manifest
            .attributes
            .extend(shared_parts(report).attributes());
        let manifest = vec![manifest];
        let stored = self.store_together(manifest, &options, known, progress);
        stored
            .await
            .map_err(|error| incomplete(total, total, error))
    }

    /// Refuses a body that costs more than is allowed, or than the wallet has, before its first part is paid for.
    async fn check_means(
        &self,
        blob: &BlobToStore,
        plan: PartPlan,
        options: &StoreOptions,
    ) -> Result<(), ClientError> {
        let view = self.client.view().await?;
        let writer = self.client.writer()?;
        let reader = self.client.reader();
        let wal = &reader.packages().wal_type;
        let available = reader.chain().balance(writer.address(), wal).await?;
        let max = options.max_cost.unwrap_or(u64::MAX);
        let epochs = self.client.epochs_ahead(options.epochs, &view).await?;
        let prices = &view.sales.prices;
        let mut cost = Some(0_u64);
        for length in plan.blob_lengths() {
            let size = encoded_length(&view.current.config, length)?;
            let one = prices
                .storage_cost(size, epochs)
                .zip(prices.write_cost(size));
            cost = cost
                .zip(one)
                .and_then(|(sum, (storage, write))| sum.checked_add(storage)?.checked_add(write));
        }
        if cost.is_some_and(|cost| cost <= max.min(available)) {
            return Ok(());
        }
        // What the wallet owns may make it cheaper. To know, blob IDs are needed; of one part after the other, until it is clear.
        let request = Request {
            client: self.client,
            options: options.clone(),
            progress: self.progress,
        };
        let limit = CostLimit { available, max };
        let planned = request
            .dry_run_body(blob.clone(), plan, Some(limit), self.progress)
            .await?;
        match planned.cannot_pay {
            _ if planned.cost > max => Err(ClientError::TooExpensive {
                cost: planned.cost,
                max,
            }),
            Some(reason) => Err(ClientError::CannotPay {
                cost: planned.cost,
                available,
                reason,
            }),
            None => Ok(()),
        }
    }
}

/// Opens what is to be cut, if it is what was planned for.
pub(super) fn open(blob: &BlobToStore, plan: PartPlan) -> Result<Body, ClientError> {
    let unreadable = |source| ClientError::Unreadable {
        label: blob.label.clone(),
        source,
    };
    let body = Body::open(&blob.data).map_err(|error| unreadable(error.into()))?;
    let (was, is) = (plan.length(), body.length());
    if was != is {
        return Err(unreadable(
            format!("it had {was} bytes and has {is}").into(),
        ));
    }
    Ok(body)
}

fn encoded_length(config: &EncodingConfig, length: u64) -> Result<u64, ClientError> {
    encoded_blob_length(config.n_shards(), length, EncodingType::RS2)
        .map_err(|error| ClientError::Encode(EncodeError::from(error)))
}

/// Parts that are stored at the same time: few enough for the disk, which has their slivers meanwhile.
fn batches(plan: PartPlan) -> impl Iterator<Item = Vec<Range<u64>>> {
    let at_once = limits::PARTS_AT_ONCE_BYTES / plan.part_length().max(1);
    let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
    let at_once = at_once.clamp(1, limits::BLOBS_PER_TRANSACTION);
    let mut ranges = plan.ranges();
    std::iter::from_fn(move || {
        let batch: Vec<_> = ranges.by_ref().take(at_once).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

/// The parts of a batch, as blobs. `before` are those of earlier ones. Whoever finds the body by a key finds each part by one.
pub(super) fn parts(
    (label, key): (&str, Option<UploadKey>),
    body: &Body,
    before: usize,
    total: usize,
    batch: &[Range<u64>],
) -> Vec<BlobToStore> {
    let parts = batch.iter().zip(before.saturating_add(1)..);
    parts
        .map(|(range, number)| {
            let label = format!("{label} (part {number} of {total})");
            BlobToStore {
                upload_key: key.map(|key| key.part(number as u64)),
                ..BlobToStore::new(label, body.part(range.clone()))
            }
        })
        .collect()
}

/// The manifest as a blob.
pub(super) fn manifest_blob(blob: &BlobToStore, manifest: &Manifest) -> BlobToStore {
    let (key, value) = MANIFEST_ATTRIBUTE;
    let mut attributes = blob.attributes.clone();
    if !attributes.iter().any(|(other, _)| other == key) {
        attributes.push((key.to_owned(), value.to_owned()));
    }
    BlobToStore {
        label: blob.label.clone(),
        data: manifest.to_bytes().into(),
        attributes,
        upload_key: blob.upload_key,
    }
}

/// That all parts so far are stored.
fn complete(report: &StoreReport, total: usize) -> Result<(), ClientError> {
    let failures = report
        .outcomes
        .iter()
        .filter_map(|o| o.result.as_ref().err());
    let failures: Vec<_> = failures.collect();
    let Some(first) = failures.first() else {
        return Ok(());
    };
    let stored = report.outcomes.len().saturating_sub(failures.len());
    let source = ClientError::Failed(Arc::clone(&first.error));
    Err(incomplete(stored, total, source))
}

/// What is told of a failure: as it is, if nothing is stored.
fn incomplete(stored: usize, parts: usize, error: ClientError) -> ClientError {
    if stored == 0 {
        return error;
    }
    let source = Box::new(error);
    ManifestProblem::NotStored {
        stored,
        parts,
        source,
    }
    .into()
}

/// What is left to pay with.
fn left(max: Option<u64>, paid: u64) -> Option<u64> {
    max.map(|max| max.saturating_sub(paid))
}

/// The shared objects of the parts, if they are shared.
fn shared_parts(report: &StoreReport) -> SharedParts {
    let objects = report.outcomes.iter().map(|outcome| match &outcome.result {
        Ok(Stored::NewlyCreated {
            shared_blob_object, ..
        }) => *shared_blob_object,
        _ => None,
    });
    SharedParts::new(objects.collect())
}

fn manifest_of(report: &StoreReport, digest: BodyDigest) -> Result<Manifest, ClientError> {
    let parts = report.outcomes.iter().filter_map(|outcome| {
        let blob_id = outcome.result.as_ref().ok()?.blob_id();
        let length = outcome.unencoded_size;
        Some(Part { blob_id, length })
    });
    Manifest::new(digest.finish(), parts.collect())
        .map_err(|error| ClientError::Interrupted(error.to_string()))
}
