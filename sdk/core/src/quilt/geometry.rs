//! Geometry of a quilt: rows and columns, and where a byte of a column is in the blob (encoding spec 6.4).

use std::num::NonZeroU16;

use crate::{
    EncodingConfig, SliverType,
    blob_source::BlobSource,
    parameters::{MAX_SYMBOL_SIZE, SYMBOL_ALIGNMENT},
    quilt::{PatchColumns, QuiltError},
};

/// Shape of the message matrix of a quilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    config: EncodingConfig,
    symbol_size: NonZeroU16,
}

/// Consecutive bytes of a column that are consecutive in the blob, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where they are in the blob.
    pub(super) offset: u64,
    /// How many.
    pub(super) length: usize,
}

impl Geometry {
    /// The shape with symbols of so many bytes; `None` unless they are even and at most [`MAX_SYMBOL_SIZE`].
    pub(super) fn new(config: EncodingConfig, symbol_size: u64) -> Option<Self> {
        if !symbol_size.is_multiple_of(SYMBOL_ALIGNMENT) || symbol_size > MAX_SYMBOL_SIZE.into() {
            return None;
        }
        let symbol_size = NonZeroU16::new(u16::try_from(symbol_size).ok()?)?;
        Some(Self {
            config,
            symbol_size,
        })
    }

    /// The shape of a quilt of so many bytes.
    ///
    /// # Errors
    /// [`QuiltError::WrongLength`] if no quilt has this length.
    pub fn of_quilt(config: EncodingConfig, length: u64) -> Result<Self, QuiltError> {
        let symbols = u64::from(config.source_symbols_per_blob());
        let whole = length.is_multiple_of(symbols);
        let geometry = whole.then(|| Self::new(config, length / symbols)).flatten();
        geometry.ok_or(QuiltError::WrongLength { length, symbols })
    }

    /// Parameters of the encoding.
    pub fn config(&self) -> &EncodingConfig {
        &self.config
    }

    /// Bytes of a symbol.
    pub fn symbol_size(&self) -> u16 {
        self.symbol_size.get()
    }

    /// Number of columns, which are the systematic secondary slivers.
    pub fn columns(&self) -> u16 {
        self.config.source_symbols(SliverType::Secondary)
    }

    /// Bytes of a column.
    pub fn column_size(&self) -> usize {
        let rows = self.config.source_symbols(SliverType::Primary);
        usize::from(rows) * usize::from(self.symbol_size())
    }

    /// Bytes of the whole quilt.
    pub fn quilt_length(&self) -> u64 {
        u64::from(self.config.source_symbols_per_blob()) * u64::from(self.symbol_size())
    }

    /// Columns that so many bytes take.
    pub(super) fn columns_for(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.column_size() as u64)
    }

    /// Where byte `position` of what begins with column `start` lies, and how many bytes from there on follow it.
    pub(super) fn run(&self, start: u16, position: u64) -> Run {
        let (column_size, symbol) = (self.column_size() as u64, u64::from(self.symbol_size()));
        let row_size = u64::from(self.columns()) * symbol;
        let column = u64::from(start) + position / column_size;
        let in_column = position % column_size;
        let in_symbol = in_column % symbol;
        Run {
            offset: (in_column / symbol) * row_size + column * symbol + in_symbol,
            length: usize::from(self.symbol_size()) - usize::try_from(in_symbol).unwrap_or(0),
        }
    }

    /// Fills `bytes` with a column of the quilt in `source`.
    ///
    /// # Errors
    /// [`QuiltError::NoSuchColumns`], [`QuiltError::ColumnLength`] if `bytes` has another length, [`QuiltError::Read`].
    pub fn read_column(
        &self,
        source: &(impl BlobSource + ?Sized),
        column: u16,
        bytes: &mut [u8],
    ) -> Result<(), QuiltError> {
        let columns = PatchColumns {
            start: column,
            end: column.saturating_add(1),
        };
        self.check_columns(columns)?;
        self.check_length(bytes.len())?;
        let mut position = 0;
        for symbol in bytes.chunks_mut(self.symbol_size().into()) {
            let offset = self.run(column, position).offset;
            source
                .read_at(offset, symbol)
                .map_err(|error| QuiltError::Read {
                    offset,
                    error: error.into(),
                })?;
            position += symbol.len() as u64;
        }
        Ok(())
    }

    /// Whether there are these columns, and any.
    pub(super) fn check_columns(&self, columns: PatchColumns) -> Result<(), QuiltError> {
        let available = self.columns();
        match columns.start < columns.end && columns.end <= available {
            true => Ok(()),
            false => Err(QuiltError::NoSuchColumns { columns, available }),
        }
    }

    /// Whether it is the length of a column.
    pub(super) fn check_length(&self, length: usize) -> Result<(), QuiltError> {
        let expected = self.column_size();
        match length == expected {
            true => Ok(()),
            false => Err(QuiltError::ColumnLength { length, expected }),
        }
    }
}
