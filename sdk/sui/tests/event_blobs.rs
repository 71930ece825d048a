//! Event blobs: their bytes are a matter of consensus, and what is damaged is never taken for events. Node spec 2.3 and 5.7.

use std::io::Cursor;

use proptest::prelude::*;
use walrus_core::{BlobId, ShardIndex};
use walrus_sui::{
    Address,
    event_blobs::{
        Content, Element, ElementError, EventBlob, EventBlobError, EventName, FormatError,
        HEADER_BYTES, Header, MAX_ELEMENT_BYTES, entry, entry_bytes, trailer,
    },
    events::{
        BlobCertified, BlobRegistered, ContractEvent, ContractUpgradeProposed, EpochChangeStart,
        EpochParametersSelected, PooledBlobDeleted, PricesUpdated, ShardsReceived,
        StoragePoolExtended, UnknownEvent,
    },
};

fn name(byte: u8, sequence: u64) -> EventName {
    EventName {
        tx_digest: [byte; 32],
        sequence,
    }
}

fn boundary(checkpoint: u64, counter: u64, index: u64) -> Element {
    Element {
        content: Content::Boundary,
        checkpoint,
        counter,
        index,
    }
}

fn event(event: ContractEvent, checkpoint: u64, counter: u64, index: u64) -> Element {
    Element {
        content: Content::Event {
            name: name(0x33, counter),
            event,
        },
        checkpoint,
        counter,
        index,
    }
}

/// One of each group.
fn events() -> Vec<ContractEvent> {
    let address = Address::new([9; 32]);
    let blob_id = BlobId([7; 32]);
    vec![
        ContractEvent::EpochParametersSelected(EpochParametersSelected { next_epoch: 1 }),
        ContractEvent::EpochChangeStart(EpochChangeStart { epoch: 7 }),
        ContractEvent::ShardsReceived(ShardsReceived {
            epoch: 7,
            shards: vec![ShardIndex(1), ShardIndex(258)],
        }),
        ContractEvent::BlobRegistered(BlobRegistered {
            epoch: 7,
            blob_id,
            size: 8,
            encoding_type: 1,
            end_epoch: 9,
            deletable: true,
            object_id: address,
        }),
        ContractEvent::BlobCertified(BlobCertified {
            epoch: 7,
            blob_id,
            end_epoch: 9,
            deletable: true,
            object_id: address,
            is_extension: false,
        }),
        ContractEvent::PooledBlobDeleted(PooledBlobDeleted {
            epoch: 7,
            blob_id,
            object_id: address,
            was_certified: true,
            storage_pool_id: address,
        }),
        ContractEvent::ContractUpgradeProposed(ContractUpgradeProposed {
            epoch: 7,
            package_digest: vec![5; 32],
        }),
        ContractEvent::PricesUpdated(PricesUpdated {
            epoch: 7,
            storage_price: 1,
            write_price: 2,
        }),
        ContractEvent::StoragePoolExtended(StoragePoolExtended {
            epoch: 7,
            storage_pool_id: address,
            new_end_epoch: 11,
        }),
    ]
}

/// A blob of checkpoints 5 to 7, the middle one without events.
fn elements() -> Vec<Element> {
    let mut elements = Vec::new();
    let (first, last) = (events(), vec![events().remove(1)]);
    for (checkpoint, events) in [(5, first), (6, vec![]), (7, last)] {
        let mut counter = 0;
        for content in events {
            let index = 40 + elements.len() as u64;
            elements.push(event(content, checkpoint, counter, index));
            counter += 1;
        }
        let index = 40 + elements.len() as u64;
        elements.push(boundary(checkpoint, counter, index));
    }
    elements
}

