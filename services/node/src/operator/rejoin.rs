//! Rejoining: how far a node that was away is behind, and how it gets back. Node spec 2.6 and 2.7.
//!
//! The node itself takes the way that [`survey`] shows, when it starts; only where event blobs have expired there is something to
//! do before ([`set_aside`]).

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;
use walrus_core::{BlobId, Epoch};
use walrus_sui::{
    chain::{ChainClient, ChainError},
    contract::ContractReader,
    event_stream::{EventSource, EventStream, StreamItem},
    events::EventPosition,
};

use crate::{
    NodeConfig,
    storage::{Storage, StorageError},
};

/// Checkpoints that are read to tell how long others take.
const SAMPLED: u64 = 64;
/// How long that may take.
const SAMPLE_TIME: Duration = Duration::from_secs(20);
/// Where tables go that a node does without.
const LEFT: &str = "db.left";

/// Why it cannot be told how far a node is behind.
#[derive(Debug, thiserror::Error)]
pub enum RejoinError {
    /// The storage cannot be looked at.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The chain cannot be read.
    #[error("the chain cannot be read: {0}")]
    Chain(#[from] ChainError),
    /// The tables cannot be set aside.
    #[error("cannot set {} aside: {source}", path.display())]
    SetAside {
        /// The tables.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// How a node gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// It has seen everything.
    UpToDate,
    /// The chain has what it missed.
    Chain,
    /// Event blobs have what the chain has no more.
    EventBlobs,
    /// Neither has, now.
    Missing,
    /// The chain has less than the node: it is another one.
    OtherChain,
}

/// How far a node is behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The first checkpoint that the node has not processed; 0 if it has processed none.
    pub next_checkpoint: u64,
    /// The epoch of the events that it has processed.
    pub event_epoch: Epoch,
    /// The newest checkpoint of the chain.
    pub latest_checkpoint: u64,
    /// The oldest checkpoint that the server has.
    pub lowest_checkpoint: u64,
    /// The epoch of the network.
    pub epoch: Epoch,
    /// The newest event blob.
    pub event_blob: Option<BlobId>,
    /// Its last checkpoint.
    pub event_blob_ends: Option<u64>,
    /// Checkpoints that were missed.
    pub missed_checkpoints: u64,
    /// Epochs that began meanwhile. After more than one, every sliver is looked at again.
    pub missed_epochs: Epoch,
    /// How long it takes to read what was missed, in seconds, at the pace of a few checkpoints just now; recovery comes on top.
    pub estimated_secs: Option<u64>,
    /// How the node gets back.
    pub way: Way,
}

impl Gap {
    /// How long the checkpoints that were missed take if `sample` took so long.
    fn estimate(&self, sample: Sample) -> Option<u64> {
        let taken_ms = u64::try_from(sample.taken.as_millis()).unwrap_or(u64::MAX);
        let total_ms = self.missed_checkpoints.saturating_mul(taken_ms);
        Some(total_ms.checked_div(sample.checkpoints)?.div_ceil(1000))
    }

