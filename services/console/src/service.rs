//! Console that is up.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use walrus_service::server::{Limits, NoPeers, Server, Transport};

use crate::page::{Settings, router};

/// Patience with open requests when it stops: its files are small.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// A console that serves until [`Console::shutdown`], or until it is dropped.
#[derive(Debug)]
pub struct Console {
    server: Server,
}

impl Console {
    /// Serves the page on `listener`, whose origin must be none that serves what somebody stored. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// If the listener cannot be used, or a URL in the settings is no origin ([`io::ErrorKind::InvalidInput`]).
    pub fn start(listener: TcpListener, settings: &Settings) -> io::Result<Self> {
        let router =
            router(settings).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let peers = Arc::new(NoPeers);
        let server =
            Server::start_on(listener, router, Transport::Plain, Limits::default(), peers)?;
        Ok(Self { server })
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Stops serving.
    pub async fn shutdown(self) {
        self.server.shutdown(Some(SHUTDOWN_GRACE)).await;
    }
}
