//! Configuration and start of a chain.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sui_devchain_executor::ChainParams;
use sui_devchain_executor::genesis::{self, Allocation, GenesisError, GenesisOptions};
use sui_sdk_types::hash::Hasher;
use sui_sdk_types::{Address, Digest};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::account::{Account, validator_key};
use crate::checkpoint::{Stamp, Validator, system_signatures};
use crate::clock::{ChainClock, ClockMode};
use crate::controls;
use crate::error::{LedgerError, StartError, StoreError};
use crate::faucet::{Faucet, Grant};
use crate::indexes::{Indexes, snapshot};
use crate::keeper::Keeper;
use crate::ledger::{Facts, Ledger, WriterThread};
use crate::limits::{HEARTBEAT, MAX_CONCURRENT_SCANS, MAX_CONCURRENT_SIMULATIONS};
use crate::record::{CheckpointRecord, TransactionRecord};
use crate::rpc::{self, Context, Subscribers};
use crate::running::RunningChain;
use crate::store::{Archive, Memory, Opening, Place, Position, SyncPolicy, read_seed};

const SUI: u64 = 1_000_000_000;
/// Coins of the faucet account at genesis, and MIST in each.
const FAUCET_COINS: u32 = 100;
const FAUCET_COIN: u64 = 1_000_000 * SUI;
/// Coins of every other account at genesis, and MIST in each.
const ACCOUNT_COINS: u32 = 5;
const ACCOUNT_COIN: u64 = 200_000 * SUI;
/// Start of every chain that is not told otherwise: 2025-01-01T00:00:00Z in milliseconds. A fixed
/// value makes the chain id depend on the seed alone; the first checkpoint after genesis brings
/// the Clock to the present.
const DEFAULT_CHAIN_START_MS: u64 = 1_735_689_600_000;
const REFERENCE_GAS_PRICE: u64 = 1000;
const FIRST_EPOCH: u64 = 0;

/// Configures a chain; made by [`crate::Devchain::builder`].
#[derive(Clone, Debug)]
pub struct DevchainBuilder {
    data_dir: Option<PathBuf>,
    seed: Option<Digest>,
    default_seed: Option<Digest>,
    rpc_address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    faucet_address: SocketAddr,
    accounts: u32,
    grant: Grant,
    clock: ClockMode,
    chain_start_ms: u64,
    epoch_duration: Option<Duration>,
    sync: SyncPolicy,
    in_place: bool,
}

impl Default for DevchainBuilder {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data_dir: None,
            seed: None,
            default_seed: None,
            rpc_address: any_port,
            tls: None,
            faucet_address: any_port,
            accounts: 10,
            grant: Grant::default(),
            clock: ClockMode::default(),
            chain_start_ms: DEFAULT_CHAIN_START_MS,
            epoch_duration: None,
            sync: SyncPolicy::default(),
            in_place: false,
        }
    }
}

impl DevchainBuilder {
    /// Keeps the chain in this directory and continues it from there; `None` (the default) keeps
    /// it in memory only.
    #[must_use]
    pub fn data_dir(mut self, directory: Option<PathBuf>) -> Self {
        self.data_dir = directory;
        self
    }

    /// Makes the chain id and all keys follow from this text. Without it an existing data directory
    /// keeps its own seed, and a new chain gets a random one.
    #[must_use]
    pub fn seed(mut self, seed: impl AsRef<[u8]>) -> Self {
        self.seed = Some(Hasher::digest(seed));
        self
    }

    /// The seed of a chain that does not exist yet, unless [`DevchainBuilder::seed`] names one. An existing data directory
    /// keeps its own.
    #[must_use]
    pub fn default_seed(mut self, seed: impl AsRef<[u8]>) -> Self {
        self.default_seed = Some(Hasher::digest(seed));
        self
    }

    /// Where gRPC is served. Default: any free port of 127.0.0.1.
    #[must_use]
    pub fn rpc_address(mut self, address: SocketAddr) -> Self {
        self.rpc_address = address;
        self
    }

