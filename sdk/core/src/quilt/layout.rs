//! Layout of a quilt: which columns each patch gets, and how long they are (encoding spec 6.4).

use super::{
    Geometry, Identifier, QuiltIndex, QuiltPatch, Tags, index, patch, patch_id::PatchColumns,
};
use crate::{
    EncodingConfig, SliverType,
    parameters::{MAX_SYMBOL_SIZE, SYMBOL_ALIGNMENT},
};

/// Most columns of the index.
pub const MAX_INDEX_COLUMNS: u16 = 10;

/// A patch that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPatch {
    /// Its name.
    pub identifier: Identifier,
    /// Its tags.
    pub tags: Tags,
    /// Length of its data in bytes.
    pub length: u64,
}

/// Where everything in a quilt goes.
#[derive(Debug, Clone)]
pub struct QuiltLayout {
    geometry: Geometry,
    index: QuiltIndex,
    index_block: Vec<u8>,
    /// In the order of the columns.
    patches: Vec<PlacedPatch>,
}

/// A patch and its place.
#[derive(Debug, Clone)]
pub(super) struct PlacedPatch {
    /// Which of the patches that were planned it is.
    pub(super) input: usize,
    /// What is written before its data.
    pub(super) head: Vec<u8>,
    /// Length of its data in bytes.
    pub(super) length: u64,
    pub(super) columns: PatchColumns,
}

impl QuiltLayout {
    /// Finds a place for every patch, with the shortest columns that hold them all.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn plan(config: EncodingConfig, patches: Vec<NewPatch>) -> Result<Self, LayoutError> {
        let mut patches: Vec<_> = patches.into_iter().enumerate().collect();
        patches.sort_by(|(_, a), (_, b)| a.identifier.cmp(&b.identifier));
        check_names(&config, &patches)?;
        let mut placed = Vec::with_capacity(patches.len());
        for (input, new) in &patches {
            let head = patch::write(&new.identifier, &new.tags, new.length);
            let head = head.ok_or_else(|| LayoutError::PatchTooLong {
                identifier: new.identifier.to_string(),
                length: new.length,
            })?;
            placed.push(PlacedPatch {
                input: *input,
                head,
                length: new.length,
                columns: PatchColumns { start: 0, end: 0 },
            });
        }
        let mut index: Vec<_> = patches
            .into_iter()
            .map(|(_, new)| QuiltPatch {
                identifier: new.identifier.into(),
                tags: new.tags,
                columns: PatchColumns { start: 0, end: 0 },
            })
            .collect();
        // The ends do not change its length.
        let bcs = QuiltIndex::of_layout(index.clone()).to_bcs().len();
        let block = index::PREFIX as u64 + bcs as u64;
        let sizes: Vec<u64> = std::iter::once(block)
            .chain(placed.iter().map(PlacedPatch::size))
            .collect();
        let geometry = shortest_columns(config, &sizes)?;
        place(&geometry, block, &mut placed)?;
        for (entry, patch) in index.iter_mut().zip(&placed) {
            entry.columns = patch.columns;
        }
        let index = QuiltIndex::of_layout(index);
        let index_block = index.to_block().ok_or(LayoutError::TooLarge {
            length: block,
            max: config.max_blob_size(),
        })?;
        Ok(Self {
            geometry,
            index,
            index_block,
            patches: placed,
        })
    }

    /// The shape.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Names, tags and places of all patches.
    pub fn index(&self) -> &QuiltIndex {
        &self.index
    }

    /// Bytes of the whole quilt.
    pub fn quilt_length(&self) -> u64 {
        self.geometry.quilt_length()
    }

    pub(super) fn index_block(&self) -> &[u8] {
        &self.index_block
    }

    pub(super) fn placed(&self) -> &[PlacedPatch] {
        &self.patches
    }
}

impl PlacedPatch {
    /// Bytes of head and data.
    fn size(&self) -> u64 {
        self.length.saturating_add(self.head.len() as u64)
    }
}

