//! Test blobs, in the forms in which they are stored.

use bytes::Bytes;
use rand::RngCore;
use walrus_core::{
    BlobId, EncodingConfig, EncodingType, SliverPairIndex, SliverType, encoder::BlobEncoder,
    encoder::EncodedBlob, pricing::encoded_blob_length,
};
use walrus_sui::transactions::{BlobRegistration, StorageSource};

/// Random bytes, so that no two tests store the same blob.
pub fn random_bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A blob in the form in which nodes get it.
pub struct Encoded {
    /// Slivers and metadata.
    pub blob: EncodedBlob,
    config: EncodingConfig,
}

impl Encoded {
    /// Encodes `data` for a network of `n_shards`.
    pub fn new(data: &[u8], n_shards: u16) -> Self {
        let config = EncodingConfig::new(n_shards).expect("a legal number of shards");
        let encoder = BlobEncoder::new(config, data).expect("a blob that fits");
        Self {
            blob: encoder
                .encode()
                .expect("every blob that fits can be encoded"),
            config,
        }
    }

    /// The blob ID.
    pub fn id(&self) -> BlobId {
        *self.blob.metadata.blob_id()
    }

    /// The BCS form of a sliver, as nodes take it.
    pub fn sliver(&self, pair: SliverPairIndex, sliver_type: SliverType) -> Bytes {
        let pair = self
            .blob
            .pairs
            .get(pair.as_usize())
            .expect("a pair below the number of shards");
        match sliver_type {
            SliverType::Primary => pair.primary.to_bcs().into(),
            SliverType::Secondary => pair.secondary.to_bcs().into(),
        }
    }

    /// What the contract has to know, for one epoch of new storage.
    pub fn registration(&self, deletable: bool) -> BlobRegistration {
        let metadata = &self.blob.metadata;
        let size = metadata.unencoded_length();
        let n_shards = self.config.n_shards();
        BlobRegistration {
            blob_id: self.id(),
            root_hash: metadata.metadata().root_hash().bytes(),
            unencoded_size: size,
            encoded_size: encoded_blob_length(n_shards, size, EncodingType::RS2)
                .expect("a blob that fits"),
            encoding_type: EncodingType::RS2,
            deletable,
            storage: StorageSource::Buy { epochs_ahead: 1 },
            attributes: Vec::new(),
        }
    }
}
