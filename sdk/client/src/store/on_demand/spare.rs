//! Spare memory: what slivers were in that were sent, for those to come. Pieces of some megabytes that come and go by the hundred would leave
//! the allocator with several times as much as is in use.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use walrus_core::SliverType;

/// Memory of slivers of one type that is not in use.
#[derive(Debug, Default)]
pub(super) struct Spare(Mutex<(Option<SliverType>, Vec<Vec<u8>>)>);

impl Spare {
    /// All that there is for slivers of a type. Memory of the other type is given back: it has another length.
    pub(super) fn take(&self, sliver_type: SliverType) -> Vec<Vec<u8>> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_type, memory) = &mut *spare;
        let is_same = of_type.replace(sliver_type) == Some(sliver_type);
        let memory = std::mem::take(memory);
        if is_same { memory } else { Vec::new() }
    }

    /// Keeps memory for the next slivers of its type.
    fn give(&self, sliver_type: SliverType, bytes: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.0 == Some(sliver_type) {
            spare.1.push(bytes);
        }
    }

    /// Keeps memory that was not needed.
    pub(super) fn give_all(&self, sliver_type: SliverType, memory: Vec<Vec<u8>>) {
        for bytes in memory {
            self.give(sliver_type, bytes);
        }
    }

    /// Gives all memory back: no more slivers are made.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (None, Vec::new());
    }

    /// A sliver whose memory comes here once nobody has it any more.
    pub(super) fn lend(self: &Arc<Self>, sliver_type: SliverType, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            sliver_type,
            bytes,
            spare: Arc::clone(self),
        })
    }
}

/// A sliver that is ready, or being sent.
struct Lent {
    sliver_type: SliverType,
    bytes: Vec<u8>,
    spare: Arc<Spare>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.spare.give(self.sliver_type, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_for_slivers_of_the_same_type() {
        let spare = Arc::new(Spare::default());
        assert!(spare.take(SliverType::Primary).is_empty());
        let lent = spare.lend(SliverType::Primary, vec![7; 10]);
        let part = lent.slice(3..5);
        drop(lent);
        assert!(spare.take(SliverType::Primary).is_empty(), "it is in use");
        drop(part);
        assert_eq!(spare.take(SliverType::Primary), [vec![7; 10]]);
        let lent = spare.lend(SliverType::Primary, vec![7; 10]);
        assert!(spare.take(SliverType::Secondary).is_empty());
        drop(lent);
        assert!(spare.take(SliverType::Secondary).is_empty());
        spare.give_all(SliverType::Secondary, vec![vec![1]]);
        spare.clear();
        assert!(spare.take(SliverType::Secondary).is_empty());
    }
}
