//! Joining by a snapshot: a node that has seen no event asks the committee for one, and begins with it.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Write as _},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt as _;
use tokio::time::{sleep, timeout};
use walrus_node_client::{NodeClient, NodeError, SnapshotInfo};
use walrus_sui::Address;

use super::{RecordReader, SnapshotError, Snapshots};
use crate::{
    committee::CommitteeView,
    healing::Peers,
    limits::{SNAPSHOT_ASK_PATIENCE, SNAPSHOT_ASK_PAUSE, SNAPSHOT_ASKED_AT_ONCE, SNAPSHOT_SILENCE},
    storage::Storage,
    work::Work,
};

/// Brings a snapshot of others into a storage that has seen no event.
pub(crate) struct Joining {
    pub(crate) storage: Arc<Storage>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) peers: Peers,
    pub(crate) view: Arc<CommitteeView>,
    /// This node's ID on chain.
    pub(crate) node_id: Address,
    /// How often the committee is asked while it does not agree.
    pub(crate) asks: u32,
    pub(crate) work: Work,
}

/// A snapshot that enough nodes have, and those.
struct Agreed {
    info: SnapshotInfo,
    holders: Vec<NodeClient>,
}

impl Joining {
    /// Begins with the snapshot that nodes with more than a third of the shards have; returns which that is. Without an error or
    /// an answer the storage is as if nothing had been tried.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub(crate) async fn join(&self) -> Result<SnapshotInfo, SnapshotError> {
        let mut asked = 1_u32;
        let agreed = loop {
            match self.agree().await {
                Err(error) if asked >= self.asks => return Err(error),
                // An epoch may be beginning, and not all have the new one yet.
                Err(_) => sleep(SNAPSHOT_ASK_PAUSE).await,
                Ok(agreed) => break agreed,
            }
            asked = asked.saturating_add(1);
        };
        let file = self.fetch(&agreed).await?;
        let (storage, info) = (Arc::clone(&self.storage), agreed.info.clone());
        let begin = move || {
            let records = RecordReader::new(BufReader::new(file))?;
            storage.begin_with(records, info.checkpoint, info.events_before)
        };
        self.work.run(begin).await?;
        Ok(agreed.info)
    }

    /// Asks every member of the committee which snapshot it has.
    async fn agree(&self) -> Result<Agreed, SnapshotError> {
        let committee = &self.view.committees.current;
        let others = committee
            .members
            .iter()
            .filter(|member| member.node_id != self.node_id);
        let asking = others.filter_map(|member| {
            let (client, weight) = (self.peers.client(member)?, u64::from(member.weight));
            Some(async move {
                let asked = timeout(SNAPSHOT_ASK_PATIENCE, client.snapshot()).await;
                let info = asked.ok()?.ok()?;
                Some((info, client, weight))
            })
        });
        let answers = futures::stream::iter(asking.collect::<Vec<_>>());
        let mut answers = answers.buffer_unordered(SNAPSHOT_ASKED_AT_ONCE);
        let mut found: HashMap<SnapshotInfo, (u64, Vec<NodeClient>)> = HashMap::new();
        while let Some(answer) = answers.next().await {
            if let Some((info, client, weight)) = answer {
                let (sum, holders) = found.entry(info).or_default();
                *sum = sum.saturating_add(weight);
                holders.push(client);
            }
        }
        // More than those who may lie: an honest node is among them.
        let needed = u64::from(committee.n_shards)
            .saturating_sub(1)
            .checked_div(3)
            .unwrap_or_default()
            .saturating_add(1);
        let best = found
            .into_iter()
            .max_by_key(|(info, (weight, _))| (*weight, info.epoch));
        match best {
            Some((info, (weight, holders))) if weight >= needed => Ok(Agreed { info, holders }),
            best => Err(SnapshotError::NoAgreement {
                found: best.map_or(0, |(_, (weight, _))| weight),
                needed,
            }),
        }
    }

    /// Brings the file, from whoever sends it as it was agreed on.
    async fn fetch(&self, agreed: &Agreed) -> Result<File, SnapshotError> {
        let mut last = String::new();
        for holder in &agreed.holders {
            match self.fetch_from(holder, &agreed.info).await {
                Ok(file) => return Ok(file),
                Err(error) => {
                    tracing::warn!(url = holder.url(), %error, "a snapshot is not sent");
                    last = error.to_string();
                }
            }
        }
        Err(SnapshotError::NotSent {
            epoch: agreed.info.epoch,
            asked: agreed.holders.len(),
            last,
        })
    }

    /// Brings it from one node. What breaks off goes on, as long as each request brings something.
    async fn fetch_from(
        &self,
        holder: &NodeClient,
        info: &SnapshotInfo,
    ) -> Result<File, FetchError> {
        let directory = self.snapshots.directory().ok_or(FetchError::Nowhere)?;
        std::fs::create_dir_all(directory)?;
        let mut file = tempfile::tempfile_in(directory)?;
        let mut hasher = blake3::Hasher::new();
        let mut came = 0_u64;
        while came < info.bytes {
            let before = came;
            let mut broke = None;
            match holder.snapshot_bytes(info.epoch, came).await {
                Ok(mut answer) => loop {
                    let chunk = match timeout(SNAPSHOT_SILENCE, answer.chunk()).await {
                        Ok(Ok(Some(chunk))) => chunk,
                        Ok(Ok(None)) => break,
                        Ok(Err(error)) => {
                            broke = Some(FetchError::Node(error));
                            break;
                        }
                        Err(_) => {
                            broke = Some(FetchError::Silent(SNAPSHOT_SILENCE));
                            break;
                        }
                    };
                    came = came.saturating_add(chunk.len() as u64);
                    if came > info.bytes {
                        return Err(FetchError::Other);
                    }
                    hasher.update(&chunk);
                    file.write_all(&chunk)?;
                },
                Err(error) => broke = Some(FetchError::Node(error)),
            }
            if came == before {
                return Err(broke.unwrap_or(FetchError::Other));
            }
        }
        if hasher.finalize().to_hex().as_str() != info.digest {
            return Err(FetchError::Other);
        }
        std::io::Seek::rewind(&mut file)?;
        Ok(file)
    }
}

/// Why a node does not send a snapshot.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("nothing of it came for {0:?}")]
    Silent(Duration),
    #[error("what was sent is not what was agreed on")]
    Other,
    #[error("it cannot be kept: {0}")]
    Io(#[from] std::io::Error),
    #[error("this node keeps no snapshots")]
    Nowhere,
}
