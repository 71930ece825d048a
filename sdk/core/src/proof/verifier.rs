//! Range verifier: from bytes, as they come, to a blob ID (proof spec 5).

use super::{ProofError, RangeProof, range_proof::RowProof, siblings};
use crate::{
    BlobId,
    hashing::{Digest, LeafState},
    merkle::{self, Node},
};

/// Takes the bytes of a range in order. It keeps hashes only: those of one row, and one of each row.
#[derive(Debug)]
pub struct RangeVerifier<'a> {
    proof: &'a RangeProof,
    blob_id: BlobId,
    /// Bytes of the range that came.
    came: u64,
    symbol: LeafState,
    /// Bytes in `symbol`.
    filled: u64,
    /// Symbols of the row that are complete.
    symbols: Vec<Digest>,
    row: usize,
    rows: std::slice::Iter<'a, RowProof>,
    /// Pairs whose rows are complete.
    pairs: Vec<Digest>,
}

impl<'a> RangeVerifier<'a> {
    pub(super) fn new(proof: &'a RangeProof, blob_id: BlobId) -> Self {
        let mut verifier = Self {
            proof,
            blob_id,
            came: 0,
            symbol: LeafState::new(),
            filled: 0,
            symbols: Vec::new(),
            row: proof.geometry.rows().start,
            rows: proof.rows.iter(),
            pairs: Vec::new(),
        };
        verifier.absorb(&proof.head);
        verifier
    }

    fn expected(&self) -> u64 {
        let range = self.proof.range();
        range.end.saturating_sub(range.start)
    }

    /// Bytes that have not come yet.
    pub fn missing(&self) -> u64 {
        self.expected().saturating_sub(self.came)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`ProofError::WrongCount`] if they are more than the range has.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), ProofError> {
        self.came = self.came.saturating_add(bytes.len() as u64);
        if self.came > self.expected() {
            return Err(self.wrong_count());
        }
        self.absorb(bytes);
        Ok(())
    }

    /// Whether the bytes are those of the blob.
    ///
    /// # Errors
    /// [`ProofError::WrongCount`] if they are too few, [`ProofError::Mismatch`].
    pub fn finish(mut self) -> Result<(), ProofError> {
        if self.came != self.expected() {
            return Err(self.wrong_count());
        }
        self.absorb(&self.proof.tail);
        if self.filled > 0 {
            // Behind the end of the blob there are zeros.
            let missing = self.proof.geometry.symbol_size() - self.filled;
            self.absorb(&vec![0; usize::try_from(missing).unwrap_or_default()]);
        }
        self.end_row();
        let (geometry, given) = (&self.proof.geometry, self.blob_id);
        let root = siblings::root(
            self.pairs,
            geometry.rows().start,
            geometry.n_shards(),
            &self.proof.pairs,
        );
        let root = root.map_or(Node::Empty, Node::Digest);
        let computed = BlobId::from_root(&root, self.proof.encoding_type, geometry.length);
        if computed != given {
            return Err(ProofError::Mismatch { computed, given });
        }
        Ok(())
    }

    fn wrong_count(&self) -> ProofError {
        ProofError::WrongCount {
            expected: self.expected(),
            found: self.came,
        }
    }

    /// Hashes bytes of the matrix, which end within its rows.
    fn absorb(&mut self, mut bytes: &[u8]) {
        let size = self.proof.geometry.symbol_size();
        while !bytes.is_empty() {
            let room = usize::try_from(size - self.filled).unwrap_or(usize::MAX);
            let (taken, rest) = bytes.split_at(room.min(bytes.len()));
            self.symbol.update(taken);
            self.filled += taken.len() as u64;
            bytes = rest;
            if self.filled == size {
                let symbol = std::mem::replace(&mut self.symbol, LeafState::new());
                self.symbols.push(symbol.finish());
                self.filled = 0;
                if self.symbols.len() == self.proof.geometry.symbols(self.row).len() {
                    self.end_row();
                }
            }
        }
    }

    /// Folds the symbols of a row, unless there are none.
    fn end_row(&mut self) {
        if self.symbols.is_empty() {
            return;
        }
        let geometry = &self.proof.geometry;
        let (start, symbols) = (
            geometry.symbols(self.row).start,
            std::mem::take(&mut self.symbols),
        );
        let Some(row) = self.rows.next() else {
            return;
        };
        let primary = siblings::root(symbols, start, geometry.n_shards(), &row.siblings);
        let mut pair = [0; 64];
        let (first, second) = pair.split_at_mut(32);
        first.copy_from_slice(&primary.unwrap_or_default());
        second.copy_from_slice(&row.secondary);
        self.pairs.push(merkle::leaf_hash(&pair));
        self.row += 1;
    }
}
