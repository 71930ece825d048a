//! What a long history costs: memory for each transaction of a running chain, and the time until it answers again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sui_devchain::{Devchain, RunningChain, SyncPolicy};

use crate::clients::{Payer, submit_all};
use crate::payments::{gas_coins, payments};

/// Transactions of the history. Half as many are there before memory is measured.
const COUNT: usize = 100_000;
/// Transactions that are built at a time.
const BATCH: usize = 4000;
/// Bytes of a page of memory, as `/proc` counts.
const PAGE: u64 = 4096;

pub(crate) struct Found {
    /// Bytes that a transaction takes.
    pub(crate) bytes: f64,
    /// Start after a stop.
    pub(crate) stopped: Duration,
    /// Start after a kill at the end.
    pub(crate) killed: Duration,
}

async fn start(directory: &Path) -> RunningChain {
    let builder = Devchain::builder().seed("bench").accounts(1);
    let builder = builder.data_dir(Some(directory.to_owned()));
    builder
        .sync(SyncPolicy::Never)
        .start()
        .await
        .expect("a chain")
}

/// Resident memory of this process in bytes; zero where there is no `/proc`.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * PAGE
}

/// Every payment leaves one more coin than there was.
async fn pay(chain: &RunningChain, payer: &Payer, count: usize) {
    for _ in 0..count / BATCH {
        let coins = gas_coins(chain, payer.address, BATCH).await;
        submit_all(&chain.rpc_url(), payments(payer, &coins)).await;
    }
}

pub(crate) async fn measure() -> Found {
    let directory = tempfile::tempdir().expect("a directory");
    let chain = start(directory.path()).await;
    let payer = Payer::new(&chain).await;
    pay(&chain, &payer, COUNT / 2).await;
    let before = resident();
    pay(&chain, &payer, COUNT / 2).await;
    let bytes = resident().saturating_sub(before) as f64 / (COUNT / 2) as f64;
    let killed = tempfile::tempdir().expect("a directory");
    for entry in fs::read_dir(directory.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, killed.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    chain.shutdown().await;
    let mut times = [Duration::ZERO; 2];
    for (directory, time) in [directory.path(), killed.path()].iter().zip(&mut times) {
        let began = Instant::now();
        let chain = start(directory).await;
        *time = began.elapsed();
        chain.shutdown().await;
    }
    Found {
        bytes,
        stopped: times[0],
        killed: times[1],
    }
}
