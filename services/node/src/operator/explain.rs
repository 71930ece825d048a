//! Explanation: for one blob, what is missing here, which of the other nodes have what, and whether that is enough.

use std::time::Duration;

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_node_client::{NodeClient, StoredOnNodeStatus};
use walrus_sui::{Address, contract::CommitteeMember};

use super::repair::RepairError;
use crate::{
    blobs::Holdings,
    healing::Peers,
    storage::repairs::{Part, RepairRecord},
    work::Work,
};

/// Nodes asked at once.
const NODES_AT_ONCE: usize = 16;
/// Questions to one node at once.
const QUESTIONS_AT_ONCE: usize = 4;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a blob is complete here, or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The verdict in a sentence.
    pub says: String,
    /// Whether the chain says that the blob is certified and has not ended.
    pub certified: bool,
    /// Whether its metadata are here.
    pub metadata: bool,
    /// Slivers that are missing here: shard and type.
    pub missing: Vec<MissingSliver>,
    /// Whether it is queued for recovery.
    pub queued: bool,
    /// What of it is queued, why, and since when.
    #[serde(default)]
    pub queue: Vec<QueuedPart>,
    /// Whether the others have enough to recover what is missing; absent where nothing is.
    pub recoverable: Option<bool>,
    /// Shards of other nodes that have their primary sliver; of so many secondary ones are recovered.
    pub primary_slivers: usize,
    /// Primary slivers that it takes.
    pub primary_needed: usize,
    /// Shards of other nodes that have their secondary sliver; of so many primary ones are recovered.
    pub secondary_slivers: usize,
    /// Secondary slivers that it takes.
    pub secondary_needed: usize,
    /// What each of the others said.
    pub peers: Vec<PeerAnswer>,
}

/// A sliver that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissingSliver {
    /// The shard.
    pub shard: u16,
    /// Which of the two.
    pub sliver_type: SliverType,
}

/// What of a blob is queued for recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueuedPart {
    /// The sliver; absent if it is whatever is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sliver: Option<MissingSliver>,
    /// `certified`, `fill-shards`, `lost`, `ordered` or `unrecoverable`.
    pub reason: String,
    /// When it was queued, in milliseconds since 1970.
    pub since_ms: u64,
}

impl QueuedPart {
    fn of((part, record): (Part, RepairRecord)) -> Self {
        let sliver = match part {
            Part::Sliver(shard, sliver_type) => Some(MissingSliver {
                shard: shard.get(),
                sliver_type,
            }),
            Part::Whole => None,
        };
        Self {
            sliver,
            reason: record.reason.as_str().to_owned(),
            since_ms: record.since_ms,
        }
    }
}

/// What another node said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerAnswer {
    /// Its display name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its shards.
    pub shards: usize,
    /// Whether it has the metadata.
    pub metadata: bool,
    /// Those of its shards that have their primary sliver.
    pub primary_slivers: usize,
    /// Those of its shards that have their secondary sliver.
    pub secondary_slivers: usize,
    /// Why it said nothing, or not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Asks the other nodes of the committee about a blob.
pub(crate) struct Explainer {
    pub(crate) holdings: Holdings,
    pub(crate) peers: Peers,
    pub(crate) node_id: Address,
    pub(crate) work: Work,
}

/// What is here of a blob.
struct Here {
    certified: bool,
    metadata: bool,
    missing: Vec<MissingSliver>,
    queue: Vec<QueuedPart>,
}

impl Here {
    fn of(holdings: &Holdings, blob_id: &BlobId) -> Result<Self, RepairError> {
        let (storage, epoch) = (holdings.storage(), holdings.epoch());
        let info = storage.blob_info(blob_id)?;
        let missing = holdings.missing_slivers(blob_id)?;
        Ok(Self {
            certified: info.is_some_and(|info| info.is_certified(epoch)),
            metadata: holdings.metadata(blob_id)?.is_some(),
            missing: missing
                .into_iter()
                .map(|(shard, sliver_type)| MissingSliver {
                    shard: shard.get(),
                    sliver_type,
                })
                .collect(),
            queue: storage
                .queued_of(blob_id)?
                .parts
                .into_iter()
                .map(QueuedPart::of)
                .collect(),
        })
    }
}