    /// Speaks TLS with this configuration on the gRPC port, beside cleartext: the first byte of a connection tells which. The
    /// protocols that are offered (ALPN) are always `h2` and `http/1.1`. Default: cleartext alone.
    #[must_use]
    pub fn tls(mut self, config: Option<Arc<ServerConfig>>) -> Self {
        self.tls = config;
        self
    }

    /// Where the faucet is served. Default: any free port of 127.0.0.1.
    #[must_use]
    pub fn faucet_address(mut self, address: SocketAddr) -> Self {
        self.faucet_address = address;
        self
    }

    /// How many funded accounts genesis makes. Default: 10, each with 1 000 000 SUI in 5 coins.
    /// Has no effect on a chain that exists.
    #[must_use]
    pub fn accounts(mut self, accounts: u32) -> Self {
        self.accounts = accounts;
        self
    }

    /// What a faucet request hands out. Default: 5 coins of 10 SUI.
    #[must_use]
    pub fn faucet_grant(mut self, grant: Grant) -> Self {
        self.grant = grant;
        self
    }

    /// How time passes. Default: with the wall clock.
    #[must_use]
    pub fn clock(mut self, clock: ClockMode) -> Self {
        self.clock = clock;
        self
    }

    /// Timestamp of checkpoint 0 in milliseconds since 1970. Default: the start of 2025. Part of
    /// what the chain id follows from.
    #[must_use]
    pub fn chain_start_ms(mut self, timestamp: u64) -> Self {
        self.chain_start_ms = timestamp;
        self
    }

    /// How long an epoch of the chain lasts on its own clock; it ends with the first checkpoint after
    /// that. Default: until [`RunningChain::end_epoch`]. Not to be confused with epochs of contracts.
    #[must_use]
    pub fn epoch_duration(mut self, duration: Option<Duration>) -> Self {
        self.epoch_duration = duration;
        self
    }

    /// When the log is forced to disk. Default: after every checkpoint.
    #[must_use]
    pub fn sync(mut self, sync: SyncPolicy) -> Self {
        self.sync = sync;
        self
    }

    /// Has the writer work in the thread of whoever asks it, one transaction a checkpoint. Without a thread of its own it is
    /// deterministic, and a [clock that stands](ClockMode::Runtime) does not run on while it works: for simulations.
    #[must_use]
    pub fn in_callers_thread(mut self) -> Self {
        self.in_place = true;
        self
    }

    /// Boots the chain, or continues it from its data directory, and serves it.
    ///
    /// # Errors
    /// [`StartError::Listen`] when an address is taken; trouble with the log or genesis else.
    pub async fn start(self) -> Result<RunningChain, StartError> {
        let rpc = bind(self.rpc_address, "gRPC").await?;
        let faucet = bind(self.faucet_address, "the faucet").await?;
        let (rpc_address, faucet_address) = (local(&rpc)?, local(&faucet)?);
        let seed = self.resolve_seed()?;
        let accounts = (0..self.accounts).map(|index| Account::derive(&seed, index));
        let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
        let faucet_account = Account::faucet(&seed)?;
        let boot = self.clone();
        let allocated = accounts.clone();
        let payer = faucet_account.clone();
        let (ledger, writer) =
            tokio::task::spawn_blocking(move || boot.boot(seed, &allocated, &payer))
                .await
                .map_err(|error| StartError::Thread(std::io::Error::other(error)))??;
        // The Clock is at zero until the first checkpoint after genesis.
        ledger.tick(Duration::ZERO).await?;
        let faucet_service = Faucet::new(ledger.clone(), faucet_account, self.grant);
        let controls = faucet_address
            .ip()
            .is_loopback()
            .then(|| controls::router(ledger.clone(), faucet_service.clone()));
        let routes = faucet_service.clone().router();
        let routes = routes.merge(controls.unwrap_or_default());
        let shutdown = CancellationToken::new();
        let tls = self.tls.as_deref().map(rpc::offer_http);
        let speaks_tls = tls.is_some();
        let context = Context {
            ledger: ledger.clone(),
            shutdown: shutdown.clone(),
            subscribers: Subscribers::default(),
            simulations: Arc::new(Semaphore::new(concurrent_simulations())),
            scans: Arc::new(Semaphore::new(MAX_CONCURRENT_SCANS)),
        };
        let served = context.clone();
        let tasks = vec![
            tokio::spawn(heartbeat(context.clone())),
            tokio::spawn(async move {
                if let Err(error) = rpc::serve(served, rpc, tls).await {
                    error!(%error, "the gRPC server stopped");
                }
            }),
            tokio::spawn(serve_http(faucet, routes, shutdown.clone())),
        ];
        info!(%rpc_address, %faucet_address, chain_id = %ledger.state().chain_id(), "the chain is up");
        Ok(RunningChain {
            ledger,
            faucet: faucet_service,
            rpc_address,
            speaks_tls,
            faucet_address,
            accounts,
            shutdown,
            tasks,
            writer,
            context,
        })
    }

