//! Lower bound: the least time that an operation can take: the sum of its ingredients.

use std::time::Duration;

use walrus_core::EncodingConfig;

use super::ingredient::{Codewords, Ingredient};

/// What an operation is made of.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// Threads that it runs on, and that its ingredients are measured on.
    pub(crate) threads: usize,
    /// Ingredients and how much there is of each.
    pub(crate) parts: Vec<(Ingredient, f64)>,
    /// Bytes of memory that the caller gets. As many of them count as fresh as the process has grown by during the
    /// operation; the rest was at hand and is only written.
    pub(crate) given: usize,
}

/// Rates of the ingredients of a [`Bound`], in its order.
pub(crate) type Rates = Vec<f64>;

impl Bound {
    /// An operation without a bound.
    pub(crate) const NONE: Self = Self {
        threads: 1,
        parts: Vec::new(),
        given: 0,
    };

    pub(crate) fn new(threads: usize, parts: Vec<(Ingredient, f64)>) -> Self {
        Self {
            threads,
            parts,
            given: 0,
        }
    }

    /// The blob ID, which needs all of the encoding but a place for it: all rows and all columns through the code, each
    /// symbol of the expanded matrix hashed once, the trees of all rows and columns. (The trees have some nodes more where
    /// levels are odd, and there is one over all pairs of slivers.)
    ///
    /// It holds for any data. Blobs with equal symbols can take less: of two bytes, or of zeros.
    pub(crate) fn of_blob(config: &EncodingConfig, length: u64, threads: usize) -> Self {
        let n = f64::from(config.n_shards());
        let np = f64::from(config.primary_source_symbols());
        let symbol = config.symbol_size(length).unwrap();
        let rows = Codewords::of_best_size(config, config.secondary_source_symbols());
        let columns = Codewords::of_best_size(config, config.primary_source_symbols());
        let bytes = f64::from(symbol);
        Self::new(
            threads,
            vec![
                (Ingredient::Encode(rows), np * n * bytes),
                (Ingredient::Encode(columns), n * n * bytes),
                Ingredient::leaves(symbol.into(), n * n),
                (Ingredient::Node, 2.0 * n * n),
            ],
        )
    }

    /// With memory that the caller gets.
    pub(crate) fn giving(mut self, bytes: usize) -> Self {
        self.given = bytes;
        self
    }

    /// The ingredients to be measured.
    pub(crate) fn ingredients(&self) -> Vec<Ingredient> {
        let memory: &[_] = match self.given {
            0 => &[],
            _ => &[Ingredient::FreshMemory, Ingredient::OldMemory],
        };
        let parts = self.parts.iter().map(|(ingredient, _)| *ingredient);
        parts.chain(memory.iter().copied()).collect()
    }

    /// Seconds of each ingredient at these rates, if the process grows by `fresh` bytes.
    pub(crate) fn shares(&self, rates: &Rates, fresh: f64) -> Vec<f64> {
        let given = self.given as f64;
        let fresh = fresh.min(given);
        let amounts = self.parts.iter().map(|(_, amount)| *amount);
        amounts
            .chain([fresh, given - fresh])
            .zip(rates)
            .map(|(amount, rate)| amount / rate)
            .collect()
    }

    /// Seconds in all; `None` without ingredients.
    pub(crate) fn seconds(&self, rates: &Rates, fresh: f64) -> Option<f64> {
        let shares = self.shares(rates, fresh);
        (!shares.is_empty()).then(|| shares.iter().sum())
    }

    /// Measures each ingredient for some time.
    pub(crate) fn measure(&self, time: impl Fn(usize) -> Duration) -> Rates {
        let ingredients = self.ingredients().into_iter().enumerate();
        ingredients
            .map(|(index, ingredient)| ingredient.rate(self.threads, time(index)))
            .collect()
    }
}
