//! Recording, cutting and beginning again, without a chain.

use std::{path::Path, sync::Arc};

use tempfile::TempDir;
use walrus_core::{BlobId, EncodingConfig, Epoch, ShardIndex, SliverType};
use walrus_service::follow::{Cursor, Event};
use walrus_sui::{
    event_blobs::EventBlob,
    events::{ContractEvent, EpochChangeStart, EpochParametersSelected, EventPosition},
};

use super::{
    encode::Assembled,
    recorder::{CutRule, Recorder},
};
use crate::storage::{
    Storage,
    records::{CertifiedEventBlob, EventBlobCut, ShardState},
};

const FIRST: u64 = 10;
const RULE: CutRule = CutRule {
    bytes: 1 << 20,
    checkpoints: 3,
};

/// A storage into which checkpoints are folded by a recorder alone.
struct Node {
    storage: Arc<Storage>,
    recorder: Recorder,
    rule: CutRule,
    dir: TempDir,
}

impl Node {
    fn new(rule: CutRule) -> Self {
        Self::beginning_at(Cursor::at_checkpoint(FIRST), 0, rule)
    }

    /// A node that has processed events up to `cursor` before there were event blobs.
    fn beginning_at(cursor: Cursor, epoch: Epoch, rule: CutRule) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = open(dir.path());
        let mut batch = storage.batch();
        let mut update = storage.update_in(&mut batch);
        update.set_cursor(&cursor).unwrap();
        update.set_event_epoch(epoch).unwrap();
        batch.commit().unwrap();
        let recorder = recorder(&storage, rule);
        Self {
            storage,
            recorder,
            rule,
            dir,
        }
    }

    fn cursor(&self) -> Cursor {
        self.storage.cursor().unwrap().unwrap()
    }

    /// Folds checkpoints up to and including this one; each has as many events as its number modulo three, and every fifth one
    /// begins an epoch.
    fn fold_to(&mut self, last: u64) {
        for checkpoint in self.cursor().next.checkpoint..=last {
            for number in 0..checkpoint % 3 {
                let event = if checkpoint % 5 == 0 && number == 0 {
                    let epoch = u32::try_from(checkpoint / 5).unwrap();
                    ContractEvent::EpochChangeStart(EpochChangeStart { epoch })
                } else {
                    let next_epoch = u32::try_from(number).unwrap();
                    ContractEvent::EpochParametersSelected(EpochParametersSelected { next_epoch })
                };
                let position = EventPosition {
                    checkpoint,
                    transaction_index: u32::try_from(number).unwrap(),
                    event_index: 0,
                };
                let (cursor, sequence) = self.cursor().behind_event(position);
                let event = Event {
                    position,
                    tx_digest: [u8::try_from(checkpoint).unwrap(); 32],
                    sequence,
                    event,
                };
                let mut batch = self.storage.batch();
                self.recorder.event(&mut batch, &event).unwrap();
                self.commit(batch, cursor);
            }
            let cursor = self.cursor().behind_checkpoint(checkpoint);
            let mut batch = self.storage.batch();
            self.recorder
                .end_checkpoint(&mut batch, checkpoint)
                .unwrap();
            self.commit(batch, cursor);
        }
    }

    fn commit(&self, mut batch: walrus_service::tables::Batch, cursor: Cursor) {
        self.storage
            .update_in(&mut batch)
            .set_cursor(&cursor)
            .unwrap();
        batch.commit().unwrap();
    }

    /// As after the death of the process.
    fn restart(self) -> Self {
        let Self {
            storage,
            recorder,
            rule,
            dir,
        } = self;
        drop(recorder);
        assert!(Arc::into_inner(storage).is_some());
        let storage = open(dir.path());
        let recorder = self::recorder(&storage, rule);
        Self {
            storage,
            recorder,
            rule,
            dir,
        }
    }

    fn cuts(&self) -> Vec<(u64, u64)> {
        let cuts = self.storage.event_blob_cuts().unwrap();
        let ends = cuts
            .iter()
            .map(|cut| (cut.first_checkpoint, cut.last_checkpoint));
        ends.collect()
    }

    fn certify(&self, last_checkpoint: u64, done: &[EventBlobCut]) -> CertifiedEventBlob {
        let certified = CertifiedEventBlob {
            blob_id: BlobId([u8::try_from(last_checkpoint).unwrap(); 32]),
            last_checkpoint,
        };
        self.storage.certify_event_blob(&certified, done).unwrap();
        certified
    }

    fn assemble(&self, cut: &EventBlobCut, previous: Option<&CertifiedEventBlob>) -> Assembled {
        Assembled::new(&self.storage, self.dir.path(), config(), cut, previous).unwrap()
    }

    /// The blob IDs of all cuts, were they to follow `previous`.
    fn ids(&self, previous: Option<&CertifiedEventBlob>) -> Vec<BlobId> {
        let cuts = self.storage.event_blob_cuts().unwrap();
        let ids = cuts.iter().map(|cut| {
            let blob = self.assemble(cut, previous);
            *blob.metadata.blob_id()
        });
        ids.collect()
    }
}

