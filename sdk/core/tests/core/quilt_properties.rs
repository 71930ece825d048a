//! What must hold for every quilt: shortest columns, bytes that come back, and bytes from outside that cannot do harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use proptest::{collection, prelude::*, sample::Index};
use walrus_core::{
    EncodingConfig, SliverType,
    quilt::{
        AssembleError, Geometry, Identifier, IndexReader, LayoutError, NewPatch, PatchReader,
        QuiltError, QuiltIndex, QuiltLayout, Tags, WholeQuilt,
    },
};

const HEADER: usize = 6;

fn patch(name: &str, length: usize) -> NewPatch {
    NewPatch {
        identifier: Identifier::new(name).unwrap(),
        tags: Tags::default(),
        length: length as u64,
    }
}

/// Bytes without a zero, so that a lost byte is seen.
fn data(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| ((i + 31 * seed) % 255 + 1) as u8)
        .collect()
}

/// Readers of patches in memory.
fn reader<'a>(data: &'a [&'a [u8]]) -> impl Fn(usize) -> io::Result<&'a [u8]> {
    |input| Ok(data[input])
}

fn config(n: u16) -> EncodingConfig {
    EncodingConfig::new(n).unwrap()
}

/// Column by column, as the specification has the place of each byte.
fn column(layout: &QuiltLayout, quilt: &[u8], column: u16) -> Vec<u8> {
    let geometry = layout.geometry();
    let symbol = usize::from(geometry.symbol_size());
    let row = usize::from(geometry.columns()) * symbol;
    let start = usize::from(column) * symbol;
    quilt
        .chunks_exact(row)
        .flat_map(|row| &row[start..start + symbol])
        .copied()
        .collect()
}

fn read_by_columns(layout: &QuiltLayout, quilt: &[u8]) -> Vec<(String, Tags, Vec<u8>)> {
    let mut reader = IndexReader::new(*layout.geometry());
    while let Some(wanted) = reader.wants() {
        reader.push(&column(layout, quilt, wanted)).unwrap();
    }
    let index = reader.finish().unwrap();
    assert_eq!(&index, layout.index());
    let patches = index.patches().iter();
    patches
        .map(|patch| {
            let mut reader = PatchReader::new(*layout.geometry(), patch.columns).unwrap();
            let mut data = Vec::new();
            while let Some(wanted) = reader.wants() {
                data.extend_from_slice(reader.push(&column(layout, quilt, wanted)).unwrap());
            }
            let head = reader.finish().unwrap();
            assert_eq!(
                (&head.identifier, &head.tags),
                (&patch.identifier, &patch.tags)
            );
            (head.identifier, head.tags, data)
        })
        .collect()
}

/// The smallest even symbol for which everything fits, found by trying each.
fn smallest_symbol(config: EncodingConfig, sizes: &[usize]) -> usize {
    let rows = usize::from(config.source_symbols(SliverType::Primary));
    let columns = usize::from(config.source_symbols(SliverType::Secondary));
    let fits = |symbol: usize| {
        let column = symbol * rows;
        let needed: usize = sizes.iter().map(|size| size.div_ceil(column)).sum();
        // At least the prefix of the index is in the first column.
        needed <= columns && sizes[0].div_ceil(column) <= 10 && column >= 5
    };
    // Whether it fits is asked of every size, odd ones too; the first is rounded up.
    let first = (1..).find(|symbol| fits(*symbol)).unwrap();
    first.next_multiple_of(2)
}

type Patches = BTreeMap<String, (BTreeMap<String, String>, Vec<u8>)>;

fn patches(most: usize) -> impl Strategy<Value = Patches> {
    let tags = collection::btree_map("[a-z]{1,3}", ".{0,8}", 0..3);
    let length = prop_oneof![0..40_usize, 0..3_000_usize];
    let content = (tags, length).prop_map(|(tags, length)| (tags, data(length, length)));
    let name = "[a-c/é𠮷Ａ]{0,6}[a-cÿ]";
    collection::btree_map(name, content, 1..=most)
}

fn shape() -> impl Strategy<Value = (u16, Patches)> {
    prop_oneof![
        Just((4, 2)),
        Just((7, 4)),
        Just((10, 6)),
        Just((31, 20)),
        Just((100, 30))
    ]
    .prop_flat_map(|(n, most)| (Just(n), patches(most)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_put_in_comes_out((n, patches) in shape(), rotate: Index) {
        let mut input: Vec<_> = patches.iter().collect();
        input.rotate_left(rotate.index(patches.len()));
        let new = |(name, (tags, data)): &(&String, &(BTreeMap<String, String>, Vec<u8>))| NewPatch {
            tags: Tags::new(tags.clone()).unwrap(),
            ..patch(name, data.len())
        };
        let layout = QuiltLayout::plan(config(n), input.iter().map(new).collect()).unwrap();
        let bytes: Vec<&[u8]> = input.iter().map(|(_, (_, data))| data.as_slice()).collect();
        let quilt = layout.assemble_in_memory(|input| Ok(bytes[input])).unwrap();

        let expected: Vec<_> = patches
            .iter()
            .map(|(name, (tags, data))| (name.clone(), Tags::new(tags.clone()).unwrap(), data.clone()))
            .collect();
        prop_assert_eq!(read_by_columns(&layout, &quilt), expected.clone());
        let whole = WholeQuilt::open(config(n), quilt.as_slice()).unwrap();
        for (patch, expected) in whole.index().patches().iter().zip(expected) {
            let (head, data) = whole.patch(patch.columns).unwrap();
            prop_assert_eq!((head.identifier, head.tags, data), expected);
        }

        let head = |name: &str, tags: &BTreeMap<String, String>| {
            let tags_length = if tags.is_empty() { 0 } else { 2 + bcs::serialized_size(tags).unwrap() };
            HEADER + 2 + bcs::serialized_size(name).unwrap() + tags_length
        };
        let sizes: Vec<usize> = std::iter::once(5 + layout.index().to_bcs().len())
            .chain(patches.iter().map(|(name, (tags, data))| head(name, tags) + data.len()))
            .collect();
        prop_assert_eq!(usize::from(layout.geometry().symbol_size()), smallest_symbol(config(n), &sizes));
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_quilt(
        start in collection::vec(any::<u8>(), 0..60), plausible: bool, symbol in 1..40_u64,
    ) {
        let mut quilt = vec![0; 15 * 2 * symbol as usize];
        for (place, byte) in quilt.iter_mut().zip(&start) {
            *place = *byte;
        }
        if plausible {
            let (first, rest) = quilt.split_at_mut(1);
            first[0] = 1;
            rest[1..4].fill(0);
        }
        if let Ok(whole) = WholeQuilt::open(config(7), quilt.as_slice()) {
            for patch in whole.index().patches() {
                let _ = whole.patch(patch.columns);
            }
        }
        let geometry = Geometry::of_quilt(config(7), quilt.len() as u64).unwrap();
        let _ = QuiltIndex::from_bcs(&start, &geometry);
    }

    #[test]
    fn a_changed_byte_changes_no_more_than_what_it_is_in(place: Index, value: u8) {
        let (one, other) = (data(50, 1), data(70, 2));
        let layout = QuiltLayout::plan(config(10), vec![patch("one", 50), patch("other", 70)]).unwrap();
        let mut quilt = layout.assemble_in_memory(reader(&[&one, &other])).unwrap();
        let place = place.index(quilt.len());
        quilt[place] = value;
        let symbol = usize::from(layout.geometry().symbol_size());
        let row = usize::from(layout.geometry().columns()) * symbol;
        let changed = (place % row / symbol) as u16;
        for (patch, data) in layout.index().patches().iter().zip([one, other]) {
            let whole = WholeQuilt::open(config(10), quilt.as_slice());
            if let Ok(whole) = whole && !(patch.columns.start..patch.columns.end).contains(&changed) {
                prop_assert_eq!(whole.patch(patch.columns).unwrap().1, data);
            }
        }
    }
}

/// One patch whose header costs it one column more than its bytes would take, and lengths around it.
#[test]
fn patches_that_end_at_the_end_of_a_column() {
    let column_size = QuiltLayout::plan(config(100), vec![patch("a", 10), patch("b", 40_000)])
        .unwrap()
        .geometry()
        .column_size();
    let mut columns = BTreeSet::new();
    for length in column_size - 30..column_size + 30 {
        let (a, b) = (data(length, 1), data(40_000, 2));
        let layout =
            QuiltLayout::plan(config(100), vec![patch("a", length), patch("b", 40_000)]).unwrap();
        assert_eq!(layout.geometry().column_size(), column_size);
        let quilt = layout.assemble_in_memory(reader(&[&a, &b])).unwrap();
        columns.insert(layout.index().patches()[0].columns.count());
        let read = read_by_columns(&layout, &quilt);
        assert_eq!((&read[0].2, &read[1].2), (&a, &b), "length {length}");
    }
    assert_eq!(columns, BTreeSet::from([1, 2]));
}

/// Names that make the index end just before, at and just after the end of a column.
#[test]
fn indexes_that_end_at_the_end_of_a_column() {
    let mut columns = BTreeSet::new();
    for length in 60..=72 {
        let names = ["a".to_owned(), "b".repeat(20), "c".repeat(length - 34)];
        let contents = [data(4, 1), data(4, 2), data(4, 3)];
        let new = names.iter().map(|name| patch(name, 4)).collect();
        let layout = QuiltLayout::plan(config(100), new).unwrap();
        assert_eq!(layout.index().to_bcs().len(), length);
        assert_eq!(layout.geometry().column_size(), 68);
        let quilt = layout
            .assemble_in_memory(reader(&[&contents[0], &contents[1], &contents[2]]))
            .unwrap();
        columns.insert(layout.index().patches()[0].columns.start);
        let read = read_by_columns(&layout, &quilt);
        for ((name, content), (read_name, _, read)) in names.iter().zip(&contents).zip(&read) {
            assert_eq!((name, content), (read_name, read), "index of {length}");
        }
    }
    assert_eq!(columns, BTreeSet::from([1, 2]));
}

#[test]
fn patches_that_make_no_quilt_say_why() {
    let plan = |n, patches| QuiltLayout::plan(config(n), patches).map(|_| ());
    assert_eq!(plan(7, vec![]), Err(LayoutError::Empty));
    let five: Vec<_> = (0..5).map(|i| patch(&i.to_string(), 1)).collect();
    let too_many = LayoutError::TooManyPatches {
        count: 5,
        max: 4,
        n_shards: 7,
    };
    assert_eq!(plan(7, five.clone()), Err(too_many));
    assert_eq!(plan(10, five), Ok(()));
    let twice = vec![patch("a", 1), patch("b", 1), patch("a", 2)];
    let duplicate = LayoutError::Duplicate {
        identifier: "a".to_owned(),
    };
    assert_eq!(plan(7, twice), Err(duplicate));
    let long = LayoutError::PatchTooLong {
        identifier: "a".to_owned(),
        length: 1 << 32,
    };
    assert_eq!(plan(1000, vec![patch("a", 1 << 32)]), Err(long));
    // Four columns of three rows, and a fifth for the index.
    let most = 4 * 3 * 65_534;
    assert_eq!(plan(7, vec![patch("a", most - 10)]), Ok(()));
    assert!(matches!(
        plan(7, vec![patch("a", most - 9)]),
        Err(LayoutError::TooLarge { .. })
    ));
}

#[test]
fn a_patch_that_changes_meanwhile_is_an_error() {
    let layout = QuiltLayout::plan(config(7), vec![patch("a", 5)]).unwrap();
    for found in [0, 4, 6, 100] {
        let changed = AssembleError::Changed {
            identifier: "a".to_owned(),
            planned: 5,
            found: found.min(6),
        };
        assert_eq!(
            layout.assemble_in_memory(reader(&[&data(found as usize, 1)])),
            Err(changed)
        );
    }
}

#[test]
fn an_index_that_lies_is_refused() {
    let geometry = Geometry::of_quilt(config(7), 30 * 20).unwrap();
    let entry = |end: u8| [end, 0, 1, b'a', 0];
    let index = |ends: &[u8]| {
        let count = [ends.len() as u8];
        [
            &count[..],
            &ends.iter().flat_map(|end| entry(*end)).collect::<Vec<_>>(),
        ]
        .concat()
    };
    let columns = |ends: &[u8]| {
        let index = QuiltIndex::from_bcs(&index(ends), &geometry);
        index.map(|index| {
            index
                .patches()
                .iter()
                .map(|patch| (patch.columns.start, patch.columns.end))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(columns(&[2, 5]), Ok(vec![(1, 2), (2, 5)]));
    for ends in [&[1][..], &[0], &[2, 2], &[3, 2], &[6]] {
        assert!(
            matches!(columns(ends), Err(QuiltError::Columns { .. })),
            "{ends:?}"
        );
    }
    let too_many = QuiltError::TooManyPatches { count: 5, max: 4 };
    assert_eq!(columns(&[2, 3, 4, 5, 6]), Err(too_many));
    let lengthy = [&index(&[2])[..], &[0]].concat();
    assert!(matches!(
        QuiltIndex::from_bcs(&lengthy, &geometry),
        Err(QuiltError::Index(_))
    ));
    let huge_count = [0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(matches!(
        QuiltIndex::from_bcs(&huge_count, &geometry),
        Err(QuiltError::TooManyPatches { .. })
    ));
    assert_eq!(
        Geometry::of_quilt(config(7), 15),
        Err(QuiltError::WrongLength {
            length: 15,
            symbols: 15
        })
    );
    assert!(Geometry::of_quilt(config(7), 0).is_err());
    assert!(Geometry::of_quilt(config(7), 31).is_err());
}

#[cfg(feature = "files")]
#[test]
fn a_quilt_in_a_file_is_the_one_in_memory() {
    let (a, b) = (data(5_000, 1), data(70, 2));
    let layout = QuiltLayout::plan(config(31), vec![patch("b", 70), patch("a", 5_000)]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    layout
        .assemble_in_file(reader(&[&b, &a]), file.as_file())
        .unwrap();
    let quilt = layout.assemble_in_memory(reader(&[&b, &a])).unwrap();
    assert_eq!(std::fs::read(file.path()).unwrap(), quilt);
}
