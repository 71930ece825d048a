//! Every Reed-Solomon engine that this CPU has gives the slivers and the blob ID of the naive encoder, and blobs back.

use std::{collections::BTreeSet, num::NonZeroUsize};

use walrus_core::{
    EncodingConfig, Primary, Secondary, SliverIndex, Threads,
    decoder::{ConsistencyCheck, decode_and_check},
    encoder::BlobEncoder,
    recovery::{DecodingSymbol, recover_sliver},
    reed_solomon::CodeEngine,
};

use crate::oracle;

/// One round of a blob with the engine in use.
fn round(n: u16, blob: &[u8]) {
    let config = EncodingConfig::new(n).unwrap();
    let expected = oracle::encode(n.into(), blob);
    let threads = Threads::new(NonZeroUsize::new(2).unwrap());
    let encoder = BlobEncoder::new(config, blob).unwrap();
    let encoded = encoder.with_threads(threads.clone()).encode().unwrap();
    let metadata = &encoded.metadata;
    assert!(*metadata.blob_id().as_bytes() == expected.blob_id);
    for pair in &encoded.pairs {
        let (primary, secondary) = (&pair.primary, &pair.secondary);
        assert!(primary.symbols.data() == expected.primary[primary.index.as_usize()]);
        assert!(secondary.symbols.data() == expected.secondary[secondary.index.as_usize()]);
        primary.verify(metadata).unwrap();
        secondary.verify(metadata).unwrap();
    }
    // As many of the last ones as suffice: most of what is wanted is missing.
    let last = |count: u16| encoded.pairs.iter().rev().take(count.into());
    let primary = last(config.primary_source_symbols()).map(|pair| pair.primary.clone());
    let strict = ConsistencyCheck::Strict;
    let decoded = decode_and_check::<Primary>(metadata, primary, strict, threads.clone());
    assert!(decoded.unwrap() == blob);
    let by_index = encoded
        .pairs
        .iter()
        .take(config.secondary_source_symbols().into());
    let secondary = by_index.map(|pair| pair.secondary.clone());
    let decoded = decode_and_check::<Secondary>(metadata, secondary, strict, threads);
    assert!(decoded.unwrap() == blob);
    let row = &encoded.pairs[usize::from(n / 2)].primary;
    let expanded = row.expand(&config).unwrap();
    let symbols = (config.n_shards() - config.secondary_source_symbols()..n).map(|column| {
        let index = SliverIndex(column);
        DecodingSymbol::<Primary>::new(index, expanded.symbol(index).unwrap().to_vec())
    });
    assert!(recover_sliver(metadata, symbols, row.index).unwrap() == *row);
}

#[test]
fn every_engine_of_this_cpu_encodes_decodes_and_recovers() {
    let blob: Vec<u8> = (0..150_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 17) as u8)
        .collect();
    let mut seen = BTreeSet::new();
    for engine in CodeEngine::available() {
        // Other tests at the same time code with it as well: for them it makes no difference.
        engine.force();
        assert_eq!(CodeEngine::in_use(), engine);
        seen.insert(engine as u8);
        for (n, length) in [
            (4, 1),
            (7, 999),
            (10, 150_000),
            (31, 70_000),
            (100, 90_001),
            (301, 1),
        ] {
            round(n, &blob[..length]);
        }
    }
    assert!(seen.contains(&(CodeEngine::Library as u8)));
    CodeEngine::detect().force();
}
