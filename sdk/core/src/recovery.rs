//! Symbols for recovering slivers, and recovery itself (encoding spec 4.2 to 4.4).

use std::{collections::BTreeMap, collections::BTreeSet, marker::PhantomData};

use serde::{Deserialize, Serialize};

use crate::{
    bounded_bcs::{self, BcsError},
    byte_string,
    codec::{CodecError, LinearCode},
    decoder::{DecodeTiling, TileDecoder},
    inconsistency::InconsistencyProof,
    index::SliverIndex,
    merkle::{MerkleProof, MerkleTree},
    metadata::VerifiedBlobMetadataWithId,
    sliver::{ExpandedSliver, SliverData, SliverError},
    sliver_type::{Axis, Primary, Secondary, SliverType},
    symbol::SymbolId,
    workspaces::Workspaces,
};

/// A symbol that helps decode a sliver of type `T`. BCS: index `u16` ‖ `uleb(s)` ‖ symbol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct DecodingSymbol<T: Axis> {
    /// Index of the source sliver, of the other sliver type: the position in the codeword of the target.
    pub index: SliverIndex,
    /// The symbol.
    #[serde(with = "byte_string")]
    pub data: Vec<u8>,
    #[serde(skip)]
    sliver_type: PhantomData<T>,
}

impl<T: Axis> DecodingSymbol<T> {
    /// The symbol found at this position of the target's codeword.
    pub fn new(index: SliverIndex, data: Vec<u8>) -> Self {
        Self {
            index,
            data,
            sliver_type: PhantomData,
        }
    }
}

/// A decoding symbol of either sliver type. BCS: `00` recovers a primary, `01` a secondary sliver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EitherDecodingSymbol {
    /// Helps decode a primary sliver.
    Primary(DecodingSymbol<Primary>),
    /// Helps decode a secondary sliver.
    Secondary(DecodingSymbol<Secondary>),
}

/// Answer to a bulk request: the symbols for each target sliver. BCS sorts keys by their two bytes.
pub type DecodingSymbolsByTarget = BTreeMap<SliverIndex, Vec<EitherDecodingSymbol>>;

impl EitherDecodingSymbol {
    /// A symbol that helps decode a sliver of this type.
    pub fn new(target_type: SliverType, index: SliverIndex, data: Vec<u8>) -> Self {
        match target_type {
            SliverType::Primary => Self::Primary(DecodingSymbol::new(index, data)),
            SliverType::Secondary => Self::Secondary(DecodingSymbol::new(index, data)),
        }
    }

    /// Type of the sliver that the symbol helps decode.
    pub fn target_type(&self) -> SliverType {
        match self {
            Self::Primary(_) => SliverType::Primary,
            Self::Secondary(_) => SliverType::Secondary,
        }
    }

    /// Index of the source sliver.
    pub fn index(&self) -> SliverIndex {
        match self {
            Self::Primary(symbol) => symbol.index,
            Self::Secondary(symbol) => symbol.index,
        }
    }

    /// The symbol.
    pub fn data(&self) -> &[u8] {
        match self {
            Self::Primary(symbol) => &symbol.data,
            Self::Secondary(symbol) => &symbol.data,
        }
    }

    /// The symbol as one of sliver type `T`; `None` if it is of the other.
    pub fn into_type<T: Axis>(self) -> Option<DecodingSymbol<T>> {
        let (sliver_type, index) = (self.target_type(), self.index());
        let data = match self {
            Self::Primary(symbol) => symbol.data,
            Self::Secondary(symbol) => symbol.data,
        };
        (sliver_type == T::TYPE).then(|| DecodingSymbol::new(index, data))
    }
}

/// A symbol that helps decode a sliver of type `T`, with the proof that it belongs to the source sliver
/// (leaf index = index of the target). BCS: decoding symbol ‖ proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct RecoverySymbol<T: Axis> {
    /// The symbol and the index of its source.
    pub symbol: DecodingSymbol<T>,
    /// Its place in the source sliver.
    pub proof: MerkleProof,
}

