//! Decoding, streaming or not, gives back the blob from every legal subset of slivers, and hashes, expansions
//! and recovered slivers are those of the one-codeword-at-a-time code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    sync::{Arc, Mutex},
};

use proptest::{prelude::*, sample::select};
use rand::{RngCore, SeedableRng, rngs::SmallRng};
use walrus_core::{
    Axis, EncodingConfig, Primary, Secondary, SliverData, SliverIndex, SliverPair, SliverType,
    Threads, VerifiedBlobMetadataWithId, Work,
    codec::LinearCode,
    decoder::{
        BlobDecoder, ConsistencyCheck, DecodeError, DirectorySource, SliverSource, StreamDecoder,
        decode_and_check,
    },
    encoder::{BlobEncoder, DirectorySink, EncodedBlob, StreamEncoder},
    merkle::MerkleTree,
    recovery::{SymbolTree, recover_sliver},
    sliver::SliverId,
    work::{Cancellation, Progress},
};

fn blob(length: usize, seed: u64) -> Vec<u8> {
    let mut blob = vec![0; length];
    SmallRng::seed_from_u64(seed).fill_bytes(&mut blob);
    blob
}

fn encode(n: u16, blob: &[u8]) -> EncodedBlob {
    let config = EncodingConfig::new(n).unwrap();
    BlobEncoder::new(config, blob).unwrap().encode().unwrap()
}

/// `count` of `0..n` that depend on the seed, in no order.
fn pick(n: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    let bytes = blob(8 * n, seed);
    for i in (1..n).rev() {
        let random = u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        order.swap(i, (random % (i as u64 + 1)) as usize);
    }
    order.truncate(count);
    order
}

trait OfPair: Axis {
    fn of(pair: &SliverPair) -> SliverData<Self>;
}

impl OfPair for Primary {
    fn of(pair: &SliverPair) -> SliverData<Self> {
        pair.primary.clone()
    }
}

impl OfPair for Secondary {
    fn of(pair: &SliverPair) -> SliverData<Self> {
        pair.secondary.clone()
    }
}

/// The source slivers, concatenated, codeword by codeword with the plain code.
fn naive<T: Axis>(config: &EncodingConfig, size: u16, slivers: &[SliverData<T>]) -> Vec<Vec<u8>> {
    let code = LinearCode::of_type(config, T::TYPE, size).unwrap();
    (0..usize::from(config.symbols_per_sliver(T::TYPE)))
        .map(|position| {
            let symbols = slivers.iter().map(|sliver| {
                let symbol = sliver.symbols.get(position).unwrap();
                (sliver.index.as_usize(), symbol)
            });
            code.decode(symbols).unwrap()
        })
        .collect()
}

fn subset<T: OfPair>(encoded: &EncodedBlob, seed: u64) -> Vec<SliverData<T>> {
    let n = encoded.pairs.len();
    let count = usize::from(encoded.metadata.config().source_symbols(T::TYPE));
    let picked = pick(n, count, seed);
    picked.iter().map(|i| T::of(&encoded.pairs[*i])).collect()
}

fn decodes<T: OfPair>(encoded: &EncodedBlob, blob: &[u8], seed: u64, threads: &Threads) {
    let slivers = subset::<T>(encoded, seed);
    let check = ConsistencyCheck::Default;
    let decoded =
        decode_and_check(&encoded.metadata, slivers.clone(), check, threads.clone()).unwrap();
    assert!(decoded == blob, "{} of {} bytes", T::TYPE, blob.len());
    let config = encoded.metadata.config();
    let symbol = encoded.metadata.symbol_size().get();
    let columns = usize::from(config.secondary_source_symbols());
    let mut padded = decoded;
    let rows = usize::from(config.primary_source_symbols());
    padded.resize(rows * columns * usize::from(symbol), 0);
    let symbols: Vec<_> = padded.chunks_exact(usize::from(symbol)).collect();
    for (position, codeword) in naive(config, symbol, &slivers).iter().enumerate() {
        for (index, data) in codeword.chunks_exact(usize::from(symbol)).enumerate() {
            let (row, column) = match T::TYPE {
                SliverType::Primary => (index, position),
                SliverType::Secondary => (position, index),
            };
            assert!(symbols[row * columns + column] == data, "{row} {column}");
        }
    }
}

