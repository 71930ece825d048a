//! Operations to be measured.

use std::{fs, time::Instant};

use super::bound::Bound;

/// An operation of the table, before there is anything to do it with.
pub(crate) struct Case {
    pub(crate) label: Label,
    pub(crate) prepare: Box<dyn Fn() -> Operation>,
}

/// What the table says of an operation besides figures.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) shards: u16,
    pub(crate) name: String,
    /// Bytes that it is about.
    pub(crate) bytes: usize,
    /// What it should be with as many shards as the main network has.
    pub(crate) goal: &'static str,
}

impl Label {
    /// The goal, if it is one with so many shards.
    pub(crate) fn shown_goal(&self) -> &'static str {
        match self.shards {
            1000 => self.goal,
            _ => "",
        }
    }
}

/// An operation that can be run.
pub(crate) struct Operation {
    pub(crate) bound: Bound,
    /// Does it `calls` times.
    pub(crate) run: Box<dyn FnMut() -> Run>,
    pub(crate) calls: u32,
}

/// What a run has taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) seconds: f64,
    /// Bytes that the process has grown by.
    pub(crate) fresh: f64,
}

impl Run {
    /// The time of an operation that gives little.
    pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> Self {
        let start = Instant::now();
        let given = run();
        let seconds = start.elapsed().as_secs_f64();
        drop(given);
        Self {
            seconds,
            fresh: 0.0,
        }
    }

    /// The time of an operation that gives memory, and how much of it was not there before. Dropping is not in it.
    pub(crate) fn giving<T>(run: impl FnOnce() -> T) -> Self {
        let before = resident();
        let start = Instant::now();
        let given = run();
        let seconds = start.elapsed().as_secs_f64();
        let fresh = resident().saturating_sub(before) as f64;
        drop(given);
        Self { seconds, fresh }
    }

    /// This and another one.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            seconds: self.seconds + other.seconds,
            fresh: self.fresh + other.fresh,
        }
    }
}

/// Bytes of memory that the process holds; 0 where the system does not tell, and so no memory counts as fresh.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
