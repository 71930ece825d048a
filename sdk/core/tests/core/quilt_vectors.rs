//! Every field of `quilt.json`, and quilts of which other readers lose bytes.

use std::collections::BTreeMap;

use serde_json::Value;
use walrus_core::{
    EncodingConfig, SliverIndex, SliverType, Threads,
    encoder::{BlobEncoder, EncodedBlob},
    quilt::{
        Identifier, IndexReader, NewPatch, PatchColumns, PatchReader, QuiltIndex, QuiltLayout,
        QuiltPatchId, Tags, WholeQuilt,
    },
};

use crate::vector_files::{bytes, index, linear, list, load, number, sha256, text};

struct Input {
    patch: NewPatch,
    data: Vec<u8>,
}

fn inputs(vector: &Value) -> Vec<Input> {
    let inputs = list(&vector["blobs_in_input_order"]).iter();
    inputs
        .map(|blob| {
            let data = linear(number(&blob["len"]) as usize);
            assert_eq!(sha256(&data), text(&blob["data_sha256"]));
            let tags: BTreeMap<String, String> =
                serde_json::from_value(blob["tags"].clone()).unwrap();
            Input {
                patch: NewPatch {
                    identifier: Identifier::new(text(&blob["identifier"])).unwrap(),
                    tags: Tags::new(tags).unwrap(),
                    length: data.len() as u64,
                },
                data,
            }
        })
        .collect()
}

fn layout(vector: &Value, inputs: &[Input]) -> (QuiltLayout, Vec<u8>) {
    let config = EncodingConfig::new(index(&vector["n_shards"])).unwrap();
    let patches = inputs.iter().map(|input| input.patch.clone()).collect();
    let layout = QuiltLayout::plan(config, patches).unwrap();
    let data: Vec<&[u8]> = inputs.iter().map(|input| input.data.as_slice()).collect();
    let quilt = layout.assemble_in_memory(|input| Ok(data[input])).unwrap();
    (layout, quilt)
}

fn encode(layout: &QuiltLayout, quilt: &[u8]) -> EncodedBlob {
    let encoder = BlobEncoder::new(*layout.geometry().config(), quilt).unwrap();
    encoder.with_threads(Threads::available()).encode().unwrap()
}

/// The secondary sliver that is a column.
fn column(encoded: &EncodedBlob, column: u16) -> &[u8] {
    let n = encoded.metadata.n_shards();
    let pair = SliverIndex(column).to_pair_index(SliverType::Secondary, n);
    encoded.pairs[pair.as_usize()].secondary.symbols.data()
}

fn read_index(layout: &QuiltLayout, encoded: &EncodedBlob) -> QuiltIndex {
    let mut reader = IndexReader::new(*layout.geometry());
    while let Some(wanted) = reader.wants() {
        reader.push(column(encoded, wanted)).unwrap();
        assert!(reader.needed() > wanted);
    }
    reader.finish().unwrap()
}

/// Reads a patch from nothing but its own slivers.
fn read_patch(
    layout: &QuiltLayout,
    encoded: &EncodedBlob,
    columns: PatchColumns,
) -> (String, Tags, Vec<u8>) {
    let mut reader = PatchReader::new(*layout.geometry(), columns).unwrap();
    let mut data = Vec::new();
    while let Some(wanted) = reader.wants() {
        assert!((columns.start..columns.end).contains(&wanted));
        data.extend_from_slice(reader.push(column(encoded, wanted)).unwrap());
    }
    let head = reader.finish().unwrap();
    (head.identifier, head.tags, data)
}

fn check(vector: &Value) {
    let inputs = inputs(vector);
    let (layout, quilt) = layout(vector, &inputs);
    assert_eq!(
        layout.geometry().symbol_size(),
        index(&vector["symbol_size"])
    );
    assert_eq!(quilt.len() as u64, number(&vector["quilt_len"]));
    assert_eq!(layout.quilt_length(), number(&vector["quilt_len"]));
    if let Some(expected) = vector.get("quilt_hex") {
        assert_eq!(quilt, bytes(expected));
    }
    assert_eq!(sha256(&quilt), text(&vector["quilt_sha256"]));
    let bcs = layout.index().to_bcs();
    assert_eq!(bcs.len() as u64, number(&vector["index_bcs_len"]));
    assert_eq!(sha256(&bcs), text(&vector["index_bcs_sha256"]));
    if let Some(expected) = vector.get("index_bcs_hex") {
        assert_eq!(bcs, bytes(expected));
    }
    let encoded = encode(&layout, &quilt);
    let quilt_id = *encoded.metadata.blob_id();
    assert_eq!(quilt_id.to_string(), text(&vector["quilt_blob_id"]));
    assert_eq!(
        hex::encode(quilt_id.as_bytes()),
        text(&vector["quilt_blob_id_hex"])
    );

    check_reading(vector, &inputs, &layout, &quilt);
}

/// Reads all patches from their slivers, and out of the whole quilt.
fn check_reading(vector: &Value, inputs: &[Input], layout: &QuiltLayout, quilt: &[u8]) {
    let encoded = encode(layout, quilt);
    let quilt_id = *encoded.metadata.blob_id();
    let index_read = read_index(layout, &encoded);
    assert_eq!(&index_read, layout.index());
    let whole = WholeQuilt::open(*layout.geometry().config(), quilt).unwrap();
    assert_eq!(whole.index(), layout.index());
    let expected = list(&vector["patches"]);
    assert_eq!(index_read.patches().len(), expected.len());
    for (patch, expected) in index_read.patches().iter().zip(expected) {
        assert_eq!(patch.identifier, text(&expected["identifier"]));
        assert_eq!(patch.columns.start, index(&expected["start_index"]));
        assert_eq!(patch.columns.end, index(&expected["end_index"]));
        let id = patch.id(quilt_id);
        assert_eq!(id.to_string(), text(&expected["patch_id"]));
        assert_eq!(
            text(&expected["patch_id"]).parse::<QuiltPatchId>().unwrap(),
            id
        );
        let input = inputs
            .iter()
            .find(|input| input.patch.identifier.as_str() == patch.identifier)
            .unwrap();
        let read = read_patch(layout, &encoded, patch.columns);
        let expected = (
            patch.identifier.clone(),
            input.patch.tags.clone(),
            input.data.clone(),
        );
        assert_eq!(read, expected);
        let (head, data) = whole.patch(patch.columns).unwrap();
        assert_eq!((head.identifier, head.tags, data), expected);
        assert_eq!(index_read.by_identifier(&patch.identifier), Some(patch));
        for (key, value) in &patch.tags {
            assert!(index_read.by_tag(key, value).any(|found| found == patch));
        }
    }
}

#[test]
fn quilts_of_another_writer() {
    for vector in list(&load("quilt.json")["quilts"]) {
        check(vector);
    }
}

/// Files whose header costs them a column, and indexes whose prefix does: other readers lose bytes there.
#[test]
fn quilts_of_another_writer_at_the_edges_of_columns() {
    let file = load("quilt-edges.json");
    let quilts = list(&file["quilts"]);
    assert_eq!(quilts.len(), 12);
    for vector in quilts {
        check(vector);
    }
}
