//! Publisher: stores over HTTP, paid by wallets of whoever runs it. Client spec 3.2, 3.5, 3.12 and 3.13.

mod account;
mod admission;
mod door;
mod holdings;
mod jobs;
mod keys;
mod objects;
mod put;
mod query;
mod quilt;
mod refusal;
mod tokens;
mod uploader;
pub(crate) mod uploads;
mod wallets;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{extract::DefaultBodyLimit, middleware};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_sdk::Spool;
use walrus_service::clock::Clock;

use self::{account::Account, door::Door, jobs::Jobs, keys::Keys, tokens::Tokens};
pub use self::{
    door::{Access, AccessError},
    holdings::{Holders, HoldingError, Holdings},
    jobs::JobsError,
    keys::{KeyFile, KeyFileError, KeyId, KeyInfo, NewKey, NoKeyId, Secret},
    tokens::{Algorithm, Signature, TokenOptions, TokensError},
    uploader::{
        AfterStore, QuiltToStore, TaskId, Unstored, UploadError, UploadOptions, UploadTask,
        Uploaded, Uploader,
    },
    wallets::{RefillError, WalletOptions, Wallets, WalletsError},
};
pub(crate) use self::{jobs::Upkeep, refusal::WriteReason, tokens::TokenError};
use crate::{
    http::shedding::{Places, shed},
    limits, spool,
    store::Store,
};

/// How a publisher serves. Client spec 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherOptions {
    /// Bytes of the largest body of a PUT.
    pub max_body_size: u64,
    /// Bytes of the largest form that makes a quilt.
    pub max_quilt_body_size: u64,
    /// Requests in work at the same time, and stores.
    pub max_concurrent_requests: usize,
    /// Requests that wait for that.
    pub max_buffer_size: usize,
    /// Who may store.
    pub access: Access,
    /// How tokens are checked, if the access is by [`Access::Tokens`].
    pub tokens: Option<TokenOptions>,
    /// FROST for storage that all who need not say who they are may spend, counted over restarts.
    pub budget: Option<u64>,
    /// Where jobs, bodies that are not stored yet, and the file of keys are; one publisher uses it at a time. Without one they are in a
    /// temporary directory and gone with the publisher.
    pub state: Option<PathBuf>,
    /// Bytes of the largest upload in parts.
    pub max_upload_size: u64,
    /// Bytes of bodies that are not stored yet.
    pub spool_bounds: SpoolBounds,
    /// How long an upload lives without a new byte, and answers are kept for whoever asks.
    pub upload_lifetime: Duration,
    /// Where other temporary files are.
    pub spool: Spool,
}

/// Bytes of bodies on disk that are not stored yet; what an upload will need counts from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolBounds {
    /// Of all.
    pub total: u64,
    /// Of one account: a key, or all who have none.
    pub per_account: u64,
}

impl SpoolBounds {
    /// Of one body: a larger one would never have room.
    pub fn of_one(&self) -> u64 {
        self.total.min(self.per_account)
    }
}

impl Default for SpoolBounds {
    fn default() -> Self {
        Self {
            total: limits::SPOOL_BYTES,
            per_account: limits::SPOOL_BYTES_OF_ACCOUNT,
        }
    }
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            max_body_size: limits::PUBLISHER_BODY,
            max_quilt_body_size: limits::QUILT_BODY,
            max_concurrent_requests: limits::PUBLISHER_REQUESTS,
            max_buffer_size: limits::PUBLISHER_QUEUE,
            access: Access::default(),
            tokens: None,
            budget: None,
            state: None,
            max_upload_size: limits::UPLOAD_BODY,
            spool_bounds: SpoolBounds::default(),
            upload_lifetime: limits::UPLOAD_LIFETIME,
            spool: Spool::default(),
        }
    }
}

impl PublisherOptions {
    /// Where a client that stores for this publisher has slivers: stores at the same time share the memory for them.
    pub fn spool_of_stores(&self) -> Spool {
        spool::of_one(&self.spool)
    }

    /// The same, where no body may be larger than all that is kept of bodies.
    fn within_spool(&self) -> Self {
        let most = self.spool_bounds.of_one();
        Self {
            max_body_size: self.max_body_size.min(most),
            max_quilt_body_size: self.max_quilt_body_size.min(most),
            max_upload_size: self.max_upload_size.min(most),
            ..self.clone()
        }
    }
}