    fn resolve_seed(&self) -> Result<Digest, StartError> {
        let stored = match &self.data_dir {
            Some(directory) => read_seed(directory)?,
            None => None,
        };
        Ok(self
            .seed
            .or(stored)
            .or(self.default_seed)
            .unwrap_or_else(|| Digest::new(rand::random())))
    }

    fn boot(
        &self,
        seed: Digest,
        accounts: &[Account],
        faucet: &Account,
    ) -> Result<(Ledger, Option<WriterThread>), StartError> {
        let validator = Validator::new(validator_key(&seed)?);
        let (mut keeper, mut indexes) = match &self.data_dir {
            Some(directory) => self.reopen(directory, &seed)?,
            None => {
                let memory = Memory::default();
                let indexes = Indexes::new(Archive::Memory(memory.clone()));
                (Keeper::in_memory(memory), indexes)
            }
        };
        if indexes.tip().is_none() {
            let first = self.genesis(seed, &validator, accounts, faucet)?;
            let place = keeper.append(&first)?;
            indexes.apply(first, place);
        }
        let first = indexes.checkpoint(0).map_err(LedgerError::from)?;
        let first =
            first.ok_or_else(|| LedgerError::Internal("the chain has no genesis".into()))?;
        // All keys follow from the seed, which no checksum covers.
        if let Some(directory) = &self.data_dir
            && !validator.sealed(&first.summary, &first.signature)
        {
            return Err(StartError::Store(StoreError::Seed {
                path: directory.clone(),
            }));
        }
        let current = indexes.epoch(None);
        let facts = Facts {
            params: ChainParams {
                chain_id: first.digest,
                epoch: current.map_or(FIRST_EPOCH, |epoch| epoch.number),
                epoch_start_ms: current.map_or(first.summary.timestamp_ms, |epoch| epoch.start_ms),
                reference_gas_price: REFERENCE_GAS_PRICE,
            },
            seed,
            epoch_duration: self.epoch_duration,
        };
        let last_ms = indexes.tip().map_or(0, |tip| tip.summary.timestamp_ms);
        let clock = ChainClock::new(self.clock, last_ms);
        if self.in_place {
            let ledger = Ledger::in_place(indexes, keeper, clock, validator, facts);
            return Ok((ledger, None));
        }
        let started = Ledger::start(indexes, keeper, clock, validator, facts);
        let (ledger, writer) = started.map_err(StartError::Thread)?;
        Ok((ledger, Some(writer)))
    }

    /// Opens the log in a directory, and rebuilds the indexes from the snapshot beside it and what follows in the log.
    fn reopen(&self, directory: &Path, seed: &Digest) -> Result<(Keeper, Indexes), StoreError> {
        let opening = Opening::begin(directory, seed)?;
        let (mut indexes, position) = match snapshot::restore(directory, &opening)? {
            Some(restored) => restored,
            None => (Indexes::new(opening.archive()?), Position::START),
        };
        let log = opening.read(position, self.sync, &mut |record, place| {
            replay(&mut indexes, record, place).map_err(|(index, reason)| StoreError::BrokenChain {
                path: directory.to_owned(),
                index,
                reason: reason.into(),
            })
        })?;
        let keeper = Keeper::on_disk(log, directory, position, self.in_place);
        Ok((keeper, indexes))
    }

