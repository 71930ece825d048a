//! Connections: an accept loop of our own over TLS, HTTP/1.1 and HTTP/2 told apart by the preface. Node spec 1.1.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::limits::{HANDSHAKE_TIMEOUT, MAX_CONNECTIONS};

/// A server that accepts connections until [`Server::shutdown`].
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// No more connections are accepted, open ones end when their requests do.
    stop: CancellationToken,
    /// Open connections end now.
    abort: CancellationToken,
    connections: TaskTracker,
}

#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    http: Builder<TokioExecutor>,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl Server {
    /// Listens on `address` and serves `router`; plain HTTP without `tls`.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        router: Router,
        tls: Option<Arc<ServerConfig>>,
        max_streams: u32,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let mut http = Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new());
        http.http2()
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .max_concurrent_streams(max_streams);
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let connections = TaskTracker::new();
        let shared = Connections {
            router,
            tls: tls.map(TlsAcceptor::from),
            http,
            stop: stop.clone(),
            abort: abort.clone(),
        };
        connections.spawn(accept(listener, shared, connections.clone()));
        Ok(Self {
            address,
            stop,
            abort,
            connections,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and waits for open requests, at most `grace` if given.
    pub async fn shutdown(&self, grace: Option<Duration>) {
        self.stop.cancel();
        self.connections.close();
        let ended = match grace {
            Some(grace) => tokio::time::timeout(grace, self.connections.wait())
                .await
                .is_ok(),
            None => {
                self.connections.wait().await;
                true
            }
        };
        if !ended {
            tracing::warn!("open requests are cut off");
        }
        self.abort.cancel();
        self.connections.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Connections, tasks: TaskTracker) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = tokio::select! {
            () = shared.stop.cancelled() => return,
            permit = Arc::clone(&slots).acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let shared = shared.clone();
        tasks.spawn(async move {
            let _permit = permit;
            let abort = shared.abort.clone();
            tokio::select! {
                () = abort.cancelled() => {}
                () = shared.serve(stream) => {}
            }
        });
    }
}

impl Connections {
    async fn serve(self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = &self.tls else {
            return self.serve_http(stream).await;
        };
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve_http<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.router.clone());
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut stopping = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(error, "a connection ended with an error");
                    }
                    return;
                }
                () = self.stop.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
