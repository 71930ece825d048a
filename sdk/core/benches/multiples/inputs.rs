//! Inputs: what is encoded and decoded.

use std::{cell::LazyCell, rc::Rc};

use rand::{RngCore, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use walrus_core::{
    EncodingConfig, Threads,
    encoder::{BlobEncoder, EncodedBlob},
};

pub(crate) const MIB: usize = 1 << 20;

/// A blob and its slivers.
pub(crate) struct Encoded {
    pub(crate) blob: Vec<u8>,
    pub(crate) encoded: EncodedBlob,
}

/// The same, made when it is needed for the first time.
pub(crate) type LazyEncoded = Rc<LazyCell<Encoded, Box<dyn FnOnce() -> Encoded>>>;

impl Encoded {
    pub(crate) fn lazy(config: EncodingConfig, length: usize, threads: &Threads) -> LazyEncoded {
        let threads = threads.clone();
        let make = Box::new(move || Self::new(config, length, &threads));
        Rc::new(LazyCell::new(make))
    }

    fn new(config: EncodingConfig, length: usize, threads: &Threads) -> Self {
        let blob = random(length);
        let encoder = BlobEncoder::new(config, &blob).unwrap();
        let encoded = encoder.with_threads(threads.clone()).encode().unwrap();
        Self { blob, encoded }
    }
}

/// Bytes that look random, the same each time.
pub(crate) fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SmallRng::seed_from_u64(1).fill_bytes(&mut bytes);
    bytes
}

/// `count` of `0..n` in random order, the same each time.
pub(crate) fn subset(n: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..n).collect();
    order.shuffle(&mut SmallRng::seed_from_u64(1));
    order.truncate(count);
    order
}
