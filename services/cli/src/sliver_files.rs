//! Diagnosis of a directory of slivers from which no blob can be decoded.

use std::{fmt, fs, io, path::Path};

use anyhow::{anyhow, bail};
use walrus_core::{
    Primary, Secondary, SliverData, SliverIndex, SliverType, VerifiedBlobMetadataWithId,
    decoder::{DecodeError, DirectorySource, SliverSource},
    encoder::DirectorySink,
    sliver::SliverId,
    work::Cancellation,
};

/// Files that an error names; of more it tells the number.
const NAMED: usize = 8;

/// Why a file is no usable sliver.
enum Defect {
    Missing,
    NoFile,
    Length {
        bytes: u64,
        expected: u64,
    },
    Unreadable(io::Error),
    /// Its content is not what the metadata commits to.
    Damaged,
}

impl Defect {
    /// Whether metadata of another blob could be the reason.
    fn is_of_content(&self) -> bool {
        matches!(self, Self::Length { .. } | Self::Damaged)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, " is missing"),
            Self::NoFile => write!(f, " is no file"),
            Self::Length { bytes, expected } => {
                write!(f, " has {bytes} bytes instead of {expected}")
            }
            Self::Unreadable(error) => write!(f, ": {error}"),
            Self::Damaged => write!(f, " is damaged"),
        }
    }
}

/// Opens a directory that `walrus encode` made.
pub(crate) fn open(directory: &Path) -> anyhow::Result<DirectorySource> {
    let name = directory.display();
    match fs::metadata(directory) {
        Err(error) => bail!("cannot read slivers from {name}: {error}"),
        Ok(found) if !found.is_dir() => {
            bail!("cannot read slivers from {name}: it is no directory")
        }
        Ok(_) => {}
    }
    DirectorySource::open(directory).map_err(|error| {
        let file = DirectorySink::METADATA_FILE;
        let path = directory.join(file).display().to_string();
        let error = error.to_string();
        // Some errors name it already.
        let why = error.strip_prefix(&format!("{path}: ")).unwrap_or(&error);
        anyhow!("cannot read {path}: {why}; take {file} from another copy of the directory")
    })
}

/// The error of a decoding, with the files that are the reason if there are too few usable ones. Reads them all once more.
pub(crate) fn explain(
    error: DecodeError,
    directory: &Path,
    source: &DirectorySource,
    cancellation: &Cancellation,
) -> anyhow::Error {
    let DecodeError::NotEnoughSlivers { sliver_type, .. } = error else {
        return error.into();
    };
    let examination = Examination {
        directory,
        source,
        cancellation,
    };
    let of_type = examination.defects(sliver_type);
    let others = examination.defects(sliver_type.orthogonal());
    let shards = usize::from(source.metadata().n_shards());
    let content = of_type.iter().chain(&others);
    let mut content = content.filter(|(_, defect)| defect.is_of_content());
    let none_usable = of_type.len() == shards && others.len() == shards;
    let advice = match none_usable && content.next().is_some() {
        true => format!(
            "none of the slivers that are there fits; is this the {} of another blob?",
            DirectorySink::METADATA_FILE
        ),
        false => format!(
            "take slivers of blob {} from another copy of the directory",
            source.metadata().blob_id()
        ),
    };
    anyhow!("{error}: {}; {advice}", list(&of_type))
}

/// `primary-0001.bcs is damaged, primary-0004.bcs is no file; 3 are missing`.
fn list(defects: &[(SliverId, Defect)]) -> String {
    let is_missing = |defect: &Defect| matches!(defect, Defect::Missing);
    let missing = defects.iter().filter(|(_, defect)| is_missing(defect));
    let missing = match missing.count() {
        0 => None,
        1 => Some("1 is missing".to_owned()),
        count => Some(format!("{count} are missing")),
    };
    let there: Vec<_> = defects
        .iter()
        .filter(|(_, defect)| !is_missing(defect))
        .map(|(sliver, defect)| format!("{}{defect}", DirectorySink::sliver_file(*sliver)))
        .collect();
    let mut named = there.get(..NAMED).unwrap_or(&there).join(", ");
    if there.len() > NAMED {
        named.push_str(&format!(", and {} more", there.len() - NAMED));
    }
    let parts = (!named.is_empty()).then_some(named).into_iter();
    parts.chain(missing).collect::<Vec<_>>().join("; ")
}

/// Looks at each file of a directory.
struct Examination<'a> {
    directory: &'a Path,
    source: &'a DirectorySource,
    cancellation: &'a Cancellation,
}

impl Examination<'_> {
    /// What is wrong with slivers of a type; less than all of it when cancelled.
    fn defects(&self, sliver_type: SliverType) -> Vec<(SliverId, Defect)> {
        let slivers = (0..self.source.metadata().n_shards()).map(SliverIndex);
        slivers
            .map(|index| SliverId::new(sliver_type, index))
            .take_while(|_| !self.cancellation.is_cancelled())
            .filter_map(|sliver| Some((sliver, self.defect(sliver)?)))
            .collect()
    }

    fn defect(&self, sliver: SliverId) -> Option<Defect> {
        let metadata = self.source.metadata();
        let path = self.directory.join(DirectorySink::sliver_file(sliver));
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Defect::Missing),
            Err(error) => return Some(Defect::Unreadable(error)),
        };
        if !found.is_file() {
            return Some(Defect::NoFile);
        }
        let (bytes, expected) = (
            found.len(),
            metadata.sliver_bcs_length(sliver.sliver_type()) as u64,
        );
        if bytes != expected {
            return Some(Defect::Length { bytes, expected });
        }
        let mut data = vec![0; metadata.sliver_length(sliver.sliver_type())];
        if let Err(error) = self.source.read_at(sliver, 0, &mut data) {
            return Some(Defect::Unreadable(error));
        }
        (!is_right(metadata, sliver, data)).then_some(Defect::Damaged)
    }
}

fn is_right(metadata: &VerifiedBlobMetadataWithId, sliver: SliverId, data: Vec<u8>) -> bool {
    let (size, index) = (metadata.symbol_size(), sliver.index());
    match sliver.sliver_type() {
        SliverType::Primary => SliverData::<Primary>::new(data, size, index)
            .is_some_and(|sliver| sliver.verify(metadata).is_ok()),
        SliverType::Secondary => SliverData::<Secondary>::new(data, size, index)
            .is_some_and(|sliver| sliver.verify(metadata).is_ok()),
    }
}