impl Explainer {
    /// What there is to say of a blob.
    ///
    /// # Errors
    /// If the storage fails.
    pub(crate) async fn explain(&self, blob_id: BlobId) -> Result<Explanation, RepairError> {
        let holdings = self.holdings.clone();
        let here = self.work.run(move || Here::of(&holdings, &blob_id)).await?;
        let view = self.holdings.view();
        let mut others = view.committees.current.members.clone();
        others.retain(|member| member.node_id != self.node_id);
        let mut peers: Vec<_> = futures::stream::iter(others)
            .map(|member| self.ask(member, blob_id))
            .buffer_unordered(NODES_AT_ONCE)
            .collect()
            .await;
        peers.sort_by(|one, other| one.name.cmp(&other.name));
        let encoding = self.holdings.encoding();
        let needed = (
            usize::from(encoding.primary_source_symbols()),
            usize::from(encoding.secondary_source_symbols()),
        );
        Ok(judge(here, peers, needed))
    }

    async fn ask(&self, member: CommitteeMember, blob_id: BlobId) -> PeerAnswer {
        let mut answer = PeerAnswer {
            name: member.name.clone(),
            address: member.network_address.clone(),
            shards: member.shards.len(),
            metadata: false,
            primary_slivers: 0,
            secondary_slivers: 0,
            failure: None,
        };
        let Some(client) = self.peers.client(&member) else {
            answer.failure = Some("its address or key on chain is unusable".to_owned());
            return answer;
        };
        let metadata = tokio::time::timeout(PATIENCE, client.metadata_status(&blob_id)).await;
        match metadata {
            Ok(Ok(status)) => answer.metadata = status == StoredOnNodeStatus::Stored,
            Ok(Err(error)) => answer.failure = Some(error.to_string()),
            Err(_) => answer.failure = Some(format!("no answer within {PATIENCE:?}")),
        }
        // A node that does not answer once is not asked for each of its shards.
        if answer.failure.is_none() {
            self.ask_for_slivers(&client, &member.shards, blob_id, &mut answer)
                .await;
        }
        answer
    }

