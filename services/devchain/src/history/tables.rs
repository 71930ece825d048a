//! Tables of the history: where to find what was, in entries of fixed size.

use sui_sdk_types::{Address, Digest, Version};

use super::{Marks, Runs};

/// The tables. A copy stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    /// Checkpoints by number.
    pub(crate) spots: Runs<u64, Spot>,
    /// Numbers of checkpoints.
    pub(crate) checkpoints: Runs<Digest, u64>,
    pub(crate) transactions: Runs<Digest, Ordinal>,
    /// The transactions that wrote versions of objects.
    pub(crate) versions: Runs<(Address, Version), Ordinal>,
}

/// What is known of a checkpoint without its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Where its record begins.
    pub(crate) offset: u64,
    /// [`super::Checkpoint::weight`].
    pub(crate) weight: u64,
    pub(crate) marks: Marks,
}

/// Which transaction of which checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ordinal {
    pub(crate) checkpoint: u64,
    pub(crate) index: u64,
}

/// Something that takes the same number of bytes each time. Numbers are little endian.
pub(crate) trait Fixed: Sized {
    /// Adds the bytes.
    fn put(&self, bytes: &mut Vec<u8>);

    /// Reads it from the front of the bytes; what is left of them. `None` if they are too few.
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])>;
}

impl Fixed for u64 {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (number, rest) = bytes.split_first_chunk()?;
        Some((Self::from_le_bytes(*number), rest))
    }
}

impl Fixed for Digest {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.inner());
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (digest, rest) = bytes.split_first_chunk()?;
        Some((Self::new(*digest), rest))
    }
}

impl Fixed for Address {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (address, rest) = bytes.split_first_chunk()?;
        Some((Self::new(*address), rest))
    }
}

impl Fixed for Spot {
    fn put(&self, bytes: &mut Vec<u8>) {
        (self.offset, self.weight).put(bytes);
        for word in self.marks.0 {
            word.put(bytes);
        }
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ((offset, weight), mut rest) = Fixed::take(bytes)?;
        let mut marks = Marks::default();
        for word in &mut marks.0 {
            (*word, rest) = Fixed::take(rest)?;
        }
        let spot = Self {
            offset,
            weight,
            marks,
        };
        Some((spot, rest))
    }
}

impl Fixed for Ordinal {
    fn put(&self, bytes: &mut Vec<u8>) {
        (self.checkpoint, self.index).put(bytes);
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ((checkpoint, index), rest) = Fixed::take(bytes)?;
        Some((Self { checkpoint, index }, rest))
    }
}

impl<A: Fixed, B: Fixed> Fixed for (A, B) {
    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
        self.1.put(bytes);
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = A::take(bytes)?;
        let (second, rest) = B::take(rest)?;
        Some(((first, second), rest))
    }
}
