//! Measures the raw ingredients of encoding and every operation in the same run, and prints operations as
//! multiples of the bound that the ingredients give:
//! `cargo run --release -p walrus-core --example encoding-table [-- --shards N] [--measure processor]`;
//! `--large GIB` measures a file of that size instead, `--blob-id GIB` its blob ID alone, in `--directory DIR`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    hint::black_box,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Instant,
};

use reed_solomon_simd::ReedSolomonEncoder;
use walrus_core::{
    EncodingConfig, Threads,
    encoder::{BlobEncoder, DirectorySink, FileSource, StreamEncoder},
    hashing::{self, HashKernel},
};

const MIB: usize = 1 << 20;
/// Bytes of a work area in the code's own measurement: the best that it can do.
const WORK: usize = 1 << 20;

fn main() {
    let arguments = Arguments::parse();
    let threads = Threads::available();
    let time = match PROCESSOR_TIME.load(Ordering::Relaxed) {
        true => "processor time a thread, mean of several runs",
        false => "elapsed time, best of several runs",
    };
    println!(
        "{} threads, {:?} hashing; {time}\n",
        threads.count(),
        HashKernel::detect()
    );
    for &n in &arguments.shards {
        table(n, &arguments, &threads);
    }
}

struct Arguments {
    shards: Vec<u16>,
    large: u64,
    id_only: bool,
    directory: PathBuf,
}

impl Arguments {
    fn parse() -> Self {
        let mut parsed = Self {
            shards: vec![10, 100, 1000],
            large: 0,
            id_only: false,
            directory: std::env::temp_dir(),
        };
        let mut arguments = std::env::args().skip(1);
        while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
            match name.as_str() {
                "--shards" => parsed.shards = vec![value.parse().unwrap()],
                "--measure" => PROCESSOR_TIME.store(value == "processor", Ordering::Relaxed),
                "--blob-id" => {
                    parsed.large = value.parse().unwrap();
                    parsed.id_only = true;
                }
                "--large" => parsed.large = value.parse().unwrap(),
                "--directory" => parsed.directory = value.into(),
                _ => panic!("unknown argument {name}"),
            }
        }
        parsed
    }
}

/// Whether processor time is measured instead of elapsed time, for machines that have other work to do.
static PROCESSOR_TIME: AtomicBool = AtomicBool::new(false);

/// Seconds of the fastest of `runs`; or mean processor time a thread over at least half a second of it.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    if PROCESSOR_TIME.load(Ordering::Relaxed) {
        let start = processor_seconds();
        let mut done = 0.0;
        while done < runs.min(3) as f64 || processor_seconds() - start < 0.5 {
            run();
            done += 1.0;
        }
        let threads = Threads::available().count() as f64;
        return (processor_seconds() - start) / done / threads;
    }
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(time).fold(f64::INFINITY, f64::min)
}

/// Processor time of this process, in ticks of 10 ms; 0 where the system does not tell.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Runs the same on all threads; seconds of the fastest run.
fn best_on_all(threads: &Threads, runs: usize, run: impl Fn() + Sync) -> f64 {
    best(runs, || {
        std::thread::scope(|scope| {
            for _ in 0..threads.count() {
                scope.spawn(&run);
            }
        });
    })
}

/// What the machine does with all threads, in bytes or calls a second.
struct Ingredients {
    rows: f64,
    columns: f64,
    /// Leaf hashing, in blocks of 128 bytes.
    blocks: f64,
    nodes: f64,
    fresh: f64,
    config: EncodingConfig,
}

