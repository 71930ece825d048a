//! Measures decoding, verification and recovery, and prints them as multiples of the raw ingredients of the
//! same run: `cargo run --release -p walrus-core --example decoding-table [-- --shards N] [--large GIB]
//! [--directory DIR]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{hint::black_box, io::Write, path::PathBuf, time::Instant};

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use walrus_core::{
    EncodingConfig, Primary, Secondary, SliverData, SliverIndex, SliverType, Threads,
    decoder::{BlobDecoder, ConsistencyCheck, DirectorySource, StreamDecoder, decode_and_check},
    encoder::{BlobEncoder, DirectorySink, EncodedBlob, FileSource, SliverSink, StreamEncoder},
    hashing::{self, HashKernel},
    recovery::{DecodingSymbol, SymbolTree, recover_sliver},
    sliver::SliverId,
};

const MIB: usize = 1 << 20;

fn main() {
    let (mut shards, mut large, mut directory) = (vec![10, 100, 1000], 0, std::env::temp_dir());
    let mut arguments = std::env::args().skip(1);
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        match name.as_str() {
            "--shards" => shards = vec![value.parse().unwrap()],
            "--large" => large = value.parse().unwrap(),
            "--directory" => directory = PathBuf::from(value),
            _ => panic!("unknown argument {name}"),
        }
    }
    let kernel = HashKernel::detect();
    let threads = Threads::available().count();
    println!("{threads} threads, {kernel:?} hashing; elapsed time, best of several runs");
    for n in shards {
        let length = if n < 50 { MIB } else { 32 * MIB };
        table(n, length);
    }
    if large > 0 {
        from_directory(large, &directory);
    }
}

/// Seconds of the fastest of `runs`.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

