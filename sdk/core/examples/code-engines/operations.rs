//! The operations, with what they need made beforehand.

use std::{any::Any, num::NonZeroUsize, rc::Rc};

use rand::{RngCore, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use walrus_core::{
    EncodingConfig, Primary, SliverData, SliverIndex, Threads, VerifiedBlobMetadataWithId,
    decoder::{ConsistencyCheck, decode_and_check},
    encoder::BlobEncoder,
    recovery::{DecodingSymbol, recover_sliver},
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// An operation on so many threads.
pub(crate) struct Operation {
    pub(crate) shards: u16,
    pub(crate) name: String,
    pub(crate) threads: usize,
    /// Makes the inputs of a run.
    pub(crate) prepare: Prepare,
    /// How often a run does it.
    pub(crate) calls: f64,
}

/// Makes the inputs of a run, which then gives what is dropped after it.
type Prepare = Box<dyn FnMut() -> Box<dyn FnOnce() -> Box<dyn Any>>>;

/// Makes an operation on a blob of so many bytes that is done so often in a run.
type Make = fn(EncodingConfig, usize, Threads, u32) -> Prepare;

/// Those whose names contain a text, each made when it is its turn.
pub(crate) fn all(only: &str) -> impl Iterator<Item = Operation> + use<> {
    let only = only.to_owned();
    let list: [(u16, &str, Make, usize, usize, u32); 15] = [
        (1000, "blob ID", blob_id, KIB, 1, 3),
        (1000, "blob ID", blob_id, 32 * MIB, 2, 1),
        (1000, "blob ID", blob_id, 1024 * MIB, 1, 1),
        (1000, "encode", encode, 32 * MIB, 2, 1),
        (1000, "encode", encode, 256 * MIB, 2, 1),
        (1000, "decode", decode, 32 * MIB, 1, 1),
        (1000, "decode", decode, 32 * MIB, 2, 1),
        (1000, "decode", decode, 256 * MIB, 1, 1),
        (1000, "decode", decode, 256 * MIB, 2, 1),
        (1000, "recover a sliver", recover, MIB, 1, 100),
        (1000, "recover a sliver", recover, 32 * MIB, 1, 50),
        (100, "encode", encode, 32 * MIB, 2, 1),
        (100, "decode", decode, 32 * MIB, 2, 1),
        (100, "recover a sliver", recover, KIB, 1, 1000),
        (10, "recover a sliver", recover, KIB, 1, 3000),
    ];
    list.into_iter()
        .map(|(shards, name, make, length, threads, calls)| {
            let size = match length {
                MIB.. => format!("{} MiB", length / MIB),
                _ => format!("{} KiB", length / KIB),
            };
            let name = format!("{name}, {size}");
            (shards, name, make, length, threads, calls)
        })
        .filter(move |(_, name, ..)| name.contains(&only))
        .map(|(shards, name, make, length, threads, calls)| {
            let config = EncodingConfig::new(shards).unwrap();
            let handle = Threads::new(NonZeroUsize::new(threads).unwrap());
            Operation {
                shards,
                name,
                threads,
                prepare: make(config, length, handle, calls),
                calls: calls.into(),
            }
        })
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SmallRng::seed_from_u64(1).fill_bytes(&mut bytes);
    bytes
}

/// `count` of `0..n` in random order.
fn subset(n: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(1));
    order.truncate(count);
    order
}

fn blob_id(config: EncodingConfig, length: usize, threads: Threads, calls: u32) -> Prepare {
    let blob = Rc::new(random(length));
    Box::new(move || {
        let (blob, threads) = (blob.clone(), threads.clone());
        Box::new(move || {
            for _ in 0..calls {
                let encoder = BlobEncoder::new(config, &blob).unwrap();
                encoder
                    .with_threads(threads.clone())
                    .compute_blob_id()
                    .unwrap();
            }
            Box::new(())
        })
    })
}

fn encode(config: EncodingConfig, length: usize, threads: Threads, _: u32) -> Prepare {
    let blob = Rc::new(random(length));
    Box::new(move || {
        let (blob, threads) = (blob.clone(), threads.clone());
        Box::new(move || {
            let encoder = BlobEncoder::new(config, &blob).unwrap();
            Box::new(encoder.with_threads(threads).encode().unwrap())
        })
    })
}

/// The metadata of a random blob, and its primary slivers at random places, as many as are needed.
fn slivers(
    config: EncodingConfig,
    length: usize,
) -> (VerifiedBlobMetadataWithId, Vec<SliverData<Primary>>) {
    let blob = random(length);
    let encoder = BlobEncoder::new(config, &blob).unwrap();
    let encoded = encoder.with_threads(Threads::available()).encode().unwrap();
    let picked = subset(
        config.n_shards().into(),
        config.primary_source_symbols().into(),
    );
    let slivers = picked
        .iter()
        .map(|index| encoded.pairs[*index].primary.clone());
    let slivers = slivers.collect();
    (encoded.metadata, slivers)
}

/// From random primary slivers, with the default check.
fn decode(config: EncodingConfig, length: usize, threads: Threads, _: u32) -> Prepare {
    let (metadata, slivers) = slivers(config, length);
    Box::new(move || {
        let (metadata, slivers, threads) = (metadata.clone(), slivers.clone(), threads.clone());
        Box::new(move || {
            let check = ConsistencyCheck::Default;
            Box::new(decode_and_check(&metadata, slivers, check, threads).unwrap())
        })
    })
}

/// A primary sliver that is no source row, from random symbols of it: by turns from different ones.
fn recover(config: EncodingConfig, length: usize, _: Threads, calls: u32) -> Prepare {
    let blob = random(length);
    let encoded = BlobEncoder::new(config, &blob).unwrap().encode().unwrap();
    let n = usize::from(config.n_shards());
    let row = encoded.pairs[n / 2].primary.clone();
    let expanded = row.expand(&config).unwrap();
    let metadata = encoded.metadata;
    let picked = subset(n, config.secondary_source_symbols().into());
    let sets: Vec<Vec<_>> = (0..n.min(16))
        .map(|turn| {
            let columns = picked.iter().map(|column| (column + turn) % n);
            let symbol = |column| {
                let index = SliverIndex(column as u16);
                DecodingSymbol::<Primary>::new(index, expanded.symbol(index).unwrap().to_vec())
            };
            columns.map(symbol).collect()
        })
        .collect();
    Box::new(move || {
        let inputs: Vec<_> = sets.iter().cycle().take(calls as usize).cloned().collect();
        let (metadata, index) = (metadata.clone(), row.index);
        Box::new(move || {
            let recovered = inputs.into_iter();
            let recovered =
                recovered.map(|symbols| recover_sliver(&metadata, symbols, index).unwrap());
            Box::new(recovered.collect::<Vec<_>>())
        })
    })
}