    fn genesis(
        &self,
        seed: Digest,
        validator: &Validator,
        accounts: &[Account],
        faucet: &Account,
    ) -> Result<CheckpointRecord, StartError> {
        let allocation = |address: Address, coins: u32, amount_per_coin: u64| Allocation {
            address,
            coins,
            amount_per_coin,
        };
        let mut allocations = vec![allocation(faucet.address, FAUCET_COINS, FAUCET_COIN)];
        allocations.extend(
            accounts
                .iter()
                .map(|account| allocation(account.address, ACCOUNT_COINS, ACCOUNT_COIN)),
        );
        let genesis = genesis::build(
            &framework()?,
            &GenesisOptions {
                chain_start_ms: self.chain_start_ms,
                allocations,
                seed,
            },
        )?;
        let signatures = system_signatures(&genesis.transaction.kind);
        let record = TransactionRecord::new(genesis.outcome, signatures);
        let stamp = Stamp {
            epoch: FIRST_EPOCH,
            timestamp_ms: self.chain_start_ms,
            ends_epoch: false,
        };
        Ok(validator.seal(None, stamp, vec![record]))
    }
}

/// The committed compilation of 0x1, 0x2 and 0x3.
fn framework() -> Result<Vec<walrus_artifacts::Package>, GenesisError> {
    walrus_artifacts::framework().map_err(|error| GenesisError::Framework {
        step: "reading the framework artifact".into(),
        reason: error.to_string(),
    })
}

/// Adds a checkpoint of the log, which has to continue the one before it; its number and what is wrong, if it does not.
fn replay(
    indexes: &mut Indexes,
    record: CheckpointRecord,
    place: Place,
) -> Result<(), (u64, &'static str)> {
    let previous = indexes.previous();
    let index = previous
        .as_ref()
        .map_or(0, |previous| previous.sequence_number.saturating_add(1));
    if record.summary.sequence_number != index {
        return Err((index, "its sequence number is out of order"));
    }
    if record.summary.previous_digest != previous.map(|previous| previous.digest) {
        return Err((index, "it names another previous checkpoint"));
    }
    if record.summary.content_digest != record.contents.digest() {
        return Err((index, "its contents have another digest"));
    }
    let listed = record.contents.transactions();
    let agrees = listed.len() == record.transactions.len()
        && listed.iter().zip(&record.transactions).all(|(info, kept)| {
            *info.transaction() == kept.digest() && *info.effects() == kept.effects.digest()
        });
    if !agrees {
        return Err((index, "its transactions differ from its contents"));
    }
    indexes.apply(record, place);
    Ok(())
}

async fn bind(address: SocketAddr, purpose: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen {
            address,
            purpose,
            source,
        })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(StartError::Thread)
}

async fn serve_http(listener: TcpListener, router: axum::Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move { shutdown.cancelled().await })
        .await;
    if let Err(error) = served {
        error!(%error, "the faucet stopped");
    }
}

fn concurrent_simulations() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| {
        processors.get().min(MAX_CONCURRENT_SIMULATIONS)
    })
}

/// While somebody subscribes, a chain without transactions makes an empty checkpoint now and then:
/// clients take a silent stream for a dead one.
async fn heartbeat(context: Context) {
    let mut heights = context.ledger.state().heights();
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            changed = tokio::time::timeout(HEARTBEAT, heights.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) if context.subscribers.count() > 0 => {
                    if let Err(error) = context.ledger.tick(Duration::ZERO).await {
                        error!(%error, "no heartbeat checkpoint");
                    }
                }
                Err(_) => {}
            },
        }
    }
}
