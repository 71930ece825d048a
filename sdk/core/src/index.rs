//! Typed indices: slivers, sliver pairs and shards are all `u16` but never interchangeable
//! (encoding spec 2.3). In BCS each is two bytes, little-endian; in text and JSON a decimal number.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::sliver_type::SliverType;

/// A Walrus epoch.
pub type Epoch = u32;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u16);

        impl $name {
            /// The index as a plain number.
            pub const fn get(self) -> u16 {
                self.0
            }

            /// The index for addressing memory.
            pub const fn as_usize(self) -> usize {
                self.0 as usize
            }
        }

        impl From<u16> for $name {
            fn from(index: u16) -> Self {
                Self(index)
            }
        }

        impl From<$name> for u16 {
            fn from(index: $name) -> u16 {
                index.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

index!(
    /// Position of a sliver among the slivers of its type: a row (primary) or column (secondary) of the
    /// expanded matrix.
    SliverIndex
);
index!(
    /// Position of a sliver pair: primary sliver `p` and secondary sliver `n - 1 - p`.
    SliverPairIndex
);
index!(
    /// Number of a shard, 0 to `n_shards - 1`.
    ShardIndex
);

impl SliverIndex {
    /// The sliver at a position of a list that has one for each shard: the number of shards is 16 bits wide.
    pub(crate) fn at(position: usize) -> Self {
        Self(u16::try_from(position).unwrap_or(u16::MAX))
    }

    /// The pair that holds this sliver: `i` for primary, `n - 1 - j` for secondary.
    ///
    /// An index that is not below `n_shards` gives a pair index that is not either.
    pub const fn to_pair_index(self, sliver_type: SliverType, n_shards: u16) -> SliverPairIndex {
        SliverPairIndex(mirror(self.0, sliver_type, n_shards))
    }
}

impl SliverPairIndex {
    /// The sliver of this type in this pair: `p` for primary, `n - 1 - p` for secondary.
    ///
    /// An index that is not below `n_shards` gives a sliver index that is not either.
    pub const fn to_sliver_index(self, sliver_type: SliverType, n_shards: u16) -> SliverIndex {
        SliverIndex(mirror(self.0, sliver_type, n_shards))
    }
}

const fn mirror(index: u16, sliver_type: SliverType, n_shards: u16) -> u16 {
    match sliver_type {
        SliverType::Primary => index,
        SliverType::Secondary if index < n_shards => n_shards - 1 - index,
        // Out of range stays out of range, whatever the sliver type.
        SliverType::Secondary => index,
    }
}
