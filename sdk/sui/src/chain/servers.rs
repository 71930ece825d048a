//! RPC servers of one network: one is in use, and another takes over when it fails.
//!
//! A server that takes over must be of the same network, and must have seen what the one before has told: otherwise objects that
//! were just created would be missing.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sui_rpc::{client::HeadersInterceptor, proto::sui::rpc::v2 as proto};
use sui_sdk_types::Digest;

use super::{ChainError, retry, roots, url::shown};
use crate::limits;

/// A server, and the connection to it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) url: Arc<str>,
    pub(super) rpc: sui_rpc::Client,
}

/// Which server of a [`Servers`] is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position(usize);

/// All servers that a client knows. The first is in use until it fails.
pub(super) struct Servers {
    first: Server,
    others: Vec<Server>,
    current: AtomicUsize,
    /// The network that all must be of, once one has told.
    network: OnceLock<Digest>,
    /// The newest checkpoint that any has told of.
    seen: AtomicU64,
    /// Held by who looks for another server.
    turn: tokio::sync::Mutex<()>,
}

impl Server {
    pub(super) fn new(url: &str) -> Result<Self, ChainError> {
        let is_http = ["http://", "https://"]
            .iter()
            .any(|start| url.starts_with(start));
        let client = match is_http {
            true => roots::client(url),
            false => Err("it begins neither with http:// nor with https://".to_owned()),
        };
        let rpc = client.map_err(|reason| ChainError::InvalidUrl {
            url: shown(url).into_owned(),
            reason,
        })?;
        Ok(Self {
            url: url.into(),
            ..Self::over(rpc)
        })
    }

    pub(super) fn over(rpc: sui_rpc::Client) -> Self {
        Self {
            url: rpc.uri().to_string().into(),
            rpc: rpc.with_max_decoding_message_size(limits::MAX_MESSAGE_BYTES),
        }
    }

    fn with_headers(self, headers: HeadersInterceptor) -> Self {
        Self {
            rpc: self.rpc.with_headers(headers),
            ..self
        }
    }

    /// What it says of itself, once.
    async fn info(&self, deadline: Duration) -> Result<Info, ChainError> {
        let mut rpc = self.rpc.clone();
        let ask = async move {
            let request = proto::GetServiceInfoRequest::default();
            let info = rpc.ledger_client().get_service_info(request).await?;
            Ok(info.into_inner())
        };
        let info = retry::within(SERVICE_INFO, deadline, ask).await?;
        Info::of(&info)
    }
}

pub(super) const SERVICE_INFO: &str = "GetServiceInfo";

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Info {
    /// Digest of the genesis checkpoint.
    pub(super) network: Digest,
    /// Its newest checkpoint, if it has one.
    pub(super) newest: Option<u64>,
    /// The oldest checkpoint that it still has, if it says so.
    pub(super) lowest: Option<u64>,
}

impl Info {
    pub(super) fn of(info: &proto::GetServiceInfoResponse) -> Result<Self, ChainError> {
        let network = info.chain_id().parse();
        Ok(Self {
            network: network.map_err(|error| ChainError::malformed(SERVICE_INFO, error))?,
            newest: info.checkpoint_height_opt(),
            lowest: info.lowest_available_checkpoint_opt(),
        })
    }
}

impl Servers {
    pub(super) fn new(first: Server) -> Self {
        Self::of(first, Vec::new())
    }

    fn of(first: Server, others: Vec<Server>) -> Self {
        Self {
            first,
            others,
            current: AtomicUsize::new(0),
            network: OnceLock::new(),
            seen: AtomicU64::new(0),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The same with further ones, and what is known of the network.
    pub(super) fn and(&self, others: impl IntoIterator<Item = Server>) -> Self {
        let all = self.others.iter().cloned().chain(others).collect();
        let servers = Self::of(self.first.clone(), all);
        if let Some(network) = self.network.get() {
            servers.network.get_or_init(|| *network);
        }
        servers.saw(self.seen.load(Ordering::Relaxed));
        servers
    }

    /// The same with headers in every call.
    pub(super) fn with_headers(&self, headers: &HeadersInterceptor) -> Self {
        let others = self.others.iter();
        let others = others.map(|server| server.clone().with_headers(headers.clone()));
        Self::of(
            self.first.clone().with_headers(headers.clone()),
            others.collect(),
        )
    }

    pub(super) fn count(&self) -> usize {
        self.others.len().saturating_add(1)
    }

    fn get(&self, position: Position) -> &Server {
        let other = position.0.checked_sub(1);
        other
            .and_then(|other| self.others.get(other))
            .unwrap_or(&self.first)
    }

    /// The server in use.
    pub(super) fn current(&self) -> (Position, &Server) {
        let position = Position(self.current.load(Ordering::Relaxed));
        (position, self.get(position))
    }

    /// Notes what a server told of the network.
    pub(super) fn told(&self, info: Info) {
        self.network.get_or_init(|| info.network);
        if let Some(newest) = info.newest {
            self.saw(newest);
        }
    }

    /// Notes a checkpoint that is there.
    pub(super) fn saw(&self, checkpoint: u64) {
        self.seen.fetch_max(checkpoint, Ordering::Relaxed);
    }

    /// Whether a server answers at all.
    pub(super) async fn answers(&self, position: Position) -> bool {
        let info = self.get(position).info(limits::TAKE_OVER_DEADLINE).await;
        !info.is_err_and(|error| error.is_transient())
    }

    /// Puts another server in place of one that failed, if there is one of the same network that has seen as much, or sees it soon;
    /// whether the server in use is another one now.
    pub(super) async fn replace(&self, failed: Position) -> bool {
        if self.others.is_empty() {
            return false;
        }
        let _turn = self.turn.lock().await;
        if self.current().0 != failed {
            return true;
        }
        for round in 1..=limits::TAKE_OVER_ROUNDS {
            if round > 1 {
                tokio::time::sleep(retry::backoff(round)).await;
            }
            let mut is_one_behind = false;
            for step in 1..self.count() {
                let next = failed.0.wrapping_add(step).checked_rem(self.count());
                let next = Position(next.unwrap_or_default());
                match self.fitness(next).await {
                    Fitness::Fit => {
                        self.take_over(failed, next);
                        return true;
                    }
                    Fitness::Behind => is_one_behind = true,
                    Fitness::Unfit => {}
                }
            }
            if !is_one_behind {
                break;
            }
        }
        false
    }

    fn take_over(&self, failed: Position, next: Position) {
        self.current.store(next.0, Ordering::Relaxed);
        let (failed, next) = (shown(&self.get(failed).url), shown(&self.get(next).url));
        tracing::warn!(%failed, %next, "an RPC server fails; the next one takes over");
    }

    async fn fitness(&self, position: Position) -> Fitness {
        let url = &self.get(position).url;
        let info = match self.get(position).info(limits::TAKE_OVER_DEADLINE).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(url = %shown(url), %error, "an RPC server cannot take over");
                return Fitness::Unfit;
            }
        };
        let network = self.network.get_or_init(|| info.network);
        if *network != info.network {
            tracing::warn!(url = %shown(url), "an RPC server is of another network and is not used");
            return Fitness::Unfit;
        }
        match info.newest.unwrap_or_default() >= self.seen.load(Ordering::Relaxed) {
            true => Fitness::Fit,
            false => Fitness::Behind,
        }
    }
}

/// Whether a server can take over.
enum Fitness {
    Fit,
    /// It has not seen everything yet.
    Behind,
    /// It does not answer, or is of another network.
    Unfit,
}