    async fn ask_for_slivers(
        &self,
        client: &NodeClient,
        shards: &[ShardIndex],
        blob_id: BlobId,
        answer: &mut PeerAnswer,
    ) {
        let n_shards = self.holdings.encoding().n_shards();
        let mut slivers = Vec::new();
        for shard in shards {
            slivers.extend([
                (*shard, SliverType::Primary),
                (*shard, SliverType::Secondary),
            ]);
        }
        let mut answers = futures::stream::iter(slivers)
            .map(|(shard, sliver_type)| async move {
                let pair = shard.to_pair_index(&blob_id, n_shards);
                let asked = client.sliver_status(&blob_id, pair, sliver_type);
                (sliver_type, tokio::time::timeout(PATIENCE, asked).await)
            })
            .buffer_unordered(QUESTIONS_AT_ONCE);
        while let Some((sliver_type, status)) = answers.next().await {
            match status {
                Ok(Ok(StoredOnNodeStatus::Stored)) => {
                    let count = match sliver_type {
                        SliverType::Primary => &mut answer.primary_slivers,
                        SliverType::Secondary => &mut answer.secondary_slivers,
                    };
                    *count = count.saturating_add(1);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => answer.failure = Some(error.to_string()),
                Err(_) => {
                    answer.failure = Some(format!("no answer within {PATIENCE:?}"));
                    return;
                }
            }
        }
    }
}

/// `needed`: primary slivers to recover a secondary one, and the other way round.
fn judge(here: Here, peers: Vec<PeerAnswer>, needed: (usize, usize)) -> Explanation {
    let sum = |count: fn(&PeerAnswer) -> usize| peers.iter().map(count).sum::<usize>();
    let primary = sum(|peer| peer.primary_slivers);
    let secondary = sum(|peer| peer.secondary_slivers);
    let has_metadata = peers.iter().filter(|peer| peer.metadata).count();
    let lacks = |wanted| {
        here.missing
            .iter()
            .any(|sliver| sliver.sliver_type == wanted)
    };
    let complete = here.missing.is_empty() && here.metadata;
    let mut short = Vec::new();
    if !here.metadata && has_metadata == 0 {
        short.push("no other node says that it has the metadata".to_owned());
    }
    if lacks(SliverType::Primary) && secondary < needed.1 {
        short.push(format!(
            "{secondary} secondary slivers are elsewhere, and a primary one takes {}",
            needed.1
        ));
    }
    if lacks(SliverType::Secondary) && primary < needed.0 {
        short.push(format!(
            "{primary} primary slivers are elsewhere, and a secondary one takes {}",
            needed.0
        ));
    }
    let silent = peers.iter().filter(|peer| peer.failure.is_some()).count();
    let says = if !here.certified {
        "The blob is not certified, or has ended: the node need not have it.".to_owned()
    } else if complete {
        "The node has all that it should have of the blob.".to_owned()
    } else if short.is_empty() {
        format!(
            "{} slivers are missing, and the other nodes have enough to recover them.",
            here.missing.len()
        )
    } else {
        format!(
            "{} slivers are missing and cannot be recovered now: {}; {silent} of {} nodes gave no full answer.",
            here.missing.len(),
            short.join(", and "),
            peers.len()
        )
    };
    Explanation {
        says,
        recoverable: (here.certified && !complete).then_some(short.is_empty()),
        certified: here.certified,
        metadata: here.metadata,
        missing: here.missing,
        queued: !here.queue.is_empty(),
        queue: here.queue,
        primary_slivers: primary,
        primary_needed: needed.0,
        secondary_slivers: secondary,
        secondary_needed: needed.1,
        peers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(primary: usize, secondary: usize, metadata: bool) -> PeerAnswer {
        PeerAnswer {
            name: "n".to_owned(),
            address: "a:1".to_owned(),
            shards: 3,
            metadata,
            primary_slivers: primary,
            secondary_slivers: secondary,
            failure: None,
        }
    }

    fn here(missing: &[SliverType], metadata: bool) -> Here {
        Here {
            certified: true,
            metadata,
            missing: missing
                .iter()
                .map(|sliver_type| MissingSliver {
                    shard: 1,
                    sliver_type: *sliver_type,
                })
                .collect(),
            queue: vec![],
        }
    }

    #[test]
    fn the_bound_that_is_missed_is_told_with_its_numbers() {
        use SliverType::{Primary, Secondary};
        let peers = vec![peer(3, 3, true), peer(1, 2, false)];
        let explained = judge(here(&[Primary, Secondary], true), peers.clone(), (4, 7));
        assert_eq!(explained.recoverable, Some(false));
        assert!(
            explained
                .says
                .contains("5 secondary slivers are elsewhere, and a primary one takes 7"),
            "{}",
            explained.says
        );
        assert!(
            !explained.says.contains("a secondary one takes"),
            "{}",
            explained.says
        );
        let explained = judge(here(&[Secondary], true), peers.clone(), (4, 7));
        assert_eq!(explained.recoverable, Some(true));
        let explained = judge(here(&[], true), peers, (4, 7));
        assert_eq!(explained.recoverable, None);
        let explained = judge(here(&[], false), vec![peer(4, 7, false)], (4, 7));
        assert!(explained.says.contains("metadata"), "{}", explained.says);
    }
}
