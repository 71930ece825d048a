//! Directory source: the slivers in a directory, for a decoder.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{DirectorySink, PositionalFile};
use crate::{
    bounded_bcs,
    decoder::SliverSource,
    index::SliverIndex,
    metadata::{UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId},
    parameters::{EncodingConfig, MAX_ENCODABLE_SHARDS},
    sliver::SliverId,
    sliver_type::SliverType,
};

/// The slivers in a directory as [`DirectorySink`] writes it; some may be missing.
///
/// The name of a file says which sliver is in it, the hashes in the metadata whether its symbols are right. What else is
/// in a file, the length before the symbols and their size and the index behind them, is not looked at.
#[derive(Debug)]
pub struct DirectorySource {
    directory: PathBuf,
    metadata: VerifiedBlobMetadataWithId,
    available: [BTreeSet<SliverIndex>; 2],
}

impl DirectorySource {
    /// Looks at the metadata and the names and lengths of the files; slivers of another length are left out.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if the metadata is wrong, and whatever reading gives.
    pub fn open(directory: impl AsRef<Path>) -> io::Result<Self> {
        let directory = directory.as_ref().to_owned();
        let metadata = read_metadata(&directory.join(DirectorySink::METADATA_FILE))?;
        let mut source = Self {
            directory,
            metadata,
            available: Default::default(),
        };
        source.available = [SliverType::Primary, SliverType::Secondary].map(|sliver_type| {
            let indices = (0..source.metadata.n_shards()).map(SliverIndex);
            indices
                .filter(|index| source.is_present(sliver_type, *index))
                .collect()
        });
        Ok(source)
    }

    /// The blob's metadata, as the directory has it: it is consistent, but compare the blob ID if you know it.
    pub fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        &self.metadata
    }

    fn path(&self, sliver: SliverId) -> PathBuf {
        self.directory.join(DirectorySink::sliver_file(sliver))
    }

    fn is_present(&self, sliver_type: SliverType, index: SliverIndex) -> bool {
        let length = self.metadata.sliver_bcs_length(sliver_type) as u64;
        fs::metadata(self.path(SliverId::new(sliver_type, index)))
            .is_ok_and(|found| found.is_file() && found.len() == length)
    }
}

fn read_metadata(path: &Path) -> io::Result<VerifiedBlobMetadataWithId> {
    let invalid = |message: String| {
        let message = format!("{}: {message}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    let largest = EncodingConfig::new(MAX_ENCODABLE_SHARDS);
    let largest = largest.map_err(|error| invalid(error.to_string()))?;
    let most = largest.max_metadata_bcs_length() as u64 + 33;
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    let unverified = UnverifiedBlobMetadataWithId::from_bcs(&bytes, &largest)
        .map_err(|error| invalid(error.to_string()))?;
    let n_shards = u16::try_from(unverified.metadata().hashes().len())
        .map_err(|_| invalid("too many shards".to_owned()))?;
    let config = EncodingConfig::new(n_shards).map_err(|error| invalid(error.to_string()))?;
    unverified
        .verify(&config)
        .map_err(|error| invalid(error.to_string()))
}

impl SliverSource for DirectorySource {
    fn available(&self, sliver_type: SliverType) -> BTreeSet<SliverIndex> {
        match sliver_type {
            SliverType::Primary => self.available[0].clone(),
            SliverType::Secondary => self.available[1].clone(),
        }
    }

    fn read_at(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        let header = bounded_bcs::uleb_length(self.metadata.sliver_length(sliver.sliver_type()));
        let file = PositionalFile::new(File::open(self.path(sliver))?);
        file.read_exact_at((header + offset) as u64, buffer)
    }
}
