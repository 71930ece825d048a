//! Assembly of a quilt: the bytes of the patches go to their columns (encoding spec 6.4).

use std::io::{self, Read};

use super::{Geometry, QuiltLayout, layout::PlacedPatch};
use crate::{
    decoder::{BlobSink, MemoryBlob},
    io_failure::IoFailure,
};

/// Bytes read from a patch at a time.
const BUFFER: usize = 1 << 16;

impl QuiltLayout {
    /// The quilt in memory: `open` gives a reader of each patch, by its position in what was planned, one after the other.
    ///
    /// # Errors
    /// [`AssembleError`].
    pub fn assemble_in_memory<R: Read>(
        &self,
        open: impl FnMut(usize) -> io::Result<R>,
    ) -> Result<Vec<u8>, AssembleError> {
        let length =
            usize::try_from(self.quilt_length()).map_err(|error| AssembleError::Write {
                offset: self.quilt_length(),
                error: io::Error::other(error).into(),
            })?;
        let mut quilt = vec![0; length];
        let row =
            usize::from(self.geometry().columns()) * usize::from(self.geometry().symbol_size());
        self.assemble(open, &MemoryBlob::new(&mut quilt, row))?;
        Ok(quilt)
    }

    /// The same in a file, which is zero where nothing is written: an empty one, or one that was reserved.
    ///
    /// # Errors
    /// [`AssembleError`]; what the file holds by then is worth nothing.
    #[cfg(feature = "files")]
    pub fn assemble_in_file<R: Read>(
        &self,
        open: impl FnMut(usize) -> io::Result<R>,
        file: &std::fs::File,
    ) -> Result<(), AssembleError> {
        let write = |error: io::Error| AssembleError::Write {
            offset: 0,
            error: error.into(),
        };
        let file = file.try_clone().map_err(write)?;
        file.set_len(self.quilt_length()).map_err(write)?;
        self.assemble(open, &crate::files::PositionalFile::new(file))
    }

    fn assemble<R: Read>(
        &self,
        mut open: impl FnMut(usize) -> io::Result<R>,
        sink: &impl BlobSink,
    ) -> Result<(), AssembleError> {
        let mut index = Item::new(self.geometry(), 0, sink);
        index.write(self.index_block())?;
        let mut buffer = vec![0; BUFFER];
        for (patch, entry) in self.placed().iter().zip(self.index().patches()) {
            let read = |error: io::Error| AssembleError::Read {
                identifier: entry.identifier.clone(),
                error: error.into(),
            };
            let mut data = open(patch.input).map_err(read)?;
            let mut item = Item::new(self.geometry(), patch.columns.start, sink);
            item.write(&patch.head)?;
            match copy(&mut data, patch, &mut item, &mut buffer)? {
                Copied::Failed(error) => return Err(read(error)),
                Copied::Bytes(length) if length != patch.length => {
                    return Err(AssembleError::Changed {
                        identifier: entry.identifier.clone(),
                        planned: patch.length,
                        found: length,
                    });
                }
                Copied::Bytes(_) => {}
            }
        }
        Ok(())
    }
}

enum Copied {
    /// So many bytes, at most one more than planned.
    Bytes(u64),
    Failed(io::Error),
}

/// Copies the data of a patch, and not more of it than was planned.
fn copy<S: BlobSink>(
    data: &mut impl Read,
    patch: &PlacedPatch,
    item: &mut Item<'_, S>,
    buffer: &mut [u8],
) -> Result<Copied, AssembleError> {
    // One more shows that there are too many.
    let mut data = data.take(patch.length.saturating_add(1));
    let mut length = 0_u64;
    loop {
        let count = match data.read(buffer) {
            Ok(0) => return Ok(Copied::Bytes(length)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Copied::Failed(error)),
        };
        length = length.saturating_add(count as u64);
        if length > patch.length {
            return Ok(Copied::Bytes(length));
        }
        item.write(buffer.get(..count).unwrap_or_default())?;
    }
}

/// Something that begins with a column: the index or a patch.
struct Item<'a, S> {
    geometry: &'a Geometry,
    start: u16,
    position: u64,
    sink: &'a S,
}

impl<'a, S: BlobSink> Item<'a, S> {
    fn new(geometry: &'a Geometry, start: u16, sink: &'a S) -> Self {
        Self {
            geometry,
            start,
            position: 0,
            sink,
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), AssembleError> {
        while !bytes.is_empty() {
            let run = self.geometry.run(self.start, self.position);
            let (now, rest) = bytes.split_at(run.length.min(bytes.len()));
            self.sink
                .write_at(run.offset, now)
                .map_err(|error| AssembleError::Write {
                    offset: run.offset,
                    error: error.into(),
                })?;
            self.position = self.position.saturating_add(now.len() as u64);
            bytes = rest;
        }
        Ok(())
    }
}

/// A quilt that could not be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// A patch cannot be read.
    #[error("reading the patch \"{identifier}\": {error}")]
    Read {
        /// Its name.
        identifier: String,
        /// What the system said.
        error: IoFailure,
    },
    /// A patch has another length than when the quilt was planned.
    #[error("the patch \"{identifier}\" had {planned} bytes and has {found}, or more")]
    Changed {
        /// Its name.
        identifier: String,
        /// Bytes planned.
        planned: u64,
        /// Bytes found.
        found: u64,
    },
    /// The quilt cannot be written.
    #[error("writing the quilt at byte {offset}: {error}")]
    Write {
        /// Where in the blob, in bytes.
        offset: u64,
        /// What the system said.
        error: IoFailure,
    },
}
