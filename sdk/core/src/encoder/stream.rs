//! The streaming core: a source in, slivers and metadata out, in bounded memory (encoding spec 2, 3).

use std::path::{Path, PathBuf};

use crate::{
    encoder::{
        BlobEncoder,
        control::{Cancellation, Progress},
        error::EncodeError,
        sink::SliverSink,
        source::BlobSource,
    },
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::SliverId,
    threads::Threads,
};

/// Encodes a blob that need not be in memory, handing slivers to a sink as they are computed.
pub struct StreamEncoder<'a> {
    source: &'a dyn BlobSource,
    config: EncodingConfig,
    symbol_size: u16,
    threads: Threads,
    memory: usize,
    spill_directory: PathBuf,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancellation: Cancellation,
}

impl<'a> StreamEncoder<'a> {
    /// Memory that an encoder uses unless told otherwise, in bytes.
    pub const DEFAULT_MEMORY: usize = 256 << 20;

    /// Prepares to encode `source` on the calling thread.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if the blob does not fit.
    pub fn new(config: EncodingConfig, source: &'a dyn BlobSource) -> Result<Self, ParameterError> {
        let symbol_size = config.symbol_size(source.length())?;
        Ok(Self {
            source,
            config,
            symbol_size,
            threads: Threads::ONE,
            memory: Self::DEFAULT_MEMORY,
            spill_directory: std::env::temp_dir(),
            progress: None,
            cancellation: Cancellation::new(),
        })
    }

    /// Lets the encoder use these threads.
    pub fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Bytes of memory to work in, about; what does not fit goes to a temporary file. Some hundred bytes a
    /// shard and, a thread, `n_shards` symbols are needed in any case.
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Where the temporary file is made, if one is needed: by default the system's place for such files.
    /// It takes half the length of the blob and has no name.
    pub fn with_spill_directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.spill_directory = directory.as_ref().to_owned();
        self
    }

    /// Calls back now and then, from any of the threads.
    pub fn with_progress(mut self, progress: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Lets another thread end the encoding with [`EncodeError::Cancelled`].
    pub fn with_cancellation(mut self, cancellation: &Cancellation) -> Self {
        self.cancellation = cancellation.clone();
        self
    }

    /// Size of a symbol in bytes.
    pub fn symbol_size(&self) -> u16 {
        self.symbol_size
    }

    /// All slivers into `sink`; returns the metadata, which only then makes them worth something.
    ///
    /// # Errors
    /// [`EncodeError`]: the source, the sink or the temporary file failed, or somebody cancelled.
    pub fn encode_to(
        &self,
        sink: &dyn SliverSink,
    ) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        self.run(Some(sink))
    }

    /// The metadata alone, with the blob ID.
    ///
    /// # Errors
    /// As for [`Self::encode_to`].
    pub fn compute_metadata(&self) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        self.run(None)
    }

    fn run(
        &self,
        sink: Option<&dyn SliverSink>,
    ) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        let length = self.source.length();
        let mut blob = vec![0; length as usize];
        self.source
            .read_at(0, &mut blob)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => EncodeError::Truncated {
                    end: length,
                    length,
                },
                _ => EncodeError::Read {
                    offset: 0,
                    error: error.into(),
                },
            })?;
        let encoder = BlobEncoder::new(self.config, &blob)?.with_threads(self.threads.clone());
        let metadata = match sink {
            None => encoder.compute_metadata()?,
            Some(sink) => {
                let encoded = encoder.encode()?;
                for pair in &encoded.pairs {
                    for (id, symbols) in [
                        (SliverId::Primary(pair.primary.index), &pair.primary.symbols),
                        (
                            SliverId::Secondary(pair.secondary.index),
                            &pair.secondary.symbols,
                        ),
                    ] {
                        sink.write(id, 0, symbols.data())
                            .and_then(|()| sink.complete(id))
                            .map_err(|error| EncodeError::Sink {
                                sliver: id,
                                error: error.into(),
                            })?;
                    }
                }
                encoded.metadata
            }
        };
        self.source
            .check_unchanged()
            .map_err(|error| EncodeError::Changed {
                error: error.into(),
            })?;
        Ok(metadata)
    }
}
