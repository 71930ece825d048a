//! Time to encode, to name and to decode blobs: `cargo bench -p walrus-core`.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use walrus_core::{EncodingConfig, Primary, Threads, decoder::BlobDecoder, encoder::BlobEncoder};

const MIB: usize = 1 << 20;

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("blob");
    group.sample_size(10);
    for (n, length) in [(10, MIB), (100, 64 * MIB), (1000, MIB), (1000, 32 * MIB)] {
        let config = EncodingConfig::new(n).unwrap();
        let blob: Vec<u8> = (0..length).map(|i| (i * 31 % 251) as u8).collect();
        let encoder = BlobEncoder::new(config, &blob)
            .unwrap()
            .with_threads(Threads::available());
        let name = format!("{} MiB over {n} shards", length / MIB);
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("encode", &name), |bench| {
            bench.iter(|| black_box(encoder.encode().unwrap()));
        });
        group.bench_function(BenchmarkId::new("blob-id", &name), |bench| {
            bench.iter(|| black_box(encoder.compute_blob_id().unwrap()));
        });
        let mut decoder = BlobDecoder::<Primary>::new(config, length as u64)
            .unwrap()
            .with_threads(Threads::available());
        for pair in encoder.encode().unwrap().pairs.into_iter().rev() {
            decoder.add(pair.primary);
        }
        group.bench_function(BenchmarkId::new("decode", &name), |bench| {
            bench.iter(|| black_box(decoder.decode().unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, encoding);
criterion_main!(benches);
