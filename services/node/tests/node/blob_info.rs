//! The record of a blob as a fold over its events.

use proptest::prelude::*;
use walrus_node::storage::{
    blob_info::{BlobInfo, Change},
    event_name::EventName,
};
use walrus_node_client::BlobStatus;

fn name(event_seq: u64) -> EventName {
    EventName {
        tx_digest: [1; 32],
        event_seq,
    }
}

fn fold(changes: &[Change]) -> Option<BlobInfo> {
    let mut info = None;
    for (seq, change) in (0..).zip(changes) {
        info = BlobInfo::after(info, *change, name(seq)).unwrap();
    }
    info
}

#[test]
fn a_permanent_blob_lives_until_its_latest_end() {
    let info = fold(&[
        Change::RegisterPermanent { end_epoch: 5 },
        Change::RegisterPermanent { end_epoch: 9 },
        Change::CertifyPermanent {
            epoch: 2,
            end_epoch: 5,
        },
    ])
    .unwrap();
    assert!(info.is_registered(8) && !info.is_registered(9));
    assert!(info.is_certified(4) && !info.is_certified(5) && !info.is_certified(1));
    let BlobStatus::Permanent {
        end_epoch,
        is_certified,
        status_event,
        ..
    } = info.status(2)
    else {
        panic!("permanent")
    };
    assert_eq!(
        (end_epoch, is_certified, status_event.event_seq),
        (5, true, 2)
    );
    let BlobStatus::Permanent {
        end_epoch,
        is_certified,
        status_event,
        ..
    } = info.status(6)
    else {
        panic!("permanent")
    };
    assert_eq!(
        (end_epoch, is_certified, status_event.event_seq),
        (9, false, 1)
    );
    assert_eq!(info.status(9), BlobStatus::Nonexistent);
}

#[test]
fn deleting_the_last_certified_object_ends_the_certification() {
    let info = fold(&[
        Change::RegisterDeletable { end_epoch: 9 },
        Change::CertifyDeletable {
            epoch: 1,
            end_epoch: 9,
        },
        Change::RegisterDeletable { end_epoch: 9 },
        Change::RemoveDeletable {
            was_certified: true,
        },
    ])
    .unwrap();
    assert!(info.is_registered(1) && !info.is_certified(1));
    assert_eq!(info.status(1).initial_certified_epoch(), None);
}

#[test]
fn a_pool_makes_the_record_pool_aware_for_ever() {
    let info = fold(&[
        Change::RegisterDeletable { end_epoch: 3 },
        Change::RegisterPooled,
        Change::RemovePooled {
            was_certified: false,
        },
    ])
    .unwrap();
    assert!(
        info.is_registered(100),
        "ends are counted down, no longer looked up"
    );
}

#[test]
fn invalid_is_final_and_strange_events_change_nothing() {
    let info = fold(&[
        Change::RegisterPooled,
        Change::Invalidate { epoch: 4 },
        Change::RegisterPooled,
    ]);
    assert_eq!(
        info,
        Some(BlobInfo::Invalid {
            epoch: 4,
            event: name(1)
        })
    );
    assert!(BlobInfo::after(None, Change::CertifyPooled { epoch: 1 }, name(0)).is_err());
    let registered = fold(&[Change::RegisterPermanent { end_epoch: 5 }]);
    let beyond = Change::CertifyPermanent {
        epoch: 1,
        end_epoch: 6,
    };
    assert!(BlobInfo::after(registered, beyond, name(0)).is_err());
}

fn change() -> impl Strategy<Value = Change> {
    let (end, epoch) = (1u32..20, 1u32..20);
    prop_oneof![
        end.clone()
            .prop_map(|end_epoch| Change::RegisterDeletable { end_epoch }),
        end.clone()
            .prop_map(|end_epoch| Change::RegisterPermanent { end_epoch }),
        (epoch.clone(), end.clone())
            .prop_map(|(epoch, end_epoch)| Change::CertifyDeletable { epoch, end_epoch }),
        (epoch.clone(), end.clone())
            .prop_map(|(epoch, end_epoch)| Change::CertifyPermanent { epoch, end_epoch }),
        end.prop_map(|end_epoch| Change::ExtendDeletable { end_epoch }),
        any::<bool>().prop_map(|was_certified| Change::RemoveDeletable { was_certified }),
        any::<bool>().prop_map(|was_certified| Change::RemovePermanent { was_certified }),
        Just(Change::RegisterPooled),
        epoch.prop_map(|epoch| Change::CertifyPooled { epoch }),
        any::<bool>().prop_map(|was_certified| Change::RemovePooled { was_certified }),
    ]
}

proptest! {
    #[test]
    fn certified_never_exceeds_registered(changes in prop::collection::vec(change(), 0..40)) {
        let mut info = None;
        for (seq, change) in (0..).zip(changes) {
            if let Ok(after) = BlobInfo::after(info, change, name(seq)) {
                info = after;
            }
            let Some(BlobInfo::Valid(valid)) = info else { continue };
            prop_assert!(valid.deletable.certified <= valid.deletable.total);
            prop_assert!(valid.pooled.certified <= valid.pooled.total);
            let certified = valid.deletable.certified > 0
                || valid.pooled.certified > 0
                || valid.permanent_certified.is_some();
            prop_assert_eq!(valid.initial_certified_epoch.is_some(), certified);
        }
    }
}
