//! The encoder gives bit for bit what the naive one does: over sizes, shard counts, threads, memory limits,
//! instruction sets, sources and sinks.

use std::{collections::BTreeMap, io, io::Cursor, sync::Arc, sync::Mutex};

use proptest::{collection::vec, prelude::*, sample::select};
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use walrus_core::{
    EncodingConfig, SliverType, Threads, VerifiedBlobMetadataWithId, Work,
    blob_source::{BlobSource, SeekSource},
    encoder::{BlobEncoder, SliverSink, StreamEncoder},
    hashing::HashKernel,
    merkle::Node,
    sliver::SliverId,
};

use crate::oracle;

#[derive(Default)]
struct Kept {
    slivers: Mutex<BTreeMap<SliverId, Vec<u8>>>,
    small_pieces: bool,
}

impl SliverSink for Kept {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> io::Result<()> {
        let mut slivers = self.slivers.lock().unwrap();
        let kept = slivers.entry(sliver).or_default();
        let end = offset + data.len();
        kept.resize(kept.len().max(end), 0);
        kept[offset..end].copy_from_slice(data);
        Ok(())
    }

    fn takes_small_pieces(&self) -> bool {
        self.small_pieces
    }
}

/// How to encode, of which nothing may depend.
#[derive(Debug, Clone)]
struct Way {
    threads: Threads,
    memory: usize,
    kernel: HashKernel,
    small_pieces: bool,
    from_memory: bool,
}

fn pool(threads: usize) -> Threads {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    Threads::pool(Arc::new(builder.build().unwrap()))
}

fn ways() -> impl Strategy<Value = Way> {
    let kernels: Vec<_> = HashKernel::available().collect();
    let threads = prop_oneof![
        (1usize..6).prop_map(|count| Threads::new(count.try_into().unwrap())),
        (1usize..4).prop_map(pool),
    ];
    // 0 works column by column, in strips of 128 bytes; the numbers between, of any magnitude, in strips of any length.
    let memory = prop_oneof![
        select(vec![0, usize::MAX]),
        (8..24u32).prop_flat_map(|bits| 0..1usize << bits),
    ];
    (
        threads,
        memory,
        select(kernels),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(threads, memory, kernel, small_pieces, from_memory)| Way {
            threads,
            memory,
            kernel,
            small_pieces,
            from_memory,
        })
}

fn compare(n: u16, blob: &[u8], way: &Way, expected: &oracle::Encoded) {
    let config = EncodingConfig::new(n).unwrap();
    let seek = SeekSource::new(Cursor::new(blob)).unwrap();
    let source: &dyn BlobSource = if way.from_memory { &blob } else { &seek };
    let encoder = StreamEncoder::new(config, source)
        .unwrap()
        .with_work(Work::on(way.threads.clone()).with_memory(way.memory))
        .with_hash_kernel(way.kernel);
    let kept = Kept {
        small_pieces: way.small_pieces,
        ..Kept::default()
    };
    let metadata = encoder.encode_to(&kept).unwrap();
    compare_metadata(&metadata, expected);
    let slivers = kept.slivers.into_inner().unwrap();
    for index in 0..n {
        let (primary, secondary) = (
            SliverId::Primary(index.into()),
            SliverId::Secondary(index.into()),
        );
        assert!(
            slivers[&primary] == expected.primary[usize::from(index)],
            "primary {index}"
        );
        assert!(
            slivers[&secondary] == expected.secondary[usize::from(index)],
            "secondary {index}"
        );
    }
    assert_eq!(encoder.compute_metadata().unwrap(), metadata);
}

fn compare_metadata(metadata: &VerifiedBlobMetadataWithId, expected: &oracle::Encoded) {
    assert_eq!(metadata.blob_id().0, expected.blob_id);
    for (sliver_type, hashes) in [
        (SliverType::Primary, &expected.primary_hashes),
        (SliverType::Secondary, &expected.secondary_hashes),
    ] {
        for (index, hash) in hashes.iter().enumerate() {
            let found = metadata
                .sliver_hash(sliver_type, (index as u16).into())
                .unwrap();
            assert_eq!(*found, Node::Digest(*hash), "{sliver_type} {index}");
        }
    }
}

