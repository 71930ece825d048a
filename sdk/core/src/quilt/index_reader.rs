//! Index reader: takes columns from the first on until the index is complete (encoding spec 6.6).

use super::{Geometry, MAX_INDEX_COLUMNS, QUILT_VERSION, QuiltError, QuiltIndex, index::PREFIX};

/// Reads the index of a quilt from its columns.
///
/// ```text
/// while let Some(column) = reader.wants() { reader.push(&fetch(column))?; }
/// let index = reader.finish()?;
/// ```
#[derive(Debug, Clone)]
pub struct IndexReader {
    geometry: Geometry,
    /// The first columns, one after the other.
    bytes: Vec<u8>,
    columns: u16,
    /// Bytes of prefix and index, once the first column is there.
    block: Option<usize>,
}

impl IndexReader {
    /// For a quilt of this shape.
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            bytes: Vec::new(),
            columns: 0,
            block: None,
        }
    }

    /// The next column that is needed; `None` once the index is complete.
    pub fn wants(&self) -> Option<u16> {
        match self.block {
            Some(block) if block <= self.bytes.len() => None,
            _ => Some(self.columns),
        }
    }

    /// All columns that are needed, as far as is known, those that are there included.
    pub fn needed(&self) -> u16 {
        let columns = self
            .geometry
            .columns_for(self.block.unwrap_or(PREFIX) as u64);
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    /// Takes the column that [`Self::wants`] named.
    ///
    /// # Errors
    /// [`QuiltError::ColumnLength`], [`QuiltError::Version`], [`QuiltError::IndexTooLong`].
    pub fn push(&mut self, column: &[u8]) -> Result<(), QuiltError> {
        self.geometry.check_length(column.len())?;
        self.bytes.extend_from_slice(column);
        self.columns = self.columns.saturating_add(1);
        if self.block.is_none() {
            self.block = self.read_prefix()?;
        }
        Ok(())
    }

    /// Bytes of prefix and index; `None` as long as the prefix is not complete: columns of four bytes are shorter than it.
    fn read_prefix(&self) -> Result<Option<usize>, QuiltError> {
        let Some((version, rest)) = self.bytes.split_first() else {
            return Ok(None);
        };
        if *version != QUILT_VERSION {
            return Err(QuiltError::Version {
                part: "index",
                version: *version,
            });
        }
        let Some(length) = rest.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u64::from(u32::from_le_bytes(*length));
        let columns = MAX_INDEX_COLUMNS.min(self.geometry.columns());
        let max = u64::from(columns) * self.geometry.column_size() as u64;
        let max = max.saturating_sub(PREFIX as u64);
        let too_long = QuiltError::IndexTooLong { length, max };
        if length > max {
            return Err(too_long);
        }
        let length = usize::try_from(length).map_err(|_| too_long)?;
        Ok(Some(PREFIX.saturating_add(length)))
    }

    /// The index.
    ///
    /// # Errors
    /// [`QuiltError::MissingColumn`] if columns are missing, and those of [`QuiltIndex::from_bcs`].
    pub fn finish(self) -> Result<QuiltIndex, QuiltError> {
        let missing = QuiltError::MissingColumn(self.columns.into());
        let block = self.block.ok_or(missing.clone())?;
        let bytes = self.bytes.get(PREFIX..block).ok_or(missing)?;
        QuiltIndex::from_bcs(bytes, &self.geometry)
    }
}
