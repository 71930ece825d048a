//! Whole quilt: index and patches of a blob that is there as a whole (encoding spec 6.6).

use super::{
    Geometry, IndexReader, PatchHead, PatchReader, QuiltError, QuiltIndex, patch_id::PatchColumns,
};
use crate::{EncodingConfig, blob_source::BlobSource};

/// A quilt whose bytes can be read at any position.
pub struct WholeQuilt<S> {
    source: S,
    geometry: Geometry,
    index: QuiltIndex,
}

impl<S: BlobSource> WholeQuilt<S> {
    /// Reads the index.
    ///
    /// # Errors
    /// [`QuiltError`] if it is no quilt.
    pub fn open(config: EncodingConfig, source: S) -> Result<Self, QuiltError> {
        let geometry = Geometry::of_quilt(config, source.length())?;
        let mut reader = IndexReader::new(geometry);
        let mut column = vec![0; geometry.column_size()];
        while let Some(wanted) = reader.wants() {
            geometry.read_column(&source, wanted, &mut column)?;
            reader.push(&column)?;
        }
        Ok(Self {
            source,
            geometry,
            index: reader.finish()?,
        })
    }

    /// The index.
    pub fn index(&self) -> &QuiltIndex {
        &self.index
    }

    /// The shape.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Reads a patch and gives its data piece by piece, each with what the patch says about itself.
    ///
    /// # Errors
    /// [`QuiltError`], and whatever `take` gives.
    pub fn read_patch<E: From<QuiltError>>(
        &self,
        columns: PatchColumns,
        mut take: impl FnMut(&PatchHead, &[u8]) -> Result<(), E>,
    ) -> Result<PatchHead, E> {
        let mut reader = PatchReader::new(self.geometry, columns)?;
        let mut column = vec![0; self.geometry.column_size()];
        while let Some(wanted) = reader.wants() {
            self.geometry
                .read_column(&self.source, wanted, &mut column)?;
            let data = reader.push(&column)?;
            if let Some(head) = reader.head() {
                take(head, data)?;
            }
        }
        Ok(reader.finish()?)
    }

    /// A patch in memory.
    ///
    /// # Errors
    /// [`QuiltError`].
    pub fn patch(&self, columns: PatchColumns) -> Result<(PatchHead, Vec<u8>), QuiltError> {
        let mut data = Vec::new();
        let head = self.read_patch::<QuiltError>(columns, |_, piece| {
            data.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((head, data))
    }
}