/// Random bytes with a stretch of zeros, so that some rows and columns are zero.
fn blobs(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    let lengths = prop_oneof![0..100usize, 0..longest];
    (lengths, any::<u64>(), 0.0..1.0f64).prop_map(|(length, seed, filled)| {
        let filled = if filled < 0.7 {
            length
        } else {
            (length as f64 * (filled - 0.7)) as usize
        };
        let mut blob = vec![0; length];
        SmallRng::seed_from_u64(seed).fill_bytes(&mut blob[..filled]);
        blob
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn few_shards(n in select(vec![4u16, 5, 7, 10, 13, 16, 31, 33]), blob in blobs(200_000), ways in vec(ways(), 2)) {
        let blob = &blob[..blob.len().min(EncodingConfig::new(n).unwrap().max_blob_size() as usize)];
        let expected = oracle::encode(usize::from(n), blob);
        for way in ways {
            compare(n, blob, &way, &expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_hundred_shards(blob in blobs(3_000_000), ways in vec(ways(), 3)) {
        let expected = oracle::encode(100, &blob);
        for way in ways {
            compare(100, &blob, &way, &expected);
        }
    }
}

/// Symbols longer than a tile: strips of eight columns at a time, and of one.
#[test]
fn strips() {
    for (n, length) in [(100, 2_600_000), (100, 7_000_001), (520, 86_000_000)] {
        let blob: Vec<u8> = (0..length as u64).map(|i| ((i * i) >> 7) as u8).collect();
        let expected = oracle::encode(usize::from(n), &blob);
        for (kernel, from_memory) in HashKernel::available().zip([true, false, true]) {
            let way = Way {
                threads: Threads::available(),
                memory: if from_memory { usize::MAX } else { 1 << 20 },
                kernel,
                small_pieces: from_memory,
                from_memory,
            };
            compare(n, &blob, &way, &expected);
        }
    }
}

/// Strips of 1408 bytes, of which four columns make a tile, and a last one of 1192, of which eight would.
#[test]
fn a_shorter_last_strip() {
    let blob: Vec<u8> = (0..24 * 47 * 2600)
        .map(|i: u64| ((i * i) >> 7) as u8)
        .collect();
    let expected = oracle::encode(70, &blob);
    for small_pieces in [true, false] {
        let way = Way {
            threads: Threads::ONE,
            memory: 1_313_000,
            kernel: HashKernel::detect(),
            small_pieces,
            from_memory: true,
        };
        compare(70, &blob, &way, &expected);
    }
}

#[test]
fn a_thousand_shards() {
    let symbols = 334 * 667;
    // Symbols of 2 (looked up), 6 (packed), 60 and 152 bytes (with tails).
    let mut random = SmallRng::seed_from_u64(1);
    for (length, memory) in [
        (1, usize::MAX),
        (300_000, usize::MAX),
        (1 << 20, usize::MAX),
        (symbols * 152 - 5, usize::MAX),
        (symbols * 60 - 5, 1 << 20),
    ] {
        let mut blob = vec![0; length];
        random.fill_bytes(&mut blob);
        let expected = oracle::encode(1000, &blob);
        let way = Way {
            threads: Threads::available(),
            memory,
            kernel: HashKernel::detect(),
            small_pieces: false,
            from_memory: memory == usize::MAX,
        };
        compare(1000, &blob, &way, &expected);
        let config = EncodingConfig::new(1000).unwrap();
        let encoded = BlobEncoder::new(config, &blob).unwrap().encode().unwrap();
        compare_metadata(&encoded.metadata, &expected);
        for (index, pair) in encoded.pairs.iter().enumerate() {
            assert!(pair.primary.symbols.data() == expected.primary[index]);
            assert!(pair.secondary.symbols.data() == expected.secondary[999 - index]);
        }
    }
}
