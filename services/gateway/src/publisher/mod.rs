//! Publisher: stores over HTTP, paid by wallets of whoever runs it. Client spec 3.2 and 3.5.

mod door;
mod put;
mod query;
mod quilt;
mod tokens;
mod uploader;
mod wallets;

use std::{net::SocketAddr, sync::Arc};

use axum::{extract::DefaultBodyLimit, middleware};
use utoipa_axum::{router::OpenApiRouter, routes};
use walrus_sdk::Spool;

pub(crate) use self::tokens::TokenError;
use self::{door::Door, tokens::Tokens};
pub use self::{
    door::{Access, AccessError},
    tokens::{Algorithm, Signature, TokenOptions, TokensError},
    uploader::{AfterStore, StoredQuilt, UploadError, UploadOptions, Uploader},
    wallets::{WalletOptions, Wallets, WalletsError},
};
use crate::{
    http::shedding::{Places, shed},
    limits,
};

/// How a publisher serves. Client spec 3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherOptions {
    /// Bytes of the largest blob that is taken.
    pub max_body_size: u64,
    /// Bytes of the largest form that makes a quilt.
    pub max_quilt_body_size: u64,
    /// Requests in work at the same time.
    pub max_concurrent_requests: usize,
    /// Requests that wait for that.
    pub max_buffer_size: usize,
    /// Who may store.
    pub access: Access,
    /// How tokens are checked, if the access is by [`Access::Tokens`].
    pub tokens: Option<TokenOptions>,
    /// Where bodies are until they are stored.
    pub spool: Spool,
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
            spool: Spool::default(),
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
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    uploader: Arc<dyn Uploader>,
    options: Arc<PublisherOptions>,
    tokens: Option<Arc<Tokens>>,
}

/// The routes, described.
pub(crate) fn described() -> OpenApiRouter<Publisher> {
    OpenApiRouter::default()
        .routes(routes!(put::blob))
        .routes(routes!(quilt::quilt))
}

/// The routes of a publisher that listens on `address`, without what all services of a gateway share.
///
/// # Errors
/// [`PublisherError`].
pub(crate) fn routes(
    uploader: Arc<dyn Uploader>,
    options: &PublisherOptions,
    address: SocketAddr,
) -> Result<OpenApiRouter, PublisherError> {
    if options.access == Access::Tokens && options.tokens.is_none() {
        return Err(PublisherError::NoTokens);
    }
    let door = Door::new(options.access, address)?;
    let places = Places::new(
        "publisher",
        options.max_concurrent_requests,
        options.max_buffer_size,
    );
    let tokens = options.tokens.clone().map(Tokens::open).transpose()?;
    let publisher = Publisher {
        uploader,
        options: Arc::new(options.clone()),
        tokens: tokens.map(Arc::new),
    };
    Ok(described()
        .with_state(publisher)
        // The handler has a limit of its own, and says which.
        .layer(DefaultBodyLimit::disable())
        .route_layer(middleware::from_fn_with_state(places, shed))
        .route_layer(middleware::from_fn_with_state(door, door::guard)))
}
