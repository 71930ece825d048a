//! Slivers: rows and columns of the expanded matrix, as shards store them (encoding spec 2.3, 4.1).

#[cfg(feature = "files")]
mod framing;
mod hasher;
mod view;

use std::{marker::PhantomData, num::NonZeroU16};

#[cfg(feature = "files")]
pub(crate) use framing::SliverFraming;
pub(crate) use hasher::SliverHasher;
pub use view::SliverView;

use serde::{Deserialize, Serialize};

use crate::{
    bounded_bcs::{self, BcsError},
    codec::CodecError,
    index::{SliverIndex, SliverPairIndex},
    merkle::{self, MerkleTree, Node},
    metadata::VerifiedBlobMetadataWithId,
    parameters::EncodingConfig,
    sliver_type::{Axis, Primary, Secondary, SliverType},
    symbol::Symbols,
};

/// A sliver of one type. BCS: [`Symbols`] ‖ sliver index `u16` (not the pair index).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SliverData<T: Axis> {
    /// The symbols, `ns` in a primary sliver, `np` in a secondary one.
    pub symbols: Symbols,
    /// Index among the slivers of this type.
    pub index: SliverIndex,
    #[serde(skip)]
    sliver_type: PhantomData<T>,
}

/// A row.
pub type PrimarySliver = SliverData<Primary>;
/// A column.
pub type SecondarySliver = SliverData<Secondary>;

impl<T: Axis> SliverData<T> {
    /// A sliver from its bytes; `None` unless they are a multiple of `symbol_size`.
    pub fn new(data: Vec<u8>, symbol_size: NonZeroU16, index: SliverIndex) -> Option<Self> {
        Symbols::new(data, symbol_size).map(|symbols| Self::from_symbols(symbols, index))
    }

    /// A sliver from its symbols.
    pub fn from_symbols(symbols: Symbols, index: SliverIndex) -> Self {
        Self {
            symbols,
            index,
            sliver_type: PhantomData,
        }
    }

    /// Decodes untrusted bytes, exactly as many as the blob's slivers have.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8], metadata: &VerifiedBlobMetadataWithId) -> Result<Self, BcsError> {
        bounded_bcs::from_bytes_exact(bytes, metadata.sliver_bcs_length(T::TYPE))
    }

    /// The BCS bytes.
    pub fn to_bcs(&self) -> Vec<u8> {
        bounded_bcs::to_bytes(self)
    }

    /// The pair that the sliver belongs to.
    pub fn pair_index(&self, n_shards: u16) -> SliverPairIndex {
        self.index.to_pair_index(T::TYPE, n_shards)
    }

    /// Expands the sliver to a whole row or column of `n_shards` symbols.
    ///
    /// # Errors
    /// [`CodecError`] if the sliver does not have the number of symbols `config` asks for, or a bad size.
    pub fn expand(&self, config: &EncodingConfig) -> Result<ExpandedSliver<T>, CodecError> {
        let symbol_size = self.symbols.symbol_size();
        let mut data = Vec::new();
        let leaf_hashes = SliverHasher::borrowed(config, T::TYPE, symbol_size.get(), |hasher| {
            hasher.expand(self.symbols.data(), &mut data)?;
            Ok(hasher.leaf_hashes().to_vec())
        })?;
        Ok(ExpandedSliver {
            data,
            symbol_size,
            leaf_hashes,
            index: self.index,
            sliver_type: PhantomData,
        })
    }

    /// The sliver's hash: the Merkle root over its expanded symbols.
    ///
    /// # Errors
    /// As for [`Self::expand`].
    pub fn hash(&self, config: &EncodingConfig) -> Result<Node, CodecError> {
        let size = self.symbols.symbol_size().get();
        SliverHasher::borrowed(config, T::TYPE, size, |hasher| {
            hasher.hash(self.symbols.data()).map(Node::Digest)
        })
    }

    /// Checks index, length, symbol size and hash against the blob's metadata, in this order.
    ///
    /// # Errors
    /// [`SliverError`] tells which check failed.
    pub fn verify(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), SliverError> {
        let committed = self.check_shape(metadata)?;
        let hash = self.hash(metadata.config())?;
        self.compare(hash, committed)
    }

    /// As [`Self::verify`], handing out the expanded sliver too.
    ///
    /// # Errors
    /// [`SliverError`] tells which check failed.
    pub fn verify_expanded(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
    ) -> Result<ExpandedSliver<T>, SliverError> {
        let committed = self.check_shape(metadata)?;
        let expanded = self.expand(metadata.config())?;
        self.compare(expanded.hash(), committed)?;
        Ok(expanded)
    }

    /// Checks everything but the hash, which is the result.
    fn check_shape<'a>(
        &self,
        metadata: &'a VerifiedBlobMetadataWithId,
    ) -> Result<&'a Node, SliverError> {
        let (length, size) = (self.symbols.data().len(), self.symbols.symbol_size());
        check_committed(metadata, T::TYPE, self.index, length, size)
    }

    fn compare(&self, hash: Node, committed: &Node) -> Result<(), SliverError> {
        if hash == *committed {
            return Ok(());
        }
        Err(SliverError::MerkleRootMismatch {
            sliver_type: T::TYPE,
            index: self.index,
        })
    }
}