/// Recovers a sliver of type `T` from symbols of slivers of the other type.
fn recovers<T: OfPair>(encoded: &EncodedBlob, target: u16, seed: u64)
where
    T::Orthogonal: OfPair,
{
    let metadata = &encoded.metadata;
    let count = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
    let target = SliverIndex(target);
    let picked = pick(encoded.pairs.len(), count, seed);
    let symbols: Vec<_> = picked
        .iter()
        .map(|i| {
            let expanded = T::Orthogonal::of(&encoded.pairs[*i])
                .verify_expanded(metadata)
                .unwrap();
            let kept = SymbolTree::new(expanded);
            let symbol = kept.recovery_symbol(target).unwrap();
            assert!(symbol.symbol.data == kept.expanded().symbol(target).unwrap());
            symbol
        })
        .collect();
    let first = symbols.first().unwrap();
    first.verify(metadata, target).unwrap();
    let symbols = symbols.into_iter().map(|symbol| symbol.symbol);
    let recovered = recover_sliver::<T>(metadata, symbols, target).unwrap();
    let pair = target.to_pair_index(T::TYPE, metadata.n_shards());
    assert!(recovered == T::of(&encoded.pairs[usize::from(pair.0)]));
}

fn expands<T: OfPair>(encoded: &EncodedBlob, pair: usize) {
    let metadata = &encoded.metadata;
    let sliver = T::of(&encoded.pairs[pair]);
    let size = metadata.symbol_size().get();
    let code = LinearCode::of_type(metadata.config(), T::TYPE.orthogonal(), size).unwrap();
    let mut symbols = sliver.symbols.data().to_vec();
    symbols.extend(code.encode(sliver.symbols.data()).unwrap());
    let tree = MerkleTree::build(symbols.chunks_exact(usize::from(size)));
    let expanded = sliver.expand(metadata.config()).unwrap();
    for (index, symbol) in symbols.chunks_exact(usize::from(size)).enumerate() {
        assert!(expanded.symbol(SliverIndex(index as u16)).unwrap() == symbol);
    }
    assert_eq!(expanded.merkle_tree(), tree);
    assert_eq!(expanded.hash(), tree.root());
    assert_eq!(sliver.hash(metadata.config()).unwrap(), tree.root());
    sliver.verify(metadata).unwrap();
    let mut wrong = sliver.symbols.data().to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    let wrong = SliverData::<T>::new(wrong, metadata.symbol_size(), sliver.index).unwrap();
    assert!(wrong.verify(metadata).is_err());
}

fn every_operation(n: u16, length: usize, seed: u64, threads: &Threads) {
    let blob = blob(length, seed);
    let encoded = encode(n, &blob);
    decodes::<Primary>(&encoded, &blob, seed, threads);
    decodes::<Secondary>(&encoded, &blob, seed, threads);
    let index = (seed % u64::from(n)) as u16;
    expands::<Primary>(&encoded, usize::from(index));
    expands::<Secondary>(&encoded, usize::from(index));
    if n <= 100 {
        recovers::<Primary>(&encoded, index, seed);
        recovers::<Secondary>(&encoded, index, seed);
    }
}