fn random(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Every index of a random legal subset: each third source sliver is missing, or as many as can be.
fn subset(n: usize, needed: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    let bytes = random(8 * n);
    for i in (1..n).rev() {
        let random = u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        order.swap(i, (random % (i as u64 + 1)) as usize);
    }
    order.truncate(needed);
    order
}

fn report(what: &str, seconds: f64, bound: f64, bytes: usize) {
    let rate = bytes as f64 / seconds / 1e6;
    println!(
        "| {what} | {:.3} | {rate:.0} | {:.3} | {:.2} |",
        seconds * 1e3,
        bound * 1e3,
        seconds / bound
    );
}

/// Seconds for hashing `count` symbols and the tree over them, one thread.
fn tree_seconds(count: usize, symbol: usize) -> f64 {
    let kernel = HashKernel::detect();
    let symbols = vec![3; count * symbol];
    let mut digests = vec![[0; 32]; count];
    let mut nodes = vec![[0; 32]; count / 2];
    best(50, || {
        hashing::leaf_hashes(kernel, black_box(&symbols), symbol, &mut digests);
        let mut left = count;
        while left > 1 {
            left /= 2;
            hashing::node_hashes(kernel, black_box(&digests[..2 * left]), &mut nodes[..left]);
        }
    })
}

fn encode_seconds(originals: usize, recoveries: usize, symbol: usize) -> f64 {
    let mut encoder = ReedSolomonEncoder::new(originals, recoveries, symbol).unwrap();
    let data = vec![5; symbol];
    best(50, || {
        for _ in 0..originals {
            encoder.add_original_shard(&data).unwrap();
        }
        black_box(encoder.encode().unwrap().recovery(0));
    })
}

/// One codeword with symbols at these positions.
fn decode_seconds(originals: usize, recoveries: usize, symbol: usize, positions: &[usize]) -> f64 {
    let mut decoder = ReedSolomonDecoder::new(originals, recoveries, symbol).unwrap();
    let data = vec![5; symbol];
    best(50, || {
        for position in positions {
            match position.checked_sub(originals) {
                None => decoder.add_original_shard(*position, &data).unwrap(),
                Some(recovery) => decoder.add_recovery_shard(recovery, &data).unwrap(),
            }
        }
        black_box(decoder.decode().unwrap().restored_original(0));
    })
}

fn fresh_seconds(length: usize) -> f64 {
    best(5, || {
        let mut memory = Vec::<u8>::with_capacity(length);
        memory.resize(length, 1);
        black_box(&memory);
    })
}

fn table(n: u16, length: usize) {
    let config = EncodingConfig::new(n).unwrap();
    let blob = random(length);
    let threads = Threads::available();
    let encoder = BlobEncoder::new(config, &blob)
        .unwrap()
        .with_threads(threads.clone());
    let encoded = encoder.encode().unwrap();
    let symbol = usize::from(encoded.metadata.symbol_size().get());
    println!(
        "\n### {n} shards, {} MiB, symbols of {symbol} bytes\n",
        length / MIB
    );
    println!("| operation | ms | MB/s | ingredients, ms | multiple |");
    println!("|---|---|---|---|---|");
    decode(&encoded, &blob, &threads);
    one_sliver(&encoded, symbol);
}

fn decode(encoded: &EncodedBlob, blob: &[u8], threads: &Threads) {
    let (n, metadata) = (encoded.pairs.len(), &encoded.metadata);
    let config = *metadata.config();
    let symbol = usize::from(metadata.symbol_size().get());
    let np = usize::from(config.primary_source_symbols());
    let ns = usize::from(config.secondary_source_symbols());
    let cores = threads.count() as f64;
    let fresh = fresh_seconds(blob.len()) / cores;
    let picked = subset(n, np);
    // Codewords decode best some at a time.
    let batch = (512 / symbol).max(1);
    let codewords = ns as f64 / batch as f64;
    let code = decode_seconds(np, n - np, batch * symbol / 2 * 2, &picked) * codewords / cores;
    let present = picked.iter().filter(|index| **index < np).count();
    let row = encode_seconds(ns, n - ns, symbol) + tree_seconds(n, symbol);
    let check = row * (np - present) as f64 / cores;
    let rows: Vec<_> = picked
        .iter()
        .map(|i| encoded.pairs[*i].primary.clone())
        .collect();
    let run = |check| {
        let rows = rows.clone();
        let start = Instant::now();
        let decoded = decode_and_check::<Primary>(metadata, rows, check, threads.clone()).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert!(decoded == blob);
        seconds
    };
    let fastest = |check| (0..7).map(|_| run(check)).fold(f64::INFINITY, f64::min);
    let seconds = fastest(ConsistencyCheck::Skip);
    report(
        "decode primary slivers, no check",
        seconds,
        fresh + code,
        blob.len(),
    );
    let seconds = fastest(ConsistencyCheck::Default);
    report(
        "decode primary slivers, default check",
        seconds,
        fresh + code + check,
        blob.len(),
    );
    let picked = subset(n, ns);
    let code =
        decode_seconds(ns, n - ns, batch * symbol, &picked) * np as f64 / batch as f64 / cores;
    let check = row * np as f64 / cores;
    let mut decoder = BlobDecoder::<Secondary>::new(config, blob.len() as u64).unwrap();
    decoder = decoder.with_threads(threads.clone());
    for index in picked {
        let pair = &encoded.pairs[n - 1 - index];
        decoder.add(pair.secondary.clone());
    }
    let seconds = best(7, || {
        let decoded = decoder.decode().unwrap();
        let none = Default::default();
        let check = ConsistencyCheck::Default;
        walrus_core::decoder::check_consistency(metadata, &decoded, check, &none, threads.clone())
            .unwrap();
    });
    report(
        "decode secondary slivers, default check",
        seconds,
        fresh + code + check,
        blob.len(),
    );
    let mut decoder = BlobDecoder::<Primary>::new(config, blob.len() as u64).unwrap();
    decoder = decoder.with_threads(threads.clone());
    for pair in &encoded.pairs[..np] {
        decoder.add(pair.primary.clone());
    }
    let seconds = best(7, || {
        black_box(decoder.decode().unwrap());
    });
    report("decode systematic slivers", seconds, fresh, blob.len());
}

fn one_sliver(encoded: &EncodedBlob, symbol: usize) {
    let (n, metadata) = (encoded.pairs.len(), &encoded.metadata);
    let ns = usize::from(metadata.config().secondary_source_symbols());
    let pair = &encoded.pairs[n / 2];
    let length = pair.primary.symbols.data().len();
    let verify = encode_seconds(ns, n - ns, symbol) + tree_seconds(n, symbol);
    let seconds = best(200, || pair.primary.verify(metadata).unwrap());
    report("verify a primary sliver", seconds, verify, length);
    let seconds = best(200, || {
        black_box(pair.primary.verify_expanded(metadata).unwrap());
    });
    report(
        "verify and expand a primary sliver",
        seconds,
        verify,
        length,
    );
    let kept = SymbolTree::new(pair.primary.expand(metadata.config()).unwrap());
    let seconds = best(200, || {
        for target in 0..100 {
            let target = SliverIndex(target % n as u16);
            black_box(kept.general_recovery_symbol(target).unwrap());
        }
    });
    report(
        "recovery symbol with proof, kept tree",
        seconds / 100.0,
        0.05e-3,
        symbol,
    );
    let picked = subset(n, ns);
    let target = pair.primary.index;
    let symbols: Vec<_> = picked
        .iter()
        .map(|index| {
            let column = &encoded.pairs[n - 1 - index].secondary;
            let expanded = column.expand(metadata.config()).unwrap();
            DecodingSymbol::<Primary>::new(column.index, expanded.symbol(target).unwrap().to_vec())
        })
        .collect();
    let code = decode_seconds(ns, n - ns, symbol, &picked);
    let mut seconds = f64::INFINITY;
    for _ in 0..100 {
        let symbols = symbols.clone();
        let start = Instant::now();
        let recovered: SliverData<Primary> = recover_sliver(metadata, symbols, target).unwrap();
        seconds = seconds.min(start.elapsed().as_secs_f64());
        assert!(recovered == pair.primary);
    }
    report(
        "recover a primary sliver and verify it",
        seconds,
        code + verify,
        length,
    );
}

/// Keeps some primary slivers alone: all of them would need room for four blobs more.
struct Rows<'a> {
    sink: &'a DirectorySink,
    kept: Vec<usize>,
}

