//! Clocks, memory, random bytes, and the rows of the table.

use std::{fs, time::Instant};

use walrus_core::Threads;

use crate::MIB;

/// Seconds that `run` takes.
pub(crate) fn seconds(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64()
}

/// Seconds of the fastest of `runs`.
pub(crate) fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    fastest(runs, || seconds(&mut run))
}

/// The least of the seconds that `runs` calls give.
pub(crate) fn fastest(runs: usize, mut run: impl FnMut() -> f64) -> f64 {
    (0..runs).map(|_| run()).fold(f64::INFINITY, f64::min)
}

/// Runs the same on all threads; seconds of the fastest run.
pub(crate) fn best_on_all(threads: &Threads, runs: usize, run: impl Fn() + Sync) -> f64 {
    best(runs, || {
        std::thread::scope(|scope| {
            for _ in 0..threads.count() {
                scope.spawn(&run);
            }
        });
    })
}

/// Head of the table of operations.
pub(crate) fn print_head() {
    println!("| shards | operation | time | MB/s | bound | multiple | asked for |");
    println!("|---|---|---|---|---|---|---|");
}

/// An operation: what it does with so many bytes, in which time, and what is asked for.
pub(crate) struct Row<'a> {
    pub(crate) shards: u16,
    pub(crate) what: String,
    pub(crate) bytes: usize,
    pub(crate) seconds: f64,
    /// Seconds of the ingredients, where there is a bound.
    pub(crate) bound: Option<f64>,
    pub(crate) asked: &'a str,
}

impl Row<'_> {
    pub(crate) fn print(&self) {
        let (bound, multiple) = match self.bound {
            Some(bound) => (time(bound), format!("{:.2}", self.seconds / bound)),
            None => Default::default(),
        };
        println!(
            "| {} | {} | {} | {:.0} | {bound} | {multiple} | {} |",
            self.shards,
            self.what,
            time(self.seconds),
            self.bytes as f64 / self.seconds / 1e6,
            self.asked
        );
    }
}

/// A duration in a unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.3} ms", seconds * 1e3),
        _ => format!("{:.2} µs", seconds * 1e6),
    }
}

/// A length in a unit that suits it.
pub(crate) fn size(length: usize) -> String {
    match length {
        _ if length >= 1 << 30 => format!("{} GiB", length >> 30),
        _ if length >= MIB => format!("{} MiB", length / MIB),
        _ => format!("{length} B"),
    }
}

pub(crate) fn random(length: usize) -> Vec<u8> {
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

/// `count` of `0..n` in random order.
pub(crate) fn subset(n: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    let bytes = random(8 * n);
    for i in (1..n).rev() {
        let random = u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().unwrap());
        order.swap(i, (random % (i as u64 + 1)) as usize);
    }
    order.truncate(count);
    order
}

/// What the system calls the processor.
pub(crate) fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split(": ").nth(1));
    name.unwrap_or("unknown processor").to_owned()
}

/// Begins to measure [`peak_memory`] anew, where the system can.
pub(crate) fn forget_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Highest resident memory of this process in MiB; 0 where the system does not tell.
pub(crate) fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
