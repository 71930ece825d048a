//! Encoding of one blob, off the network threads. Few slivers stay in memory, many go to a file.

use std::{error::Error, sync::Arc};

use walrus_core::{
    BlobId, EncodingConfig, EncodingType, Threads, VerifiedBlobMetadataWithId, Work,
    encoder::{BlobEncoder, EncodeError, StreamEncoder},
    pricing::encoded_blob_length,
    spool::SliverSpool,
    work::Progress,
};

use super::{on_demand::OnDemand, slivers::EncodedSlivers, stage::Identity};
use crate::{
    BlobData, ClientError, Spool,
    computation::{Watched, compute},
    content::OpenBlob,
    limits,
};

/// A blob that is to be encoded.
#[derive(Debug, Clone)]
pub(crate) struct Unencoded {
    /// What to call it in errors.
    pub(crate) label: String,
    pub(crate) data: BlobData,
    /// Bytes of it.
    pub(crate) length: u64,
    /// Bytes in storage after encoding, metadata included.
    pub(crate) encoded_size: u64,
    config: EncodingConfig,
}

impl Unencoded {
    /// Looks at the size of a blob.
    ///
    /// # Errors
    /// [`ClientError::Unreadable`], [`ClientError::BlobTooLarge`].
    pub(crate) fn new(
        label: String,
        data: BlobData,
        config: EncodingConfig,
    ) -> Result<Self, ClientError> {
        let length = data.length().map_err(|error| unreadable(&label, error))?;
        let max = config.max_blob_size();
        if length > max {
            return Err(ClientError::BlobTooLarge { size: length, max });
        }
        let encoded_size = encoded_blob_length(config.n_shards(), length, EncodingType::RS2)
            .map_err(encode_error)?;
        Ok(Self {
            label,
            data,
            length,
            encoded_size,
            config,
        })
    }

    /// Bytes of all slivers: of memory or of a file while the blob is stored.
    pub(crate) fn sliver_bytes(&self) -> Result<u64, ClientError> {
        SliverSpool::file_length(&self.config, self.length).map_err(encode_error)
    }

    /// Encodes with all slivers in memory.
    pub(crate) async fn encode_in_memory(
        self,
        on_progress: impl FnMut(Progress),
    ) -> Result<EncodedSlivers, ClientError> {
        let work = move |watched: &Watched| {
            let blob = self
                .data
                .open(self.length)
                .and_then(|blob| blob.into_bytes())
                .map_err(|error| unreadable(&self.label, error))?;
            let encoder = BlobEncoder::new(self.config, &blob).map_err(encode_error)?;
            let encoded = encoder.with_threads(Threads::available()).encode();
            let encoded = encoded.map_err(encode_error)?;
            let (done, total) = (self.length, self.length);
            watched.advance(Progress { done, total });
            Ok(EncodedSlivers::from(Arc::new(encoded)))
        };
        compute(work, on_progress).await
    }

    /// Encodes with all slivers in a file.
    pub(crate) async fn encode_to_file(
        self,
        spool: Spool,
        on_progress: impl FnMut(Progress),
    ) -> Result<EncodedSlivers, ClientError> {
        let (metadata, slivers) = self.encode_into_spool(spool, on_progress).await?;
        Ok(EncodedSlivers::spooled(metadata, slivers))
    }

    /// The same, for whoever wants the file.
    pub(super) async fn encode_into_spool(
        self,
        spool: Spool,
        on_progress: impl FnMut(Progress),
    ) -> Result<(VerifiedBlobMetadataWithId, SliverSpool), ClientError> {
        let work = move |watched: &Watched| {
            let memory = usize::try_from(spool.in_memory).unwrap_or(usize::MAX);
            let memory = memory.clamp(limits::LEAST_ENCODING_MEMORY, StreamEncoder::DEFAULT_MEMORY);
            let file = spool.file_of(self.sliver_bytes()?)?;
            let slivers =
                SliverSpool::new(file, &self.config, self.length).map_err(encode_error)?;
            let source = self.data.open(self.length);
            let source = source.map_err(|error| unreadable(&self.label, error))?;
            let encode = |encoder: StreamEncoder<'_>| encoder.encode_to(&slivers);
            let encoded = self.stream_from(&source, Some(memory), watched, encode)?;
            let metadata = encoded.map_err(|error| match error {
                EncodeError::Sink { error, .. } => spool.failed(error).into(),
                error => self.stream_error(error),
            })?;
            Ok((metadata, slivers))
        };
        compute(work, on_progress).await
    }

