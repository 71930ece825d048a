//! Quilts: whoever stored the blob chose all of its bytes, and what is read of it stays within its columns.

use std::collections::BTreeMap;

use walrus_core::{
    EncodingConfig,
    quilt::{
        Geometry, Identifier, NewPatch, QuiltIndex, QuiltLayout, QuiltPatchId, Tags, WholeQuilt,
    },
};
use walrus_fuzz::edited;

const CONTENTS: [&[u8]; 3] = [b"text of a", b"", &[7; 300]];

fn layout(config: EncodingConfig) -> QuiltLayout {
    let tags = BTreeMap::from([
        ("type".to_owned(), "text".to_owned()),
        ("k".to_owned(), String::new()),
    ]);
    let patch = |(number, content): (usize, &&[u8])| NewPatch {
        identifier: Identifier::new(format!("patch {number}")).unwrap(),
        tags: Tags::new(if number == 0 {
            tags.clone()
        } else {
            BTreeMap::new()
        })
        .unwrap(),
        length: content.len() as u64,
    };
    QuiltLayout::plan(config, CONTENTS.iter().enumerate().map(patch).collect()).unwrap()
}

#[test]
fn quilts() {
    let config = EncodingConfig::new(10).unwrap();
    let quilt = layout(config)
        .assemble_in_memory(|input| Ok(CONTENTS[input]))
        .unwrap();
    let length = quilt.len();
    let seeds = [quilt];
    super::fuzz!(4000, move |bytes: &[u8]| {
        let mut data = edited(&seeds, bytes);
        // Every length but a few is refused at once.
        data.resize(length, 0);
        let Ok(whole) = WholeQuilt::open(config, data.as_slice()) else {
            return;
        };
        for patch in whole.index().patches() {
            if let Ok((head, data)) = whole.patch(patch.columns) {
                assert_eq!(head.data_length, data.len() as u64);
                let columns = usize::from(patch.columns.count());
                assert!(head.data_offset + data.len() <= columns * whole.geometry().column_size());
            }
        }
    });
}

#[test]
fn indexes_and_patch_ids() {
    let config = EncodingConfig::new(10).unwrap();
    let layout = layout(config);
    let geometry: Geometry = *layout.geometry();
    let id = layout.index().patches()[0]
        .id(walrus_core::BlobId([7; 32]))
        .to_bytes();
    let seeds = [layout.index().to_bcs(), id.to_vec()];
    super::fuzz!(4000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        if let Ok(index) = QuiltIndex::from_bcs(&data, &geometry) {
            assert_eq!(index.to_bcs(), data);
        }
        if let Ok(id) = QuiltPatchId::try_from(data.as_slice()) {
            assert_eq!(id.to_bytes().as_slice(), data);
            assert_eq!(id.to_string().parse::<QuiltPatchId>().unwrap(), id);
        }
    });
}
