//! Fuzz targets: one for each kind of door through which bytes from outside come in.
//!
//! `cargo test` runs a fixed sample and replays the inputs in `__fuzz__/TARGET/corpus` and `__fuzz__/TARGET/crashes`;
//! `scripts/soak fuzz` goes on for as long as it is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bcs;
mod bytecode;
mod configuration;
mod event_blobs;
mod gateway;
mod http;
mod manifests;
mod quilts;
mod segments;

/// A fuzz target: the fixed sample, the corpus, and as many random inputs as the environment asks for (none by default).
macro_rules! fuzz {
    ($sample:expr, $target:expr) => {{
        let target = $target;
        walrus_fuzz::sample($sample, &target);
        let target = ::std::panic::AssertUnwindSafe(target);
        ::bolero::check!()
            .with_iterations(0)
            .with_max_len(256)
            .for_each(move |bytes: &[u8]| (*target)(bytes));
    }};
}
use fuzz;
