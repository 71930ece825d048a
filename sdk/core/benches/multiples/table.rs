//! Tables that are printed, in Markdown.

use std::{collections::BTreeMap, fmt};

use super::{ingredient::Ingredient, inputs::MIB, operation::Label, paired::Round};

/// Head of the table of operations.
pub(crate) const HEAD: &str = "\
| shards | operation | threads | time | MB/s | bound | multiple | lowest – highest | goal |
|---|---|---|---|---|---|---|---|---|";

/// What many measurements of the same have shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Range {
    /// Of any number of values but none.
    pub(crate) fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        Some(Self {
            median: match values.len() % 2 {
                0 => f64::midpoint(values[middle - 1], upper),
                _ => upper,
            },
            lowest: *values.first()?,
            highest: *values.last()?,
        })
    }
}

/// What the rounds of an operation have shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) threads: usize,
    seconds: Option<Range>,
    bound: Option<Range>,
    multiple: Option<Range>,
}

impl Figures {
    pub(crate) fn new(threads: usize, rounds: &[Round]) -> Self {
        let multiple = |round: &Round| Some(round.seconds / round.bound?);
        Self {
            threads,
            seconds: Range::new(rounds.iter().map(|round| round.seconds)),
            bound: Range::new(rounds.iter().filter_map(|round| round.bound)),
            multiple: Range::new(rounds.iter().filter_map(multiple)),
        }
    }
}

/// An operation and its figures.
pub(crate) struct Row {
    pub(crate) label: Label,
    pub(crate) figures: Figures,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, figures } = self;
        let seconds = figures.seconds.map_or(f64::NAN, |seconds| seconds.median);
        let bound = figures.bound.map(|bound| time(bound.median));
        let multiple = figures.multiple.map(|range| {
            let Range {
                median,
                lowest,
                highest,
            } = range;
            (
                format!("{median:.2}"),
                format!("{lowest:.2} – {highest:.2}"),
            )
        });
        let (multiple, spread) = multiple.unwrap_or_default();
        write!(
            f,
            "| {} | {} | {} | {} | {:.0} | {} | {multiple} | {spread} | {} |",
            label.shards,
            label.name,
            figures.threads,
            time(seconds),
            label.bytes as f64 / seconds / 1e6,
            bound.unwrap_or_default(),
            label.shown_goal()
        )
    }
}

/// Rates of ingredients from beside all operations.
#[derive(Default)]
pub(crate) struct Ingredients(BTreeMap<(Ingredient, usize), Vec<f64>>);

impl Ingredients {
    /// Rates on so many threads.
    pub(crate) fn add(&mut self, threads: usize, rates: Vec<(Ingredient, Vec<f64>)>) {
        for (ingredient, rates) in rates {
            self.0
                .entry((ingredient, threads))
                .or_default()
                .extend(rates);
        }
    }
}

impl fmt::Display for Ingredients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| ingredient | threads | median | lowest | highest |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for ((ingredient, threads), rates) in &self.0 {
            let Some(range) = Range::new(rates.iter().copied()) else {
                continue;
            };
            let [median, lowest, highest] =
                [range.median, range.lowest, range.highest].map(|rate| ingredient.speed(rate));
            writeln!(
                f,
                "| {ingredient} | {threads} | {median} | {lowest} | {highest} |"
            )?;
        }
        Ok(())
    }
}

/// A duration in a unit that suits it.
fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 1.0 => format!("{seconds:.2} s"),
        _ if seconds >= 1e-3 => format!("{:.3} ms", seconds * 1e3),
        _ => format!("{:.2} µs", seconds * 1e6),
    }
}

/// A length in a unit that suits it.
pub(crate) fn size(length: usize) -> String {
    match length {
        _ if length >= 1 << 30 => format!("{} GiB", length >> 30),
        _ if length >= MIB => format!("{} MiB", length / MIB),
        _ => format!("{length} B"),
    }
}
