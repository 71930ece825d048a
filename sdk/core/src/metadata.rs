//! Blob metadata: the hashes of all slivers, and its verification (encoding spec 3.4).

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::{
    blob_id::BlobId,
    bounded_bcs::{self, BcsError},
    encoding_type::EncodingType,
    hashing,
    index::{SliverIndex, SliverPairIndex},
    merkle::{self, MerkleTree, Node},
    parameters::{EncodingConfig, ParameterError},
    sliver_type::SliverType,
};

/// The hashes of the two slivers of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliverPairMetadata {
    /// Hash of primary sliver `p`.
    pub primary_hash: Node,
    /// Hash of secondary sliver `n - 1 - p`.
    pub secondary_hash: Node,
}

impl SliverPairMetadata {
    /// The hash of the sliver of this type.
    pub const fn hash(&self, sliver_type: SliverType) -> &Node {
        match sliver_type {
            SliverType::Primary => &self.primary_hash,
            SliverType::Secondary => &self.secondary_hash,
        }
    }
}

/// Version 1 of the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlobMetadataV1 {
    /// How the blob is encoded.
    pub encoding_type: EncodingType,
    /// Length of the blob in bytes, 0 allowed.
    pub unencoded_length: u64,
    /// The hashes of each sliver pair, in pair order.
    pub hashes: Vec<SliverPairMetadata>,
}

/// Metadata without the blob ID. BCS: `00` ‖ encoding type ‖ length `u64` ‖ `uleb(n)` ‖ pairs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlobMetadata {
    /// Version 1.
    V1(BlobMetadataV1),
}

impl BlobMetadata {
    /// Version 1 metadata from its parts.
    pub fn new(unencoded_length: u64, hashes: Vec<SliverPairMetadata>) -> Self {
        Self::V1(BlobMetadataV1 {
            encoding_type: EncodingType::RS2,
            unencoded_length,
            hashes,
        })
    }

    /// Decodes untrusted bytes, at most as many as `config` allows; trailing bytes are an error.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8], config: &EncodingConfig) -> Result<Self, BcsError> {
        bounded_bcs::from_bytes_at_most(bytes, config.max_metadata_bcs_length())
    }

    /// The BCS bytes.
    pub fn to_bcs(&self) -> Vec<u8> {
        bounded_bcs::to_bytes(self)
    }

    /// How the blob is encoded.
    pub fn encoding_type(&self) -> EncodingType {
        let Self::V1(inner) = self;
        inner.encoding_type
    }

    /// Length of the blob in bytes.
    pub fn unencoded_length(&self) -> u64 {
        let Self::V1(inner) = self;
        inner.unencoded_length
    }

    /// The hashes of each sliver pair, in pair order.
    pub fn hashes(&self) -> &[SliverPairMetadata] {
        let Self::V1(inner) = self;
        &inner.hashes
    }

    /// The Merkle root over the pairs of sliver hashes.
    pub fn root_hash(&self) -> Node {
        merkle::root_of(&self.leaf_hashes())
    }

    /// The Merkle tree over the pairs of sliver hashes.
    pub(crate) fn merkle_tree(&self) -> MerkleTree {
        MerkleTree::from_leaf_hashes(self.leaf_hashes())
    }

    fn leaf_hashes(&self) -> Vec<[u8; 32]> {
        let mut items = Vec::with_capacity(self.hashes().len() * 64);
        for pair in self.hashes() {
            items.extend_from_slice(&pair.primary_hash.bytes());
            items.extend_from_slice(&pair.secondary_hash.bytes());
        }
        let mut leaves = Vec::with_capacity(self.hashes().len());
        hashing::leaves(&items, 64, &mut leaves);
        leaves
    }

    /// The blob ID that this metadata commits to.
    pub fn compute_blob_id(&self) -> BlobId {
        BlobId::from_root(
            &self.root_hash(),
            self.encoding_type(),
            self.unencoded_length(),
        )
    }
}

/// Metadata claimed to belong to a blob ID. BCS: blob ID (32) ‖ [`BlobMetadata`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnverifiedBlobMetadataWithId {
    blob_id: BlobId,
    metadata: BlobMetadata,
}

impl UnverifiedBlobMetadataWithId {
    /// Joins an ID and the metadata claimed for it.
    pub fn new(blob_id: BlobId, metadata: BlobMetadata) -> Self {
        Self { blob_id, metadata }
    }

