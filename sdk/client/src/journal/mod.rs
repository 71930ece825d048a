//! Upload journal: a durable record of uploads, so that one that is cut off goes on where it was and pays nothing twice.
//!
//! Before a transaction that pays is sent, its signed bytes are in a file of the journal's folder, synchronized. After a crash, a
//! lost connection or Ctrl-C the same upload, which is found by its [`UploadKey`], goes on: the transaction is looked up by its digest, or
//! sent again, or, once it can never be executed any more, replaced; the blob object that it made is used; nodes are sent what they lack.
//! Nothing is written for an upload that never gets so far. What it ends with removes it, unless [results are
//! kept](Journal::keeping_results).
//!
//! Each store has a file of its own, locked as long as it runs: JSON lines that are only added to. A file that was left is no obstacle to
//! other uploads. See client spec 1.14.

mod entry;
mod error;
mod file;
mod folder;
mod key;
mod line;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{FutureExt as _, future::BoxFuture};
use walrus_core::Epoch;
use walrus_sui::{
    home::{Expand as _, NoHome},
    objects::Blob,
    transactions::{BeforeSending, BlobCertificate, SignedTransaction},
};

pub(crate) use self::{
    entry::Entry,
    line::{KeptResult, PaidUpload, SignedTip},
};
pub use self::{
    entry::{OpenUpload, UploadStage},
    error::JournalError,
    key::UploadKey,
};
use self::{
    file::{Durability, JournalFile},
    folder::Claimed,
    line::{Begun, FORMAT, Line},
};

/// The uploads of a folder. Cheap to clone. Several processes may use one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    folder: PathBuf,
    keeps_results: bool,
}

impl Journal {
    /// The journal in this folder, which is made when the first upload begins.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keeps_results: false,
        }
    }

    /// The journal of the command line: `~/.walrus/uploads`.
    ///
    /// # Errors
    /// [`NoHome`].
    pub fn in_home() -> Result<Self, NoHome> {
        Ok(Self::in_folder(
            PathBuf::from("~/.walrus/uploads").expand()?,
        ))
    }

    /// The same journal for a caller that has to write down results itself: an upload that was paid for and succeeds stays, at
    /// [`UploadStage::Stored`], and the same upload again ends with that result at once, until [`Journal::forget`].
    #[must_use]
    pub fn keeping_results(mut self) -> Self {
        self.keeps_results = true;
        self
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every upload that is paid for, or may be, and is not over, by key; of all networks.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub async fn open_uploads(&self) -> Result<Vec<OpenUpload>, JournalError> {
        let folder = self.folder.clone();
        self.blocking(move || folder::open_uploads(&folder)).await
    }

    /// One of them.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub async fn open_upload(&self, key: &UploadKey) -> Result<Option<OpenUpload>, JournalError> {
        let open = self.open_uploads().await?;
        Ok(open.into_iter().find(|upload| upload.key == *key))
    }

    /// Gives an upload up: what was paid is the wallet's, and nothing goes on.
    ///
    /// # Errors
    /// [`JournalError::Busy`] if a store is at work on it; [`JournalError::Io`].
    pub async fn forget(&self, key: &UploadKey) -> Result<(), JournalError> {
        let (folder, key) = (self.folder.clone(), *key);
        self.blocking(move || folder::forget(&folder, &key)).await
    }

    /// Begins a store of these uploads.
    pub(crate) async fn begin(&self, keys: Vec<UploadKey>) -> Result<Beginning, JournalError> {
        let begun = Begun {
            format: FORMAT,
            at: now(),
            keys,
        };
        let folder = self.folder.clone();
        let claimed = self.blocking(move || folder::claim(&folder, begun)).await?;
        let Claimed { file, left, busy } = claimed;
        let log = UploadLog {
            file: Arc::new(Mutex::new(file)),
            folder: self.folder.clone(),
            keeps_results: self.keeps_results,
        };
        Ok(Beginning { log, left, busy })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        blocking(&self.folder, work).await
    }
}

/// What a store begins with.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Where it writes down what it does.
    pub(crate) log: UploadLog,
    /// What earlier stores left of these uploads.
    pub(crate) left: BTreeMap<UploadKey, Entry>,
    /// What others are at work on.
    pub(crate) busy: BTreeSet<UploadKey>,
}

