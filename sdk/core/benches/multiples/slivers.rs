//! Verifying and recovering single slivers, on one thread.

use std::hint::black_box;

use walrus_core::{
    EncodingConfig, Primary, SliverData, SliverIndex, SliverType,
    recovery::{DecodingSymbol, SymbolTree, recover_sliver},
};

use super::{
    bound::Bound,
    ingredient::{Codewords, Ingredient},
    inputs::{Encoded, LazyEncoded, subset},
    operation::{Case, Label, Operation, Run},
};

/// Recovery symbols that are made in a run.
const SYMBOLS: u16 = 100;
/// Sets of symbols that slivers are recovered from by turns, so that none finds the error locator that it needs.
const SETS: usize = 16;

pub(crate) fn cases(config: EncodingConfig, length: usize, blob: &LazyEncoded) -> [Case; 3] {
    let case = |name: &str, bytes, goal, operation: fn(&Encoded) -> Operation| {
        let blob = blob.clone();
        Case {
            label: Label {
                shards: config.n_shards(),
                name: name.to_owned(),
                bytes,
                goal,
            },
            prepare: Box::new(move || operation(&blob)),
        }
    };
    let symbol = config.symbol_size(length as u64).unwrap();
    let row = config.sliver_length(SliverType::Primary, length as u64);
    let row = row.unwrap();
    [
        case("verify a primary sliver", row, "≤ 1.3", verify),
        case(
            "recovery symbol with proof, kept tree",
            symbol.into(),
            "< 50 µs",
            recovery_symbol,
        ),
        case(
            "recover a primary sliver and verify it",
            row,
            "≤ 1.5",
            recover,
        ),
    ]
}

/// A row through the code, a leaf and a node a symbol.
///
/// Unlike those of a blob, a single codeword cannot be put side by side with others: the code is measured with symbols of
/// this size.
fn hashing(encoded: &Encoded) -> Vec<(Ingredient, f64)> {
    let metadata = &encoded.encoded.metadata;
    let config = metadata.config();
    let n = f64::from(config.n_shards());
    let symbol = usize::from(metadata.symbol_size().get());
    let codewords = Codewords::single(config, config.secondary_source_symbols(), symbol);
    vec![
        (Ingredient::Encode(codewords), n * symbol as f64),
        Ingredient::leaves(symbol, n),
        (Ingredient::Node, n),
    ]
}

/// A row that is no source row.
fn row(encoded: &Encoded) -> &SliverData<Primary> {
    &encoded.encoded.pairs[encoded.encoded.pairs.len() / 2].primary
}

fn verify(encoded: &Encoded) -> Operation {
    let (row, metadata) = (row(encoded).clone(), encoded.encoded.metadata.clone());
    Operation {
        bound: Bound::new(1, hashing(encoded)),
        run: Box::new(move || Run::timed(|| row.verify(&metadata).unwrap())),
        calls: 1,
    }
}

fn recovery_symbol(encoded: &Encoded) -> Operation {
    let config = *encoded.encoded.metadata.config();
    let kept = SymbolTree::new(row(encoded).expand(&config).unwrap());
    let run = move || {
        Run::timed(|| {
            for target in 0..SYMBOLS {
                let target = SliverIndex(target % config.n_shards());
                black_box(kept.general_recovery_symbol(target).unwrap());
            }
        })
    };
    Operation {
        bound: Bound::NONE,
        run: Box::new(run),
        calls: SYMBOLS.into(),
    }
}

/// The code of one row from a random legal subset of its symbols, and verification.
fn recover(encoded: &Encoded) -> Operation {
    let (row, metadata) = (row(encoded).clone(), encoded.encoded.metadata.clone());
    let config = *metadata.config();
    let originals = config.secondary_source_symbols();
    let symbol = usize::from(metadata.symbol_size().get());
    let codewords = Codewords::single(&config, originals, symbol);
    let mut parts = hashing(encoded);
    parts.push((
        Ingredient::LocateAndDecode(codewords),
        f64::from(config.n_shards()) * symbol as f64,
    ));
    let sets = sets(&row, &config);
    let mut turn = 0;
    let run = move || {
        turn = (turn + 1) % sets.len();
        let symbols = sets[turn].clone();
        let mut recovered = None;
        let run = Run::timed(|| {
            recovered = Some(recover_sliver(&metadata, symbols, row.index).unwrap());
        });
        assert!(recovered.as_ref() == Some(&row));
        run
    };
    Operation {
        bound: Bound::new(1, parts),
        run: Box::new(run),
        calls: 1,
    }
}

/// Random legal sets of symbols of a row.
fn sets(row: &SliverData<Primary>, config: &EncodingConfig) -> Vec<Vec<DecodingSymbol<Primary>>> {
    let n = usize::from(config.n_shards());
    let expanded = row.expand(config).unwrap();
    let symbol = |column: usize| {
        let index = SliverIndex(column as u16);
        let data = expanded.symbol(index).unwrap().to_vec();
        DecodingSymbol::<Primary>::new(index, data)
    };
    let picked = subset(n, config.secondary_source_symbols().into());
    (0..SETS.min(n))
        .map(|turn| {
            let columns = picked.iter().map(|column| (column + turn) % n);
            columns.map(symbol).collect()
        })
        .collect()
}
