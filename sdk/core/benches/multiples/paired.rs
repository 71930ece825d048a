//! Runs of an operation between measurements of its ingredients.

use std::time::Duration;

use super::{
    bound::{Bound, Rates},
    ingredient::Ingredient,
    operation::{Operation, Run},
    table::Figures,
};

/// Time of runs before anything counts.
const WARM_UP: f64 = 0.02;
/// Least time of the runs of a round.
const LEAST_RUNS: f64 = 0.02;
/// Time of a measurement of all ingredients: as long as the runs beside it, within these limits.
const LEAST_SIDE: f64 = 0.03;
const MOST_SIDE: f64 = 0.4;
/// Least time of each ingredient.
const LEAST_PART: f64 = 0.002;

/// Runs of an operation with measurements of its ingredients between them.
pub(crate) struct Paired {
    operation: Operation,
    /// Seconds that a run takes, about.
    expected: f64,
    /// Shares of the ingredients in the bound: each is measured for as much of the time.
    shares: Vec<f64>,
    sides: Vec<Rates>,
    rounds: Vec<Round>,
}

/// Some runs of an operation, and the bound that the measurements before and after them give.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    pub(crate) seconds: f64,
    pub(crate) bound: Option<f64>,
}

impl Paired {
    /// Warms up.
    pub(crate) fn new(mut operation: Operation) -> Self {
        let mut total = Run::default();
        let mut expected;
        loop {
            let run = (operation.run)();
            expected = run.seconds;
            total = total.and(run);
            if total.seconds >= WARM_UP {
                break;
            }
        }
        let bound = &operation.bound;
        let rates = bound.measure(|_| Duration::from_secs_f64(LEAST_PART));
        let shares = bound.shares(&rates, bound.given as f64);
        let sum = shares.iter().sum::<f64>();
        Self {
            shares: shares.iter().map(|share| share / sum).collect(),
            operation,
            expected,
            sides: Vec::new(),
            rounds: Vec::new(),
        }
    }

    /// Runs the operation for `times` the least time of a round, measures the ingredients, and gives the seconds of a
    /// call. Before the first round the ingredients are measured, too.
    pub(crate) fn round(&mut self, times: u64) -> f64 {
        let repeats = (LEAST_RUNS / self.expected).ceil() as u64 * times;
        let side = (self.expected * repeats as f64).clamp(LEAST_SIDE, MOST_SIDE);
        if self.sides.is_empty() {
            self.measure(side);
        }
        let run = (0..repeats).fold(Run::default(), |sum, _| sum.and((self.operation.run)()));
        self.measure(side);
        let calls = repeats as f64 * f64::from(self.operation.calls);
        let (seconds, fresh) = (run.seconds / calls, run.fresh / calls);
        if let [.., before, after] = &self.sides[..] {
            let bound = &self.operation.bound;
            let bound = mean(bound.seconds(before, fresh), bound.seconds(after, fresh));
            self.rounds.push(Round { seconds, bound });
        }
        seconds
    }

    fn measure(&mut self, seconds: f64) {
        let rates = self.operation.bound.measure(|index| {
            let part = seconds * self.shares[index];
            Duration::from_secs_f64(part.max(LEAST_PART))
        });
        self.sides.push(rates);
    }

    /// What all rounds have shown.
    pub(crate) fn figures(&self) -> Figures {
        Figures::new(self.operation.bound.threads, &self.rounds)
    }

    /// All rates of each ingredient.
    pub(crate) fn rates(&self) -> Vec<(Ingredient, Vec<f64>)> {
        rates(&self.operation.bound, &self.sides)
    }
}

/// Rates of each ingredient of a bound in some measurements.
pub(crate) fn rates(bound: &Bound, sides: &[Rates]) -> Vec<(Ingredient, Vec<f64>)> {
    let ingredients = bound.ingredients().into_iter().enumerate();
    ingredients
        .map(|(index, ingredient)| (ingredient, sides.iter().map(|side| side[index]).collect()))
        .collect()
}

/// Of two bounds, if there are any.
pub(crate) fn mean(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(f64::midpoint(before?, after?))
}