impl<T: Axis> RecoverySymbol<T> {
    /// Checks that the symbol is the one the metadata commits to for recovering sliver `target`.
    ///
    /// # Errors
    /// [`SymbolError`] tells which check failed.
    pub fn verify(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        target: SliverIndex,
    ) -> Result<(), SymbolError> {
        let source = self.symbol.index;
        verify_symbol(
            metadata,
            T::TYPE.orthogonal(),
            source,
            target,
            &self.symbol.data,
            &self.proof,
        )
    }
}

/// A symbol of the matrix with a proof, usable for the slivers of both types through it.
/// BCS: [`EitherDecodingSymbol`] ‖ target index `u16` ‖ proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GeneralRecoverySymbol {
    symbol: EitherDecodingSymbol,
    target_index: SliverIndex,
    proof: MerkleProof,
}

impl GeneralRecoverySymbol {
    /// Joins a recovery symbol and the index of its target.
    pub fn new<T: Axis>(symbol: RecoverySymbol<T>, target_index: SliverIndex) -> Self {
        let RecoverySymbol { symbol, proof } = symbol;
        Self {
            symbol: EitherDecodingSymbol::new(T::TYPE, symbol.index, symbol.data),
            target_index,
            proof,
        }
    }

    /// Most bytes of the BCS of such a symbol of this blob.
    pub fn max_bcs_length(metadata: &VerifiedBlobMetadataWithId) -> usize {
        // The variant, and the index of the target.
        3 + max_recovery_symbol_bcs_length(metadata)
    }

    /// Decodes untrusted bytes, at most as many as such a symbol of the blob has.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_bcs(bytes: &[u8], metadata: &VerifiedBlobMetadataWithId) -> Result<Self, BcsError> {
        bounded_bcs::from_bytes_at_most(bytes, Self::max_bcs_length(metadata))
    }

    /// The BCS bytes.
    pub fn to_bcs(&self) -> Vec<u8> {
        bounded_bcs::to_bytes(self)
    }

    /// Which symbol of the matrix it is.
    pub fn id(&self) -> SymbolId {
        match &self.symbol {
            EitherDecodingSymbol::Primary(symbol) => SymbolId::new(self.target_index, symbol.index),
            EitherDecodingSymbol::Secondary(symbol) => {
                SymbolId::new(symbol.index, self.target_index)
            }
        }
    }

    /// Type of the source sliver, against whose hash the proof is.
    pub fn proof_type(&self) -> SliverType {
        self.symbol.target_type().orthogonal()
    }

    /// The symbol.
    pub fn data(&self) -> &[u8] {
        self.symbol.data()
    }

    /// The proof.
    pub fn proof(&self) -> &MerkleProof {
        &self.proof
    }

    /// Checks that the symbol is the one the metadata commits to and of use for recovering a sliver.
    ///
    /// Stricter than the reference: for the sliver type of the source sliver, the target must be that sliver.
    ///
    /// # Errors
    /// [`SymbolError`] tells which check failed.
    pub fn verify(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        target_type: SliverType,
        target: SliverIndex,
    ) -> Result<(), SymbolError> {
        check_index(metadata, self.symbol.index())?;
        check_index(metadata, self.target_index)?;
        check_length(metadata, self.symbol.data())?;
        if self.id().sliver_index(target_type) != target {
            return Err(SymbolError::NotUsable {
                symbol: self.id(),
                target_type,
                target,
            });
        }
        let (sliver_type, source) = (self.proof_type(), self.symbol.index());
        verify_symbol(
            metadata,
            sliver_type,
            source,
            self.target_index,
            self.symbol.data(),
            &self.proof,
        )
    }

    /// The symbol for decoding a sliver of type `T`: labelled by the sliver of the other type.
    pub fn into_decoding_symbol<T: Axis>(self) -> DecodingSymbol<T> {
        let index = self.id().sliver_index(T::TYPE.orthogonal());
        let data = match self.symbol {
            EitherDecodingSymbol::Primary(symbol) => symbol.data,
            EitherDecodingSymbol::Secondary(symbol) => symbol.data,
        };
        DecodingSymbol::new(index, data)
    }

    /// The symbol with its proof, for an inconsistency proof of a sliver of type `T`; `None` if the proof
    /// is against a sliver of that same type.
    pub fn into_recovery_symbol<T: Axis>(self) -> Option<RecoverySymbol<T>> {
        let proof = self.proof;
        self.symbol
            .into_type()
            .map(|symbol| RecoverySymbol { symbol, proof })
    }
}

