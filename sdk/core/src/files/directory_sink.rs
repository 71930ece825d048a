//! Directory sink: one file for each sliver.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
};

use super::{open_files::OpenFiles, staged::Staged};
use crate::{
    encoder::SliverSink,
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::{SliverFraming, SliverId},
};

/// Writes an encoded blob into a directory, all or nothing.
///
/// The directory holds `metadata.bcs` (blob ID ‖ metadata) and for every sliver the file that
/// [`DirectorySink::sliver_file`] names, with the BCS of the sliver as storage nodes take it: `uleb(len)` ‖
/// symbols ‖ symbol size `u16` ‖ sliver index `u16`. Until [`DirectorySink::commit`] all is in a directory
/// beside it, `.NAME.partial-…`, which goes when the sink is dropped.
#[derive(Debug)]
pub struct DirectorySink {
    staged: Staged,
    framing: SliverFraming,
    files: OpenFiles,
}

impl DirectorySink {
    /// Name of the metadata file.
    pub const METADATA_FILE: &'static str = "metadata.bcs";

    /// Prepares to write the slivers of a blob of `blob_length` bytes into `target`, which must not exist or
    /// be an empty directory.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if there is something at `target`, [`io::ErrorKind::FileTooLarge`]
    /// if the blob does not fit, and whatever making directories gives.
    pub fn create(
        target: impl AsRef<Path>,
        config: &EncodingConfig,
        blob_length: u64,
    ) -> io::Result<Self> {
        let too_large = |error: ParameterError| io::Error::new(io::ErrorKind::FileTooLarge, error);
        let framing = SliverFraming::new(config, blob_length).map_err(too_large)?;
        let target = std::path::absolute(target)?;
        if target.exists() && !(target.is_dir() && fs::read_dir(&target)?.next().is_none()) {
            let message = format!("{} is no empty directory", target.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        fs::create_dir_all(target.parent().unwrap_or(Path::new(".")))?;
        let staged = Staged::beside(target);
        fs::create_dir(staged.path())?;
        Ok(Self {
            staged,
            framing,
            files: OpenFiles::new(),
        })
    }

    /// Name of the file of a sliver: `primary-0007.bcs`.
    pub fn sliver_file(sliver: SliverId) -> String {
        format!("{}-{:04}.bcs", sliver.sliver_type(), sliver.index().get())
    }

    /// Writes the metadata and moves everything to its place.
    ///
    /// # Errors
    /// Whatever the system says; then nothing is left behind.
    pub fn commit(mut self, metadata: &VerifiedBlobMetadataWithId) -> io::Result<()> {
        let file = self.staged.path().join(Self::METADATA_FILE);
        fs::write(file, metadata.to_bcs())?;
        self.staged.commit()
    }

    fn write_at(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let open = || {
            let path = self.staged.path().join(Self::sliver_file(sliver));
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).open(path)
        };
        let file = self.files.get(sliver, open)?;
        file.write_all_at(offset as u64, data)
    }
}

impl SliverSink for DirectorySink {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let header = self.framing.header_length(sliver.sliver_type());
        self.write_at(sliver, header + offset, data)
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        let header = self.framing.header(sliver.sliver_type());
        let end = header.len() + self.framing.length(sliver.sliver_type());
        self.write_at(sliver, 0, &header)?;
        self.write_at(sliver, end, &self.framing.trailer(sliver.index()))?;
        self.files.close(sliver);
        Ok(())
    }
}
