//! What a body is known by, without a network: its blob ID, or that of its manifest. Manifest spec 3.

use walrus_core::{
    BlobId, EncodingConfig,
    manifest::{BodyDigest, Manifest, Part, PartPlan, max_body_length},
};

use super::{body::Body, store::parts};
use crate::{BlobData, BlobToStore, ClientError, Progress, ProgressEvent, store::Unencoded};

/// What something is stored as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it is read by.
    pub blob_id: BlobId,
    /// Its bytes.
    pub length: u64,
    /// The manifest that is stored in its place, if it is too large for one blob.
    pub manifest: Option<Manifest>,
}

impl Identity {
    /// Computes what `data` is stored as on a network with this number of shards; `label` is for errors.
    ///
    /// # Errors
    /// [`ClientError::Unreadable`], [`ClientError::BlobTooLarge`].
    pub async fn of(
        label: &str,
        data: BlobData,
        config: EncodingConfig,
        progress: &dyn Progress,
    ) -> Result<Self, ClientError> {
        let unreadable = |error: std::io::Error| ClientError::Unreadable {
            label: label.to_owned(),
            source: error.into(),
        };
        let length = data.length().map_err(unreadable)?;
        if length <= config.max_blob_size() {
            return Ok(Self {
                blob_id: blob_id(label, data, config, (0, length), progress).await?,
                length,
                manifest: None,
            });
        }
        let plan = PartPlan::new(&config, length).ok_or_else(|| ClientError::BlobTooLarge {
            size: length,
            max: max_body_length(&config),
        })?;
        let body = Body::open(&data).map_err(unreadable)?;
        let ranges: Vec<_> = plan.ranges().collect();
        let mut named = Vec::with_capacity(ranges.len());
        let mut digest = BodyDigest::default();
        let blobs = parts((label, None), &body, 0, ranges.len(), &ranges);
        for (BlobToStore { label, data, .. }, range) in blobs.into_iter().zip(ranges) {
            let place = (range.start, length);
            let length = range.end.saturating_sub(range.start);
            digest = body.hash(&label, digest, range).await?;
            let blob_id = blob_id(&label, data, config, place, progress).await?;
            named.push(Part { blob_id, length });
        }
        let manifest = Manifest::new(digest.finish(), named)
            .map_err(|error| ClientError::Interrupted(error.to_string()))?;
        let bytes = BlobData::from(manifest.to_bytes());
        Ok(Self {
            blob_id: blob_id(label, bytes, config, (length, length), progress).await?,
            length,
            manifest: Some(manifest),
        })
    }
}

/// The blob ID of bytes that begin at `start` of `total`.
async fn blob_id(
    label: &str,
    data: BlobData,
    config: EncodingConfig,
    (start, total): (u64, u64),
    progress: &dyn Progress,
) -> Result<BlobId, ClientError> {
    let blob = Unencoded::new(label.to_owned(), data, config)?;
    let length = blob.length;
    let on_progress = |now: walrus_core::work::Progress| {
        let share = u128::from(length) * u128::from(now.done) / u128::from(now.total.max(1));
        let share = u64::try_from(share).unwrap_or(length);
        let done = start.saturating_add(share).min(total);
        progress.on_event(ProgressEvent::Encoding { done, total });
    };
    blob.blob_id(on_progress).await
}

#[cfg(test)]
mod tests {
    use walrus_core::manifest::HEAD_BYTES;

    use super::*;
    use crate::NoProgress;

    #[tokio::test]
    async fn what_is_too_large_is_known_by_its_manifest() {
        let config = EncodingConfig::new(4).unwrap();
        let max = usize::try_from(config.max_blob_size()).unwrap();
        let of = |bytes: Vec<u8>| async move {
            Identity::of("file", bytes.into(), config, &NoProgress)
                .await
                .unwrap()
        };
        let fits = of(vec![7; max]).await;
        assert_eq!((fits.length, fits.manifest), (max as u64, None));
        let body: Vec<u8> = (0..max + 1).map(|i| (i % 251) as u8).collect();
        let large = of(body.clone()).await;
        let manifest = large.manifest.unwrap();
        assert_eq!(
            (large.length, manifest.length()),
            (max as u64 + 1, max as u64 + 1)
        );
        let mut digest = BodyDigest::default();
        digest.update(&body);
        assert_eq!(manifest.digest(), &digest.finish());
        let mut rest = &body[..];
        for part in manifest.parts() {
            let (bytes, after) = rest.split_at(usize::try_from(part.length).unwrap());
            assert_eq!(of(bytes.to_vec()).await.blob_id, part.blob_id);
            rest = after;
        }
        let bytes = manifest.to_bytes();
        assert!(bytes.len() > HEAD_BYTES && rest.is_empty());
        assert_eq!(of(bytes).await.blob_id, large.blob_id);
    }
}
