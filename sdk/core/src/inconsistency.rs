//! Inconsistency proofs: that a blob was encoded wrongly (encoding spec 4.4).

use serde::{Deserialize, Serialize};

use crate::{
    bounded_bcs::{self, BcsError},
    index::SliverIndex,
    metadata::VerifiedBlobMetadataWithId,
    recovery::{self, RecoveryError, RecoverySymbol, SymbolError},
    sliver::SliverError,
    sliver_type::{Axis, Primary, Secondary, SliverType},
};

/// Symbols that the metadata commits to, and from which sliver `target` comes out with another hash than
/// the metadata says. BCS (untagged, as sent to nodes): target `u16` ‖ `uleb(count)` ‖ symbols.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct InconsistencyProof<T: Axis> {
    target_sliver_index: SliverIndex,
    recovery_symbols: Vec<RecoverySymbol<T>>,
}

impl<T: Axis> InconsistencyProof<T> {
    /// A proof about sliver `target` from its symbols.
    pub fn new(target: SliverIndex, recovery_symbols: Vec<RecoverySymbol<T>>) -> Self {
        Self {
            target_sliver_index: target,
            recovery_symbols,
        }
    }

    /// The inconsistent sliver.
    pub fn target(&self) -> SliverIndex {
        self.target_sliver_index
    }

    /// The symbols.
    pub fn recovery_symbols(&self) -> &[RecoverySymbol<T>] {
        &self.recovery_symbols
    }

    /// Most bytes of the BCS of a proof about this blob.
    pub fn max_bcs_length(metadata: &VerifiedBlobMetadataWithId) -> usize {
        let count = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
        2 + bounded_bcs::uleb_length(count)
            + count * recovery::max_recovery_symbol_bcs_length(metadata)
    }

    /// Decodes untrusted bytes, at most as many as a proof about the blob has.
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

    /// Succeeds iff the proof shows that the blob is inconsistent.
    ///
    /// # Errors
    /// [`InconsistencyError`] tells why the proof shows nothing.
    pub fn verify(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), InconsistencyError> {
        let expected = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
        let count = self.recovery_symbols.len();
        if count != expected {
            return Err(InconsistencyError::WrongSymbolCount { count, expected });
        }
        let target = self.target_sliver_index;
        for symbol in &self.recovery_symbols {
            symbol.verify(metadata, target)?;
        }
        let symbols = self
            .recovery_symbols
            .iter()
            .map(|symbol| symbol.symbol.clone());
        let sliver = recovery::decode_sliver(metadata, symbols, target)?;
        match sliver.verify(metadata) {
            Ok(()) => Err(InconsistencyError::SliverNotInconsistent {
                sliver_type: T::TYPE,
                target,
            }),
            Err(SliverError::MerkleRootMismatch { .. }) => Ok(()),
            Err(error) => Err(InconsistencyError::RecoveryFailure(error.into())),
        }
    }
}

/// A proof about a sliver of either type. BCS: `00`/`01` ‖ [`InconsistencyProof`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EitherInconsistencyProof {
    /// About a primary sliver.
    Primary(InconsistencyProof<Primary>),
    /// About a secondary sliver.
    Secondary(InconsistencyProof<Secondary>),
}

impl EitherInconsistencyProof {
    /// Decodes an untrusted *untagged* proof about a sliver of the given type.
    ///
    /// # Errors
    /// [`BcsError`].
    pub fn from_untagged_bcs(
        bytes: &[u8],
        sliver_type: SliverType,
        metadata: &VerifiedBlobMetadataWithId,
    ) -> Result<Self, BcsError> {
        match sliver_type {
            SliverType::Primary => InconsistencyProof::from_bcs(bytes, metadata).map(Self::Primary),
            SliverType::Secondary => {
                InconsistencyProof::from_bcs(bytes, metadata).map(Self::Secondary)
            }
        }
    }

    /// As [`InconsistencyProof::verify`].
    ///
    /// # Errors
    /// [`InconsistencyError`] tells why the proof shows nothing.
    pub fn verify(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), InconsistencyError> {
        match self {
            Self::Primary(proof) => proof.verify(metadata),
            Self::Secondary(proof) => proof.verify(metadata),
        }
    }
}

/// A proof that shows nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InconsistencyError {
    /// Not exactly as many symbols as decode the sliver.
    #[error("{count} recovery symbols, exactly {expected} expected")]
    WrongSymbolCount {
        /// Symbols found.
        count: usize,
        /// Symbols expected.
        expected: usize,
    },
    /// A symbol is not the committed one.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// The symbols do not decode, for instance because a source repeats.
    #[error("recovery failure: {0}")]
    RecoveryFailure(#[from] RecoveryError),
    /// The sliver comes out as committed.
    #[error("sliver not inconsistent: {sliver_type} sliver {target}")]
    SliverNotInconsistent {
        /// Type of the sliver.
        sliver_type: SliverType,
        /// Index of the sliver.
        target: SliverIndex,
    },
}