impl Ingredients {
    fn measure(config: EncodingConfig, threads: &Threads) -> Self {
        let n = usize::from(config.n_shards());
        let count = threads.count() as f64;
        let np = usize::from(config.primary_source_symbols());
        let ns = usize::from(config.secondary_source_symbols());
        let code = |originals: usize| {
            let tile = (WORK / n.next_power_of_two()).clamp(1024, 1 << 16);
            let repeat = (64 * MIB / (n * tile)).max(1);
            let seconds = best_on_all(threads, 7, || {
                let mut encoder = ReedSolomonEncoder::new(originals, n - originals, tile).unwrap();
                let symbol = vec![7; tile];
                for _ in 0..repeat {
                    for _ in 0..originals {
                        encoder.add_original_shard(&symbol).unwrap();
                    }
                    black_box(encoder.encode().unwrap().recovery(0));
                }
            });
            (repeat * n * tile) as f64 * count / seconds
        };
        let kernel = HashKernel::detect();
        // 15 whole blocks and one of 127 bytes with the prefix.
        let symbols = vec![9; 64 * 2047];
        let leaves = best_on_all(threads, 9, || {
            let mut digests = vec![[0; 32]; 64];
            for _ in 0..128 {
                hashing::leaf_hashes(kernel, black_box(&symbols), 2047, &mut digests);
            }
        });
        let pairs = vec![[3; 32]; 2048];
        let nodes = best_on_all(threads, 9, || {
            let mut digests = vec![[0; 32]; 1024];
            for _ in 0..128 {
                hashing::node_hashes(kernel, black_box(&pairs), &mut digests);
            }
        });
        let fresh = best_on_all(threads, 5, || {
            let mut memory = Vec::<u8>::with_capacity(64 * MIB);
            memory.resize(64 * MIB, 1);
            black_box(&memory);
        });
        Self {
            rows: code(ns),
            columns: code(np),
            blocks: 128.0 * 64.0 * 16.0 * count / leaves,
            nodes: 128.0 * 1024.0 * count / nodes,
            fresh: (64 * MIB) as f64 * count / fresh,
            config,
        }
    }

    fn print(&self, n: u16) {
        println!("### {n} shards\n");
        println!(
            "raw, all threads: code {:.1} (rows) and {:.1} (columns) GB/s of codewords, leaves {:.1} GB/s, \
             nodes {:.0} M/s, fresh memory {:.1} GB/s\n",
            self.rows / 1e9,
            self.columns / 1e9,
            self.blocks * 128.0 / 1e9,
            self.nodes / 1e6,
            self.fresh / 1e9,
        );
        println!("| operation | seconds | MB/s | bound, s | multiple |");
        println!("|---|---|---|---|---|");
    }

    /// Seconds that a blob needs at least: code, leaves, nodes, and if slivers are kept in memory theirs.
    fn bound(&self, length: u64, kept: bool) -> f64 {
        let n = f64::from(self.config.n_shards());
        let np = f64::from(self.config.primary_source_symbols());
        let ns = f64::from(self.config.secondary_source_symbols());
        let symbol = f64::from(self.config.symbol_size(length).unwrap());
        let code = np * n * symbol / self.rows + n * n * symbol / self.columns;
        let blocks = ((symbol + 1.0) / 128.0).ceil();
        let leaves = n * n * blocks / self.blocks;
        let nodes = 2.0 * n * n / self.nodes;
        let slivers = n * (np + ns) * symbol;
        code + leaves + nodes + if kept { slivers / self.fresh } else { 0.0 }
    }

    /// As [`Self::bound`], with slivers and temporary file written at `rate` bytes a second.
    fn bound_to_files(&self, length: u64, rate: f64) -> f64 {
        let n = f64::from(self.config.n_shards());
        let np = f64::from(self.config.primary_source_symbols());
        let ns = f64::from(self.config.secondary_source_symbols());
        let symbol = f64::from(self.config.symbol_size(length).unwrap());
        let written = n * (np + ns) * symbol + np * (n - ns) * symbol;
        self.bound(length, false) + written / rate
    }

    fn report(&self, what: &str, length: u64, kept: bool, seconds: f64) {
        self.report_against(what, length, self.bound(length, kept), seconds);
    }

    fn report_against(&self, what: &str, length: u64, bound: f64, seconds: f64) {
        let rate = length as f64 / seconds / 1e6;
        println!(
            "| {what} | {seconds:.4} | {rate:.0} | {bound:.4} | {:.2} |",
            seconds / bound
        );
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(4))
        .flat_map(|_| next().to_le_bytes())
        .collect();
    bytes.truncate(length);
    bytes
}

fn name(length: usize) -> String {
    match length {
        _ if length >= MIB => format!("{} MiB", length / MIB),
        _ => format!("{length} B"),
    }
}

