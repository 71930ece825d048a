//! Verifying and recovering single slivers, on one thread.

use std::{hint::black_box, time::Instant};

use walrus_core::{
    Primary, SliverData, SliverIndex,
    encoder::EncodedBlob,
    recovery::{DecodingSymbol, SymbolTree, recover_sliver},
};

use crate::{
    ingredients::{Ingredients, decode_seconds, encode_seconds, tree_seconds},
    measure::{Row, best, fastest, subset},
};

pub(crate) fn measure(ingredients: &Ingredients, encoded: &EncodedBlob) {
    let (n, metadata) = (encoded.pairs.len(), &encoded.metadata);
    let ns = usize::from(metadata.config().secondary_source_symbols());
    let symbol = usize::from(metadata.symbol_size().get());
    let pair = &encoded.pairs[n / 2];
    let length = pair.primary.symbols.data().len();
    let print = |what: &str, bytes, seconds, bound, asked| {
        Row {
            shards: ingredients.config.n_shards(),
            what: what.to_owned(),
            bytes,
            seconds,
            bound,
            asked,
        }
        .print();
    };
    let verify = encode_seconds(ns, n - ns, symbol) + tree_seconds(n, symbol);
    let seconds = best(500, || pair.primary.verify(metadata).unwrap());
    print(
        "verify a primary sliver",
        length,
        seconds,
        Some(verify),
        "≤ 1.3",
    );

    let kept = SymbolTree::new(pair.primary.expand(metadata.config()).unwrap());
    let seconds = best(200, || {
        for target in 0..100 {
            let target = SliverIndex(target % n as u16);
            black_box(kept.general_recovery_symbol(target).unwrap());
        }
    });
    let asked = "< 50 µs";
    print(
        "recovery symbol with proof, kept tree",
        symbol,
        seconds / 100.0,
        None,
        asked,
    );

    let picked = subset(n, ns);
    let seconds = recover(encoded, &picked);
    let bound = decode_seconds(ns, n - ns, symbol, &picked) + verify;
    print(
        "recover a primary sliver and verify it",
        length,
        seconds,
        Some(bound),
        "≤ 1.5",
    );
}

/// Seconds to recover a row from its symbols in these columns.
fn recover(encoded: &EncodedBlob, columns: &[usize]) -> f64 {
    let (n, metadata) = (encoded.pairs.len(), &encoded.metadata);
    let row = &encoded.pairs[n / 2].primary;
    let symbols: Vec<_> = columns
        .iter()
        .map(|index| {
            let column = &encoded.pairs[n - 1 - index].secondary;
            let expanded = column.expand(metadata.config()).unwrap();
            let symbol = expanded.symbol(row.index).unwrap().to_vec();
            DecodingSymbol::<Primary>::new(column.index, symbol)
        })
        .collect();
    fastest(200, || {
        let symbols = symbols.clone();
        let start = Instant::now();
        let recovered: SliverData<Primary> = recover_sliver(metadata, symbols, row.index).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert!(recovered == *row);
        seconds
    })
}
