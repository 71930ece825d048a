//! Wallets of a publisher: sub-wallets that sign at the same time, topped up from the main one. Client spec 3.2.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use tokio::sync::{Mutex, MutexGuard};
use walrus_sdk::{
    Address, BlobData, BlobStoreResult, Client, ClientError, ContractWriter, EpochsAhead,
    PatchToStore, PostStoreAction, StoreOptions, Stored, TransactionError,
};
use walrus_service::worker::{Failure, Step, Worker};
use walrus_sui::wallet::{Environment, Wallet, WalletError};

use super::{AfterStore, StoredQuilt, UploadError, UploadOptions, Uploader};
use crate::limits;

/// The wallets of a publisher. Client spec 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletOptions {
    /// Sub-wallets: stores at the same time.
    pub count: usize,
    /// Where they are.
    pub directory: PathBuf,
    /// How often it is looked whether they have enough.
    pub refill_interval: Duration,
    /// MIST that one gets that has too little.
    pub gas_refill: u64,
    /// FROST that one gets that has too little.
    pub wal_refill: u64,
    /// Fewer MIST, or FROST, than this are too little.
    pub min_balance: u64,
    /// Whether blob objects that nobody asks for are burned; otherwise the main wallet gets them.
    pub burn_after_store: bool,
}

impl WalletOptions {
    /// The defaults of client spec 3.1, with sub-wallets in `directory`.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self {
            count: 8,
            directory: directory.into(),
            refill_interval: Duration::from_secs(1),
            gas_refill: 500_000_000,
            wal_refill: 500_000_000,
            min_balance: 500_000_000,
            burn_after_store: false,
        }
    }
}

/// Why there are no wallets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletsError {
    /// There are to be none.
    #[error(
        "a publisher needs at least one sub-wallet, and at most {}",
        limits::SUB_WALLETS
    )]
    Count,
    /// The directory cannot be made.
    #[error("cannot make the directory of sub-wallets {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A wallet cannot be read or written.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The client has no main wallet.
    #[error(transparent)]
    NoSigner(#[from] ClientError),
    /// The chain did not answer, or refused to pay.
    #[error("the sub-wallets cannot be filled: {0}")]
    Refill(#[from] RefillError),
}

/// One sub-wallet.
struct SubWallet {
    client: Client,
    writer: ContractWriter,
    /// Held while it signs for a store.
    busy: Mutex<()>,
}

/// The wallets of a publisher. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Wallets(Arc<Inner>);

struct Inner {
    wallets: Vec<SubWallet>,
    next: AtomicUsize,
    main: ContractWriter,
    options: WalletOptions,
}

impl Wallets {
    /// Opens the sub-wallets, or makes them, and gives them what they lack. `client` has the main wallet, whose network is
    /// `environment`.
    ///
    /// # Errors
    /// [`WalletsError`].
    pub async fn open(
        client: &Client,
        environment: &Environment,
        options: WalletOptions,
    ) -> Result<Self, WalletsError> {
        if !(1..=limits::SUB_WALLETS).contains(&options.count) {
            return Err(WalletsError::Count);
        }
        let path = &options.directory;
        std::fs::create_dir_all(path).map_err(|source| WalletsError::Directory {
            path: path.clone(),
            source,
        })?;
        let open = |index| sub_wallet(client, environment, path, index);
        let wallets = (0..options.count).map(open).collect::<Result<_, _>>()?;
        let this = Self(Arc::new(Inner {
            wallets,
            next: AtomicUsize::new(0),
            main: client.writer()?,
            options,
        }));
        this.refill().await?;
        Ok(this)
    }

    /// The worker that tops the sub-wallets up.
    pub(crate) fn refiller(&self) -> Refiller {
        Refiller(self.clone())
    }

    /// Gives each sub-wallet that has too little what it is to get.
    async fn refill(&self) -> Result<(), RefillError> {
        let Inner { main, options, .. } = &*self.0;
        let addresses: Vec<Address> = self.addresses();
        let balances = stream::iter(addresses).map(|address| async move {
            let reader = main.reader();
            let sui = reader.chain().sui_balance(address);
            let (sui, wal) = tokio::try_join!(sui, reader.wal_balance(address))?;
            Ok::<_, RefillError>((address, sui, wal))
        });
        let balances: Vec<_> = balances
            .buffered(limits::BALANCE_REQUESTS)
            .try_collect()
            .await?;
        let lacks = |balance: u64| balance < options.min_balance;
        let of_sui = balances.iter().filter(|(_, sui, _)| lacks(*sui));
        let of_sui: Vec<_> = of_sui.map(|(to, ..)| (*to, options.gas_refill)).collect();
        if !of_sui.is_empty() {
            main.executor().send_sui(&of_sui).await?;
        }
        let of_wal = balances.iter().filter(|(.., wal)| lacks(*wal));
        let of_wal: Vec<_> = of_wal.map(|(to, ..)| (*to, options.wal_refill)).collect();
        if !of_wal.is_empty() {
            main.send_wal(&of_wal).await?;
        }
        Ok(())
    }

    fn addresses(&self) -> Vec<Address> {
        let wallets = self.0.wallets.iter();
        wallets.map(|wallet| wallet.writer.address()).collect()
    }

    /// A sub-wallet that signs for nobody else until the guard is dropped: one that is free, in turns, or else the next one once it is.
    async fn take(&self) -> Option<(&SubWallet, MutexGuard<'_, ()>)> {
        let wallets = &self.0.wallets;
        let first = self.0.next.fetch_add(1, Ordering::Relaxed);
        let turn = |offset: usize| {
            let index = first.wrapping_add(offset).checked_rem(wallets.len())?;
            wallets.get(index)
        };
        for wallet in (0..wallets.len()).filter_map(turn) {
            if let Ok(guard) = wallet.busy.try_lock() {
                return Some((wallet, guard));
            }
        }
        let wallet = turn(0)?;
        Some((wallet, wallet.busy.lock().await))
    }

    async fn upload(
        &self,
        data: BlobData,
        options: UploadOptions,
    ) -> Result<BlobStoreResult, UploadError> {
        let Some((wallet, _guard)) = self.take().await else {
            return Err(UploadError::Failed("there is no sub-wallet".into()));
        };
        let store = wallet.client.store(data).options(self.how(&options));
        let stored = store.await.map_err(failed)?.stored;
        self.after(wallet, &stored, &options).await?;
        Ok(stored.into())
    }

    async fn upload_quilt(
        &self,
        patches: Vec<PatchToStore>,
        options: UploadOptions,
    ) -> Result<StoredQuilt, UploadError> {
        let Some((wallet, _guard)) = self.take().await else {
            return Err(UploadError::Failed("there is no sub-wallet".into()));
        };
        let store = wallet
            .client
            .store_quilt(patches)
            .options(self.how(&options));
        let report = store.await.map_err(failed)?;
        let stored =
            report
                .outcome
                .result
                .map_err(|failure| match Arc::try_unwrap(failure.error) {
                    Ok(error) => failed(error),
                    Err(shared) => UploadError::Failed(shared.into()),
                })?;
        self.after(wallet, &stored, &options).await?;
        Ok(StoredQuilt {
            result: stored.into(),
            patches: report.patches,
        })
    }

    /// How the client stores what is to be stored so.
    fn how(&self, options: &UploadOptions) -> StoreOptions {
        let post_store = match options.after {
            AfterStore::SendTo(owner) => PostStoreAction::TransferTo(owner),
            AfterStore::Default if self.burns(options) => PostStoreAction::Keep,
            AfterStore::Default => PostStoreAction::TransferTo(self.0.main.address()),
            AfterStore::Share => PostStoreAction::Share,
        };
        StoreOptions {
            deletable: !options.permanent,
            check_status: !options.force,
            reuse_resources: options.reuse_resources,
            post_store,
            ..StoreOptions::new(EpochsAhead::Count(options.epochs))
        }
    }

    fn burns(&self, options: &UploadOptions) -> bool {
        self.0.options.burn_after_store && options.after == AfterStore::Default
    }

    /// Burns the object of a store, if that is what becomes of it.
    async fn after(
        &self,
        wallet: &SubWallet,
        stored: &Stored,
        options: &UploadOptions,
    ) -> Result<(), UploadError> {
        if let Stored::NewlyCreated { blob_object, .. } = stored
            && self.burns(options)
        {
            let burned = wallet.writer.burn_blobs(&[blob_object.id]).await;
            burned.map_err(|error| UploadError::Failed(error.into()))?;
        }
        Ok(())
    }
}

impl Uploader for Wallets {
    fn store(
        &self,
        data: BlobData,
        options: UploadOptions,
    ) -> BoxFuture<'_, Result<BlobStoreResult, UploadError>> {
        Box::pin(self.upload(data, options))
    }

    fn store_quilt(
        &self,
        patches: Vec<PatchToStore>,
        options: UploadOptions,
    ) -> BoxFuture<'_, Result<StoredQuilt, UploadError>> {
        Box::pin(self.upload_quilt(patches, options))
    }
}