impl Rows<'_> {
    fn keeps(&self, sliver: SliverId) -> bool {
        sliver.axis() == SliverType::Primary && self.kept.contains(&sliver.index().as_usize())
    }
}

impl SliverSink for Rows<'_> {
    fn write(&self, sliver: SliverId, offset: usize, data: &[u8]) -> std::io::Result<()> {
        match self.keeps(sliver) {
            true => self.sink.write(sliver, offset, data),
            false => Ok(()),
        }
    }

    fn complete(&self, sliver: SliverId) -> std::io::Result<()> {
        match self.keeps(sliver) {
            true => self.sink.complete(sliver),
            false => Ok(()),
        }
    }
}

/// Decodes a large blob from files to a file.
fn from_directory(gib: u64, directory: &std::path::Path) {
    let (file, slivers) = (
        directory.join("decoding-table-blob"),
        directory.join("decoding-table-slivers"),
    );
    let length = gib << 30;
    let part = random(16 * MIB + 2);
    let mut out = std::fs::File::create(&file).unwrap();
    let mut left = length;
    while left > 0 {
        let now = (part.len() as u64).min(left);
        out.write_all(&part[..now as usize]).unwrap();
        left -= now;
    }
    let config = EncodingConfig::new(1000).unwrap();
    let source = FileSource::open(&file).unwrap();
    let sink = DirectorySink::create(&slivers, &config, length).unwrap();
    let encoder = StreamEncoder::new(config, &source)
        .unwrap()
        .with_threads(Threads::available());
    let kept = subset(1000, 334);
    let metadata = encoder
        .with_spill_directory(directory)
        .encode_to(&Rows { sink: &sink, kept })
        .unwrap();
    sink.commit(&metadata).unwrap();
    println!(
        "\n{gib} GiB from files to a file; peak of encoding {} MiB",
        peak_memory()
    );
    std::fs::remove_file(&file).unwrap();
    let source = DirectorySource::open(&slivers).unwrap();
    let start = Instant::now();
    let decoder = StreamDecoder::new(source.metadata(), &source).with_threads(Threads::available());
    decoder.decode_to_file(&file).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "decoded and checked in {seconds:.1} s, peak resident memory {} MiB",
        peak_memory()
    );
    std::fs::remove_dir_all(&slivers).unwrap();
    std::fs::remove_file(&file).unwrap();
}

/// Highest resident memory of this process so far in MiB; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
