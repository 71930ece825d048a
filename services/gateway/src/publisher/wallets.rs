//! Wallets of a publisher: sub-wallets that sign at the same time, topped up from the main one. Client spec 3.2.

mod batch;
mod holdings;
mod refill;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard};
use walrus_sdk::{
    Address, BlobData, Client, ClientError, ContractWriter, EpochsAhead, PatchToStore,
    PostStoreAction, StoreOptions,
    journal::{Journal, UploadKey},
};
use walrus_sui::wallet::{Environment, Wallet, WalletError};

pub use self::refill::RefillError;
use self::{batch::Queue, refill::WalletFunds};
use super::{
    AfterStore, Holdings, QuiltToStore, TaskId, UploadError, UploadOptions, UploadTask, Uploader,
    uploader::{Unstored, Uploaded},
};
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
    /// A sub-wallet could not pay a store.
    #[error(
        "the sub-wallet {address} has {balance} MIST, which is not enough for the gas of one store (about {} MIST): send SUI to the \
         wallet of the publisher, or refill more with --gas-refill-amount and --sub-wallets-min-balance",
        limits::STORE_GAS
    )]
    NoGas {
        /// The sub-wallet.
        address: Address,
        /// MIST that it has.
        balance: u64,
    },
}

/// The directory of what is paid and not done, among the sub-wallets.
const UPLOADS: &str = "uploads";

/// What a task is called in there.
fn upload_key(task: TaskId) -> UploadKey {
    UploadKey::of([&b"publisher"[..], &task.0])
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
    /// Stores that wait for a sub-wallet.
    queue: Queue,
    /// What is paid, or about to be.
    journal: Journal,
    /// As they were last looked at.
    funds: std::sync::Mutex<Vec<WalletFunds>>,
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
        let journal = Journal::in_folder(path.join(UPLOADS)).keeping_results();
        let this = Self(Arc::new(Inner {
            journal,
            queue: Queue::default(),
            wallets,
            next: AtomicUsize::new(0),
            main: client.writer()?,
            options,
            funds: std::sync::Mutex::default(),
        }));
        this.refill().await?;
        this.require_gas().await?;
        Ok(this)
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

    async fn upload(&self, data: BlobData, task: UploadTask) -> Result<Uploaded, Unstored> {
        let key = upload_key(task.id);
        let begun = self.0.journal.open_upload(&key).await;
        let begun = begun.map_err(|error| UploadError::Failed(error.into()))?;
        let Some(begun) = begun else {
            return self.store_with_any(key, data, task).await;
        };
        // Only who has begun to pay goes on with it.
        let mut wallets = self.0.wallets.iter();
        let wallet = wallets.find(|wallet| wallet.writer.address() == begun.signer);
        let wallet = wallet.ok_or_else(|| {
            let signer = begun.signer;
            let message = format!("{signer} began the store, and is none of the sub-wallets now");
            UploadError::Failed(message.into())
        })?;
        let _guard = wallet.busy.lock().await;
        self.store_with(wallet, key, data, task).await
    }

    async fn store_with(
        &self,
        wallet: &SubWallet,
        key: UploadKey,
        data: BlobData,
        task: UploadTask,
    ) -> Result<Uploaded, Unstored> {
        let UploadTask {
            options,
            attributes,
            max_cost,
            progress,
            ..
        } = task;
        let store = wallet
            .client
            .store(data)
            .options(self.how(&options, max_cost));
        let store = store.journal(&self.0.journal).upload_key(key);
        let attributes = attributes.into_iter();
        let store = attributes.fold(store, |store, (key, value)| store.attribute(key, value));
        match store.progress(&*progress).await {
            Ok(stored) => Ok(self.done(wallet, stored, &options).await),
            Err(error) => Err(self.unstored(&key, error.into()).await),
        }
    }

    /// How the client stores what is to be stored so.
    fn how(&self, options: &UploadOptions, max_cost: Option<u64>) -> StoreOptions {
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
            max_cost,
            ..StoreOptions::new(EpochsAhead::Count(options.epochs))
        }
    }

    fn burns(&self, options: &UploadOptions) -> bool {
        self.0.options.burn_after_store && options.after == AfterStore::Default
    }

    /// Why a store failed; something may be paid exactly if that is written down.
    async fn unstored(&self, key: &UploadKey, error: UploadError) -> Unstored {
        let open = self.0.journal.open_upload(key).await;
        Unstored {
            error,
            paid: !matches!(open, Ok(None)),
        }
    }

    /// Some client of the network.
    fn client(&self) -> Result<&Client, UploadError> {
        let wallet = self.0.wallets.first();
        let wallet = wallet.ok_or_else(|| UploadError::Failed("there is no sub-wallet".into()))?;
        Ok(&wallet.client)
    }

    async fn price_of(&self, bytes: u64, options: &UploadOptions) -> Result<u64, UploadError> {
        let client = self.client()?;
        Ok(client
            .price_of(bytes, EpochsAhead::Count(options.epochs))
            .await?)
    }
}

impl Uploader for Wallets {
    fn price(
        &self,
        bytes: u64,
        options: &UploadOptions,
    ) -> BoxFuture<'_, Result<u64, UploadError>> {
        let options = options.clone();
        Box::pin(async move { self.price_of(bytes, &options).await })
    }

    fn store(&self, data: BlobData, task: UploadTask) -> BoxFuture<'_, Result<Uploaded, Unstored>> {
        Box::pin(self.upload(data, task))
    }

    fn pack(&self, patches: Vec<PatchToStore>) -> BoxFuture<'_, Result<QuiltToStore, UploadError>> {
        Box::pin(async move {
            let packed = self.client()?.pack_quilt(patches).await?;
            let patches = packed.index.patches().iter();
            let patches = patches.map(|patch| (patch.identifier.clone(), patch.columns));
            Ok(QuiltToStore {
                patches: patches.collect(),
                data: packed.data,
            })
        })
    }

    fn forget(&self, task: TaskId) {
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(error) = this.0.journal.forget(&upload_key(task)).await {
                tracing::warn!(%error, "what was written down of a store that is over stays until it expires");
            }
        });
    }

    fn holdings(&self) -> Option<&dyn Holdings> {
        Some(self)
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
