//! Blob IDs and encoding in memory.

use walrus_core::{EncodingConfig, SliverType, Threads, encoder::BlobEncoder};

use super::{
    bound::Bound,
    inputs::{MIB, random},
    operation::{Case, Label, Operation, Run},
    table::size,
};

/// Bytes through the code and the hash that are too few for two threads: the encoder leaves blobs of less than about
/// 0.2 ms, which is what starting a thread costs, to the calling thread. There is a wide gap between the blobs of the
/// table: 0.04 MB are hashed for a byte over ten shards, 4 MB over a hundred.
const LITTLE_WORK: f64 = 500e3;

/// The threads that a blob is encoded with. Those of little work are given one, as the encoder would choose, so that what
/// their ingredients are measured on does not hang on its choice.
fn threads_for(config: &EncodingConfig, length: usize, threads: &Threads) -> Threads {
    let n = f64::from(config.n_shards());
    let symbol = f64::from(config.symbol_size(length as u64).unwrap());
    // A block of 128 bytes for each of two nodes a leaf, and at least one for the leaf.
    match n * n * (symbol.max(128.0) + 2.0 * 128.0) < LITTLE_WORK {
        true => Threads::ONE,
        false => threads.clone(),
    }
}

pub(crate) fn blob_id(config: EncodingConfig, length: usize, threads: &Threads) -> Case {
    let label = Label {
        shards: config.n_shards(),
        name: format!("blob ID of {}", size(length)),
        bytes: length,
        goal: if length > MIB { "" } else { "≤ 1.4" },
    };
    case(
        label,
        config,
        threads,
        |bound| bound,
        |encoder| Run::timed(|| encoder.compute_blob_id().unwrap()),
    )
}

pub(crate) fn encode(config: EncodingConfig, length: usize, threads: &Threads) -> Case {
    let label = Label {
        shards: config.n_shards(),
        name: format!("encode {} with metadata", size(length)),
        bytes: length,
        goal: match length {
            _ if length > 32 * MIB => "≤ 1.6",
            _ => "≤ 1.5",
        },
    };
    let given = slivers_length(&config, length as u64);
    case(
        label,
        config,
        threads,
        move |bound| bound.giving(given),
        |encoder| Run::giving(|| encoder.encode().unwrap()),
    )
}

/// What `run` does with the encoder of a random blob; `bound` adds to the bound of hashing it what it takes besides.
fn case(
    label: Label,
    config: EncodingConfig,
    threads: &Threads,
    bound: impl Fn(Bound) -> Bound + 'static,
    run: fn(&BlobEncoder<'_>) -> Run,
) -> Case {
    let length = label.bytes;
    let threads = threads_for(&config, length, threads);
    let prepare = move || {
        let bound = bound(Bound::of_blob(&config, length as u64, threads.count()));
        let (blob, threads) = (random(length), threads.clone());
        let run = move || {
            let encoder = BlobEncoder::new(config, &blob).unwrap();
            run(&encoder.with_threads(threads.clone()))
        };
        Operation {
            bound,
            run: Box::new(run),
            calls: 1,
        }
    };
    Case {
        label,
        prepare: Box::new(prepare),
    }
}

/// Bytes of all slivers.
fn slivers_length(config: &EncodingConfig, length: u64) -> usize {
    let of_pair = [SliverType::Primary, SliverType::Secondary]
        .map(|sliver_type| config.sliver_length(sliver_type, length).unwrap());
    usize::from(config.n_shards()) * of_pair.iter().sum::<usize>()
}