/// Where a store writes down what it does. When the last clone is dropped, only what is paid for and not over is left.
#[derive(Debug, Clone)]
pub(crate) struct UploadLog {
    file: Arc<Mutex<JournalFile>>,
    folder: PathBuf,
    keeps_results: bool,
}

impl UploadLog {
    pub(crate) fn keeps_results(&self) -> bool {
        self.keeps_results
    }

    /// Whether an upload is paid for, or may be.
    pub(crate) fn is_open(&self, key: &UploadKey) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.entries().open().contains_key(key)
    }

    /// What a transaction tells before it is sent that pays for these.
    pub(crate) fn paying(&self, uploads: Vec<PaidUpload>) -> Arc<dyn BeforeSending> {
        let log = self.clone();
        Arc::new(Noted(move |transaction| {
            let mut uploads = uploads.clone();
            for upload in &mut uploads {
                upload.begun = now();
            }
            let line = Line::Paying {
                transaction,
                uploads,
            };
            log.clone().noted(line)
        }))
    }

    /// The same for one that shares the object of an upload.
    pub(crate) fn sharing(&self, key: UploadKey) -> Arc<dyn BeforeSending> {
        let log = self.clone();
        Arc::new(Noted(move |transaction| {
            log.clone().noted(Line::Sharing { key, transaction })
        }))
    }

    /// The same for one that tips an upload relay.
    pub(crate) fn tipping(&self, key: UploadKey, nonce: [u8; 32]) -> Arc<dyn BeforeSending> {
        let log = self.clone();
        Arc::new(Noted(move |transaction| {
            let tip = SignedTip { transaction, nonce };
            log.clone().noted(Line::Tipping { key, tip })
        }))
    }

    async fn noted(self, line: Line) -> io::Result<()> {
        let written = self.append(vec![line], Durability::Synchronized).await;
        written.map_err(io::Error::other)
    }

    pub(crate) async fn registered(
        &self,
        objects: Vec<(UploadKey, Blob)>,
    ) -> Result<(), JournalError> {
        let line = |(key, object)| {
            let object = Box::new(object);
            Line::Registered { key, object }
        };
        self.eventually(objects.into_iter().map(line)).await
    }

    pub(crate) async fn confirmed(
        &self,
        epoch: Epoch,
        certificates: Vec<(UploadKey, BlobCertificate)>,
    ) -> Result<(), JournalError> {
        let line = |(key, certificate)| Line::Confirmed {
            key,
            epoch,
            certificate,
        };
        self.eventually(certificates.into_iter().map(line)).await
    }

    /// Keeps what came of uploads.
    pub(crate) async fn stored(
        &self,
        results: Vec<(UploadKey, KeptResult)>,
    ) -> Result<(), JournalError> {
        let line = |(key, result)| {
            let result = Box::new(result);
            Line::Stored { key, result }
        };
        let lines: Vec<_> = results.into_iter().map(line).collect();
        match lines.is_empty() {
            true => Ok(()),
            false => self.append(lines, Durability::Synchronized).await,
        }
    }

    /// Nothing more is to be known about these.
    pub(crate) async fn ended(&self, keys: Vec<UploadKey>) -> Result<(), JournalError> {
        let keys = Some(keys).filter(|keys| !keys.is_empty());
        self.eventually(keys.map(|keys| Line::Ended { keys })).await
    }

    async fn eventually(&self, lines: impl IntoIterator<Item = Line>) -> Result<(), JournalError> {
        let lines: Vec<_> = lines.into_iter().collect();
        match lines.is_empty() {
            true => Ok(()),
            false => self.append(lines, Durability::Eventual).await,
        }
    }

    async fn append(&self, lines: Vec<Line>, durability: Durability) -> Result<(), JournalError> {
        let file = Arc::clone(&self.file);
        blocking(&self.folder, move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.append(lines, durability)
        })
        .await
    }
}

/// A function that is told of transactions.
struct Noted<F>(F);

impl<F, R> BeforeSending for Noted<F>
where
    F: Fn(SignedTransaction) -> R + Send + Sync,
    R: Future<Output = io::Result<()>> + Send + 'static,
{
    fn note(&self, signed: SignedTransaction) -> BoxFuture<'_, io::Result<()>> {
        (self.0)(signed).boxed()
    }
}

async fn blocking<T: Send + 'static>(
    folder: &Path,
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(JournalError::io(folder)(io::Error::other(error))),
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