fn threads() -> impl Strategy<Value = Threads> {
    let pool = |threads| {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        Threads::pool(Arc::new(builder.build().unwrap()))
    };
    prop_oneof![
        (1usize..5).prop_map(|count| Threads::new(count.try_into().unwrap())),
        (1usize..4).prop_map(pool),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_subset_decodes_to_the_blob(
        n in select(vec![4u16, 7, 10, 13]),
        length in prop_oneof![0usize..3000, 3000usize..390_000],
        seed: u64,
        threads in threads(),
    ) {
        every_operation(n, length, seed, &threads);
    }
}

#[test]
fn a_hundred_shards() {
    let threads = Threads::new(3.try_into().unwrap());
    for (seed, length) in [1, 4400, 150_001, 3_000_000].into_iter().enumerate() {
        every_operation(100, length, seed as u64 + 5, &threads);
    }
}

#[test]
fn a_thousand_shards() {
    let threads = Threads::new(2.try_into().unwrap());
    every_operation(1000, 1_000_000, 11, &threads);
}

#[test]
fn systematic_slivers_are_put_together() {
    let threads = Threads::new(2.try_into().unwrap());
    for length in [0, 1, 999, 100_000] {
        let blob = blob(length, 3);
        let encoded = encode(10, &blob);
        let config = *encoded.metadata.config();
        let mut rows = BlobDecoder::<Primary>::new(config, length as u64)
            .unwrap()
            .with_threads(threads.clone());
        let mut columns = BlobDecoder::<Secondary>::new(config, length as u64).unwrap();
        for pair in encoded.pairs.iter() {
            rows.add(pair.primary.clone());
        }
        for pair in encoded.pairs.iter().rev() {
            columns.add(pair.secondary.clone());
        }
        assert!(rows.decode().unwrap() == blob);
        assert!(columns.decode().unwrap() == blob);
    }
}

/// A directory of slivers of a blob of `length` bytes.
fn directory(n: u16, length: usize) -> (tempfile::TempDir, Vec<u8>) {
    let blob = blob(length, 23);
    let config = EncodingConfig::new(n).unwrap();
    let root = tempfile::tempdir().unwrap();
    let sink = DirectorySink::create(root.path().join("slivers"), &config, length as u64).unwrap();
    let source = blob.as_slice();
    let encoder = StreamEncoder::new(config, &source).unwrap();
    let metadata = encoder.encode_to(&sink).unwrap();
    sink.commit(&metadata).unwrap();
    (root, blob)
}

fn remove(
    root: &tempfile::TempDir,
    sliver_type: SliverType,
    indices: impl IntoIterator<Item = usize>,
) {
    for index in indices {
        let id = SliverId::new(sliver_type, SliverIndex(index as u16));
        let file = root
            .path()
            .join("slivers")
            .join(DirectorySink::sliver_file(id));
        fs::remove_file(file).unwrap();
    }
}

fn names(root: &tempfile::TempDir) -> BTreeSet<String> {
    let entries = fs::read_dir(root.path()).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect()
}

#[test]
fn a_directory_decodes_to_a_file_whatever_is_missing() {
    for (length, memory) in [(0, 0), (77, 0), (600_000, 0), (600_000, 1 << 30)] {
        for check in [ConsistencyCheck::Default, ConsistencyCheck::Strict] {
            let (root, blob) = directory(10, length);
            let target = root.path().join("blob");
            // Rows of which half are source rows; then columns alone.
            remove(&root, SliverType::Primary, [0, 2, 5, 6, 8, 9]);
            for step in 0..2 {
                let source = DirectorySource::open(root.path().join("slivers")).unwrap();
                let seen = Mutex::new(Vec::new());
                let progress = |progress: Progress| seen.lock().unwrap().push(progress);
                let work = Work::on(Threads::new(2.try_into().unwrap()))
                    .with_memory(memory)
                    .with_progress(&progress);
                StreamDecoder::new(source.metadata(), &source)
                    .with_check(check)
                    .with_work(work)
                    .decode_to_file(&target)
                    .unwrap();
                assert!(
                    fs::read(&target).unwrap() == blob,
                    "{length} {memory} {step}"
                );
                let last = *seen.lock().unwrap().last().unwrap();
                assert_eq!(last.done, last.total);
                if step == 0 {
                    remove(&root, SliverType::Primary, [1]);
                    remove(&root, SliverType::Secondary, [0, 4, 9]);
                }
            }
            assert_eq!(names(&root), ["blob", "slivers"].map(String::from).into());
        }
    }
}

fn damage(root: &tempfile::TempDir, sliver: SliverId) {
    let file = root
        .path()
        .join("slivers")
        .join(DirectorySink::sliver_file(sliver));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&file, bytes).unwrap();
}

