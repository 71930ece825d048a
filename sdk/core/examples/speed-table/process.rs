//! Process statistics: what the system tells of the processor and of this process.

use std::fs;

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

/// Seconds that the processors have worked for the threads of this process; `None` where the system does not tell.
#[allow(dead_code, reason = "of the two examples one asks")]
pub(crate) fn processor_time() -> Option<f64> {
    let of_thread = |thread: std::io::Result<fs::DirEntry>| {
        let statistics = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        statistics.split_whitespace().next()?.parse::<f64>().ok()
    };
    let nanoseconds: f64 = fs::read_dir("/proc/self/task")
        .ok()?
        .filter_map(of_thread)
        .sum();
    (nanoseconds > 0.0).then_some(nanoseconds / 1e9)
}