/// The hash that metadata commit to for a sliver, after the check that symbols of this size, of so many bytes together, may be that sliver.
fn check_committed(
    metadata: &VerifiedBlobMetadataWithId,
    sliver_type: SliverType,
    index: SliverIndex,
    length: usize,
    size: NonZeroU16,
) -> Result<&Node, SliverError> {
    let n_shards = metadata.n_shards();
    let committed = metadata.sliver_hash(sliver_type, index);
    let committed = committed.ok_or(SliverError::IndexTooLarge { index, n_shards })?;
    let expected = metadata.sliver_length(sliver_type);
    if length != expected {
        return Err(SliverError::SizeMismatch { length, expected });
    }
    let expected = metadata.symbol_size();
    if size != expected {
        return Err(SliverError::SymbolSizeMismatch { size, expected });
    }
    Ok(committed)
}

/// A whole row (primary) or column (secondary) of the expanded matrix, with the hashes of its symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpandedSliver<T: Axis> {
    data: Vec<u8>,
    symbol_size: NonZeroU16,
    leaf_hashes: Vec<[u8; 32]>,
    index: SliverIndex,
    sliver_type: PhantomData<T>,
}

impl<T: Axis> ExpandedSliver<T> {
    /// Index of the sliver.
    pub fn index(&self) -> SliverIndex {
        self.index
    }

    /// Symbol `position` of the row or column, which is the index of the crossing sliver.
    pub fn symbol(&self, position: SliverIndex) -> Option<&[u8]> {
        self.data
            .chunks_exact(usize::from(self.symbol_size.get()))
            .nth(position.as_usize())
    }

    /// The sliver's hash.
    pub fn hash(&self) -> Node {
        merkle::root_of(&self.leaf_hashes)
    }

    /// The Merkle tree over the symbols.
    pub fn merkle_tree(&self) -> MerkleTree {
        MerkleTree::from_leaf_hashes(self.leaf_hashes.clone())
    }
}

/// A sliver of either type. BCS: `00` primary or `01` secondary, then the sliver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sliver {
    /// A row.
    Primary(PrimarySliver),
    /// A column.
    Secondary(SecondarySliver),
}

impl Sliver {
    /// Which kind it is.
    pub fn sliver_type(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// Index among the slivers of its type.
    pub fn index(&self) -> SliverIndex {
        match self {
            Self::Primary(sliver) => sliver.index,
            Self::Secondary(sliver) => sliver.index,
        }
    }

    /// Its symbols.
    pub fn symbols(&self) -> &Symbols {
        match self {
            Self::Primary(sliver) => &sliver.symbols,
            Self::Secondary(sliver) => &sliver.symbols,
        }
    }

    /// The pair that the sliver belongs to.
    pub fn pair_index(&self, n_shards: u16) -> SliverPairIndex {
        self.index().to_pair_index(self.sliver_type(), n_shards)
    }

    /// Decodes an untrusted sliver *without* enum tag of the given sliver type.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_untagged_bcs(
        bytes: &[u8],
        sliver_type: SliverType,
        metadata: &VerifiedBlobMetadataWithId,
    ) -> Result<Self, BcsError> {
        match sliver_type {
            SliverType::Primary => SliverData::from_bcs(bytes, metadata).map(Self::Primary),
            SliverType::Secondary => SliverData::from_bcs(bytes, metadata).map(Self::Secondary),
        }
    }

