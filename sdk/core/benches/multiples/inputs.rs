//! What is encoded and decoded.

use std::{cell::LazyCell, rc::Rc};

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

/// `count` of `0..n` in random order, the same each time.
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