    /// Decodes untrusted bytes, at most as many as `config` allows; trailing bytes are an error.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8], config: &EncodingConfig) -> Result<Self, BcsError> {
        bounded_bcs::from_bytes_at_most(bytes, BlobId::LENGTH + config.max_metadata_bcs_length())
    }

    /// The claimed blob ID.
    pub fn blob_id(&self) -> &BlobId {
        &self.blob_id
    }

    /// The metadata claimed for it.
    pub fn metadata(&self) -> &BlobMetadata {
        &self.metadata
    }

    /// Checks number of hashes, length and blob ID, in this order.
    ///
    /// # Errors
    /// [`MetadataError`] tells which check failed.
    pub fn verify(
        self,
        config: &EncodingConfig,
    ) -> Result<VerifiedBlobMetadataWithId, MetadataError> {
        let hashes = self.metadata.hashes().len();
        if hashes != usize::from(config.n_shards()) {
            return Err(MetadataError::InvalidHashCount {
                actual: hashes,
                expected: config.n_shards(),
            });
        }
        let length = self.metadata.unencoded_length();
        let symbol_size = config.symbol_size(length)?;
        let computed = self.metadata.compute_blob_id();
        if computed != self.blob_id {
            return Err(MetadataError::BlobIdMismatch {
                computed,
                given: self.blob_id,
            });
        }
        Ok(VerifiedBlobMetadataWithId {
            blob_id: self.blob_id,
            metadata: self.metadata,
            config: *config,
            symbol_size: NonZeroU16::new(symbol_size).unwrap_or(NonZeroU16::MIN),
        })
    }
}

/// Metadata that is known to belong to its blob ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifiedBlobMetadataWithId {
    blob_id: BlobId,
    metadata: BlobMetadata,
    config: EncodingConfig,
    symbol_size: NonZeroU16,
}

impl VerifiedBlobMetadataWithId {
    /// Computes the blob ID of metadata that we made ourselves.
    ///
    /// # Errors
    /// [`MetadataError`] if the number of hashes or the length does not fit `config`.
    pub fn from_metadata(
        metadata: BlobMetadata,
        config: &EncodingConfig,
    ) -> Result<Self, MetadataError> {
        UnverifiedBlobMetadataWithId::new(metadata.compute_blob_id(), metadata).verify(config)
    }

    /// The blob ID.
    pub fn blob_id(&self) -> &BlobId {
        &self.blob_id
    }

    /// The metadata.
    pub fn metadata(&self) -> &BlobMetadata {
        &self.metadata
    }

    /// The parameters the blob is encoded with.
    pub fn config(&self) -> &EncodingConfig {
        &self.config
    }

    /// Number of shards.
    pub fn n_shards(&self) -> u16 {
        self.config.n_shards()
    }

    /// Length of the blob in bytes.
    pub fn unencoded_length(&self) -> u64 {
        self.metadata.unencoded_length()
    }

    /// Size of the blob's symbols in bytes.
    pub fn symbol_size(&self) -> NonZeroU16 {
        self.symbol_size
    }

    /// Length in bytes of the blob's slivers of this type.
    pub fn sliver_length(&self, sliver_type: SliverType) -> usize {
        usize::from(self.config.symbols_per_sliver(sliver_type))
            * usize::from(self.symbol_size.get())
    }

    /// Length in bytes of the BCS of the blob's slivers of this type, without the enum tag.
    pub fn sliver_bcs_length(&self, sliver_type: SliverType) -> usize {
        let length = self.sliver_length(sliver_type);
        bounded_bcs::uleb_length(length) + length + 4
    }

    /// The hash of a sliver; `None` if there is no such sliver.
    pub fn sliver_hash(&self, sliver_type: SliverType, index: SliverIndex) -> Option<&Node> {
        self.pair_hashes(index.to_pair_index(sliver_type, self.n_shards()))
            .map(|pair| pair.hash(sliver_type))
    }

    /// The hashes of a pair; `None` if there is no such pair.
    pub fn pair_hashes(&self, index: SliverPairIndex) -> Option<&SliverPairMetadata> {
        self.metadata.hashes().get(index.as_usize())
    }

    /// The metadata without the verdict, for sending (BCS: blob ID ‖ metadata).
    pub fn to_unverified(&self) -> UnverifiedBlobMetadataWithId {
        UnverifiedBlobMetadataWithId::new(self.blob_id, self.metadata.clone())
    }

    /// BCS of blob ID ‖ metadata.
    pub fn to_bcs(&self) -> Vec<u8> {
        let mut bytes = self.blob_id.0.to_vec();
        bytes.extend(self.metadata.to_bcs());
        bytes
    }
}

/// Metadata that does not belong to its blob ID, or to no blob at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The number of pairs is not the number of shards.
    #[error("invalid hash count: {actual} sliver pairs for {expected} shards")]
    InvalidHashCount {
        /// Pairs found.
        actual: usize,
        /// Number of shards.
        expected: u16,
    },
    /// The length exceeds what the parameters allow.
    #[error("unencoded length too large: {0}")]
    UnencodedLengthTooLarge(#[from] ParameterError),
    /// The hashes do not give the blob ID.
    #[error("blob ID mismatch: the metadata gives {computed}, not {given}")]
    BlobIdMismatch {
        /// The ID that the metadata commits to.
        computed: BlobId,
        /// The ID it was claimed for.
        given: BlobId,
    },
}
