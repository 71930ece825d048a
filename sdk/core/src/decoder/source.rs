//! Sliver sources: where slivers come from.

use std::{collections::BTreeSet, io};

use crate::{index::SliverIndex, sliver::SliverId, sliver_type::SliverType};

/// Slivers of a blob that can be read at any position, from several threads at once.
pub trait SliverSource: Sync {
    /// The slivers of a type that are there.
    fn available(&self, sliver_type: SliverType) -> BTreeSet<SliverIndex>;

    /// Fills `buffer` with the bytes of the data of `sliver`, its concatenated symbols without the framing of
    /// BCS, from `offset` on.
    ///
    /// # Errors
    /// An error while slivers are verified makes the decoder use another sliver; later it ends the decoding.
    fn read_at(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> io::Result<()>;

    /// The data of a sliver, if it is in memory: then nothing is copied.
    fn as_slice(&self, sliver: SliverId) -> Option<&[u8]> {
        let _ = sliver;
        None
    }

    /// Whether all slivers have been verified against the metadata. By default not: then the decoder does it.
    fn is_verified(&self) -> bool {
        false
    }
}