fn sub_wallet(
    client: &Client,
    environment: &Environment,
    directory: &Path,
    index: usize,
) -> Result<SubWallet, WalletsError> {
    let wallet = Wallet::open_or_create(
        &directory.join(format!("sui_client_{index}.yaml")),
        &directory.join(format!("sui_{index}.keystore")),
        environment.clone(),
    )?;
    let client = client.clone().with_signer(wallet.active_key()?);
    Ok(SubWallet {
        writer: client.writer()?,
        client,
        busy: Mutex::default(),
    })
}

/// What a failed store means.
fn failed(error: ClientError) -> UploadError {
    match error {
        ClientError::NoEpochs | ClientError::TooManyEpochs { .. } => {
            UploadError::Epochs(error.to_string())
        }
        ClientError::BlobTooLarge { size, max } => UploadError::TooLarge { size, max },
        ClientError::Quilt(problem) => UploadError::Quilt(problem.to_string()),
        ClientError::NotEnoughConfirmations { .. } => UploadError::Confirmations(error.into()),
        ClientError::BlobIdBlocked(_) => UploadError::Blocked,
        error if lacks_funds(&error) => UploadError::Funds(error.into()),
        error => UploadError::Failed(error.into()),
    }
}

fn lacks_funds(error: &ClientError) -> bool {
    match error {
        ClientError::Transaction { source, .. } => {
            matches!(**source, TransactionError::InsufficientFunds { .. })
        }
        ClientError::NotCertified { source, .. } => lacks_funds(source),
        _ => false,
    }
}

/// Sub-wallets were not topped up.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] walrus_sdk::ChainError),
    /// The main wallet could not pay.
    #[error(transparent)]
    Payment(#[from] TransactionError),
}

/// Tops sub-wallets up.
pub(crate) struct Refiller(Wallets);

impl Worker for Refiller {
    fn name(&self) -> &'static str {
        "wallet-refill"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        match self.0.refill().await {
            Ok(()) => Ok(Step::WaitAtMost(self.0.0.options.refill_interval)),
            // What a sub-wallet lacks is told to whoever stores with it.
            Err(error) => Ok(Step::Retry(error.into())),
        }
    }
}
