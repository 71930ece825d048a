//! Slivers in one file: the same as in memory and in a directory, and errors for what is not there.

use std::{fs, io};

use proptest::prelude::*;
use walrus_core::{
    Axis, EncodingConfig, Primary, Secondary, SliverData, SliverIndex, SliverType, Threads,
    VerifiedBlobMetadataWithId, Work,
    decoder::{ConsistencyCheck, DecodeError, SliverSource, StreamDecoder},
    encoder::{BlobEncoder, DirectorySink, EncodeError, EncodedBlob, SliverSink, StreamEncoder},
    sliver::SliverId,
    spool::SliverSpool,
};

fn config(n: u16) -> EncodingConfig {
    EncodingConfig::new(n).unwrap()
}

fn blob(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i % 251) as u8).collect()
}

fn empty(n: u16, length: usize) -> SliverSpool {
    SliverSpool::new(tempfile::tempfile().unwrap(), &config(n), length as u64).unwrap()
}

/// Encodes into a spool, with so little memory that slivers come in pieces.
fn spooled(n: u16, blob: &[u8]) -> (SliverSpool, VerifiedBlobMetadataWithId) {
    let spool = empty(n, blob.len());
    let metadata = StreamEncoder::new(config(n), &blob)
        .unwrap()
        .with_work(Work::on(Threads::available()).with_memory(1 << 16))
        .encode_to(&spool)
        .unwrap();
    (spool, metadata)
}

fn in_memory(n: u16, blob: &[u8]) -> EncodedBlob {
    BlobEncoder::new(config(n), blob).unwrap().encode().unwrap()
}

fn check_against_memory(n: u16, blob: &[u8]) {
    let (spool, metadata) = spooled(n, blob);
    let expected = in_memory(n, blob);
    assert_eq!(metadata, expected.metadata);
    for pair in &expected.pairs {
        let primary = spool.to_bcs(SliverId::Primary(pair.primary.index));
        assert_eq!(primary.unwrap(), pair.primary.to_bcs());
        let secondary = spool.to_bcs(SliverId::Secondary(pair.secondary.index));
        assert_eq!(secondary.unwrap(), pair.secondary.to_bcs());
    }
    for sliver_type in [SliverType::Primary, SliverType::Secondary] {
        assert_eq!(spool.available(sliver_type).len(), usize::from(n));
    }
    let decoder = StreamDecoder::new(&metadata, &spool);
    assert_eq!(decoder.decode().unwrap(), blob);
    let file = tempfile::NamedTempFile::new().unwrap();
    decoder.decode_to_open_file(file.as_file()).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), blob);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_spooled_blob_is_the_one_in_memory(n in 4_u16..40, length in 0_usize..20_000) {
        check_against_memory(n, &blob(length));
    }

    #[test]
    fn any_slivers_that_suffice_give_the_blob(
        n in 4_u16..40,
        length in 1_usize..20_000,
        first in any::<prop::sample::Index>(),
        secondary in any::<bool>(),
    ) {
        let blob = blob(length);
        let encoded = in_memory(n, &blob);
        let spool = empty(n, length);
        let sliver_type = if secondary { SliverType::Secondary } else { SliverType::Primary };
        let needed = usize::from(config(n).source_symbols(sliver_type));
        let primary_needed = usize::from(config(n).source_symbols(SliverType::Primary));
        let start = first.index(usize::from(n));
        let pairs = encoded.pairs.iter().cycle().skip(start).take(needed);
        let mut decoder = StreamDecoder::new(&encoded.metadata, &spool);
        decoder = decoder.with_check(ConsistencyCheck::Strict);
        for (done, pair) in pairs.enumerate() {
            // The error is about the sliver type that misses fewest, and there are always some primary slivers missing.
            let missing = (needed - done).min(primary_needed);
            let too_few = decoder.decode().unwrap_err();
            prop_assert!(
                matches!(too_few, DecodeError::NotEnoughSlivers { have, need, .. } if need - have == missing),
                "{too_few}"
            );
            if secondary {
                spool.put(&pair.secondary).unwrap();
            } else {
                spool.put(&pair.primary).unwrap();
            }
        }
        prop_assert_eq!(decoder.decode().unwrap(), blob);
    }
}

