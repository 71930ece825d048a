//! Votes: what there is to do about the oldest event blob that is not certified. Contracts spec 7.7.

use walrus_core::Epoch;
use walrus_sui::objects::EventBlobAttestation;

use crate::storage::records::{CertifiedEventBlob, EventBlobCut};

/// What the chain says.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    /// The current epoch.
    pub(super) epoch: Epoch,
    /// Whether the node is in its committee.
    pub(super) is_member: bool,
    /// The newest certified event blob.
    pub(super) certified: Option<CertifiedEventBlob>,
    /// The node's last vote.
    pub(super) voted: Option<EventBlobAttestation>,
}

/// What there is to do about an event blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// To store it and to vote for it.
    Vote,
    /// The node has voted: to wait for others, in case their vote is another one.
    Voted,
    /// Votes of the node do not count in this epoch.
    NextEpoch,
    /// It does not begin behind the newest certified one: the recorder begins again.
    Misplaced,
}

impl Standing {
    /// What there is to do about `cut`, the oldest event blob that is not certified.
    pub(super) fn duty(&self, cut: &EventBlobCut) -> Duty {
        let follows = match &self.certified {
            Some(certified) => {
                certified.last_checkpoint.checked_add(1) == Some(cut.first_checkpoint)
            }
            None => cut.first_index == 0,
        };
        if !follows {
            return Duty::Misplaced;
        }
        if !self.is_member {
            return Duty::NextEpoch;
        }
        // The contract remembers one vote, and takes another one once that is decided, or in another epoch.
        let Some(voted) = self
            .voted
            .as_ref()
            .filter(|voted| voted.epoch >= self.epoch)
        else {
            return Duty::Vote;
        };
        let voted = voted.checkpoint_sequence_num;
        let is_decided = |certified: &CertifiedEventBlob| voted <= certified.last_checkpoint;
        if voted == cut.last_checkpoint {
            Duty::Voted
        } else if self.certified.as_ref().is_some_and(is_decided) {
            Duty::Vote
        } else {
            Duty::NextEpoch
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::BlobId;

    use super::*;

    fn cut(first_index: u64, first_checkpoint: u64, last_checkpoint: u64) -> EventBlobCut {
        EventBlobCut {
            first_index,
            end_index: first_index + 50,
            first_checkpoint,
            last_checkpoint,
            epoch: 3,
        }
    }

    fn certified(last_checkpoint: u64) -> Option<CertifiedEventBlob> {
        Some(CertifiedEventBlob {
            blob_id: BlobId([1; 32]),
            last_checkpoint,
        })
    }

    fn voted(checkpoint_sequence_num: u64, epoch: Epoch) -> Option<EventBlobAttestation> {
        Some(EventBlobAttestation {
            checkpoint_sequence_num,
            epoch,
        })
    }

    fn duty(
        certified: Option<CertifiedEventBlob>,
        voted: Option<EventBlobAttestation>,
        cut: &EventBlobCut,
    ) -> Duty {
        let standing = Standing {
            epoch: 3,
            is_member: true,
            certified,
            voted,
        };
        standing.duty(cut)
    }

    #[test]
    fn a_blob_follows_the_newest_certified_one_or_is_the_first() {
        assert_eq!(duty(None, None, &cut(0, 8, 9)), Duty::Vote);
        assert_eq!(duty(None, None, &cut(5, 10, 11)), Duty::Misplaced);
        assert_eq!(duty(certified(9), None, &cut(5, 10, 11)), Duty::Vote);
        for last in [8, 10, 11, u64::MAX] {
            let duty = duty(certified(last), None, &cut(5, 10, 11));
            assert_eq!(duty, Duty::Misplaced, "behind {last}");
        }
    }

    #[test]
    fn a_blob_is_voted_for_once_in_each_epoch() {
        let next = cut(5, 10, 11);
        assert_eq!(duty(certified(9), voted(11, 3), &next), Duty::Voted);
        assert_eq!(duty(certified(9), voted(11, 2), &next), Duty::Vote);
        assert_eq!(duty(None, voted(9, 3), &cut(0, 8, 9)), Duty::Voted);
    }

    #[test]
    fn another_vote_has_to_be_decided_before() {
        let next = cut(5, 10, 11);
        assert_eq!(duty(certified(9), voted(9, 3), &next), Duty::Vote);
        assert_eq!(duty(certified(9), voted(12, 3), &next), Duty::NextEpoch);
        assert_eq!(duty(None, voted(12, 3), &cut(0, 8, 9)), Duty::NextEpoch);
        assert_eq!(duty(certified(9), voted(12, 2), &next), Duty::Vote);
    }

    #[test]
    fn nobody_counts_the_vote_of_a_node_outside_the_committee() {
        let outside = Standing {
            epoch: 3,
            is_member: false,
            certified: certified(9),
            voted: None,
        };
        assert_eq!(outside.duty(&cut(5, 10, 11)), Duty::NextEpoch);
    }
}
