//! Index of a quilt: which patch is in which columns (encoding spec 6.3).

use serde::{Deserialize, Serialize};

use super::{
    Geometry, QUILT_VERSION, QuiltError, Tags,
    patch_id::{PatchColumns, QuiltPatchId},
};
use crate::{BlobId, bounded_bcs};

/// Bytes before the BCS of the index: version and length.
pub(super) const PREFIX: usize = 5;

/// A patch as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuiltPatch {
    /// Its name. Of quilts of others it may be what [`Identifier`](super::Identifier) refuses.
    pub identifier: String,
    /// Its tags.
    pub tags: Tags,
    /// Where it is.
    pub columns: PatchColumns,
}

/// The index of a quilt. Its patches lie one behind the other, in columns that the quilt has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuiltIndex {
    patches: Vec<QuiltPatch>,
}

/// The index as it is written: starts follow from the ends before them.
#[derive(Serialize, Deserialize)]
struct Wire {
    patches: Vec<WirePatch>,
}

#[derive(Serialize, Deserialize)]
struct WirePatch {
    end: u16,
    identifier: String,
    tags: Tags,
}

impl QuiltIndex {
    /// Patches that lie where the layout puts them.
    pub(super) fn of_layout(patches: Vec<QuiltPatch>) -> Self {
        Self { patches }
    }

    /// All patches, in the order of their columns.
    pub fn patches(&self) -> &[QuiltPatch] {
        &self.patches
    }

    /// The first patch of this name.
    pub fn by_identifier(&self, identifier: &str) -> Option<&QuiltPatch> {
        self.patches
            .iter()
            .find(|patch| patch.identifier == identifier)
    }

    /// All patches that have this value of this tag.
    pub fn by_tag<'a>(
        &'a self,
        key: &'a str,
        value: &'a str,
    ) -> impl Iterator<Item = &'a QuiltPatch> {
        self.patches
            .iter()
            .filter(move |patch| patch.tags.get(key) == Some(value))
    }

    /// The patch in exactly these columns.
    pub fn by_columns(&self, columns: PatchColumns) -> Option<&QuiltPatch> {
        self.patches.iter().find(|patch| patch.columns == columns)
    }

    /// The BCS of `QuiltIndexV1`, without the prefix.
    pub fn to_bcs(&self) -> Vec<u8> {
        let patches = self.patches.iter().map(|patch| WirePatch {
            end: patch.columns.end,
            identifier: patch.identifier.clone(),
            tags: patch.tags.clone(),
        });
        bounded_bcs::to_bytes(&Wire {
            patches: patches.collect(),
        })
    }

    /// What is written before the first patch; `None` if it has more bytes than 32 bits can say.
    pub(super) fn to_block(&self) -> Option<Vec<u8>> {
        let bcs = self.to_bcs();
        let length = u32::try_from(bcs.len()).ok()?;
        Some([&[QUILT_VERSION], &length.to_le_bytes()[..], &bcs].concat())
    }

    /// Decodes exactly the BCS of an index.
    ///
    /// # Errors
    /// [`QuiltError::Index`], [`QuiltError::TooManyPatches`], [`QuiltError::Columns`].
    pub fn from_bcs(bytes: &[u8], geometry: &Geometry) -> Result<Self, QuiltError> {
        let max = geometry.columns().saturating_sub(1);
        if let Some(count) = leading_uleb(bytes)
            && count > max.into()
        {
            return Err(QuiltError::TooManyPatches { count, max });
        }
        let wire: Wire =
            bounded_bcs::from_bytes_exact(bytes, bytes.len()).map_err(QuiltError::Index)?;
        let block = PREFIX.saturating_add(bytes.len()) as u64;
        let first = geometry.columns_for(block);
        let mut start = u16::try_from(first).unwrap_or(u16::MAX);
        let mut patches = Vec::with_capacity(wire.patches.len());
        for (
            position,
            WirePatch {
                end,
                identifier,
                tags,
            },
        ) in wire.patches.into_iter().enumerate()
        {
            let columns = PatchColumns { start, end };
            if end <= start || end > geometry.columns() {
                return Err(QuiltError::Columns {
                    position,
                    columns,
                    available: geometry.columns(),
                });
            }
            patches.push(QuiltPatch {
                identifier,
                tags,
                columns,
            });
            start = end;
        }
        Ok(Self { patches })
    }
}

impl QuiltPatch {
    /// Its ID in the quilt of this blob ID.
    pub fn id(&self, quilt_id: BlobId) -> QuiltPatchId {
        QuiltPatchId {
            quilt_id,
            columns: self.columns,
        }
    }
}

/// The ULEB128 number that bytes begin with, if it is one of at most three bytes.
fn leading_uleb(bytes: &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for (place, byte) in bytes.iter().take(3).enumerate() {
        value |= usize::from(byte & 127) << (7 * place);
        if byte & 128 == 0 {
            return Some(value);
        }
    }
    // More than any quilt has, whatever follows.
    (bytes.len() >= 3).then_some(value.max(1 << 21))
}
