//! Range prover: a proof from the source slivers that cover a range (proof spec 6).

use std::{borrow::Borrow, ops::Range};

use super::{ProofError, RangeProof, geometry::Geometry, range_proof::RowProof};
use crate::{
    index::{SliverIndex, SliverPairIndex},
    merkle::MerkleTree,
    metadata::VerifiedBlobMetadataWithId,
    sliver::SliverHasher,
    sliver_type::SliverType,
};

/// Makes a proof row by row, with metadata that it borrows or shares. It keeps hashes, and two symbols at most.
#[derive(Debug)]
pub struct RangeProver<M> {
    metadata: M,
    geometry: Geometry,
    head: Vec<u8>,
    tail: Vec<u8>,
    rows: Vec<RowProof>,
}

impl<M: Borrow<VerifiedBlobMetadataWithId>> RangeProver<M> {
    /// Of bytes `range` of a blob, at least one.
    ///
    /// # Errors
    /// [`ProofError::NoSuchRange`].
    pub fn new(metadata: M, range: Range<u64>) -> Result<Self, ProofError> {
        let blob = metadata.borrow();
        let geometry = Geometry::new(*blob.config(), blob.unencoded_length(), range)?;
        Ok(Self {
            metadata,
            geometry,
            head: Vec::new(),
            tail: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// The source slivers that are needed, in this order.
    pub fn slivers(&self) -> impl Iterator<Item = SliverIndex> + use<M> {
        let rows = self.geometry.rows();
        rows.map(|row| SliverIndex(u16::try_from(row).unwrap_or(u16::MAX)))
    }

    /// Takes the next source sliver: its bytes of the blob, with or without the zeros behind the end of the blob.
    ///
    /// # Errors
    /// [`ProveError::WrongSliver`] if it is not the blob's, [`ProveError::TooMany`] if none is missing.
    pub fn add(&mut self, sliver: &[u8]) -> Result<(), ProveError> {
        let rows = self.geometry.rows();
        let row = rows.start + self.rows.len();
        let index = SliverIndex(u16::try_from(row).unwrap_or(u16::MAX));
        if row >= rows.end {
            return Err(ProveError::TooMany);
        }
        let wrong = || ProveError::WrongSliver { index };
        let mut symbols = sliver.to_vec();
        let size = usize::try_from(self.geometry.row_size()).unwrap_or(usize::MAX);
        if symbols.len() > size {
            return Err(wrong());
        }
        symbols.resize(size, 0);
        let metadata = self.metadata.borrow();
        let config = metadata.config();
        let symbol_size = metadata.symbol_size().get();
        let tree = SliverHasher::borrowed(config, SliverType::Primary, symbol_size, |hasher| {
            let hashes = hasher.symbol_hashes(&symbols)?;
            Ok(MerkleTree::from_leaf_hashes(hashes.to_vec()))
        });
        let tree = tree.map_err(|_| wrong())?;
        let pair = SliverPairIndex(index.0);
        let committed = *metadata.pair_hashes(pair).ok_or_else(wrong)?;
        if tree.root() != committed.primary_hash {
            return Err(wrong());
        }
        let siblings = tree.siblings(self.geometry.symbols(row));
        self.keep_ends(row as u64 * self.geometry.row_size(), &symbols);
        self.rows.push(RowProof {
            siblings: siblings.ok_or_else(wrong)?,
            secondary: committed.secondary_hash.bytes(),
        });
        Ok(())
    }

    /// Keeps what of a row, which begins at `begin` in the blob, belongs to the first and the last symbol beside the range.
    fn keep_ends(&mut self, begin: u64, symbols: &[u8]) {
        let Range { start, end } = self.geometry.range;
        let part = |range: Range<u64>| {
            let place = |position: u64| {
                let position = position.saturating_sub(begin);
                usize::try_from(position)
                    .unwrap_or(usize::MAX)
                    .min(symbols.len())
            };
            symbols
                .get(place(range.start)..place(range.end))
                .unwrap_or_default()
        };
        self.head
            .extend_from_slice(part(start - self.geometry.head()..start));
        self.tail
            .extend_from_slice(part(end..end + self.geometry.tail()));
    }

    /// The proof.
    ///
    /// # Errors
    /// [`ProveError::TooFew`] if slivers are missing.
    pub fn finish(self) -> Result<RangeProof, ProveError> {
        let rows = self.geometry.rows();
        if self.rows.len() != rows.len() {
            return Err(ProveError::TooFew);
        }
        let metadata = self.metadata.borrow().metadata();
        let tree = metadata.merkle_tree();
        Ok(RangeProof {
            pairs: tree.siblings(rows).ok_or(ProveError::TooFew)?,
            encoding_type: metadata.encoding_type(),
            geometry: self.geometry,
            head: self.head,
            tail: self.tail,
            rows: self.rows,
        })
    }
}

/// Slivers that make no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// A sliver is not the one that the metadata commits to.
    #[error("what was given as source sliver {index} is not that of the blob")]
    WrongSliver {
        /// Which one.
        index: SliverIndex,
    },
    /// One sliver more than cover the range.
    #[error("the range has no further sliver")]
    TooMany,
    /// Slivers of the range are missing.
    #[error("slivers of the range are missing")]
    TooFew,
}