/// Most bytes of the BCS of a [`RecoverySymbol`] of this blob.
pub(crate) fn max_recovery_symbol_bcs_length(metadata: &VerifiedBlobMetadataWithId) -> usize {
    let symbol = usize::from(metadata.symbol_size().get());
    let path = metadata.config().merkle_path_length();
    2 + bounded_bcs::uleb_length(symbol) + symbol + bounded_bcs::uleb_length(path) + 33 * path
}

fn check_index(
    metadata: &VerifiedBlobMetadataWithId,
    index: SliverIndex,
) -> Result<(), SymbolError> {
    let n_shards = metadata.n_shards();
    (index.0 < n_shards)
        .then_some(())
        .ok_or(SymbolError::IndexTooLarge { index, n_shards })
}

fn check_length(metadata: &VerifiedBlobMetadataWithId, data: &[u8]) -> Result<(), SymbolError> {
    let expected = metadata.symbol_size().get();
    (data.len() == usize::from(expected))
        .then_some(())
        .ok_or(SymbolError::SymbolSizeMismatch {
            length: data.len(),
            expected,
        })
}

/// Checks symbol `position` of the source sliver.
fn verify_symbol(
    metadata: &VerifiedBlobMetadataWithId,
    source_type: SliverType,
    source: SliverIndex,
    position: SliverIndex,
    data: &[u8],
    proof: &MerkleProof,
) -> Result<(), SymbolError> {
    check_index(metadata, source)?;
    check_index(metadata, position)?;
    check_length(metadata, data)?;
    let n_shards = metadata.n_shards();
    let valid = metadata
        .sliver_hash(source_type, source)
        .is_some_and(|root| proof.verify(root, usize::from(n_shards), data, position.as_usize()));
    valid.then_some(()).ok_or(SymbolError::InvalidProof {
        source_type,
        source_index: source,
        position,
    })
}

impl<T: Axis> ExpandedSliver<T> {
    /// The symbol with which this sliver helps to decode sliver `target` of the other sliver type.
    pub fn decoding_symbol(&self, target: SliverIndex) -> Option<DecodingSymbol<T::Orthogonal>> {
        Some(DecodingSymbol::new(
            self.index(),
            self.symbol(target)?.to_vec(),
        ))
    }

    /// The same with a proof; `tree` is [`Self::merkle_tree`], built once for many targets.
    pub fn recovery_symbol(
        &self,
        tree: &MerkleTree,
        target: SliverIndex,
    ) -> Option<RecoverySymbol<T::Orthogonal>> {
        let proof = tree.proof(target.as_usize())?;
        Some(RecoverySymbol {
            symbol: self.decoding_symbol(target)?,
            proof,
        })
    }

    /// The same in general form.
    pub fn general_recovery_symbol(
        &self,
        tree: &MerkleTree,
        target: SliverIndex,
    ) -> Option<GeneralRecoverySymbol> {
        Some(GeneralRecoverySymbol::new(
            self.recovery_symbol(tree, target)?,
            target,
        ))
    }
}

/// A sliver that is kept to help recover others: expanded, with its Merkle tree.
///
/// Making one costs as much as verifying the sliver; symbols with proofs then cost next to nothing. It takes
/// `n_shards` symbols and twice as many hashes of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolTree<T: Axis> {
    expanded: ExpandedSliver<T>,
    tree: MerkleTree,
}

