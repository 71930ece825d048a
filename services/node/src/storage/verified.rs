//! Metadata cache: what was verified a moment ago. Every sliver of an upload needs it, and hashing it takes as long as hashing a small
//! sliver.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use walrus_core::{BlobId, EncodingConfig, VerifiedBlobMetadataWithId};

use crate::limits::VERIFIED_METADATA;

/// The metadata used last, with the bytes that it was decoded from.
#[derive(Debug, Default)]
pub(super) struct VerifiedMetadata(Mutex<VecDeque<(Vec<u8>, VerifiedBlobMetadataWithId)>>);

impl VerifiedMetadata {
    /// What exactly these bytes were verified to be.
    pub(super) fn get(
        &self,
        blob_id: &BlobId,
        bytes: &[u8],
        config: &EncodingConfig,
    ) -> Option<VerifiedBlobMetadataWithId> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(known, metadata): &&(Vec<u8>, VerifiedBlobMetadataWithId)| {
            metadata.blob_id() == blob_id && metadata.config() == config && known == bytes
        };
        entries
            .iter()
            .find(same)
            .map(|(_, metadata)| metadata.clone())
    }

    /// Remembers what bytes were verified to be, and forgets what was remembered first.
    pub(super) fn remember(&self, bytes: &[u8], metadata: &VerifiedBlobMetadataWithId) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|(_, known)| known.blob_id() != metadata.blob_id());
        entries.push_back((bytes.to_vec(), metadata.clone()));
        while entries.len() > VERIFIED_METADATA {
            entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::encoder::BlobEncoder;

    use super::*;

    fn metadata(blob: &[u8]) -> VerifiedBlobMetadataWithId {
        let config = EncodingConfig::new(10).unwrap();
        let encoder = BlobEncoder::new(config, blob).unwrap();
        encoder.compute_metadata().unwrap()
    }

    #[test]
    fn only_the_very_same_bytes_are_known() {
        let config = EncodingConfig::new(10).unwrap();
        let verified = VerifiedMetadata::default();
        let metadata = metadata(b"blob");
        let mut bytes = metadata.metadata().to_bcs();
        let get = |bytes: &[u8]| verified.get(metadata.blob_id(), bytes, &config);
        assert!(get(&bytes).is_none());
        verified.remember(&bytes, &metadata);
        assert_eq!(get(&bytes).as_ref(), Some(&metadata));
        let other = BlobId([7; 32]);
        assert!(verified.get(&other, &bytes, &config).is_none());
        let another = EncodingConfig::new(11).unwrap();
        let found = verified.get(metadata.blob_id(), &bytes, &another);
        assert!(found.is_none());
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        assert!(get(&bytes).is_none(), "damage is noticed");
    }

    #[test]
    fn a_few_are_remembered() {
        let verified = VerifiedMetadata::default();
        for blob in 0..=VERIFIED_METADATA as u8 {
            let metadata = metadata(&[blob]);
            verified.remember(&metadata.metadata().to_bcs(), &metadata);
        }
        assert_eq!(verified.0.lock().unwrap().len(), VERIFIED_METADATA);
        let config = EncodingConfig::new(10).unwrap();
        let (first, last) = (metadata(&[0]), metadata(&[VERIFIED_METADATA as u8]));
        let known = |metadata: &VerifiedBlobMetadataWithId| {
            let bytes = metadata.metadata().to_bcs();
            verified.get(metadata.blob_id(), &bytes, &config).is_some()
        };
        assert!(!known(&first) && known(&last));
    }
}
