//! Patch reader: takes the columns of a patch in order and gives its data piece by piece (encoding spec 6.6).

use super::{
    Geometry, PatchHead, QuiltError,
    patch::{self, Parsed},
    patch_id::PatchColumns,
};

/// Reads one patch from its columns. It holds no more than the head of the patch.
#[derive(Debug, Clone)]
pub struct PatchReader {
    geometry: Geometry,
    columns: PatchColumns,
    next: u16,
    /// The first bytes of the patch, until its head is complete.
    first: Vec<u8>,
    head: Option<PatchHead>,
    /// Bytes of data that have not come yet.
    left: u64,
}

impl PatchReader {
    /// For the patch in these columns of a quilt of this shape.
    ///
    /// # Errors
    /// [`QuiltError::NoSuchColumns`].
    pub fn new(geometry: Geometry, columns: PatchColumns) -> Result<Self, QuiltError> {
        geometry.check_columns(columns)?;
        Ok(Self {
            geometry,
            columns,
            next: columns.start,
            first: Vec::new(),
            head: None,
            left: 0,
        })
    }

    /// The next column; `None` once the patch is complete, which may be before its last column.
    pub fn wants(&self) -> Option<u16> {
        let complete = self.head.is_some() && self.left == 0;
        (!complete && self.next < self.columns.end).then_some(self.next)
    }

    /// What the patch says about itself, as soon as that is known: mostly after the first column.
    pub fn head(&self) -> Option<&PatchHead> {
        self.head.as_ref()
    }

    /// Takes the column that [`Self::wants`] named and gives the data in it.
    ///
    /// # Errors
    /// [`QuiltError`] if the columns are no patch.
    pub fn push<'a>(&mut self, column: &'a [u8]) -> Result<&'a [u8], QuiltError> {
        self.geometry.check_length(column.len())?;
        self.next = self.next.saturating_add(1);
        let data = match self.head {
            Some(_) => column,
            None => self.read_head(column)?,
        };
        let length = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(data.len());
        let data = data.get(..length).unwrap_or_default();
        self.left = self.left.saturating_sub(length as u64);
        Ok(data)
    }

    /// Reads the head, if it is complete with this column, and gives what comes after it.
    fn read_head<'a>(&mut self, column: &'a [u8]) -> Result<&'a [u8], QuiltError> {
        let before = self.first.len();
        self.first.extend_from_slice(column);
        let available = u64::from(self.columns.count()) * self.geometry.column_size() as u64;
        match patch::parse(&self.first, available)? {
            Parsed::NeedsMore => Ok(&[]),
            Parsed::Head(head) => {
                self.first = Vec::new();
                self.left = head.data_length;
                let start = head.data_offset.saturating_sub(before);
                self.head = Some(head);
                Ok(column.get(start..).unwrap_or_default())
            }
        }
    }

    /// The head of the patch, whose data have all been given.
    ///
    /// # Errors
    /// [`QuiltError::MissingColumn`] if they have not.
    pub fn finish(self) -> Result<PatchHead, QuiltError> {
        match self.head {
            Some(head) if self.left == 0 => Ok(head),
            _ => Err(QuiltError::MissingColumn(self.next.into())),
        }
    }
}