#[test]
fn the_spool_of_a_large_blob_is_like_its_directory() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("encoded");
    let blob = blob(700_000);
    let sink = DirectorySink::create(&target, &config(100), blob.len() as u64).unwrap();
    let source = blob.as_slice();
    let encoder = StreamEncoder::new(config(100), &source).unwrap();
    let metadata = encoder.encode_to(&sink).unwrap();
    sink.commit(&metadata).unwrap();
    let (spool, spooled_metadata) = spooled(100, &blob);
    assert_eq!(spooled_metadata, metadata);
    let mut total = 0;
    for index in (0..100).map(SliverIndex) {
        for sliver in [SliverId::Primary(index), SliverId::Secondary(index)] {
            let expected = fs::read(target.join(DirectorySink::sliver_file(sliver))).unwrap();
            assert_eq!(spool.to_bcs(sliver).unwrap(), expected);
            total += expected.len() as u64;
        }
    }
    let length = SliverSpool::file_length(&config(100), blob.len() as u64);
    assert_eq!(length.unwrap(), total);
}

fn first_sliver<T: Axis>(n: u16, length: usize) -> SliverData<T> {
    let encoded = in_memory(n, &blob(length));
    let pair = encoded.pairs.into_iter().next().unwrap();
    let bytes = match T::TYPE {
        SliverType::Primary => pair.primary.to_bcs(),
        SliverType::Secondary => pair.secondary.to_bcs(),
    };
    SliverData::from_bcs(&bytes, &encoded.metadata).unwrap()
}

#[test]
fn what_is_not_there_or_does_not_fit_is_an_error() {
    let spool = empty(10, 5000);
    let sliver = SliverId::Primary(SliverIndex(3));
    let kind = |result: io::Result<()>| result.unwrap_err().kind();
    let absent = spool.to_bcs(sliver).unwrap_err();
    assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    let absent = kind(spool.read_at(sliver, 0, &mut [0; 10]));
    assert_eq!(absent, io::ErrorKind::NotFound);
    // Half a sliver is none.
    spool.write(sliver, 0, &[1; 10]).unwrap();
    assert!(spool.available(SliverType::Primary).is_empty());

    let invalid = io::ErrorKind::InvalidInput;
    let beyond = SliverId::Secondary(SliverIndex(10));
    assert_eq!(kind(spool.write(beyond, 0, &[1])), invalid);
    assert_eq!(kind(spool.complete(beyond)), invalid);
    assert_eq!(kind(spool.write(sliver, usize::MAX, &[1])), invalid);
    assert_eq!(kind(spool.write(sliver, 0, &[1; 5000])), invalid);
    assert_eq!(kind(spool.put(&first_sliver::<Primary>(10, 4))), invalid);
    assert_eq!(
        kind(spool.put(&first_sliver::<Secondary>(7, 5000))),
        invalid
    );
    spool.complete(sliver).unwrap();
    assert_eq!(kind(spool.read_at(sliver, 1, &mut [0; 5000])), invalid);

    let too_large = SliverSpool::file_length(&config(10), 2_000_000);
    assert!(too_large.is_err());
}

/// Every write to this device fails as on a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_encoding() {
    let full = fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/full")
        .unwrap();
    let blob = blob(5000);
    let spool = SliverSpool::new(full, &config(10), 5000).unwrap();
    let source = blob.as_slice();
    let encoder = StreamEncoder::new(config(10), &source).unwrap();
    let error = encoder.encode_to(&spool).unwrap_err();
    assert!(
        matches!(&error, EncodeError::Sink { error, .. } if error.kind == io::ErrorKind::StorageFull),
        "{error}"
    );
    assert!(spool.put(&first_sliver::<Primary>(10, 5000)).is_err());
    assert!(spool.available(SliverType::Primary).is_empty());
}
