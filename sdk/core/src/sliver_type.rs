//! Sliver types: primary (rows) and secondary (columns) slivers (encoding spec 2.3, 4.1).

use std::{fmt, hash::Hash, str::FromStr};

use serde::{Deserialize, Serialize};

/// Which kind of sliver. BCS: one byte, 0 primary, 1 secondary; text and JSON: `primary`, `secondary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SliverType {
    /// A row of the message matrix.
    Primary,
    /// A column of the message matrix.
    Secondary,
}

impl SliverType {
    /// The other sliver type.
    pub const fn orthogonal(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }

    /// `primary` or `secondary`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

impl fmt::Display for SliverType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no sliver type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sliver type is \"primary\" or \"secondary\"")]
pub struct ParseSliverTypeError;

impl FromStr for SliverType {
    type Err = ParseSliverTypeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "primary" => Ok(Self::Primary),
            "secondary" => Ok(Self::Secondary),
            _ => Err(ParseSliverTypeError),
        }
    }
}

/// A sliver type as a type parameter: [`Primary`] or [`Secondary`].
pub trait Axis: Copy + Eq + Ord + Hash + fmt::Debug + Default + Send + Sync + 'static {
    /// The other sliver type.
    type Orthogonal: Axis<Orthogonal = Self>;
    /// The sliver type as a value.
    const TYPE: SliverType;
}

/// Marker of primary slivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Primary;

/// Marker of secondary slivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Secondary;

impl Axis for Primary {
    type Orthogonal = Secondary;
    const TYPE: SliverType = SliverType::Primary;
}

impl Axis for Secondary {
    type Orthogonal = Primary;
    const TYPE: SliverType = SliverType::Secondary;
}