    /// The BCS bytes without the enum tag, as the storage node API sends slivers.
    pub fn to_untagged_bcs(&self) -> Vec<u8> {
        match self {
            Self::Primary(sliver) => sliver.to_bcs(),
            Self::Secondary(sliver) => sliver.to_bcs(),
        }
    }

    /// As [`SliverData::verify`].
    ///
    /// # Errors
    /// [`SliverError`] tells which check failed.
    pub fn verify(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), SliverError> {
        match self {
            Self::Primary(sliver) => sliver.verify(metadata),
            Self::Secondary(sliver) => sliver.verify(metadata),
        }
    }
}

impl From<PrimarySliver> for Sliver {
    fn from(sliver: PrimarySliver) -> Self {
        Self::Primary(sliver)
    }
}

impl From<SecondarySliver> for Sliver {
    fn from(sliver: SecondarySliver) -> Self {
        Self::Secondary(sliver)
    }
}

/// The name of a sliver of a blob. BCS: `00`/`01` ‖ index `u16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SliverId {
    /// A row.
    Primary(SliverIndex),
    /// A column.
    Secondary(SliverIndex),
}

impl SliverId {
    /// The sliver of a type with this index.
    pub const fn new(sliver_type: SliverType, index: SliverIndex) -> Self {
        match sliver_type {
            SliverType::Primary => Self::Primary(index),
            SliverType::Secondary => Self::Secondary(index),
        }
    }

    /// Which kind it is.
    pub const fn sliver_type(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// Index among the slivers of its type.
    pub const fn index(&self) -> SliverIndex {
        match self {
            Self::Primary(index) | Self::Secondary(index) => *index,
        }
    }
}

/// The two slivers that one shard stores of a blob: primary `p` and secondary `n - 1 - p`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SliverPair {
    /// The row.
    pub primary: PrimarySliver,
    /// The column.
    pub secondary: SecondarySliver,
}

impl SliverPair {
    /// Index of the pair, which is that of its primary sliver.
    pub fn index(&self) -> SliverPairIndex {
        SliverPairIndex(self.primary.index.0)
    }

    /// Decodes untrusted bytes, exactly as many as the blob's pairs have.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8], metadata: &VerifiedBlobMetadataWithId) -> Result<Self, BcsError> {
        let expected = metadata.sliver_bcs_length(SliverType::Primary)
            + metadata.sliver_bcs_length(SliverType::Secondary);
        bounded_bcs::from_bytes_exact(bytes, expected)
    }
}

/// A sliver that is not the one the metadata commits to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SliverError {
    /// There is no sliver of this index.
    #[error("index too large: sliver {index} of {n_shards}")]
    IndexTooLarge {
        /// The index found.
        index: SliverIndex,
        /// Number of slivers.
        n_shards: u16,
    },
    /// Another number of bytes than the blob's slivers have.
    #[error("sliver size mismatch: {length} bytes, expected {expected}")]
    SizeMismatch {
        /// Bytes found.
        length: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Another symbol size than the blob's.
    #[error("symbol size mismatch: {size} bytes, expected {expected}")]
    SymbolSizeMismatch {
        /// Size found.
        size: NonZeroU16,
        /// Size expected.
        expected: NonZeroU16,
    },
    /// The sliver hashes to something else.
    #[error("merkle root mismatch of {sliver_type} sliver {index}")]
    MerkleRootMismatch {
        /// Type of the sliver.
        sliver_type: SliverType,
        /// Index of the sliver.
        index: SliverIndex,
    },
    /// The sliver cannot be expanded; after the checks above this does not happen.
    #[error(transparent)]
    Codec(#[from] CodecError),
}