impl<T: Axis> SymbolTree<T> {
    /// Builds the tree of an expanded sliver.
    pub fn new(expanded: ExpandedSliver<T>) -> Self {
        let tree = expanded.merkle_tree();
        Self { expanded, tree }
    }

    /// The expanded sliver.
    pub fn expanded(&self) -> &ExpandedSliver<T> {
        &self.expanded
    }

    /// The tree over its symbols.
    pub fn merkle_tree(&self) -> &MerkleTree {
        &self.tree
    }

    /// The symbol, with proof, with which the sliver helps to decode sliver `target` of the other sliver type; `None`
    /// if there is no such sliver.
    pub fn recovery_symbol(&self, target: SliverIndex) -> Option<RecoverySymbol<T::Orthogonal>> {
        self.expanded.recovery_symbol(&self.tree, target)
    }

    /// The same in general form.
    pub fn general_recovery_symbol(&self, target: SliverIndex) -> Option<GeneralRecoverySymbol> {
        self.expanded.general_recovery_symbol(&self.tree, target)
    }
}

/// Decodes sliver `target` of sliver type `T` without verifying the result.
///
/// The first `ns` (primary) or `np` (secondary) symbols of distinct sources are used.
///
/// # Errors
/// [`RecoveryError::NotEnoughSymbols`], [`RecoveryError::Codec`] for symbols of the wrong size or position.
pub fn decode_sliver<T: Axis>(
    metadata: &VerifiedBlobMetadataWithId,
    symbols: impl IntoIterator<Item = DecodingSymbol<T>>,
    target: SliverIndex,
) -> Result<SliverData<T>, RecoveryError> {
    let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
    let mut seen = BTreeSet::new();
    let chosen: Vec<_> = symbols
        .into_iter()
        .filter(|symbol| seen.insert(symbol.index))
        .take(needed)
        .collect();
    if chosen.len() < needed {
        return Err(RecoveryError::NotEnoughSymbols {
            have: chosen.len(),
            need: needed,
        });
    }
    let size = metadata.symbol_size();
    let code = LinearCode::of_type(metadata.config(), T::TYPE.orthogonal(), size.get())?;
    let data = decode_codeword(&code, &chosen)?;
    let expected = data.len();
    SliverData::new(data, size, target).ok_or(RecoveryError::Codec(CodecError::WrongLength {
        length: expected,
        expected,
    }))
}

/// Idle decoders of calls that have none of their own.
static IDLE: Workspaces<(LinearCode, TileDecoder)> = Workspaces::new();

/// The source symbols of a codeword from as many symbols of distinct positions.
fn decode_codeword<T: Axis>(
    code: &LinearCode,
    chosen: &[DecodingSymbol<T>],
) -> Result<Vec<u8>, CodecError> {
    let symbol = code.symbol_size();
    let mut data = vec![0; code.originals() * symbol];
    let mut places: Vec<_> = data.chunks_exact_mut(symbol).collect();
    for source in chosen {
        let length = source.data.len();
        if length != symbol {
            let expected = symbol;
            return Err(CodecError::WrongLength { length, expected });
        }
        if let Some(place) = places.get_mut(source.index.as_usize()) {
            place.copy_from_slice(&source.data);
        }
    }
    let tiling = DecodeTiling::new(code, 1);
    let mut decoder = match IDLE.take(|(idle, decoder)| idle == code && decoder.is_current()) {
        Some((_, idle)) => idle,
        None => TileDecoder::new(code, 1, tiling.width)?,
    };
    for (offset, width) in tiling.strips(symbol) {
        decoder.reshape(1, width)?;
        for source in chosen {
            decoder.add(
                source.index.as_usize(),
                &source.data[offset..offset + width],
            )?;
        }
        decoder.decode(|missing, strip| {
            if let Some(place) = places.get_mut(missing) {
                place[offset..offset + width].copy_from_slice(strip);
            }
        })?;
    }
    IDLE.give((*code, decoder));
    Ok(data)
}

