//! File decoder: a blob decoded into a file.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use super::{FileSource, PositionalFile, staged::Staged};
use crate::{
    decoder::{Assembly, DecodeError, StreamDecoder},
    index::SliverIndex,
    work::Running,
};

impl StreamDecoder<'_> {
    /// Decodes into a file, which is there only when everything went well: until then the data is in a file
    /// beside it, `.NAME.partial-…`. A file that was there, or that a link of this name leads to, is replaced.
    ///
    /// # Errors
    /// [`DecodeError`]; then nothing is left behind. [`DecodeError::Write`] if there is something that is no regular
    /// file, as a device.
    pub fn decode_to_file(&self, path: impl AsRef<Path>) -> Result<(), DecodeError> {
        let run = self.start();
        let chosen = self.choose(&run)?;
        let staged = stage(path.as_ref(), self.blob_length());
        let (mut staged, file) = staged.map_err(write_error)?;
        self.fill(&run, &chosen, file)?;
        staged.commit().map_err(write_error)
    }

    /// Decodes into a regular file, open for reading and writing, and makes the blob all that is in it. After an error the
    /// content is worth nothing.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode_to_open_file(&self, file: &File) -> Result<(), DecodeError> {
        let run = self.start();
        let chosen = self.choose(&run)?;
        let file = file.try_clone().map_err(write_error)?;
        file.set_len(self.blob_length()).map_err(write_error)?;
        self.fill(&run, &chosen, file)
    }

    /// Decodes into a file of the right length, and checks what is in it.
    fn fill(
        &self,
        run: &Running<'_>,
        (assembly, verified): &(Assembly, BTreeSet<SliverIndex>),
        file: File,
    ) -> Result<(), DecodeError> {
        let sink = PositionalFile::new(file.try_clone().map_err(write_error)?);
        self.assemble(run, assembly, &sink)?;
        let blob = FileSource::new(file).map_err(write_error)?;
        self.finish(run, &blob, verified)
    }
}

fn write_error(error: io::Error) -> DecodeError {
    DecodeError::Write {
        error: error.into(),
    }
}

/// A file of `length` bytes that is to become `target`.
fn stage(target: &Path, length: u64) -> io::Result<(Staged, File)> {
    let mut target = std::path::absolute(target)?;
    if target.exists() {
        // What a link leads to is replaced, not the link.
        target = target.canonicalize()?;
    }
    // Renaming a file over a device or a pipe would take them away.
    let is_other = target.exists() && !target.is_file();
    if is_other || target.file_name().is_none() {
        let message = format!("{} is no name of a regular file", target.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let staged = Staged::beside(target);
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create_new(true);
    let file = options.open(staged.path())?;
    file.set_len(length)?;
    Ok((staged, file))
}
