//! Running chain: addresses, controls, shutdown.

use std::net::SocketAddr;
use std::time::Duration;

use sui_sdk_types::{Address, Digest};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::account::Account;
use crate::error::LedgerError;
use crate::faucet::{Faucet, Grant, GrantedCoin};
use crate::ledger::{Ledger, WriterThread};
use crate::limits::SHUTDOWN_GRACE;
use crate::rpc::{self, Context};

/// Handle of a served chain. Dropping it stops the chain without waiting; what was answered is
/// kept. [`RunningChain::shutdown`] waits.
#[derive(Debug)]
pub struct RunningChain {
    pub(crate) ledger: Ledger,
    pub(crate) faucet: Faucet,
    pub(crate) rpc_address: SocketAddr,
    pub(crate) speaks_tls: bool,
    pub(crate) faucet_address: SocketAddr,
    pub(crate) accounts: Vec<Account>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tasks: Vec<JoinHandle<()>>,
    pub(crate) writer: Option<WriterThread>,
    pub(crate) context: Context,
}

impl RunningChain {
    /// Address of the gRPC (and gRPC-web) service, as `http://host:port`.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.rpc_address)
    }

    /// The same service over TLS, as `https://host:port`, if the chain was given a certificate
    /// ([`crate::DevchainBuilder::tls`]).
    #[must_use]
    pub fn rpc_tls_url(&self) -> Option<String> {
        self.speaks_tls
            .then(|| format!("https://{}", self.rpc_address))
    }

    /// Address of the faucet, as `http://host:port`.
    #[must_use]
    pub fn faucet_url(&self) -> String {
        format!("http://{}", self.faucet_address)
    }

    /// The gRPC services themselves, for callers in this process that want no connection between: as a `tower` service.
    #[must_use]
    pub fn services(&self) -> tonic::service::Routes {
        rpc::routes(&self.context, false)
    }

    /// Digest of checkpoint 0.
    #[must_use]
    pub fn chain_id(&self) -> Digest {
        self.ledger.state().chain_id()
    }

    /// The funded accounts, the same ones for the same seed.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Sequence number of the newest checkpoint.
    #[must_use]
    pub fn height(&self) -> u64 {
        *self.ledger.state().heights().borrow()
    }

    /// Moves the chain's clock forward and makes a checkpoint, so that the Clock object shows it.
    ///
    /// # Errors
    /// When the chain is shutting down or the checkpoint could not be written.
    pub async fn advance_clock(&self, by: Duration) -> Result<(), LedgerError> {
        self.ledger.tick(by).await.map(|_| ())
    }

    /// Ends the chain's epoch with a checkpoint of its own; the number of the epoch that begins.
    ///
    /// # Errors
    /// As [`RunningChain::advance_clock`].
    pub async fn end_epoch(&self) -> Result<u64, LedgerError> {
        self.ledger.end_epoch().await
    }

    /// Forgets the checkpoints before `lowest`, as full nodes forget old ones: neither they nor their transactions are served any
    /// more, until the chain is started again. Objects stay.
    pub fn prune(&self, lowest: u64) {
        self.ledger.state().prune(lowest);
    }

    /// Sends SUI from the faucet account, without the limits of the HTTP faucet.
    ///
    /// # Errors
    /// When the faucet has no coin that is large enough, or as [`RunningChain::advance_clock`].
    pub async fn fund(
        &self,
        recipient: Address,
        grant: Grant,
    ) -> Result<Vec<GrantedCoin>, LedgerError> {
        self.faucet.send(recipient, grant).await
    }

    /// Stops serving, waits for open requests for a moment, and closes the log.
    pub async fn shutdown(mut self) {
        self.shutdown.cancel();
        let deadline = tokio::time::Instant::now() + SHUTDOWN_GRACE;
        for task in std::mem::take(&mut self.tasks) {
            let abort = task.abort_handle();
            if tokio::time::timeout_at(deadline, task).await.is_err() {
                abort.abort();
            }
        }
        self.ledger.stop().await;
        if let Some(writer) = self.writer.take() {
            let joined = tokio::task::spawn_blocking(move || writer.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                warn!("the writer did not stop cleanly");
            }
        }
    }
}

impl Drop for RunningChain {
    fn drop(&mut self) {
        self.shutdown.cancel();
        for task in &self.tasks {
            task.abort();
        }
        self.ledger.stop_soon();
    }
}