/// Recovers sliver `target` from symbols without proofs, relying on the hash of the result alone.
///
/// # Errors
/// [`RecoveryError::Sliver`] if the result is not the committed sliver: some symbol is wrong, or the blob
/// is inconsistent.
pub fn recover_sliver<T: Axis>(
    metadata: &VerifiedBlobMetadataWithId,
    symbols: impl IntoIterator<Item = DecodingSymbol<T>>,
    target: SliverIndex,
) -> Result<SliverData<T>, RecoveryError> {
    let sliver = decode_sliver(metadata, symbols, target)?;
    sliver.verify(metadata)?;
    Ok(sliver)
}

/// What recovery from proven symbols gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered<T: Axis> {
    /// The sliver, verified.
    Sliver(SliverData<T>),
    /// The blob is encoded wrongly, and this proves it.
    Inconsistent(InconsistencyProof<T>),
}

/// Recovers sliver `target` from symbols with proofs against the other sliver type; symbols that do not verify
/// are left out.
///
/// # Errors
/// [`RecoveryError`] if too few symbols verify.
pub fn recover_sliver_or_prove<T: Axis>(
    metadata: &VerifiedBlobMetadataWithId,
    symbols: impl IntoIterator<Item = RecoverySymbol<T>>,
    target: SliverIndex,
) -> Result<Recovered<T>, RecoveryError> {
    let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
    let mut seen = BTreeSet::new();
    let proven: Vec<_> = symbols
        .into_iter()
        .filter(|symbol| {
            symbol.verify(metadata, target).is_ok() && seen.insert(symbol.symbol.index)
        })
        .take(needed)
        .collect();
    let sliver = decode_sliver(
        metadata,
        proven.iter().map(|symbol| symbol.symbol.clone()),
        target,
    )?;
    match sliver.verify(metadata) {
        Ok(()) => Ok(Recovered::Sliver(sliver)),
        Err(SliverError::MerkleRootMismatch { .. }) => Ok(Recovered::Inconsistent(
            InconsistencyProof::new(target, proven),
        )),
        Err(error) => Err(error.into()),
    }
}

/// A symbol that is not the one the metadata commits to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// There is no sliver of this index.
    #[error("index too large: sliver {index} of {n_shards}")]
    IndexTooLarge {
        /// The index found.
        index: SliverIndex,
        /// Number of slivers.
        n_shards: u16,
    },
    /// Another length than the blob's symbols have.
    #[error("symbol size mismatch: {length} bytes, expected {expected}")]
    SymbolSizeMismatch {
        /// Bytes found.
        length: usize,
        /// Bytes expected.
        expected: u16,
    },
    /// The symbol is not on the sliver to recover.
    #[error("symbol {symbol} is not usable for {target_type} sliver {target}")]
    NotUsable {
        /// Which symbol it is.
        symbol: SymbolId,
        /// Type of the sliver to recover.
        target_type: SliverType,
        /// Index of the sliver to recover.
        target: SliverIndex,
    },
    /// The proof does not lead to the hash of the source sliver.
    #[error("invalid proof of symbol {position} of {source_type} sliver {source_index}")]
    InvalidProof {
        /// Type of the source.
        source_type: SliverType,
        /// Index of the source.
        source_index: SliverIndex,
        /// Position of the symbol in it.
        position: SliverIndex,
    },
}

/// A sliver was not recovered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecoveryError {
    /// Too few (valid) symbols from distinct sources.
    #[error("{have} usable symbols from distinct slivers, {need} needed")]
    NotEnoughSymbols {
        /// Usable symbols.
        have: usize,
        /// Symbols needed.
        need: usize,
    },
    /// The recovered sliver is not the committed one.
    #[error(transparent)]
    Sliver(#[from] SliverError),
    /// A symbol of the wrong size or position.
    #[error(transparent)]
    Codec(#[from] CodecError),
}
