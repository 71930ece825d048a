//! Operations, and the table of their multiples.

use std::{fmt, time::Duration};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use walrus_core::{EncodingConfig, Threads};

use crate::multiples::{
    self,
    operation::Case,
    paired::Paired,
    table::{HEAD, Ingredients, Row},
};

/// How long Criterion measures an operation and, about as long, its ingredients.
const PERIOD: Duration = Duration::from_secs(4);
/// With fewer samples than this nothing was measured: the benches were only tried.
const FEWEST_SAMPLES: u32 = 5;

/// What ran.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    ingredients: Ingredients,
}

pub(crate) fn bench(
    criterion: &mut Criterion,
    configs: &[EncodingConfig],
    threads: &Threads,
) -> Table {
    let mut table = Table::default();
    for config in configs {
        let mut group = criterion.benchmark_group(format!("{} shards", config.n_shards()));
        group.sampling_mode(SamplingMode::Flat);
        group.measurement_time(PERIOD);
        for case in multiples::cases(*config, threads) {
            if let Some(paired) = bench_one(&mut group, &case) {
                let (label, figures) = (case.label, paired.figures());
                table.ingredients.add(figures.threads, paired.rates());
                table.rows.push(Row { label, figures });
            }
        }
        group.finish();
    }
    table
}

/// `None` if Criterion leaves it out or only tries it.
fn bench_one(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case) -> Option<Paired> {
    let (mut paired, mut samples) = (None, 0);
    group.throughput(Throughput::Bytes(case.label.bytes as u64));
    group.bench_function(&case.label.name, |bench| {
        let paired = paired.get_or_insert_with(|| Paired::new((case.prepare)()));
        bench.iter_custom(|iterations| {
            samples += 1;
            // Short operations run many times in what Criterion takes for one iteration.
            let seconds = paired.round(iterations);
            Duration::from_secs_f64(seconds * iterations as f64)
        });
    });
    paired.filter(|_| samples >= FEWEST_SAMPLES)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(f, "{HEAD}")?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        writeln!(
            f,
            "\nIngredients, all threads together:\n\n{}",
            self.ingredients
        )
    }
}