    /// Decides on the way from the numbers.
    fn way(&self) -> Way {
        let (next, latest) = (self.next_checkpoint, self.latest_checkpoint);
        if next > latest.saturating_add(1) {
            return Way::OtherChain;
        }
        if next == latest.saturating_add(1) {
            return Way::UpToDate;
        }
        if next >= self.lowest_checkpoint {
            return Way::Chain;
        }
        match self.event_blob_ends {
            Some(last) if last >= next && last.saturating_add(1) >= self.lowest_checkpoint => {
                Way::EventBlobs
            }
            _ => Way::Missing,
        }
    }
}

/// Looks how far the node of a configuration is behind; it must not run.
///
/// # Errors
/// [`RejoinError`].
pub async fn survey(config: &NodeConfig) -> Result<Gap, RejoinError> {
    let (cursor, event_epoch) = processed(config)?;
    let chain = ChainClient::new(&config.sui.rpc)?;
    let reader = ContractReader::new(chain, config.sui.objects()).await?;
    let state = reader.system_state().await?;
    let newest = state.event_blob_certification_state.latest_certified_blob;
    let latest_checkpoint = reader.chain().latest_checkpoint().await?;
    let epoch = state.committee.epoch;
    let mut gap = Gap {
        next_checkpoint: cursor,
        event_epoch,
        latest_checkpoint,
        lowest_checkpoint: reader.chain().lowest_checkpoint().await?,
        epoch,
        event_blob: newest.as_ref().map(|blob| blob.blob_id),
        event_blob_ends: newest.map(|blob| blob.ending_checkpoint_sequence_number),
        missed_checkpoints: latest_checkpoint.saturating_add(1).saturating_sub(cursor),
        missed_epochs: epoch.saturating_sub(event_epoch),
        estimated_secs: None,
        way: Way::Missing,
    };
    gap.way = gap.way();
    if matches!(gap.way, Way::Chain | Way::EventBlobs) {
        let sample = sample(&reader, gap.lowest_checkpoint, latest_checkpoint).await;
        gap.estimated_secs = sample.and_then(|sample| gap.estimate(sample));
    }
    Ok(gap)
}

/// Checkpoints that were read, and how long that took.
#[derive(Debug, Clone, Copy)]
struct Sample {
    checkpoints: u64,
    taken: Duration,
}

/// Reads the newest checkpoints; `None` if they do not come in time.
async fn sample(reader: &ContractReader, lowest: u64, latest: u64) -> Option<Sample> {
    let first = latest.saturating_sub(SAMPLED).max(lowest);
    let source = EventSource::from(&reader.packages());
    let begun = Instant::now();
    let from = EventPosition::at_checkpoint(first);
    let mut events = EventStream::start(reader.chain().clone(), source, from);
    let reading = async {
        while let Some(item) = events.next_item().await {
            match item {
                StreamItem::Watermark { checkpoint, .. } if checkpoint >= latest => {
                    return Some(());
                }
                _ => {}
            }
        }
        None
    };
    tokio::time::timeout(SAMPLE_TIME, reading).await.ok()??;
    Some(Sample {
        checkpoints: latest.saturating_sub(first).saturating_add(1),
        taken: begun.elapsed(),
    })
}

/// The first checkpoint that is not processed, and the epoch of the events.
fn processed(config: &NodeConfig) -> Result<(u64, Epoch), StorageError> {
    let storage = match Storage::inspect(config.storage_options()) {
        Ok(storage) => storage,
        Err(StorageError::NoStorage(_)) => return Ok((0, 0)),
        Err(error) => return Err(error),
    };
    let cursor = storage.cursor()?.unwrap_or_default();
    Ok((cursor.next.checkpoint, storage.event_epoch()?))
}

/// Sets the tables of a storage that no node uses aside, so that the next start is that of a node which has seen no event. Slivers
/// stay: they are found again, and what of them is paid for is kept. Tables that were set aside before are removed.
///
/// # Errors
/// [`RejoinError::SetAside`].
pub fn set_aside(storage_path: &Path) -> Result<PathBuf, RejoinError> {
    let path = storage_path.join("db");
    let left = storage_path.join(LEFT);
    let set_aside = || {
        if left.exists() {
            fs::remove_dir_all(&left)?;
        }
        fs::rename(&path, &left)
    };
    match set_aside() {
        Ok(()) => Ok(left),
        Err(source) => Err(RejoinError::SetAside { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that has seen the chain up to `next`, of which the server has `lowest` to 100.
    fn way(next_checkpoint: u64, lowest_checkpoint: u64, event_blob_ends: Option<u64>) -> Way {
        let gap = Gap {
            next_checkpoint,
            event_epoch: 1,
            latest_checkpoint: 100,
            lowest_checkpoint,
            epoch: 3,
            event_blob: None,
            event_blob_ends,
            missed_checkpoints: 0,
            missed_epochs: 2,
            estimated_secs: None,
            way: Way::Missing,
        };
        gap.way()
    }

    #[test]
    fn the_pace_of_a_sample_is_that_of_the_rest() {
        let mut gap = Gap {
            next_checkpoint: 1,
            event_epoch: 1,
            latest_checkpoint: 10_000,
            lowest_checkpoint: 0,
            epoch: 3,
            event_blob: None,
            event_blob_ends: None,
            missed_checkpoints: 10_000,
            missed_epochs: 2,
            estimated_secs: None,
            way: Way::Chain,
        };
        let taken = Duration::from_millis(500);
        let sample = |checkpoints| Sample { checkpoints, taken };
        assert_eq!(gap.estimate(sample(50)), Some(100));
        assert_eq!(gap.estimate(sample(0)), None);
        gap.missed_checkpoints = u64::MAX;
        assert!(gap.estimate(sample(50)).is_some());
    }

    #[test]
    fn the_chain_comes_first_and_event_blobs_where_it_has_too_little() {
        assert_eq!(way(101, 0, None), Way::UpToDate);
        assert_eq!(way(102, 0, None), Way::OtherChain);
        assert_eq!(way(50, 50, Some(90)), Way::Chain);
        assert_eq!(way(50, 51, Some(90)), Way::EventBlobs);
        assert_eq!(way(50, 91, Some(90)), Way::EventBlobs);
        // Between the end of the event blob and what the chain has is a hole.
        assert_eq!(way(50, 92, Some(90)), Way::Missing);
        assert_eq!(way(50, 51, Some(49)), Way::Missing);
        assert_eq!(way(50, 51, None), Way::Missing);
    }

    #[test]
    fn tables_that_are_set_aside_take_the_place_of_those_before() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("db");
        for round in ["first", "second"] {
            fs::create_dir(&database).unwrap();
            fs::write(database.join("file"), round).unwrap();
            let left = set_aside(directory.path()).unwrap();
            assert!(!database.exists());
            assert_eq!(fs::read_to_string(left.join("file")).unwrap(), round);
        }
        assert!(set_aside(directory.path()).is_err());
    }
}
