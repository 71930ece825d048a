//! Streaming encoder: a source in, slivers and metadata out, in bounded memory (encoding spec 2, 3).

use crate::{
    blob_source::BlobSource,
    encoder::{
        columns::{ColumnPass, SliverHashes},
        error::EncodeError,
        matrix::{KeptColumns, PaddedBlob, SourceColumns},
        plan::{Means, Plan},
        rows::expand_rows,
        run::Run,
        sink::SliverSink,
    },
    hashing::{HashKernel, Lanes},
    merkle::Node,
    metadata::{BlobMetadata, SliverPairMetadata, VerifiedBlobMetadataWithId},
    parameters::{EncodingConfig, ParameterError},
    threads::Threads,
    work::Work,
};

/// Encodes a blob that need not be in memory, handing slivers to a sink as they are computed.
pub struct StreamEncoder<'a> {
    source: &'a dyn BlobSource,
    config: EncodingConfig,
    symbol_size: u16,
    work: Work<'a>,
    kernel: HashKernel,
}

impl<'a> StreamEncoder<'a> {
    /// Memory that an encoder works in unless told otherwise, in bytes. Small blobs take less.
    pub const DEFAULT_MEMORY: usize = 480 << 20;

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
            work: Work::new(),
            kernel: HashKernel::detect(),
        })
    }

    /// How to work: on which threads, in how much memory, who watches and who may end it with [`EncodeError::Cancelled`].
    ///
    /// A blob that does not fit in the memory is worked on in strips of its symbols: the less memory, the shorter are the pieces
    /// in which the source is read. In any case some hundred bytes a shard are needed, `n_shards` symbols a thread, and for a
    /// blob in strips about 40 bytes for each of its `n_shards²` symbols.
    pub fn with_work(mut self, work: Work<'a>) -> Self {
        self.work = work;
        self
    }

    /// Size of a symbol in bytes.
    pub fn symbol_size(&self) -> u16 {
        self.symbol_size
    }

    /// All slivers into `sink`; returns the metadata, which only then makes them worth something.
    ///
    /// # Errors
    /// [`EncodeError`]: the source or the sink failed, or somebody cancelled.
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

    /// Which instructions hash: by default the fastest that the CPU has. For tests and measurements.
    pub fn with_hash_kernel(mut self, kernel: HashKernel) -> Self {
        self.kernel = kernel;
        self
    }

    fn run(
        &self,
        sink: Option<&dyn SliverSink>,
    ) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        let loaded = self.load()?;
        let memory = loaded.as_deref().or(self.source.as_slice());
        let threads = match Plan::is_little_work(&self.config, self.symbol_size) {
            true => &Threads::ONE,
            false => self.work.threads(),
        };
        let plan = self.plan(threads, memory.is_some(), sink)?;
        let total = plan.codeword_bytes(plan.rows + plan.n, plan.whole());
        let run = Run {
            running: self.work.begin(total),
            threads,
            lanes: Lanes::new(self.kernel),
            sink,
        };
        run.check()?;
        let blob = PaddedBlob::new(self.source, memory);
        let hashes = expand(&run, &plan, &blob)?;
        let changed = |error: std::io::Error| EncodeError::Changed {
            error: error.into(),
        };
        self.source.check_unchanged().map_err(changed)?;
        self.metadata(&hashes)
    }

    /// The blob, if it is not in memory but small enough to be.
    fn load(&self) -> Result<Option<Vec<u8>>, EncodeError> {
        let length = usize::try_from(self.source.length()).ok();
        let small = length.filter(|length| *length <= self.memory() / 4);
        let (None, Some(length)) = (self.source.as_slice(), small) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        PaddedBlob::new(self.source, None).read(0, &mut bytes)?;
        Ok(Some(bytes))
    }

    fn memory(&self) -> usize {
        self.work.memory_or(Self::DEFAULT_MEMORY)
    }

    fn plan(
        &self,
        threads: &Threads,
        blob_in_memory: bool,
        sink: Option<&dyn SliverSink>,
    ) -> Result<Plan, ParameterError> {
        let means = Means {
            threads: threads.count(),
            memory: self.memory(),
            blob_in_memory,
            collects_rows: sink.is_some_and(|sink| !sink.takes_small_pieces()),
        };
        Plan::new(&self.config, self.source.length(), &means)
    }

    fn metadata(&self, hashes: &SliverHashes) -> Result<VerifiedBlobMetadataWithId, EncodeError> {
        let pairs = hashes.primary.iter().zip(hashes.secondary.iter().rev());
        let hashes = pairs
            .map(|(primary, secondary)| SliverPairMetadata {
                primary_hash: Node::Digest(*primary),
                secondary_hash: Node::Digest(*secondary),
            })
            .collect();
        let metadata = BlobMetadata::new(self.source.length(), hashes);
        Ok(VerifiedBlobMetadataWithId::from_metadata(
            metadata,
            &self.config,
        )?)
    }
}

/// Expands rows and columns. If the expanded rows fit in memory that is done at once; otherwise the columns of the
/// blob come first, which need no other than their own symbols, then strip by strip the rows and the columns that
/// they give.
fn expand(run: &Run<'_>, plan: &Plan, blob: &PaddedBlob<'_>) -> Result<SliverHashes, EncodeError> {
    let columns = ColumnPass::new(run, plan);
    let mut first = 0;
    if !plan.has_whole_rows() {
        first = plan.first_kept_block();
        let source = SourceColumns::new(plan, blob, None);
        columns.expand(&source, 0..first, plan.whole())?;
    }
    let mut kept = KeptColumns::new(plan);
    for strip in plan.strips() {
        expand_rows(run, blob, plan, strip, &mut kept)?;
        let source = SourceColumns::new(plan, blob, Some(&kept));
        columns.expand(&source, first..plan.blocks(), strip)?;
    }
    kept.rest();
    columns.finish()
}
