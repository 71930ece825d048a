//! Streaming decoder: from any source of slivers, in bounded memory.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::{
    blob_source::BlobSource,
    decoder::{
        assembly::Assembly,
        check::{ConsistencyCheck, check_source},
        error::DecodeError,
        sink::{BlobSink, MemoryBlob},
        source::SliverSource,
    },
    index::SliverIndex,
    merkle::Node,
    metadata::VerifiedBlobMetadataWithId,
    sliver::{SliverHasher, SliverId},
    sliver_type::SliverType,
    work::{Running, Work},
};

/// Decodes a blob that need not be in memory.
///
/// Slivers are verified first unless their source has done it; those that are wrong or cannot be read are
/// replaced by others. The sliver type is the one of which enough slivers are there, rather the primary one.
pub struct StreamDecoder<'a> {
    metadata: &'a VerifiedBlobMetadataWithId,
    source: &'a dyn SliverSource,
    check: ConsistencyCheck,
    work: Work<'a>,
}

impl<'a> StreamDecoder<'a> {
    /// Memory that a decoder uses unless told otherwise, in bytes.
    pub const DEFAULT_MEMORY: usize = 256 << 20;

    /// Prepares to decode the blob of `metadata` on the calling thread, with the default check.
    pub fn new(metadata: &'a VerifiedBlobMetadataWithId, source: &'a dyn SliverSource) -> Self {
        Self {
            metadata,
            source,
            check: ConsistencyCheck::Default,
            work: Work::new(),
        }
    }

    /// How thoroughly the blob is compared with its metadata.
    pub fn with_check(mut self, check: ConsistencyCheck) -> Self {
        self.check = check;
        self
    }

    /// How to work: on which threads, in how much memory (a thread needs at least two symbols of each sliver, or one sliver), who
    /// watches and who may end it with [`DecodeError::Cancelled`].
    pub fn with_work(mut self, work: Work<'a>) -> Self {
        self.work = work;
        self
    }

