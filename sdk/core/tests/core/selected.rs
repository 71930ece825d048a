//! Slivers of choice: the same bytes as all at once, whatever the source and whichever are asked for.

use std::io::Write as _;

use walrus_core::{
    EncodingConfig, SliverIndex, SliverType, Threads, Work,
    encoder::{BlobEncoder, EncodeError, EncodedBlob, FileSource, SelectiveEncoder},
    sliver::SliverId,
    work::Cancellation,
};

fn config(n: u16) -> EncodingConfig {
    EncodingConfig::new(n).unwrap()
}

fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i % 251) as u8).collect()
}

fn id(sliver_type: SliverType, index: u16) -> SliverId {
    SliverId::new(sliver_type, SliverIndex(index))
}

fn expected(encoded: &EncodedBlob, sliver: SliverId) -> Vec<u8> {
    let n = u16::try_from(encoded.pairs.len()).unwrap();
    let pair = sliver.index().to_pair_index(sliver.sliver_type(), n);
    let pair = &encoded.pairs[pair.as_usize()];
    match sliver.sliver_type() {
        SliverType::Primary => pair.primary.to_bcs(),
        SliverType::Secondary => pair.secondary.to_bcs(),
    }
}

fn all(n: u16) -> Vec<SliverId> {
    [SliverType::Primary, SliverType::Secondary]
        .into_iter()
        .flat_map(|sliver_type| (0..n).map(move |index| id(sliver_type, index)))
        .collect()
}

#[test]
fn slivers_of_choice_are_those_of_the_whole_encoding() {
    // Sources on both sides of powers of two, padding, symbols of one block and of several strips.
    for (n, length) in [
        (4, 0),
        (4, 40_001),
        (7, 1),
        (10, 5000),
        (13, 300_007),
        (31, 70_000),
        (100, 3),
        (100, 400_000),
        (300, 70_000),
    ] {
        let blob = blob(length);
        let encoded = BlobEncoder::new(config(n), &blob)
            .unwrap()
            .encode()
            .unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&blob).unwrap();
        let file = FileSource::open(file.path()).unwrap();
        let memory: &[u8] = &blob;
        let some: Vec<_> = all(n)
            .into_iter()
            .rev()
            .enumerate()
            .filter_map(|(place, sliver)| (place % 3 != 1).then_some(sliver))
            .collect();
        for chosen in [all(n), some, vec![id(SliverType::Secondary, n - 1)]] {
            let in_memory = SelectiveEncoder::new(config(n), &memory).unwrap();
            let in_file = SelectiveEncoder::new(config(n), &file).unwrap();
            for encoder in [in_memory, in_file] {
                let encoder = encoder.with_work(Work::on(Threads::available()));
                // Memory with anything in it does as well as fresh one.
                let mut spare = vec![vec![7; 90_000], vec![9; 3]];
                let slivers = encoder.encode_in(&chosen, &mut spare).unwrap();
                assert!(spare.is_empty() || chosen.len() < 2);
                assert_eq!(slivers.len(), chosen.len());
                for (sliver, bytes) in chosen.iter().zip(&slivers) {
                    assert!(*bytes == expected(&encoded, *sliver), "{n}: {sliver:?}");
                }
            }
        }
    }
}

#[test]
fn one_asked_for_twice_comes_twice() {
    let blob = blob(5000);
    let blob = blob.as_slice();
    let encoder = SelectiveEncoder::new(config(10), &blob).unwrap();
    let chosen = [SliverType::Primary, SliverType::Secondary].map(|each| [id(each, 8); 2]);
    let slivers = encoder.encode(chosen.as_flattened()).unwrap();
    assert_eq!(slivers[0], slivers[1]);
    assert_eq!(slivers[2], slivers[3]);
    assert_ne!(slivers[0], slivers[2]);
}

#[test]
fn bytes_of_the_blob_are_read_from_anywhere() {
    let (n, blob) = (10, blob(4_900));
    let encoded = BlobEncoder::new(config(n), &blob)
        .unwrap()
        .encode()
        .unwrap();
    let blob = blob.as_slice();
    let encoder = SelectiveEncoder::new(config(n), &blob).unwrap();
    for sliver in all(n) {
        let whole = expected(&encoded, sliver);
        if !SelectiveEncoder::is_source(&config(n), sliver) {
            let read = encoder.read(sliver, 0, &mut [0]);
            assert_eq!(read, Err(EncodeError::NoSuchSliver { sliver }));
            continue;
        }
        for (offset, length) in [(0, whole.len()), (0, 1), (1, 200), (whole.len() - 3, 3)] {
            let mut part = vec![0; length];
            encoder.read(sliver, offset, &mut part).unwrap();
            assert_eq!(part, whole[offset..offset + length]);
        }
        for offset in 0..whole.len() - 7 {
            let mut part = [0; 7];
            encoder.read(sliver, offset, &mut part).unwrap();
            assert_eq!(part, whole[offset..offset + 7]);
        }
        let beyond = encoder.read(sliver, whole.len(), &mut [0]);
        assert!(beyond.is_err());
        assert!(encoder.read(sliver, usize::MAX, &mut [0]).is_err());
    }
}

#[test]
fn what_is_not_there_or_changes_is_an_error() {
    let blob = blob(5000);
    let memory = blob.as_slice();
    let encoder = SelectiveEncoder::new(config(10), &memory).unwrap();
    let sliver = id(SliverType::Primary, 10);
    let error = encoder.encode(&[sliver]).unwrap_err();
    assert_eq!(error, EncodeError::NoSuchSliver { sliver });

    let token = Cancellation::new();
    token.cancel();
    let cancelled = encoder.with_work(Work::new().with_cancellation(&token));
    let last = id(SliverType::Primary, 9);
    assert_eq!(cancelled.encode(&[last]), Err(EncodeError::Cancelled));

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&blob).unwrap();
    let source = FileSource::open(file.path()).unwrap();
    let encoder = SelectiveEncoder::new(config(10), &source).unwrap();
    encoder.encode(&[last]).unwrap();
    file.as_file().set_len(4999).unwrap();
    let error = encoder.encode(&[last]).unwrap_err();
    assert!(matches!(error, EncodeError::Truncated { .. }), "{error}");
    file.as_file().set_len(5001).unwrap();
    let error = encoder.encode(&[last]).unwrap_err();
    assert!(matches!(error, EncodeError::Changed { .. }), "{error}");
}
