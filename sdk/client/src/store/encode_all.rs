//! Encoding of all blobs of a store: as many in memory as there is room for, the others in files.

use walrus_core::work::Progress as Encoding;

use super::{
    EncodedSlivers, Store, Unencoded,
    encode::identity,
    record::Record,
    stage::{Content, Described, Encoded, Identity},
};
use crate::{BlobToStore, ClientError, Phase, ProgressEvent, Spool, limits, progress::Timer};

/// Where the slivers of a blob are on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    /// Nowhere: they are made when nodes take them, with so many bytes of memory.
    OnDemand(usize),
    File,
    /// With a relay, which encodes the blob itself.
    Relay,
}

impl Store<'_> {
    /// Encodes one blob after the other: each takes all cores. First all are looked at, so that what cannot be read, is too
    /// large or has no room is known before anything is done.
    pub(super) async fn encode(
        &mut self,
        blobs: Vec<BlobToStore>,
    ) -> Result<Vec<Encoded>, ClientError> {
        let timer = Timer::start(Phase::Encode, self.progress);
        let config = self.view.current.config;
        self.records = blobs.iter().map(Record::new).collect();
        let mut planned = Vec::with_capacity(blobs.len());
        for (index, blob) in blobs.into_iter().enumerate() {
            match Unencoded::new(blob.label, blob.data, config) {
                Ok(blob) => {
                    self.note(index, |record| record.unencoded_size = blob.length);
                    planned.push((index, blob));
                }
                Err(error) => self.fail(index, Phase::Encode, error)?,
            }
        }
        let planned = match &self.options.relay {
            None => {
                let spool = self.client.spool();
                let offered = match fit(&planned, spool)? {
                    true => false,
                    false => self.view.current.learns_to_offer_uploads().await,
                };
                place(planned, spool, offered)?
            }
            Some(_) => {
                let planned = planned.into_iter();
                planned
                    .map(|(index, blob)| (index, blob, Place::Relay))
                    .collect()
            }
        };
        let total: u64 = planned.iter().map(|(_, blob, _)| blob.length).sum();
        let (mut done, mut all) = (0, Vec::with_capacity(planned.len()));
        for (index, blob, place) in planned {
            let (length, encoded_size) = (blob.length, blob.encoded_size);
            let on_progress = |progress: Encoding| {
                let done = done + scaled(length, progress);
                self.progress
                    .on_event(ProgressEvent::Encoding { done, total });
            };
            let encoded = match place {
                Place::Memory => blob.encode_in_memory(on_progress).await.map(with_slivers),
                Place::File => {
                    let spool = self.client.spool().clone();
                    let encoded = blob.encode_to_file(spool, on_progress).await;
                    encoded.map(with_slivers)
                }
                Place::OnDemand(budget) => {
                    let spool = self.client.spool().clone();
                    let encoded = blob.encode_on_demand(spool, budget, on_progress).await;
                    encoded.map(with_slivers)
                }
                Place::Relay => {
                    let identity = blob.clone().identity().await;
                    identity.map(|identity| (identity, Content::ToRelay(blob)))
                }
            };
            match encoded {
                Ok(encoded) => all.push(self.encoded(index, encoded, (length, encoded_size))),
                Err(error) => self.fail(index, Phase::Encode, error)?,
            }
            done += length;
        }
        self.report.time(Phase::Encode, timer.finish());
        Ok(all)
    }

    fn encoded(
        &mut self,
        place: usize,
        (identity, content): (Identity, Content),
        (unencoded_size, encoded_size): (u64, u64),
    ) -> Encoded {
        let blob_id = identity.blob_id;
        self.progress.on_event(ProgressEvent::Encoded {
            blob_id,
            encoded_size,
        });
        Encoded {
            blob: self.describe(place, identity, unencoded_size, encoded_size),
            status: None,
            content,
        }
    }

    /// What is known of a blob now.
    pub(super) fn describe(
        &mut self,
        place: usize,
        identity: Identity,
        unencoded_size: u64,
        encoded_size: u64,
    ) -> Described {
        let record = self.records.get(place);
        let attributes = record.map(|record| record.attributes.clone());
        let blob = Described {
            place,
            identity,
            unencoded_size,
            encoded_size,
            attributes: attributes.unwrap_or_default(),
        };
        self.note(place, |record| record.describe(&blob));
        blob
    }
}

fn with_slivers(slivers: EncodedSlivers) -> (Identity, Content) {
    let identity = identity(slivers.metadata());
    (identity, Content::Slivers(slivers))
}

/// Whether the slivers of all blobs fit in memory.
fn fit(blobs: &[(usize, Unencoded)], spool: &Spool) -> Result<bool, ClientError> {
    let mut total = 0_u64;
    for (_, blob) in blobs {
        total = total.saturating_add(blob.sliver_bytes()?);
    }
    Ok(total <= spool.in_memory)
}