fn blob(elements: &[Element], first: u64, last: u64) -> Vec<u8> {
    let mut bytes = Header::after(Some(BlobId([3; 32])), 6).to_bytes().to_vec();
    for element in elements {
        let Ok(entry) = element.to_bytes().and_then(|element| entry(&element)) else {
            panic!("all elements here are short enough");
        };
        bytes.extend(entry);
    }
    bytes.extend(trailer(first, last));
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Element>, EventBlobError> {
    EventBlob::open(Cursor::new(bytes))?.collect()
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let end = boundary(1000, 0, 5);
    let bytes = end.to_bytes().unwrap();
    let expected = "01e80300000000000000000000000000000500000000000000";
    assert_eq!(hex(&bytes), expected);
    assert_eq!(hex(&entry(&bytes).unwrap()), format!("1901{expected}"));
    for bytes in [0, 127, 128, 16_383, 16_384] {
        let entry = entry(&vec![0; bytes]).unwrap();
        assert_eq!(entry_bytes(bytes), entry.len() as u64);
    }
    let start = Element {
        content: Content::Event {
            name: name(0x33, 0),
            event: ContractEvent::EpochChangeStart(EpochChangeStart { epoch: 7 }),
        },
        checkpoint: 1000,
        counter: 0,
        index: 4,
    };
    let bytes = start.to_bytes().unwrap();
    assert_eq!(bytes.len(), 72);
    let digest = "33".repeat(32);
    let expected = format!(
        "0001010700000020{digest}0000000000000000e80300000000000000000000000000000400000000000000"
    );
    assert_eq!(hex(&bytes), expected);
    let header = Header::after(None, 7).to_bytes();
    assert_eq!(hex(&header[..12]), "005ea1ce0000000100000007");
    assert_eq!(header[12..], [0; 72]);
    assert_eq!(hex(&trailer(1, 258)), "00000000000000010000000000000102");
}

#[test]
fn the_tags_of_events_are_those_of_the_specification() {
    let tags = events().into_iter().map(|content| {
        let bytes = event(content, 5, 0, 0).to_bytes().unwrap();
        (bytes[1], bytes[2])
    });
    let expected = [
        (1, 0),
        (1, 1),
        (1, 3),
        (0, 0),
        (0, 1),
        (0, 7),
        (2, 1),
        (4, 1),
        (5, 1),
    ];
    assert_eq!(tags.collect::<Vec<_>>(), expected);
}

#[test]
fn a_blob_is_read_as_it_was_written() {
    let bytes = blob(&elements(), 5, 7);
    let opened = EventBlob::open(Cursor::new(&bytes)).unwrap();
    assert_eq!(opened.header().previous(), Some(BlobId([3; 32])));
    assert_eq!(opened.header().epoch, 6);
    assert_eq!(
        (opened.first_checkpoint(), opened.last_checkpoint()),
        (5, 7)
    );
    let read: Vec<_> = opened.collect::<Result<_, _>>().unwrap();
    assert_eq!(read, elements());
    assert_eq!(Header::after(None, 6).previous(), None);
}

#[test]
fn an_event_that_is_not_known_has_no_bytes() {
    let unknown = ContractEvent::Unknown(UnknownEvent {
        event_type: "0x2::events::New".parse().unwrap(),
        contents: vec![],
    });
    let refused = event(unknown, 5, 0, 0).to_bytes().unwrap_err();
    assert!(matches!(refused, ElementError::Unknown { .. }), "{refused}");
}

#[test]
fn what_is_left_out_twice_or_missing_is_noticed() {
    let all = elements();
    for at in 0..all.len() {
        let mut without = all.clone();
        without.remove(at);
        assert!(read(&blob(&without, 5, 7)).is_err(), "without {at}");
        let mut twice = all.clone();
        twice.insert(at, all[at].clone());
        assert!(read(&blob(&twice, 5, 7)).is_err(), "{at} twice");
    }
    for (first, last) in [(4, 7), (6, 7), (5, 6), (5, 8), (7, 5)] {
        assert!(read(&blob(&all, first, last)).is_err(), "{first} to {last}");
    }
    let nothing = read(&blob(&[], 5, 7)).unwrap_err();
    assert!(matches!(nothing, EventBlobError::Unfinished { last: 7 }));
}

#[test]
fn frames_of_others_are_named() {
    let good = blob(&elements(), 5, 7);
    let format = |bytes: &[u8]| match read(bytes) {
        Err(EventBlobError::Format { offset, source }) => (offset, source),
        other => panic!("{other:?}"),
    };
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    let magic = format(&changed(0, 1));
    assert!(matches!(
        magic,
        (0, FormatError::Magic { found: 0x015E_A1CE })
    ));
    let version = format(&changed(7, 2));
    assert!(matches!(version, (0, FormatError::Version { found: 2 })));
    let encoding = format(&changed(HEADER_BYTES + 1, 2));
    assert!(matches!(encoding, (84, FormatError::Encoding { found: 2 })));
    // A length of which one byte more says nothing.
    let mut long = good.clone();
    let length = long[HEADER_BYTES];
    assert!(length < 0x80);
    long[HEADER_BYTES] = length | 0x80;
    long.insert(HEADER_BYTES + 1, 0);
    assert!(matches!(format(&long), (84, FormatError::LengthForm)));
    let mut huge = good.clone();
    huge.splice(HEADER_BYTES..HEADER_BYTES, [0xff, 0xff, 0xff, 0x7f]);
    let huge = format(&huge);
    assert!(matches!(huge, (84, FormatError::EntryTooLong { .. })));
    let short = read(&good[..99]).unwrap_err();
    assert!(matches!(short, EventBlobError::TooShort { bytes: 99 }));
    assert!(entry(&vec![0; MAX_ELEMENT_BYTES + 1]).is_err());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

proptest! {
    /// Nothing follows from damage but an error, or a blob of the same form with other elements.
    #[test]
    fn damage_panics_nobody(at in 0..600_usize, value: u8, cut in 0..700_usize) {
        let mut bytes = blob(&elements(), 5, 7);
        let length = bytes.len();
        bytes[at % length] = value;
        bytes.truncate(cut.max(1));
        if let Ok(elements) = read(&bytes) {
            let opened = EventBlob::open(Cursor::new(&bytes)).unwrap();
            let mut again = opened.header().to_bytes().to_vec();
            for element in &elements {
                again.extend(entry(&element.to_bytes().unwrap()).unwrap());
            }
            again.extend(trailer(opened.first_checkpoint(), opened.last_checkpoint()));
            prop_assert_eq!(again, bytes);
        }
    }
}