/// Checks what needs no length: how many there are, and that no name comes twice. They are in order.
fn check_names(config: &EncodingConfig, patches: &[(usize, NewPatch)]) -> Result<(), LayoutError> {
    if patches.is_empty() {
        return Err(LayoutError::Empty);
    }
    let max = config
        .source_symbols(SliverType::Secondary)
        .saturating_sub(1);
    if patches.len() > max.into() {
        return Err(LayoutError::TooManyPatches {
            count: patches.len(),
            max,
            n_shards: config.n_shards(),
        });
    }
    for pair in patches.windows(2) {
        if let [(_, one), (_, other)] = pair
            && one.identifier == other.identifier
        {
            return Err(LayoutError::Duplicate {
                identifier: one.identifier.to_string(),
            });
        }
    }
    Ok(())
}

/// The shape with the shortest columns in which items of these sizes, the index first, have whole columns each.
fn shortest_columns(config: EncodingConfig, sizes: &[u64]) -> Result<Geometry, LayoutError> {
    let rows = u64::from(config.source_symbols(SliverType::Primary));
    let columns = u64::from(config.source_symbols(SliverType::Secondary));
    let total = sizes.iter().copied().fold(0, u64::saturating_add);
    let index = sizes.first().copied().unwrap_or(0);
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let each = (columns / (sizes.len() as u64).max(1)).max(1);
    let needed = |symbol: u64| {
        let column = symbol.saturating_mul(rows);
        sizes
            .iter()
            .map(|size| size.div_ceil(column))
            .fold(0, u64::saturating_add)
    };
    let mut low = total
        .div_ceil(rows * columns)
        .max(index.div_ceil(rows * u64::from(MAX_INDEX_COLUMNS)))
        .max((index::PREFIX as u64).div_ceil(rows));
    let mut high = largest.div_ceil(each * rows);
    while low < high {
        let middle = low + (high - low) / 2;
        if needed(middle) <= columns {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let symbol = low.saturating_add(low % SYMBOL_ALIGNMENT);
    Geometry::new(config, symbol).ok_or(LayoutError::TooLarge {
        length: symbol.saturating_mul(rows * columns),
        max: u64::from(MAX_SYMBOL_SIZE) * rows * columns,
    })
}

/// Gives each patch the columns after those of the one before.
fn place(geometry: &Geometry, block: u64, patches: &mut [PlacedPatch]) -> Result<(), LayoutError> {
    let mut end = geometry.columns_for(block);
    for patch in patches {
        let start = end;
        end = end.saturating_add(geometry.columns_for(patch.size()));
        let narrow = |column: u64| {
            u16::try_from(column)
                .ok()
                .filter(|column| *column <= geometry.columns())
        };
        let (Some(start), Some(end)) = (narrow(start), narrow(end)) else {
            return Err(LayoutError::TooLarge {
                length: end.saturating_mul(geometry.column_size() as u64),
                max: geometry.quilt_length(),
            });
        };
        patch.columns = PatchColumns { start, end };
    }
    Ok(())
}

/// Patches that make no quilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// None at all.
    #[error("a quilt needs at least one patch")]
    Empty,
    /// More than columns, of which the index takes one.
    #[error("{count} patches are too many: with {n_shards} shards a quilt has at most {max}")]
    TooManyPatches {
        /// Patches given.
        count: usize,
        /// Patches allowed.
        max: u16,
        /// Number of shards.
        n_shards: u16,
    },
    /// One name twice.
    #[error("two patches have the identifier \"{identifier}\"")]
    Duplicate {
        /// The name.
        identifier: String,
    },
    /// A patch longer than 32 bits can say.
    #[error(
        "the patch \"{identifier}\" of {length} bytes is too long: with its head it may have 4294967295"
    )]
    PatchTooLong {
        /// Its name.
        identifier: String,
        /// Length of its data in bytes.
        length: u64,
    },
    /// More than the largest blob.
    #[error("the patches need a quilt of {length} bytes: at most {max} are possible")]
    TooLarge {
        /// Bytes needed.
        length: u64,
        /// Bytes allowed.
        max: u64,
    },
}