    /// Finds out what the blob is; its slivers are made when nodes take them, with `budget` bytes of memory for those that wait.
    pub(crate) async fn encode_on_demand(
        self,
        spool: Spool,
        budget: usize,
        on_progress: impl FnMut(Progress),
    ) -> Result<EncodedSlivers, ClientError> {
        let work = move |watched: &Watched| {
            let source = self.data.open(self.length);
            let source = source.map_err(|error| unreadable(&self.label, error))?;
            let memory = Some(budget.max(limits::LEAST_ENCODING_MEMORY));
            let encode = |encoder: StreamEncoder<'_>| encoder.compute_metadata();
            let metadata = self.stream_from(&source, memory, watched, encode)?;
            let metadata = metadata.map_err(|error| self.stream_error(error))?;
            let blob = OnDemand::new(metadata, (self, source), spool, budget);
            Ok(EncodedSlivers::on_demand(blob))
        };
        compute(work, on_progress).await
    }

    /// What the blob is, without keeping slivers.
    pub(super) async fn identity(self) -> Result<Identity, ClientError> {
        let work = move |watched: &Watched| {
            let metadata = self.stream(watched, |encoder| encoder.compute_metadata())?;
            let metadata = metadata.map_err(|error| self.stream_error(error))?;
            Ok(identity(&metadata))
        };
        compute(work, |_| {}).await
    }

    /// The blob ID alone.
    pub(crate) async fn blob_id(
        self,
        on_progress: impl FnMut(Progress),
    ) -> Result<BlobId, ClientError> {
        let work = move |watched: &Watched| {
            let metadata = self.stream(watched, |encoder| encoder.compute_metadata())?;
            let metadata = metadata.map_err(|error| self.stream_error(error))?;
            Ok(*metadata.blob_id())
        };
        compute(work, on_progress).await
    }

    fn stream<T>(
        &self,
        watched: &Watched,
        encode: impl FnOnce(StreamEncoder<'_>) -> Result<T, EncodeError>,
    ) -> Result<Result<T, EncodeError>, ClientError> {
        let blob = self.data.open(self.length);
        let blob = blob.map_err(|error| unreadable(&self.label, error))?;
        self.stream_from(&blob, None, watched, encode)
    }

    fn stream_from<T>(
        &self,
        blob: &OpenBlob,
        memory: Option<usize>,
        watched: &Watched,
        encode: impl FnOnce(StreamEncoder<'_>) -> Result<T, EncodeError>,
    ) -> Result<Result<T, EncodeError>, ClientError> {
        let on_progress = |progress| watched.advance(progress);
        let work = Work::on(Threads::available())
            .with_memory(memory.unwrap_or(StreamEncoder::DEFAULT_MEMORY))
            .with_progress(&on_progress)
            .with_cancellation(&watched.cancellation);
        blob.with_source(|source| {
            let encoder = StreamEncoder::new(self.config, source)
                .map_err(encode_error)?
                .with_work(work);
            Ok(encode(encoder))
        })
    }

    fn stream_error(&self, error: EncodeError) -> ClientError {
        match error {
            EncodeError::Read { .. }
            | EncodeError::Truncated { .. }
            | EncodeError::Changed { .. } => unreadable(&self.label, error),
            EncodeError::Cancelled => ClientError::Interrupted(error.to_string()),
            error => encode_error(error),
        }
    }
}

/// What the blob with this metadata is.
pub(super) fn identity(metadata: &VerifiedBlobMetadataWithId) -> Identity {
    Identity {
        blob_id: *metadata.blob_id(),
        root_hash: metadata.metadata().root_hash().bytes(),
    }
}

fn unreadable(label: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> ClientError {
    ClientError::Unreadable {
        label: label.to_owned(),
        source: source.into(),
    }
}

fn encode_error(error: impl Into<EncodeError>) -> ClientError {
    ClientError::Encode(error.into())
}
