//! Symbols of a sliver and names of symbols in the matrix (encoding spec 4.1, 4.2).

use std::{fmt, num::NonZeroU16, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{byte_string, index::SliverIndex, sliver_type::SliverType};

/// Consecutive symbols. BCS: `uleb(len)` ‖ data ‖ symbol size `u16`.
///
/// From BCS the size is not 0, but the data need not be a multiple of it: verification tells.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Symbols {
    #[serde(with = "byte_string")]
    data: Vec<u8>,
    symbol_size: NonZeroU16,
}

impl Symbols {
    /// Symbols of `symbol_size` bytes from their concatenation; `None` unless it is a multiple of it.
    pub fn new(data: Vec<u8>, symbol_size: NonZeroU16) -> Option<Self> {
        data.len()
            .is_multiple_of(usize::from(symbol_size.get()))
            .then_some(Self { data, symbol_size })
    }

    /// The symbols, concatenated.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The symbols, concatenated, without a copy.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Size of a symbol in bytes.
    pub fn symbol_size(&self) -> NonZeroU16 {
        self.symbol_size
    }

    /// Number of whole symbols.
    pub fn len(&self) -> usize {
        self.data.len() / usize::from(self.symbol_size.get())
    }

    /// Whether there is no whole symbol.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Symbol `index`.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.iter().nth(index)
    }

    /// The whole symbols in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, u8> {
        self.data.chunks_exact(usize::from(self.symbol_size.get()))
    }
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Symbols({} bytes in symbols of {})",
            self.data.len(),
            self.symbol_size
        )
    }
}

/// The symbol where a primary and a secondary sliver cross. Text: `i-j`; BCS: two `u16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SymbolId {
    /// Row: index of the primary sliver.
    pub primary: SliverIndex,
    /// Column: index of the secondary sliver.
    pub secondary: SliverIndex,
}

impl SymbolId {
    /// The symbol at a row and a column.
    pub const fn new(primary: SliverIndex, secondary: SliverIndex) -> Self {
        Self { primary, secondary }
    }

    /// The index of the sliver of this type that holds the symbol.
    pub const fn sliver_index(&self, sliver_type: SliverType) -> SliverIndex {
        match sliver_type {
            SliverType::Primary => self.primary,
            SliverType::Secondary => self.secondary,
        }
    }
}

impl fmt::Display for SymbolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.primary, self.secondary)
    }
}

/// The text is not `i-j` with two `u16`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a symbol ID is two sliver indices joined by a hyphen, such as 17-21")]
pub struct ParseSymbolIdError;

impl FromStr for SymbolId {
    type Err = ParseSymbolIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (primary, secondary) = text.split_once('-').ok_or(ParseSymbolIdError)?;
        let index = |text: &str| {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            plain
                .then(|| text.parse().ok())
                .flatten()
                .ok_or(ParseSymbolIdError)
        };
        Ok(Self::new(index(primary)?, index(secondary)?))
    }
}
