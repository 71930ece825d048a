//! Event blobs: there is one form of each, and what is damaged ends with an error.

use std::io::Cursor;

use walrus_core::BlobId;
use walrus_fuzz::edited;
use walrus_sui::{
    event_blobs::{Content, Element, EventBlob, EventName, Header, entry, trailer},
    events::{ContractEvent, EpochChangeStart, ShardsReceived},
};

/// A blob of two checkpoints, the second one without events.
fn seed() -> Vec<u8> {
    let events = [
        ContractEvent::EpochChangeStart(EpochChangeStart { epoch: 2 }),
        ContractEvent::ShardsReceived(ShardsReceived {
            epoch: 2,
            shards: vec![],
        }),
    ];
    let name = EventName {
        tx_digest: [5; 32],
        sequence: 0,
    };
    let contents = events
        .into_iter()
        .map(|event| Content::Event { name, event })
        .chain([Content::Boundary, Content::Boundary]);
    let places = [(8, 0), (8, 1), (8, 2), (9, 0)];
    let mut bytes = Header::after(Some(BlobId([4; 32])), 1).to_bytes().to_vec();
    for ((content, (checkpoint, counter)), index) in contents.zip(places).zip(70..) {
        let element = Element {
            content,
            checkpoint,
            counter,
            index,
        };
        bytes.extend(entry(&element.to_bytes().unwrap()).unwrap());
    }
    bytes.extend(trailer(8, 9));
    bytes
}

#[test]
fn event_blobs() {
    let seeds = [seed()];
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let Ok(blob) = EventBlob::open(Cursor::new(&data)) else {
            return;
        };
        let mut again = blob.header().to_bytes().to_vec();
        let end = trailer(blob.first_checkpoint(), blob.last_checkpoint());
        for element in blob {
            let Ok(element) = element else {
                return;
            };
            again.extend(entry(&element.to_bytes().unwrap()).unwrap());
        }
        again.extend(end);
        assert_eq!(again, data);
    });
}
