//! BCS layouts, dynamic field IDs and events.

use walrus_core::BlobId;
use walrus_sui::{
    Address,
    events::{BlobCertified, ContractEvent, EventPosition},
    objects::*,
};

fn address(last: u8) -> Address {
    let mut bytes = [0; 32];
    bytes[31] = last;
    Address::from(bytes)
}

#[test]
fn a_blob_has_the_layout_of_the_contract() {
    let blob = Blob {
        id: address(1),
        registered_epoch: 2,
        blob_id: BlobId([3; 32]),
        size: 4,
        encoding_type: 1,
        certified_epoch: Some(5),
        storage: Storage {
            id: address(6),
            start_epoch: 7,
            end_epoch: 8,
            storage_size: 9,
        },
        deletable: true,
    };
    let expected = [
        address(1).as_ref() as &[u8],
        &2u32.to_le_bytes(),
        &[3; 32],
        &4u64.to_le_bytes(),
        &[1],
        &[1, 5, 0, 0, 0],
        address(6).as_ref(),
        &7u32.to_le_bytes(),
        &8u32.to_le_bytes(),
        &9u64.to_le_bytes(),
        &[1],
    ]
    .concat();
    assert_eq!(bcs::to_bytes(&blob).unwrap(), expected);
    assert_eq!(decode::<Blob>(&expected).unwrap(), blob);
    assert!(decode::<Blob>(&expected[..expected.len() - 1]).is_err());
    assert!(decode::<Blob>(&[expected.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn enums_are_an_index_and_their_payload() {
    assert_eq!(
        bcs::to_bytes(&EpochState::EpochChangeSync(0x0102)).unwrap(),
        [0, 2, 1]
    );
    assert_eq!(
        decode::<EpochState>(&[2, 1, 0, 0, 0, 0, 0, 0, 0]).unwrap(),
        EpochState::NextParamsSelected(1)
    );
    assert_eq!(decode::<PoolState>(&[0]).unwrap(), PoolState::Active);
    let stake = StakedWalState::Withdrawing { withdraw_epoch: 9 };
    assert_eq!(bcs::to_bytes(&stake).unwrap(), [1, 9, 0, 0, 0]);
    assert!(decode::<PoolState>(&[3]).is_err());
}

#[test]
fn a_huge_length_is_an_error_and_no_allocation() {
    assert!(
        decode::<ActiveSet>(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x07]).is_err()
    );
}

#[test]
fn known_events_decode_and_unknown_ones_are_kept() {
    let event = ContractEvent::BlobCertified(BlobCertified {
        epoch: 1,
        blob_id: BlobId([7; 32]),
        end_epoch: 3,
        deletable: false,
        object_id: address(4),
        is_extension: true,
    });
    let (name, bytes) = event.encode().unwrap();
    assert_eq!(bytes.len(), 4 + 32 + 4 + 1 + 32 + 1);
    let tag = |name: &str| format!("0xabc::events::{name}").parse().unwrap();
    assert_eq!(ContractEvent::decode(&tag(name), &bytes).unwrap(), event);
    assert!(ContractEvent::decode(&tag(name), &bytes[1..]).is_err());
    let unknown = ContractEvent::decode(&tag("SomethingNew"), &[1, 2]).unwrap();
    assert!(matches!(unknown, ContractEvent::Unknown(u) if u.contents == [1, 2]));
    let invalid = ContractEvent::decode(&tag("InvalidBlobID"), &[0; 36]).unwrap();
    assert_eq!(invalid.encode().unwrap().0, "InvalidBlobID");
}

#[test]
fn positions_are_ordered_and_cursors_point_behind_them() {
    let position = EventPosition {
        checkpoint: 5,
        transaction_index: 1,
        event_index: 2,
    };
    assert!(position < position.next());
    assert!(
        position.next()
            < EventPosition {
                checkpoint: 5,
                transaction_index: 2,
                event_index: 0
            }
    );
    assert!(position.next() < EventPosition::after_checkpoint(5));
}