/// Why a publisher does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublisherError {
    /// Anybody could spend the wallet.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Tokens cannot be checked.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// Tokens are needed, and nothing says how they are checked.
    #[error("tokens are needed to store, and nothing says how they are checked")]
    NoTokens,
    /// Jobs cannot be kept.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// Keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// There is no directory for the state.
    #[error("the state of the publisher cannot be kept in {}: {source}", path.display())]
    State {
        /// The directory, or that in which it is to be made.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The routes that the document describes.
pub(crate) fn described() -> OpenApiRouter<Publisher> {
    stores()
        .merge(objects::described())
        .merge(uploads::described())
}

/// Those of them that take a body in.
fn stores() -> OpenApiRouter<Publisher> {
    OpenApiRouter::default()
        .routes(routes!(put::blob))
        .routes(routes!(quilt::quilt))
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    options: Arc<PublisherOptions>,
    uploader: Arc<dyn Uploader>,
    tokens: Option<Arc<Tokens>>,
    keys: Arc<Keys>,
    jobs: Jobs,
    /// Clients that follow jobs.
    followers: Arc<Semaphore>,
    /// Ends when they are to go.
    closing: CancellationToken,
    /// State that goes with the publisher.
    _temporary: Option<Arc<tempfile::TempDir>>,
}

impl Publisher {
    /// Opens what a publisher keeps. `readers` hear first of what it has stored.
    ///
    /// # Errors
    /// [`PublisherError`].
    pub(crate) fn open(
        uploader: Arc<dyn Uploader>,
        options: &PublisherOptions,
        readers: Vec<Arc<dyn Store>>,
    ) -> Result<Self, PublisherError> {
        if options.access == Access::Tokens && options.tokens.is_none() {
            return Err(PublisherError::NoTokens);
        }
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |source| PublisherError::State { path, source }
        };
        let (state, temporary) = match &options.state {
            Some(state) => {
                std::fs::create_dir_all(state).map_err(failed(state))?;
                (state.clone(), None)
            }
            None => {
                let parent = &options.spool.directory;
                let made = tempfile::tempdir_in(parent).map_err(failed(parent))?;
                (made.path().to_owned(), Some(Arc::new(made)))
            }
        };
        let tokens = options.tokens.clone().map(Tokens::open).transpose()?;
        let clock = Clock::system();
        Ok(Self {
            jobs: Jobs::open(
                &state,
                Arc::clone(&uploader),
                options,
                readers,
                clock.clone(),
            )?,
            uploader,
            keys: Arc::new(Keys::open(&state, clock)?),
            options: Arc::new(options.within_spool()),
            tokens: tokens.map(Arc::new),
            closing: CancellationToken::new(),
            followers: Arc::new(Semaphore::new(limits::FOLLOWERS)),
            _temporary: temporary,
        })
    }

    /// Ends requests that would go on for as long as there is something to tell.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    pub(crate) fn options(&self) -> &PublisherOptions {
        &self.options
    }

    /// Whether an account is that of a key.
    fn is_key(&self, account: Account) -> bool {
        self.keys.allowance_of(account).is_some()
    }

    /// The worker that goes on with jobs, and forgets them.
    pub(crate) fn upkeep(&self) -> Upkeep {
        Upkeep::new(self.clone())
    }

    /// The routes of a publisher that listens on `address`, without what all services of a gateway share.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(crate) fn routes(&self, address: SocketAddr) -> Result<OpenApiRouter, AccessError> {
        let options = &self.options;
        let door = Door::new(options.access, address, options.budget)?;
        let places = Places::new(
            "publisher",
            options.max_concurrent_requests,
            options.max_buffer_size,
        );
        let stores = stores()
            .with_state(self.clone())
            // The handler has a limit of its own, and says which.
            .layer(DefaultBodyLimit::disable())
            .route_layer(middleware::from_fn_with_state(places, shed));
        Ok(stores
            .merge(objects::described().with_state(self.clone()))
            .merge(uploads::described().with_state(self.clone()))
            .route_layer(middleware::from_fn_with_state(door, door::guard)))
    }
}