/// Decides which blobs are encoded in memory, as long as there is room for their slivers. Of all others slivers are made on demand if
/// nodes offer to take a blob in one request; otherwise the disk must have room for them.
fn place(
    blobs: Vec<(usize, Unencoded)>,
    spool: &Spool,
    offered: bool,
) -> Result<Vec<(usize, Unencoded, Place)>, ClientError> {
    let mut memory = spool.in_memory;
    let mut disk = 0_u64;
    let mut placed = Vec::with_capacity(blobs.len());
    for (index, blob) in blobs {
        let bytes = blob.sliver_bytes()?;
        let place = if let Some(left) = memory.checked_sub(bytes) {
            memory = left;
            Place::Memory
        } else if offered && blob.length <= limits::MAX_BYTES_ON_DEMAND {
            Place::OnDemand(0)
        } else {
            disk = disk.saturating_add(bytes);
            Place::File
        };
        placed.push((index, blob, place));
    }
    if disk > 0 {
        spool.require(disk)?;
    }
    let on_demand = |(_, _, place): &&(_, _, Place)| matches!(place, Place::OnDemand(_));
    let count = placed.iter().filter(on_demand).count();
    for (_, blob, place) in &mut placed {
        if let Place::OnDemand(budget) = place {
            *budget = memory_on_demand(spool, count, blob.length);
        }
    }
    Ok(placed)
}

/// Bytes of memory for slivers of a blob of `length` bytes, one of `count` of which none are kept.
pub(super) fn memory_on_demand(spool: &Spool, count: usize, length: u64) -> usize {
    let at_once = count.clamp(1, limits::MAX_CONCURRENT_BLOBS) as u64;
    let share = (spool.in_memory / at_once).max(length / limits::ON_DEMAND_MEMORY_DIVISOR);
    usize::try_from(share).unwrap_or(usize::MAX)
}

/// How much of a blob of `length` bytes is done.
fn scaled(length: u64, progress: Encoding) -> u64 {
    let done = u128::from(length) * u128::from(progress.done) / u128::from(progress.total.max(1));
    u64::try_from(done).unwrap_or(length).min(length)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use walrus_core::EncodingConfig;

    use super::*;
    use crate::{BlobData, SpoolError};

    fn blobs(n_shards: u16, data: Vec<BlobData>) -> Vec<(usize, Unencoded)> {
        let config = EncodingConfig::new(n_shards).unwrap();
        let blob = |data| Unencoded::new("file".to_owned(), data, config).unwrap();
        data.into_iter().map(blob).enumerate().collect()
    }

    #[test]
    fn small_blobs_stay_in_memory_as_long_as_there_is_room_for_all_of_them() {
        let data = [10_000, 10_000, 10_000, 100].map(|length| vec![0; length].into());
        let blobs = blobs(10, data.into());
        let one = blobs[0].1.sliver_bytes().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool {
            in_memory: 2 * one + one / 2,
            ..Spool::in_directory(directory.path())
        };
        let places: Vec<_> = place(blobs, &spool, false)
            .unwrap()
            .into_iter()
            .map(|(_, _, place)| place)
            .collect();
        assert_eq!(
            places,
            [Place::Memory, Place::Memory, Place::File, Place::Memory]
        );
    }

    #[test]
    fn what_does_not_fit_is_made_on_demand_where_nodes_take_it_so() {
        let file = |length| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(length).unwrap();
            BlobData::from(Arc::new(file))
        };
        let (large, larger) = (1 << 30, limits::MAX_BYTES_ON_DEMAND + 1);
        let data = vec![vec![0; 1000].into(), file(large), file(larger), file(large)];
        let blobs = blobs(1000, data);
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::in_directory(directory.path());
        assert!(!fit(&blobs, &spool).unwrap());
        let places: Vec<_> = place(blobs, &spool, true)
            .unwrap()
            .into_iter()
            .map(|(_, _, place)| place)
            .collect();
        let on_demand = Place::OnDemand(memory_on_demand(&spool, 2, large));
        assert_eq!(places, [Place::Memory, on_demand, Place::File, on_demand]);
        assert_eq!(memory_on_demand(&spool, 1, 1), 128 << 20);
        assert_eq!(memory_on_demand(&spool, 100, 1 << 27), 16 << 20);
        assert_eq!(memory_on_demand(&spool, 2, large), (1 << 30) / 10);
    }

    #[test]
    fn files_that_the_disk_has_no_room_for_together_are_refused_at_once() {
        // They have lengths and no content: nothing of this is read, or written.
        let data = (0..50).map(|_| {
            let file = tempfile::tempfile().unwrap();
            file.set_len(14_000_000_000).unwrap();
            Arc::new(file).into()
        });
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::in_directory(directory.path());
        let blobs = blobs(1000, data.collect());
        let one = blobs[0].1.sliver_bytes().unwrap();
        let error = place(blobs, &spool, false).unwrap_err();
        let ClientError::Spool(SpoolError::NoSpace { needed, .. }) = error else {
            panic!("{error}");
        };
        assert_eq!(needed, 50 * one);
    }

    #[test]
    fn progress_is_in_bytes_of_the_blob() {
        let progress = |done, total| Encoding { done, total };
        assert_eq!(scaled(1000, progress(0, 6)), 0);
        assert_eq!(scaled(1000, progress(3, 6)), 500);
        assert_eq!(scaled(1000, progress(6, 6)), 1000);
        assert_eq!(scaled(u64::MAX, progress(u64::MAX, u64::MAX)), u64::MAX);
        assert_eq!(scaled(0, progress(0, 0)), 0);
    }
}
