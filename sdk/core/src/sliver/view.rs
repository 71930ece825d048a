//! Sliver views: slivers in their BCS form, checked where they lie, without a copy of their symbols.

use std::num::NonZeroU16;

use serde::Deserialize;

use super::{SliverError, SliverHasher, check_committed};
use crate::{
    index::SliverIndex, merkle::Node, metadata::VerifiedBlobMetadataWithId, sliver_type::SliverType,
};

/// A sliver of either type in its BCS form without tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliverView<'a> {
    sliver_type: SliverType,
    parts: Parts<'a>,
}

/// [`SliverData`](super::SliverData), with symbols that are somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Parts<'a> {
    symbols: &'a [u8],
    symbol_size: NonZeroU16,
    index: SliverIndex,
}

impl<'a> SliverView<'a> {
    /// Looks at untrusted bytes, all of which are to be one sliver of this type.
    ///
    /// # Errors
    /// [`bcs::Error`] if they are none.
    pub fn new(bytes: &'a [u8], sliver_type: SliverType) -> Result<Self, bcs::Error> {
        let parts = bcs::from_bytes(bytes)?;
        Ok(Self { sliver_type, parts })
    }

    /// Index among the slivers of its type.
    pub fn index(&self) -> SliverIndex {
        self.parts.index
    }

    /// As [`SliverData::verify`](super::SliverData::verify).
    ///
    /// # Errors
    /// [`SliverError`] tells which check failed.
    pub fn verify(&self, metadata: &VerifiedBlobMetadataWithId) -> Result<(), SliverError> {
        let Parts {
            symbols,
            symbol_size,
            index,
        } = self.parts;
        let sliver_type = self.sliver_type;
        let committed = check_committed(metadata, sliver_type, index, symbols.len(), symbol_size)?;
        let size = symbol_size.get();
        let hash = SliverHasher::borrowed(metadata.config(), sliver_type, size, |hasher| {
            hasher.hash(symbols).map(Node::Digest)
        })?;
        if hash == *committed {
            return Ok(());
        }
        Err(SliverError::MerkleRootMismatch { sliver_type, index })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{encoder::BlobEncoder, parameters::EncodingConfig, sliver::Sliver};

    #[test]
    fn a_view_is_the_sliver_and_verifies_as_it_does() {
        let config = EncodingConfig::new(10).unwrap();
        let data: Vec<u8> = (0..5000_u32).map(|at| at as u8).collect();
        let encoded = BlobEncoder::new(config, &data).unwrap().encode().unwrap();
        let other = BlobEncoder::new(config, b"other").unwrap();
        let other = other.compute_metadata().unwrap();
        for pair in &encoded.pairs {
            for sliver in [
                Sliver::Primary(pair.primary.clone()),
                Sliver::Secondary(pair.secondary.clone()),
            ] {
                let mut bytes = sliver.to_untagged_bcs();
                let view = SliverView::new(&bytes, sliver.sliver_type()).unwrap();
                assert_eq!(view.index(), sliver.index());
                for metadata in [&encoded.metadata, &other] {
                    let expected = sliver.verify(metadata).map_err(|error| error.to_string());
                    let found = view.verify(metadata).map_err(|error| error.to_string());
                    assert_eq!(found, expected);
                }
                view.verify(&encoded.metadata).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                let view = SliverView::new(&bytes, sliver.sliver_type()).unwrap();
                let error = view.verify(&encoded.metadata).unwrap_err();
                assert!(matches!(error, SliverError::MerkleRootMismatch { .. }));
                let cut = &bytes[..bytes.len() - 1];
                assert!(SliverView::new(cut, sliver.sliver_type()).is_err());
                bytes.push(0);
                assert!(SliverView::new(&bytes, sliver.sliver_type()).is_err());
            }
        }
    }
}