fn config() -> EncodingConfig {
    EncodingConfig::new(7).unwrap()
}

fn open(path: &Path) -> Arc<Storage> {
    Arc::new(Storage::open(path, 1 << 20).unwrap())
}

fn recorder(storage: &Arc<Storage>, rule: CutRule) -> Recorder {
    let cursor = storage.cursor().unwrap().unwrap();
    Recorder::at(&cursor, Arc::clone(storage), rule, Arc::default()).unwrap()
}

/// Where a node is that has processed events up to the end of a checkpoint.
fn cursor_behind(checkpoint: u64) -> Cursor {
    let mut node = Node::new(RULE);
    node.fold_to(checkpoint);
    node.cursor()
}

#[test]
fn blobs_are_cut_by_checkpoints_and_have_what_happened() {
    let mut node = Node::new(RULE);
    node.fold_to(FIRST + 7);
    assert_eq!(node.cuts(), [(10, 12), (13, 15)]);
    let cuts = node.storage.event_blob_cuts().unwrap();
    let second = node.assemble(&cuts[1], Some(&node.certify(12, &[])));
    let mut bytes = vec![0; usize::try_from(second.bytes()).unwrap()];
    second.read(&mut bytes);
    let blob = EventBlob::open(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(blob.header().previous(), Some(BlobId([12; 32])));
    // Checkpoint 10 has begun epoch 2.
    assert_eq!(blob.header().epoch, 2);
    let elements: Vec<_> = blob.map(Result::unwrap).collect();
    let places: Vec<_> = elements
        .iter()
        .map(|element| (element.checkpoint, element.counter))
        .collect();
    assert_eq!(
        places,
        [(13, 0), (13, 1), (14, 0), (14, 1), (14, 2), (15, 0)]
    );
    assert_eq!(elements[0].index, cuts[0].end_index);
}

#[test]
fn a_blob_with_many_bytes_is_cut_at_the_end_of_the_checkpoint() {
    let rule = CutRule {
        bytes: 150,
        checkpoints: 100,
    };
    let mut node = Node::new(rule);
    node.fold_to(FIRST + 6);
    for (first, last) in node.cuts() {
        assert!(last - first < 3, "{first} to {last}");
    }
    assert!(node.cuts().len() > 2);
}

#[test]
fn a_restart_after_any_checkpoint_changes_no_byte() {
    let mut whole = Node::new(RULE);
    whole.fold_to(FIRST + 11);
    let ids = whole.ids(None);
    assert_eq!(ids.len(), 4);
    let mut broken = Node::new(RULE);
    for checkpoint in FIRST..=FIRST + 11 {
        broken.fold_to(checkpoint);
        broken = broken.restart();
    }
    assert_eq!(broken.cuts(), whole.cuts());
    assert_eq!(broken.ids(None), ids);
}

#[test]
fn a_node_that_saw_too_little_begins_behind_what_others_certify() {
    let mut whole = Node::new(RULE);
    whole.fold_to(FIRST + 11);
    // Checkpoint 10 has begun epoch 2.
    let mut late = Node::beginning_at(cursor_behind(13), 2, RULE);
    // The others certify a blob before they have made the next one.
    late.fold_to(18);
    assert_eq!(late.cuts(), []);
    let certified = late.certify(15, &[]);
    late.fold_to(FIRST + 11);
    assert_eq!(late.cuts(), [(16, 18), (19, 21)]);
    let expected = whole.ids(Some(&certified));
    // The epoch in which a blob was begun is known as well.
    assert_eq!(late.ids(Some(&certified)), expected[2..]);
}

#[test]
fn a_node_that_waits_for_others_keeps_only_so_much() {
    // Between the beginnings of two epochs.
    let mut late = Node::beginning_at(cursor_behind(25), 5, RULE);
    late.fold_to(34);
    let recording = late.storage.event_recording().unwrap().unwrap();
    assert!(!recording.aligned);
    let kept = late.cursor().next.checkpoint - recording.blob.first_checkpoint;
    assert!(kept < 2 * RULE.checkpoints, "{kept}");
}

#[test]
fn nodes_of_which_none_has_seen_the_first_event_begin_with_an_epoch() {
    let mut first = Node::beginning_at(cursor_behind(13), 2, RULE);
    let mut second = Node::beginning_at(cursor_behind(17), 2, RULE);
    // Checkpoints 20 and 25 begin epochs; what one of them has by the second is given up for what both have.
    let mut third = Node::beginning_at(cursor_behind(21), 4, RULE);
    for checkpoint in 18..=24 {
        first.fold_to(checkpoint);
        first = first.restart();
    }
    second.fold_to(24);
    third.fold_to(24);
    assert_eq!(first.cuts(), [(21, 23)]);
    assert_eq!(second.cuts(), [(21, 23)]);
    assert_eq!(first.ids(None), second.ids(None));
    assert_eq!(third.cuts(), []);
    for node in [&mut first, &mut second, &mut third] {
        node.fold_to(29);
        assert_eq!(node.cuts(), [(26, 28)]);
    }
    assert_eq!(first.ids(None), second.ids(None));
    assert_eq!(first.ids(None), third.ids(None));
    // From a certified one on they go by that.
    let cuts = first.storage.event_blob_cuts().unwrap();
    first.certify(28, &cuts);
    first.fold_to(37);
    assert_eq!(first.cuts(), [(29, 31), (32, 34), (35, 37)]);
}

#[test]
fn a_node_that_has_seen_the_first_event_does_not_begin_again() {
    let mut node = Node::new(RULE);
    node.fold_to(FIRST + 11);
    assert_eq!(node.cuts(), [(10, 12), (13, 15), (16, 18), (19, 21)]);
}

#[test]
fn a_node_behind_what_others_certify_begins_there() {
    let mut whole = Node::new(RULE);
    whole.fold_to(FIRST + 11);
    let mut late = Node::new(RULE);
    late.fold_to(12);
    assert_eq!(late.cuts(), [(10, 12)]);
    let certified = late.certify(15, &[]);
    late.fold_to(FIRST + 11);
    assert_eq!(late.cuts(), [(16, 18), (19, 21)]);
    assert_eq!(late.ids(Some(&certified)), whole.ids(Some(&certified))[2..]);
}

#[test]
fn a_node_whose_blobs_end_elsewhere_cuts_again() {
    let mut whole = Node::new(RULE);
    whole.fold_to(FIRST + 13);
    let other = CutRule {
        checkpoints: 4,
        ..RULE
    };
    let mut node = Node::new(other);
    node.fold_to(FIRST + 8);
    assert_eq!(node.cuts(), [(10, 13), (14, 17)]);
    // As if its rule had been put right.
    node.rule = RULE;
    node = node.restart();
    let certified = node.certify(15, &[]);
    node.fold_to(FIRST + 13);
    assert_eq!(node.cuts(), [(16, 18), (19, 21)]);
    assert_eq!(node.ids(Some(&certified)), whole.ids(Some(&certified))[2..]);
}

#[test]
fn what_is_certified_is_forgotten_and_the_rest_stays() {
    let mut node = Node::new(RULE);
    node.fold_to(FIRST + 7);
    let cuts = node.storage.event_blob_cuts().unwrap();
    node.certify(12, &cuts[..1]);
    assert_eq!(node.cuts(), [(13, 15)]);
    while !node
        .storage
        .forget_event_elements(cuts[1].first_index)
        .unwrap()
    {}
    let first = node.storage.event_elements(0).next().unwrap().unwrap();
    assert_eq!(first[0].0, cuts[1].first_index);
    node.fold_to(FIRST + 9);
    assert_eq!(node.cuts(), [(13, 15), (16, 18)]);
}

#[test]
fn the_slivers_of_own_shards_are_stored() {
    let mut node = Node::new(RULE);
    node.fold_to(FIRST + 3);
    let shards = [ShardIndex(2), ShardIndex(5)];
    for shard in shards {
        node.storage
            .set_shard_state(shard, ShardState::Active)
            .unwrap();
    }
    let cut = node.storage.event_blob_cuts().unwrap()[0];
    let blob = node.assemble(&cut, None);
    // A shard that is not there yet is none of the matter.
    blob.store(&node.storage, [shards[0], shards[1], ShardIndex(6)])
        .unwrap();
    let blob_id = *blob.metadata.blob_id();
    for shard in shards {
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            let bytes = node
                .storage
                .sliver(shard, &blob_id, sliver_type)
                .unwrap()
                .unwrap();
            let sliver =
                walrus_core::Sliver::from_untagged_bcs(&bytes, sliver_type, &blob.metadata)
                    .unwrap();
            sliver.verify(&blob.metadata).unwrap();
            let pair = shard.to_pair_index(&blob_id, config().n_shards());
            assert_eq!(sliver.pair_index(config().n_shards()), pair);
        }
    }
}