#[test]
fn damaged_slivers_are_replaced_by_others() {
    let (root, blob) = directory(10, 50_000);
    for index in [0, 3] {
        damage(&root, SliverId::Primary(SliverIndex(index)));
    }
    let id = SliverId::Primary(SliverIndex(1));
    let file = root
        .path()
        .join("slivers")
        .join(DirectorySink::sliver_file(id));
    fs::write(&file, b"short").unwrap();
    let source = DirectorySource::open(root.path().join("slivers")).unwrap();
    assert!(
        !source
            .available(SliverType::Primary)
            .contains(&SliverIndex(1))
    );
    let decoder = StreamDecoder::new(source.metadata(), &source);
    assert!(decoder.decode().unwrap() == blob);
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let (root, _) = directory(10, 50_000);
    let target = root.path().join("blob");
    let before = names(&root);
    let source = DirectorySource::open(root.path().join("slivers")).unwrap();
    let cancelled = Cancellation::new();
    let progress = |_| cancelled.cancel();
    let work = Work::new()
        .with_progress(&progress)
        .with_cancellation(&cancelled);
    let result = StreamDecoder::new(source.metadata(), &source)
        .with_work(work)
        .decode_to_file(&target);
    assert_eq!(result, Err(DecodeError::Cancelled));
    assert_eq!(names(&root), before);

    // A blob that was encoded wrongly: its slivers verify, and are not those of the blob.
    let lying = Lying::new();
    let decoder = StreamDecoder::new(&lying.metadata, &lying).with_check(ConsistencyCheck::Strict);
    let result = decoder.decode_to_file(&target);
    assert!(
        matches!(result, Err(DecodeError::BlobIdMismatch { .. })),
        "{result:?}"
    );
    assert_eq!(names(&root), before);
    let decoder = StreamDecoder::new(&lying.metadata, &lying);
    let result = decoder.decode_to_file(&target);
    assert!(
        matches!(result, Err(DecodeError::Inconsistent { .. })),
        "{result:?}"
    );
    assert_eq!(names(&root), before);

    remove(&root, SliverType::Primary, 0..7);
    remove(&root, SliverType::Secondary, 0..4);
    let source = DirectorySource::open(root.path().join("slivers")).unwrap();
    let decoder = StreamDecoder::new(source.metadata(), &source);
    let result = decoder.decode_to_file(&target);
    let (have, need, sliver_type) = (3, 4, SliverType::Primary);
    assert_eq!(
        result,
        Err(DecodeError::NotEnoughSlivers {
            have,
            need,
            sliver_type
        })
    );
    assert_eq!(names(&root), before);
    let result = StreamDecoder::new(source.metadata(), &source)
        .decode_to_file(root.path().join("absent").join("blob"));
    assert!(result.is_err());
}

#[cfg(unix)]
#[test]
fn a_socket_is_not_replaced_and_a_link_stays_a_link() {
    let (root, blob) = directory(10, 5_000);
    let source = DirectorySource::open(root.path().join("slivers")).unwrap();
    let decoder = StreamDecoder::new(source.metadata(), &source);
    let socket = root.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let before = names(&root);
    let refused = decoder.decode_to_file(&socket);
    assert!(
        matches!(refused, Err(DecodeError::Write { .. })),
        "{refused:?}"
    );
    assert_eq!(names(&root), before);
    let (file, link) = (root.path().join("file"), root.path().join("link"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    decoder.decode_to_file(&link).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), blob);
}

#[test]
fn too_few_slivers_of_both_types_are_told_of_the_type_that_misses_fewest() {
    // Four rows or seven columns decode the blob. Damaged rows count as missing.
    for (rows, damaged, columns, expected) in [
        (4, 0..2, 6, (6, 7, SliverType::Secondary)),
        (4, 0..1, 5, (3, 4, SliverType::Primary)),
        (3, 0..0, 6, (3, 4, SliverType::Primary)),
        (2, 0..0, 6, (6, 7, SliverType::Secondary)),
        (3, 0..2, 4, (1, 4, SliverType::Primary)),
    ] {
        let (root, _) = directory(10, 5000);
        remove(&root, SliverType::Primary, rows..10);
        remove(&root, SliverType::Secondary, columns..10);
        damaged.for_each(|index| damage(&root, SliverId::Primary(SliverIndex(index))));
        let source = DirectorySource::open(root.path().join("slivers")).unwrap();
        let result = StreamDecoder::new(source.metadata(), &source).decode();
        let (have, need, sliver_type) = expected;
        assert_eq!(
            result,
            Err(DecodeError::NotEnoughSlivers {
                have,
                need,
                sliver_type
            }),
            "{rows} {columns}"
        );
    }
}

/// Says of slivers of one blob that they are verified ones of another.
struct Lying {
    metadata: VerifiedBlobMetadataWithId,
    slivers: BTreeMap<SliverIndex, Vec<u8>>,
}

impl Lying {
    fn new() -> Self {
        let (right, wrong) = (encode(10, &blob(500, 1)), encode(10, &blob(500, 2)));
        let slivers = wrong.pairs.iter().skip(3).map(|pair| {
            let sliver = &pair.secondary;
            (sliver.index, sliver.symbols.data().to_vec())
        });
        Self {
            metadata: right.metadata,
            slivers: slivers.collect(),
        }
    }
}

impl SliverSource for Lying {
    fn available(&self, sliver_type: SliverType) -> BTreeSet<SliverIndex> {
        match sliver_type {
            SliverType::Primary => BTreeSet::new(),
            SliverType::Secondary => self.slivers.keys().copied().collect(),
        }
    }

    fn read_at(&self, sliver: SliverId, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        let data = &self.slivers[&sliver.index()];
        buffer.copy_from_slice(&data[offset..offset + buffer.len()]);
        Ok(())
    }

    fn is_verified(&self) -> bool {
        true
    }
}
