//! Decoding in memory.

use std::collections::BTreeSet;

use walrus_core::{
    Axis, EncodingConfig, SliverData, SliverIndex, Threads, VerifiedBlobMetadataWithId,
    decoder::{BlobDecoder, ConsistencyCheck, check_consistency},
    encoder::EncodedBlob,
};

use super::{
    bound::Bound,
    ingredient::{Codewords, Ingredient},
    inputs::{Encoded, LazyEncoded, subset},
    operation::{Case, Label, Operation, Run},
    table::size,
};

pub(crate) fn cases(
    config: EncodingConfig,
    length: usize,
    blob: &LazyEncoded,
    threads: &Threads,
) -> [Case; 3] {
    let case = |what: &str, goal, operation: fn(&Encoded, &Threads) -> Operation| {
        let (blob, threads) = (blob.clone(), threads.clone());
        Case {
            label: Label {
                shards: config.n_shards(),
                name: format!("decode {} from {what}", size(length)),
                bytes: length,
                goal,
            },
            prepare: Box::new(move || operation(&blob, &threads)),
        }
    };
    let goal = "≤ 150 ms";
    [
        case("random primary slivers, default check", goal, random_rows),
        case(
            "random secondary slivers, default check",
            goal,
            random_columns,
        ),
        case("systematic slivers", "≥ 1000 MB/s", systematic),
    ]
}

fn random_rows(encoded: &Encoded, threads: &Threads) -> Operation {
    let config = encoded.encoded.metadata.config();
    let np = usize::from(config.primary_source_symbols());
    let ns = usize::from(config.secondary_source_symbols());
    let picked = subset(config.n_shards().into(), np);
    let present = picked.iter().filter(|index| **index < np).count();
    let verified = picked.iter().map(|index| SliverIndex(*index as u16));
    let verified = verified.collect();
    let slivers = picked
        .iter()
        .map(|index| encoded.encoded.pairs[*index].primary.clone());
    let decoder = decoder(encoded, slivers, threads);
    let bound = bound(encoded, threads, (np, ns), np - present);
    checked(encoded, decoder, bound, verified, threads)
}

fn random_columns(encoded: &Encoded, threads: &Threads) -> Operation {
    let config = encoded.encoded.metadata.config();
    let n = usize::from(config.n_shards());
    let np = usize::from(config.primary_source_symbols());
    let ns = usize::from(config.secondary_source_symbols());
    let slivers = subset(n, ns)
        .into_iter()
        .map(|index| encoded.encoded.pairs[n - 1 - index].secondary.clone());
    let decoder = decoder(encoded, slivers, threads);
    let bound = bound(encoded, threads, (ns, np), np);
    checked(encoded, decoder, bound, BTreeSet::new(), threads)
}

fn systematic(encoded: &Encoded, threads: &Threads) -> Operation {
    let np = encoded.encoded.metadata.config().primary_source_symbols();
    let slivers = encoded.encoded.pairs[..np.into()].iter();
    let decoder = decoder(encoded, slivers.map(|pair| pair.primary.clone()), threads);
    assert!(decoder.clone().decode().unwrap() == encoded.blob);
    // It is copying alone.
    Operation {
        bound: Bound::new(threads.count(), Vec::new()),
        run: Box::new(move || {
            let decoder = decoder.clone();
            Run::timed(|| decoder.decode().unwrap())
        }),
        calls: 1,
    }
}

fn decoder<T: Axis>(
    encoded: &Encoded,
    slivers: impl Iterator<Item = SliverData<T>>,
    threads: &Threads,
) -> BlobDecoder<T> {
    let config = *encoded.encoded.metadata.config();
    let decoder = BlobDecoder::new(config, encoded.blob.len() as u64).unwrap();
    let mut decoder = decoder.with_threads(threads.clone());
    for sliver in slivers {
        decoder.add(sliver);
    }
    decoder
}

/// `codewords` of so many source symbols each, and the hashes of so many rows: their encoding, a leaf and a node a symbol.
///
/// The error locator, which is the same for all codewords, does not count.
fn bound(
    encoded: &Encoded,
    threads: &Threads,
    (originals, codewords): (usize, usize),
    rows: usize,
) -> Bound {
    let EncodedBlob { metadata, .. } = &encoded.encoded;
    let config = metadata.config();
    let symbol = metadata.symbol_size().get();
    let row = f64::from(config.n_shards()) * f64::from(symbol);
    let hashed = rows as f64 * f64::from(config.n_shards());
    let decoded = Codewords::of_best_size(config, originals as u16);
    let encoded_rows = Codewords::of_best_size(config, config.secondary_source_symbols());
    let parts = vec![
        (Ingredient::Decode(decoded), codewords as f64 * row),
        (Ingredient::Encode(encoded_rows), rows as f64 * row),
        Ingredient::leaves(symbol.into(), hashed),
        (Ingredient::Node, hashed),
    ];
    Bound::new(threads.count(), parts).giving(encoded.blob.len())
}

/// Decoding with the default check: what `decode_and_check` does, without dropping the slivers.
fn checked<T: Axis + 'static>(
    encoded: &Encoded,
    decoder: BlobDecoder<T>,
    bound: Bound,
    verified: BTreeSet<SliverIndex>,
    threads: &Threads,
) -> Operation {
    let metadata: VerifiedBlobMetadataWithId = encoded.encoded.metadata.clone();
    let threads = threads.clone();
    let decode = move |decoder: BlobDecoder<T>| {
        let blob = decoder.decode().unwrap();
        let check = ConsistencyCheck::Default;
        check_consistency(&metadata, &blob, check, &verified, threads.clone()).unwrap();
        blob
    };
    assert!(decode(decoder.clone()) == encoded.blob);
    Operation {
        bound,
        run: Box::new(move || {
            // Copies for the next round do not count.
            let decoder = decoder.clone();
            Run::giving(|| decode(decoder))
        }),
        calls: 1,
    }
}
