//! Storage throughput, as ratios to plain files on the same disk in the same run: ingest, and restarts with many slivers.
//!
//! `MIB` is how much is ingested of each size of sliver (256 if absent), `SLIVERS` how many there are at a restart (a million),
//! `TMPDIR` the disk.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    env,
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_node::storage::{Storage, records::ShardState, segments::NewSliver};

const SHARDS: u16 = 8;
const THREADS: usize = 4;
const HEADER_BYTES: usize = 80;
const CACHE_BYTES: u64 = 32 << 20;
/// A directory for this program to open and die with.
const VICTIM: &str = "STORAGE_BENCH_VICTIM";

fn main() {
    if let Some(dir) = env::var_os(VICTIM) {
        let _storage = open(Path::new(&dir));
        std::process::abort();
    }
    let mut results = Vec::new();
    for kib in [16, 256, 1024] {
        results.push(ingest(kib << 10, number("MIB", 256) << 20));
    }
    results.extend(restart(number("SLIVERS", 1_000_000)));
    // One line, as soaks are told.
    println!("{}", results.join("; "));
}

fn number(name: &str, otherwise: usize) -> usize {
    env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

fn open(dir: &Path) -> Storage {
    let storage = Storage::open(dir, CACHE_BYTES).unwrap();
    for shard in (0..SHARDS).map(ShardIndex) {
        if storage.shard_state(shard).is_none() {
            storage.set_shard_state(shard, ShardState::Active).unwrap();
        }
    }
    storage
}

fn blob(number: usize) -> BlobId {
    BlobId(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

fn shard(number: usize) -> u16 {
    u16::try_from(number % usize::from(SHARDS)).unwrap()
}

/// Has some threads do `work` for each number below `count`; returns how long that took.
fn timed(count: usize, work: impl Fn(usize) + Sync) -> Duration {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    work(number);
                }
            });
        }
    });
    began.elapsed()
}

/// Each sliver is durable before the next of its thread, in the storage and in the plain files.
fn ingest(sliver_bytes: usize, total_bytes: usize) -> String {
    let count = total_bytes / sliver_bytes;
    let payload: Vec<u8> = (0..sliver_bytes).map(|at| at as u8).collect();
    let dir = tempfile::tempdir().unwrap();

    let files: Vec<_> = (0..SHARDS)
        .map(|shard| {
            let file = File::create(dir.path().join(shard.to_string())).unwrap();
            std::sync::Mutex::new((file, 0))
        })
        .collect();
    let record = [&[0; HEADER_BYTES][..], &payload].concat();
    let plain = timed(count, |number| {
        let mut file = files[usize::from(shard(number))].lock().unwrap();
        file.0.write_all_at(&record, file.1).unwrap();
        file.0.sync_data().unwrap();
        file.1 += record.len() as u64;
    });
    drop(files);

    let storage = open(&dir.path().join("storage"));
    let ours = timed(count, |number| {
        let sliver = NewSliver {
            blob_id: blob(number),
            sliver_type: SliverType::Primary,
            payload: &payload,
        };
        storage
            .put_slivers(ShardIndex(shard(number)), &[sliver])
            .unwrap();
    });
    let rate = |took: Duration| total_bytes as f64 / took.as_secs_f64() / f64::from(1 << 20);
    format!(
        "ingest of {} KiB: {:.0} MiB/s, plain append {:.0} MiB/s, ratio {:.2}",
        sliver_bytes >> 10,
        rate(ours),
        rate(plain),
        plain.as_secs_f64() / ours.as_secs_f64()
    )
}

fn restart(count: usize) -> [String; 2] {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    let payload = [7; 100];
    let batch = 2000;
    timed(count.div_ceil(batch), |number| {
        let ids: Vec<_> = (number * batch..((number + 1) * batch).min(count))
            .map(blob)
            .collect();
        let slivers = ids.iter().map(|blob_id| NewSliver {
            blob_id: *blob_id,
            sliver_type: SliverType::Primary,
            payload: &payload,
        });
        let slivers: Vec<_> = slivers.collect();
        storage
            .put_slivers(ShardIndex(shard(number)), &slivers)
            .unwrap();
    });
    storage.close().unwrap();
    drop(storage);

    let scan = scan_headers(dir.path(), count);
    let answer = |storage: &Storage| {
        let last = count - 1;
        let shard = ShardIndex(shard(last / batch));
        let found = storage.sliver(shard, &blob(last), SliverType::Primary);
        assert_eq!(found.unwrap().as_deref(), Some(&payload[..]));
    };
    let began = Instant::now();
    let storage = open(dir.path());
    answer(&storage);
    let clean = began.elapsed();
    drop(storage);

    let program = env::current_exe().unwrap();
    let status = Command::new(program).env(VICTIM, dir.path()).status();
    assert!(!status.unwrap().success());
    let began = Instant::now();
    let storage = open(dir.path());
    answer(&storage);
    let killed = began.elapsed();
    drop(storage);
    [("a clean stop", clean), ("a kill", killed)].map(|(what, took)| {
        format!(
            "restart with {count} slivers after {what}: {:.2} s, plain scan of headers {:.2} s, ratio {:.2}",
            took.as_secs_f64(),
            scan.as_secs_f64(),
            took.as_secs_f64() / scan.as_secs_f64()
        )
    })
}

/// Reads the header of each record, one after the other.
fn scan_headers(dir: &Path, expected: usize) -> Duration {
    let began = Instant::now();
    let mut found = 0;
    for path in segment_files(&dir.join("shards")) {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        let mut header = [0; HEADER_BYTES];
        let mut offset = 0;
        while offset < length {
            file.read_exact_at(&mut header, offset).unwrap();
            let payload = u32::from_le_bytes(header[40..44].try_into().unwrap());
            offset += HEADER_BYTES as u64 + u64::from(payload);
            found += 1;
        }
    }
    assert_eq!(found, expected);
    began.elapsed()
}

fn segment_files(shards: &Path) -> Vec<PathBuf> {
    let shards = fs::read_dir(shards).unwrap();
    let files = shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}
