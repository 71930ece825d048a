//! Throughput of the chain: boot, payments, Walrus registrations and certifications, as gRPC clients see it; what a history costs.
//!
//! `cargo bench -p sui-devchain --bench throughput` prints one table. Every client transaction is built and signed
//! beforehand, pays with its own coin, and counts when its answer (executed, durable, in a checkpoint) is back.
//! Clients and chain share the machine.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clients;
mod history;
mod payments;
mod table;
mod walrus;

use std::time::{Duration, Instant};

use sui_devchain::{Devchain, DevchainBuilder, RunningChain, SyncPolicy};
use table::Table;

/// Every figure is the best of this many.
const RUNS: usize = 3;

/// Where the chain keeps itself while it is measured.
#[derive(Clone, Copy)]
enum Keeping {
    Memory,
    Disk(SyncPolicy),
}

impl Keeping {
    const ALL: [(&str, Self); 3] = [
        ("in memory", Self::Memory),
        ("on disk, fsync", Self::Disk(SyncPolicy::EveryCheckpoint)),
        ("on disk, no fsync", Self::Disk(SyncPolicy::Never)),
    ];

    fn builder(self) -> (DevchainBuilder, Option<tempfile::TempDir>) {
        let builder = Devchain::builder().seed("bench").accounts(1);
        match self {
            Self::Memory => (builder, None),
            Self::Disk(sync) => {
                let directory = tempfile::tempdir().expect("a directory");
                let path = Some(directory.path().to_owned());
                (builder.data_dir(path).sync(sync), Some(directory))
            }
        }
    }

    async fn start(self) -> (RunningChain, Option<tempfile::TempDir>) {
        let (builder, directory) = self.builder();
        (builder.start().await.expect("a chain"), directory)
    }
}

fn main() {
    // Cargo asks whether the bench has tests.
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|text| !text.starts_with('-'))
        .collect();
    let wants =
        |name: &str| wanted.is_empty() || wanted.iter().any(|wish| name.contains(wish.as_str()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut table = Table::default();
    runtime.block_on(async {
        if wants("boot") {
            boot(&mut table).await;
        }
        if wants("payments") {
            for (place, keeping) in Keeping::ALL {
                let best = payments::measure(keeping).await;
                table.rate(&format!("payments per second, {place}"), best, Some(3000.0));
            }
        }
        if wants("walrus") {
            for (place, keeping) in Keeping::ALL {
                let found = walrus::measure(keeping).await;
                table.rate(
                    &format!("reserve + register_blob per second, {place}"),
                    found.register,
                    Some(1000.0),
                );
                table.rate(
                    &format!("certify_blob (100 signers) per second, {place}"),
                    found.certify,
                    None,
                );
            }
        }
        if wants("history") {
            let found = history::measure().await;
            let second = Some(Duration::from_secs(1));
            table.bytes("memory for a transaction of 100 000", found.bytes);
            table.time("start after 100 000 transactions", found.stopped, second);
            table.time("start after them and a kill", found.killed, second);
        }
    });
    table.print();
}

/// From nothing to an answering chain, and again from its log.
async fn boot(table: &mut Table) {
    for (place, keeping) in Keeping::ALL {
        let mut best = Duration::MAX;
        for _ in 0..RUNS {
            let start = Instant::now();
            let (chain, _directory) = keeping.start().await;
            best = best.min(start.elapsed());
            chain.shutdown().await;
        }
        table.time(
            &format!("boot, {place}"),
            best,
            Some(Duration::from_millis(300)),
        );
    }
}