    /// Decodes into memory.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(&self) -> Result<Vec<u8>, DecodeError> {
        let run = self.start();
        let (assembly, verified) = self.choose(&run)?;
        let mut blob = vec![0; assembly.blob_length()?];
        let sink = MemoryBlob::new(&mut blob, assembly.row_length());
        assembly.run(&run, self.source, &sink, self.memory())?;
        drop(sink);
        self.finish(&run, &&blob[..], &verified)?;
        Ok(blob)
    }

    /// Bytes of the blob.
    #[cfg(feature = "files")]
    pub(crate) fn blob_length(&self) -> u64 {
        self.metadata.unencoded_length()
    }

    fn memory(&self) -> usize {
        self.work.memory_or(Self::DEFAULT_MEMORY)
    }

    pub(crate) fn start(&self) -> Running<'_> {
        self.work.begin(0)
    }

    /// Picks verified slivers of a type; also the primary ones among them. If neither sliver type has enough, the
    /// error tells about the one that misses fewest.
    pub(crate) fn choose(
        &self,
        run: &Running<'_>,
    ) -> Result<(Assembly, BTreeSet<SliverIndex>), DecodeError> {
        run.check()?;
        let available = self.source.available(SliverType::Primary).len();
        let needed = usize::from(self.metadata.config().primary_source_symbols());
        let first = match available >= needed {
            true => SliverType::Primary,
            false => SliverType::Secondary,
        };
        let error = match self.choose_of(run, first) {
            Err(error) if missing(&error).is_some() => error,
            chosen => return self.assembly(first, chosen?),
        };
        let second = first.orthogonal();
        match self.choose_of(run, second) {
            Err(other) if missing(&other).is_some() => {
                Err(match missing(&other) < missing(&error) {
                    true => other,
                    false => error,
                })
            }
            chosen => self.assembly(second, chosen?),
        }
    }

    /// Of these slivers of a type, which have been verified.
    fn assembly(
        &self,
        sliver_type: SliverType,
        chosen: Vec<SliverIndex>,
    ) -> Result<(Assembly, BTreeSet<SliverIndex>), DecodeError> {
        let verified = match sliver_type {
            SliverType::Primary => chosen.iter().copied().collect(),
            SliverType::Secondary => BTreeSet::new(),
        };
        Ok((Assembly::of(self.metadata, sliver_type, chosen)?, verified))
    }

    fn choose_of(
        &self,
        run: &Running<'_>,
        sliver_type: SliverType,
    ) -> Result<Vec<SliverIndex>, DecodeError> {
        let n_shards = self.metadata.n_shards();
        let mut left = self.source.available(sliver_type).into_iter();
        let mut left = left.by_ref().filter(|index| index.0 < n_shards);
        let need = usize::from(self.metadata.config().source_symbols(sliver_type));
        self.plan_progress(run, sliver_type, need);
        let mut chosen = Vec::new();
        loop {
            let candidates: Vec<_> = left.by_ref().take(need - chosen.len()).collect();
            if candidates.is_empty() {
                let have = chosen.len();
                return Err(DecodeError::NotEnoughSlivers {
                    have,
                    need,
                    sliver_type,
                });
            }
            chosen.extend(self.verified(run, sliver_type, candidates)?);
            if chosen.len() == need {
                chosen.sort();
                return Ok(chosen);
            }
        }
    }

    /// The bytes to be done if all slivers are right.
    fn plan_progress(&self, run: &Running<'_>, sliver_type: SliverType, need: usize) {
        let matrix = need as u64 * self.metadata.sliver_length(sliver_type) as u64;
        let mut total = matrix;
        if !self.source.is_verified() {
            total += matrix;
        }
        if self.check != ConsistencyCheck::Skip {
            total += matrix;
        }
        run.restart(total);
    }

    /// Those of the slivers that the metadata commits to.
    fn verified(
        &self,
        run: &Running<'_>,
        sliver_type: SliverType,
        candidates: Vec<SliverIndex>,
    ) -> Result<Vec<SliverIndex>, DecodeError> {
        if self.source.is_verified() {
            return Ok(candidates);
        }
        let length = self.metadata.sliver_length(sliver_type);
        let size = self.metadata.symbol_size().get();
        let right = Mutex::new(Vec::with_capacity(candidates.len()));
        let state = || {
            let hasher = SliverHasher::new(self.metadata.config(), sliver_type, size)?;
            Ok::<_, DecodeError>((hasher, Vec::new()))
        };
        let work = |(hasher, buffer): &mut (SliverHasher, Vec<u8>), item: usize| {
            run.check()?;
            let Some(index) = candidates.get(item).copied() else {
                return Ok(());
            };
            let id = SliverId::new(sliver_type, index);
            let data = match self.source.as_slice(id) {
                Some(data) => data,
                None => {
                    buffer.resize(length, 0);
                    if self.source.read_at(id, 0, buffer).is_err() {
                        return Ok(());
                    }
                    buffer
                }
            };
            if data.len() != length {
                return Ok(());
            }
            let hash = Node::Digest(hasher.hash(data)?);
            if self.metadata.sliver_hash(sliver_type, index) == Some(&hash) {
                let mut right = right.lock().unwrap_or_else(PoisonError::into_inner);
                right.push(index);
                drop(right);
                run.advance(length as u64);
            }
            Ok(())
        };
        run.threads()
            .for_each(candidates.len(), state, work, drop)?;
        Ok(right.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decodes the chosen slivers into `sink`.
    #[cfg(feature = "files")]
    pub(crate) fn assemble(
        &self,
        run: &Running<'_>,
        assembly: &Assembly,
        sink: &dyn BlobSink,
    ) -> Result<(), DecodeError> {
        assembly.run(run, self.source, sink, self.memory())
    }

    pub(crate) fn finish(
        &self,
        run: &Running<'_>,
        blob: &dyn BlobSource,
        verified: &BTreeSet<SliverIndex>,
    ) -> Result<(), DecodeError> {
        check_source(
            self.metadata,
            blob,
            self.check,
            verified,
            run,
            self.memory(),
        )?;
        run.check()?;
        // Whatever was not to be done counts as done.
        run.advance(u64::MAX);
        Ok(())
    }
}

/// How many slivers are missing, of which sliver type, if that is the error.
fn missing(error: &DecodeError) -> Option<(usize, SliverType)> {
    match error {
        DecodeError::NotEnoughSlivers {
            have,
            need,
            sliver_type,
        } => Some((need - have, *sliver_type)),
        _ => None,
    }
}
