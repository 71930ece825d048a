//! Directory sink: one file for each sliver.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{
    encoder::{open_files::OpenFiles, sink::SliverSink},
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
    target: PathBuf,
    staging: PathBuf,
    framing: SliverFraming,
    files: OpenFiles,
    committed: bool,
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
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let unique = format!(".{name}.partial-{:016x}", rand::random::<u64>());
        let parent = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        let staging = parent.join(unique);
        fs::create_dir(&staging)?;
        Ok(Self {
            target,
            staging,
            framing,
            files: OpenFiles::new(),
            committed: false,
        })
    }

    /// Name of the file of a sliver: `primary-0007.bcs`.
    pub fn sliver_file(sliver: SliverId) -> String {
        format!("{}-{:04}.bcs", sliver.axis(), sliver.index().get())
    }

    /// Writes the metadata and moves everything to its place.
    ///
    /// # Errors
    /// Whatever the system says; then nothing is left behind.
    pub fn commit(mut self, metadata: &VerifiedBlobMetadataWithId) -> io::Result<()> {
        fs::write(self.staging.join(Self::METADATA_FILE), metadata.to_bcs())?;
        fs::rename(&self.staging, &self.target)?;
        self.committed = true;
        Ok(())
    }

    fn write_at(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let open = || {
            let path = self.staging.join(Self::sliver_file(sliver));
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(false).open(path)
        };
        let file = self.files.get(sliver, open)?;
        file.write_all_at(offset as u64, data)
    }
}

impl SliverSink for DirectorySink {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let header = self.framing.header_length(sliver.axis());
        self.write_at(sliver, header + offset, data)
    }

    fn complete(&self, sliver: SliverId) -> io::Result<()> {
        let header = self.framing.header(sliver.axis());
        let end = header.len() + self.framing.length(sliver.axis());
        self.write_at(sliver, 0, &header)?;
        self.write_at(sliver, end, &self.framing.trailer(sliver.index()))?;
        self.files.close(sliver);
        Ok(())
    }
}

impl Drop for DirectorySink {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody is left to tell; the name says that the rest is worthless.
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}