fn table(n: u16, arguments: &Arguments, threads: &Threads) {
    let config = EncodingConfig::new(n).unwrap();
    let raw = Ingredients::measure(config, threads);
    raw.print(n);
    if arguments.large > 0 {
        return large(&raw, arguments, threads);
    }
    let (ids, encodes): (&[usize], &[usize]) = match n {
        0..50 => (&[1, MIB], &[MIB]),
        50..500 => (&[1, MIB, 32 * MIB], &[MIB, 32 * MIB, 128 * MIB]),
        _ => (&[1, MIB, 32 * MIB], &[MIB, 32 * MIB, 256 * MIB]),
    };
    for &length in ids {
        let blob = random(length);
        let encoder = BlobEncoder::new(config, &blob).unwrap();
        let encoder = encoder.with_threads(threads.clone());
        let runs = if length > MIB { 5 } else { 15 };
        let seconds = best(runs, || {
            black_box(encoder.compute_blob_id().unwrap());
        });
        raw.report(
            &format!("blob ID of {}", name(length)),
            length as u64,
            false,
            seconds,
        );
    }
    for &length in encodes {
        let blob = random(length);
        let encoder = BlobEncoder::new(config, &blob).unwrap();
        let encoder = encoder.with_threads(threads.clone());
        let runs = if length > 32 * MIB { 3 } else { 7 };
        let seconds = best(runs, || {
            black_box(encoder.encode().unwrap());
        });
        raw.report(
            &format!("encode {}", name(length)),
            length as u64,
            true,
            seconds,
        );
    }
    println!();
}

fn large(raw: &Ingredients, arguments: &Arguments, threads: &Threads) {
    let file = arguments.directory.join("encoding-table-blob");
    let length = arguments.large << 30;
    write_blob(&file, length);
    let source = FileSource::open(&file).unwrap();
    let encoder = || {
        StreamEncoder::new(raw.config, &source)
            .unwrap()
            .with_threads(threads.clone())
            .with_spill_directory(&arguments.directory)
    };
    let gib = arguments.large;
    let seconds = best(1, || {
        black_box(encoder().compute_metadata().unwrap());
    });
    raw.report(
        &format!("blob ID of a file of {gib} GiB"),
        length,
        false,
        seconds,
    );
    println!("| … peak resident memory, MiB | {} | | | |", peak_memory());
    if arguments.id_only {
        return std::fs::remove_file(&file).unwrap();
    }
    let target = arguments.directory.join("encoding-table-slivers");
    let seconds = best(1, || {
        let sink = DirectorySink::create(&target, &raw.config, length).unwrap();
        let metadata = encoder().encode_to(&sink).unwrap();
        sink.commit(&metadata).unwrap();
    });
    let what = format!("encode a file of {gib} GiB to a directory");
    raw.report(&what, length, false, seconds);
    let rate = write_rate(&arguments.directory, threads);
    let bound = raw.bound_to_files(length, rate);
    let what = format!(
        "… with the writing, at {:.1} GB/s, in the bound",
        rate / 1e9
    );
    raw.report_against(&what, length, bound, seconds);
    println!("| … peak resident memory, MiB | {} | | | |", peak_memory());
    std::fs::remove_dir_all(&target).unwrap();
    std::fs::remove_file(&file).unwrap();
}

/// Bytes a second that all threads write to new files, in long pieces.
fn write_rate(directory: &Path, threads: &Threads) -> f64 {
    let part = random(MIB);
    let next = AtomicUsize::new(0);
    let seconds = best_on_all(threads, 3, || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("encoding-table-write-{number}"));
        let mut file = std::fs::File::create(&path).unwrap();
        for _ in 0..256 {
            file.write_all(&part).unwrap();
        }
        drop(file);
        std::fs::remove_file(&path).unwrap();
    });
    (256 * MIB * threads.count()) as f64 / seconds
}

fn write_blob(path: &Path, length: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    let part = random(16 * MIB + 2);
    let mut left = length;
    while left > 0 {
        let now = (part.len() as u64).min(left);
        file.write_all(&part[..now as usize]).unwrap();
        left -= now;
    }
    file.sync_all().unwrap();
}

/// Highest resident memory of this process so far in MiB; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
