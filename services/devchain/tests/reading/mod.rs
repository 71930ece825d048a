//! The read side over a chain of hand-made checkpoints: what a client sees does not depend on how
//! transactions came about. The client is `sui-rpc`'s own.

mod coins;
mod fixture;
mod ledger_streams;
mod log;
mod log_damage;
mod packages;
mod reading;
mod snapshots;
mod subscriptions;
mod tls;
mod transport;

use std::path::Path;
use std::sync::Arc;

use sui_devchain_executor::ChainParams;
use sui_sdk_types::Digest;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use crate::account::validator_key;
use crate::clock::{ChainClock, ClockMode};
use crate::error::StoreError;
use crate::keeper::Keeper;
use crate::ledger::{Facts, Ledger};
use crate::record::CheckpointRecord;
use crate::rpc::{self, Context, Subscribers};
use crate::store::{Log, Memory, Opening, Position, SyncPolicy};
use fixture::Chain;

/// Serves a hand-made chain; the url.
async fn serve(chain: Chain) -> String {
    serve_live(chain).await.0
}

/// As [`serve`], in TLS beside cleartext.
async fn serve_tls(chain: Chain, tls: Arc<ServerConfig>) -> String {
    serve_with(chain, Some(tls)).await.0
}

/// As [`serve`], with the ledger to publish further checkpoints.
async fn serve_live(chain: Chain) -> (String, Live) {
    serve_with(chain, None).await
}

/// A chain that is served.
struct Live {
    ledger: Ledger,
    memory: Memory,
}

impl Live {
    /// Makes a further checkpoint visible.
    fn publish(&self, record: CheckpointRecord) {
        let place = self.memory.append(&record).unwrap();
        self.ledger.state().publish(record, place);
    }
}

async fn serve_with(chain: Chain, tls: Option<Arc<ServerConfig>>) -> (String, Live) {
    let memory = chain.memory;
    let facts = Facts {
        params: ChainParams {
            chain_id: chain.indexes.checkpoint(0).unwrap().unwrap().digest,
            epoch: 0,
            epoch_start_ms: 0,
            reference_gas_price: 1000,
        },
        seed: fixture::SEED,
        epoch_duration: None,
    };
    let (ledger, _writer) = Ledger::start(
        chain.indexes,
        Keeper::in_memory(memory.clone()),
        ChainClock::new(ClockMode::Manual, 0),
        crate::checkpoint::Validator::new(validator_key(&fixture::SEED).unwrap()),
        facts,
    )
    .unwrap();
    let context = Context {
        ledger: ledger.clone(),
        shutdown: CancellationToken::new(),
        subscribers: Subscribers::default(),
        simulations: Arc::new(Semaphore::new(1)),
        scans: Arc::new(Semaphore::new(1)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(rpc::serve(context, listener, tls));
    (url, Live { ledger, memory })
}

/// Opens the log in a directory and reads all of it.
fn open(directory: &Path) -> Result<(Log, Vec<CheckpointRecord>), StoreError> {
    open_with(directory, &fixture::SEED, SyncPolicy::Never)
}

fn open_with(
    directory: &Path,
    seed: &Digest,
    sync: SyncPolicy,
) -> Result<(Log, Vec<CheckpointRecord>), StoreError> {
    let mut records = Vec::new();
    let opening = Opening::begin(directory, seed)?;
    let log = opening.read(Position::START, sync, &mut |record, _| {
        records.push(record);
        Ok(())
    })?;
    Ok((log, records))
}
