//! Ingredients that operations are made of, and how fast a number of threads does it.

use std::{fmt, sync::Barrier, time::Duration};

use walrus_core::EncodingConfig;

use super::work::Work;

/// Bytes of a Reed-Solomon work area that the code is fastest with.
const WORK_BYTES: usize = 1 << 20;
/// Longest symbol whose hashing is measured: longer ones take as long a block.
const LONG_SYMBOL: usize = 16 << 10;

/// Something that takes time by itself, counted in a unit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ingredient {
    /// Encoding with the plain code; bytes of whole codewords, source and recovery symbols.
    Encode(Codewords),
    /// Decoding with the plain code from a random legal subset of symbols, the error locator known already; bytes of
    /// whole codewords.
    Decode(Codewords),
    /// The same with the error locator of every codeword.
    LocateAndDecode(Codewords),
    /// Leaf hashes of symbols of so many bytes.
    Leaf(usize),
    /// Hashes of inner nodes.
    Node,
    /// Bytes of memory that comes from the system and is written once.
    FreshMemory,
    /// Bytes of memory that the process has and writes anew.
    OldMemory,
}

/// The shape of codewords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Codewords {
    /// Source symbols of a codeword.
    pub(crate) originals: usize,
    /// Symbols of a codeword.
    pub(crate) n: usize,
    /// Bytes of a symbol.
    pub(crate) symbol: usize,
}

impl Codewords {
    /// Symbols as long as the code is fastest with: about 1 KiB for 1000 shards, so that the work area fits a level-2
    /// cache. Codewords of short symbols can be put side by side to be as long, long symbols be cut.
    pub(crate) fn of_best_size(config: &EncodingConfig, originals: u16) -> Self {
        let n = usize::from(config.n_shards());
        Self {
            originals: originals.into(),
            n,
            symbol: (WORK_BYTES / n.next_power_of_two()).clamp(1 << 10, 1 << 16),
        }
    }

    /// A single codeword of symbols of this size: there is nothing to put beside short ones, long ones can be cut.
    pub(crate) fn single(config: &EncodingConfig, originals: u16, symbol: usize) -> Self {
        let best = Self::of_best_size(config, originals);
        Self {
            symbol: symbol.min(best.symbol),
            ..best
        }
    }
}

impl Ingredient {
    /// Leaf hashes of symbols of this size, as an ingredient and an amount of it: long symbols count as many of shorter
    /// ones, by the blocks of 128 bytes that are hashed.
    pub(crate) fn leaves(symbol: usize, count: f64) -> (Self, f64) {
        let measured = symbol.min(LONG_SYMBOL);
        // A byte of domain prefix.
        let blocks = |symbol: usize| (symbol + 1).div_ceil(128) as f64;
        (
            Self::Leaf(measured),
            count * blocks(symbol) / blocks(measured),
        )
    }

    /// Units a second that so many threads together do in some time, each at its own work. Starting the threads and a
    /// first batch are not in it. The calling thread is none of them: what it has freed would be taken for fresh memory.
    pub(crate) fn rate(self, threads: usize, time: Duration) -> f64 {
        let start = Barrier::new(threads);
        let of_one = || {
            let mut work = Work::new(self);
            work.batch();
            start.wait();
            work.rate(time)
        };
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(of_one)).collect();
            all.into_iter().map(|one| one.join().unwrap()).sum()
        })
    }

    /// A rate in the unit that people know.
    pub(crate) fn speed(self, rate: f64) -> String {
        match self {
            Self::Leaf(symbol) => format!(
                "{:.1} M/s, {:.2} GB/s",
                rate / 1e6,
                rate * symbol as f64 / 1e9
            ),
            Self::Node => format!("{:.1} M/s", rate / 1e6),
            _ => format!("{:.2} GB/s", rate / 1e9),
        }
    }
}

impl fmt::Display for Ingredient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(codewords) => write!(f, "encoding {codewords}"),
            Self::Decode(codewords) => write!(f, "decoding {codewords}, locator known"),
            Self::LocateAndDecode(codewords) => write!(f, "decoding {codewords}"),
            Self::Leaf(symbol) => write!(f, "leaf hashes of {symbol} B"),
            Self::Node => write!(f, "inner nodes"),
            Self::FreshMemory => write!(f, "fresh memory"),
            Self::OldMemory => write!(f, "memory written again"),
        }
    }
}

impl fmt::Display for Codewords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            originals,
            n,
            symbol,
        } = self;
        write!(f, "{originals} to {n} symbols of {symbol} B")
    }
}
