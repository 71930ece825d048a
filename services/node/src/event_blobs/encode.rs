//! Encoding of event blobs: from recorded elements to the slivers of the node's own shards, in bounded memory.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write as _},
    num::NonZeroU16,
    path::Path,
    sync::{Mutex, PoisonError},
};

use walrus_core::{
    BlobId, EncodingConfig, Primary, Secondary, ShardIndex, Sliver, SliverData, SliverType,
    VerifiedBlobMetadataWithId,
    blob_source::{BlobSource as _, SeekSource},
    encoder::{EncodeError, SliverSink, StreamEncoder},
    parameters::ParameterError,
    sliver::SliverId,
    work::Work,
};
use walrus_sui::event_blobs::{ElementError, Header, entry, trailer};

use crate::{
    limits::EVENT_BLOB_ENCODING_MEMORY,
    storage::{
        Storage, StorageError,
        records::{CertifiedEventBlob, EventBlobCut},
        segments::NewSliver,
    },
};

/// Why an event blob cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodingError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file in which it is put together failed.
    #[error("cannot put an event blob together: {0}")]
    Io(#[from] io::Error),
    /// An element is too long.
    #[error(transparent)]
    Element(#[from] ElementError),
    /// It fits in no blob.
    #[error(transparent)]
    Parameters(#[from] ParameterError),
    /// It cannot be encoded.
    #[error(transparent)]
    Encoding(#[from] EncodeError),
    /// Elements of it are not there.
    #[error("elements {first} to {end} of an event blob are to be there, and {found} are")]
    Gap {
        /// The first element.
        first: u64,
        /// The first one behind it.
        end: u64,
        /// How many there are.
        found: u64,
    },
}

/// An event blob that was put together, in a file without a name.
pub(super) struct Assembled {
    source: SeekSource<File>,
    config: EncodingConfig,
    pub(super) metadata: VerifiedBlobMetadataWithId,
}

impl Assembled {
    /// Puts the blob of `cut` together, which follows `previous`. Blocks.
    pub(super) fn new(
        storage: &Storage,
        directory: &Path,
        config: EncodingConfig,
        cut: &EventBlobCut,
        previous: Option<&CertifiedEventBlob>,
    ) -> Result<Self, EncodingError> {
        let file = tempfile::tempfile_in(directory)?;
        let mut writer = BufWriter::new(file);
        let header = Header::after(previous.map(|previous| previous.blob_id), cut.epoch);
        writer.write_all(&header.to_bytes())?;
        let mut next = cut.first_index;
        'pages: for page in storage.event_elements(cut.first_index) {
            for (index, element) in page? {
                if index >= cut.end_index {
                    break 'pages;
                }
                if index != next {
                    break 'pages;
                }
                next = index.saturating_add(1);
                writer.write_all(&entry(&element)?)?;
            }
        }
        if next != cut.end_index {
            return Err(EncodingError::Gap {
                first: cut.first_index,
                end: cut.end_index,
                found: next.saturating_sub(cut.first_index),
            });
        }
        writer.write_all(&trailer(cut.first_checkpoint, cut.last_checkpoint))?;
        let file = writer
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        let source = SeekSource::new(file)?;
        let metadata = encoder(config, &source)?.compute_metadata()?;
        Ok(Self {
            source,
            config,
            metadata,
        })
    }

    /// Bytes of the blob.
    pub(super) fn bytes(&self) -> u64 {
        self.source.length()
    }

    /// Fills `bytes` from its beginning.
    #[cfg(test)]
    pub(super) fn read(&self, bytes: &mut [u8]) {
        self.source.read_at(0, bytes).unwrap();
    }

    /// Stores its metadata, and what is missing of the slivers of these shards. Blocks.
    pub(super) fn store(
        &self,
        storage: &Storage,
        shards: impl IntoIterator<Item = ShardIndex>,
    ) -> Result<(), EncodingError> {
        let blob_id = *self.metadata.blob_id();
        if !storage.has_metadata(&blob_id, &self.config)? {
            storage.put_metadata(&self.metadata)?;
        }
        let kept = shards
            .into_iter()
            .filter(|shard| storage.shard_state(*shard).is_some());
        let missing = storage.missing_slivers(&blob_id, kept)?;
        if missing.is_empty() {
            return Ok(());
        }
        let encoder = encoder(self.config, &self.source)?;
        let sink = OwnSlivers::new(&blob_id, self.config.n_shards(), &missing);
        encoder.encode_to(&sink)?;
        let symbol_size = NonZeroU16::new(encoder.symbol_size()).unwrap_or(NonZeroU16::MIN);
        for (id, (shard, data)) in sink.slivers {
            let data = data.into_inner().unwrap_or_else(PoisonError::into_inner);
            let Some(sliver) = sliver(id, data, symbol_size) else {
                continue;
            };
            let payload = sliver.to_untagged_bcs();
            let sliver = NewSliver {
                blob_id,
                sliver_type: id.sliver_type(),
                payload: &payload,
            };
            storage.put_slivers(shard, &[sliver])?;
        }
        Ok(())
    }
}

fn encoder(
    config: EncodingConfig,
    source: &SeekSource<File>,
) -> Result<StreamEncoder<'_>, ParameterError> {
    let work = Work::new().with_memory(EVENT_BLOB_ENCODING_MEMORY);
    Ok(StreamEncoder::new(config, source)?.with_work(work))
}

fn sliver(id: SliverId, data: Vec<u8>, symbol_size: NonZeroU16) -> Option<Sliver> {
    Some(match id {
        SliverId::Primary(index) => {
            Sliver::Primary(SliverData::<Primary>::new(data, symbol_size, index)?)
        }
        SliverId::Secondary(index) => {
            Sliver::Secondary(SliverData::<Secondary>::new(data, symbol_size, index)?)
        }
    })
}

/// Keeps some slivers in memory, and lets the others go.
struct OwnSlivers {
    slivers: BTreeMap<SliverId, (ShardIndex, Mutex<Vec<u8>>)>,
}

impl OwnSlivers {
    fn new(blob_id: &BlobId, n_shards: u16, wanted: &[(ShardIndex, SliverType)]) -> Self {
        let slivers = wanted.iter().map(|(shard, sliver_type)| {
            let pair = shard.to_pair_index(blob_id, n_shards);
            let index = pair.to_sliver_index(*sliver_type, n_shards);
            let id = SliverId::new(*sliver_type, index);
            (id, (*shard, Mutex::default()))
        });
        Self {
            slivers: slivers.collect(),
        }
    }
}

impl SliverSink for OwnSlivers {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let Some((_, kept)) = self.slivers.get(&sliver) else {
            return Ok(());
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let end = offset.saturating_add(data.len());
        if kept.len() < end {
            kept.resize(end, 0);
        }
        let piece = kept
            .get_mut(offset..end)
            .ok_or(io::ErrorKind::InvalidData)?;
        piece.copy_from_slice(data);
        Ok(())
    }

    fn takes_small_pieces(&self) -> bool {
        true
    }
}
