//! Server: an accept loop of our own over TLS or plain TCP, HTTP/1.1 and HTTP/2 told apart by the preface. Node spec 1.1.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http_body_util::BodyExt as _;
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are served at once; more wait in the listen queue.
    pub connections: usize,
    /// Streams of one HTTP/2 connection.
    pub streams: u32,
    /// Patience with a TLS handshake, and then with the first request.
    pub handshake: Duration,
    /// Patience with a connection that has no open request, after its first. Longer than clients keep theirs for another request,
    /// so that it is they who close.
    pub idle: Duration,
    /// After so long without a word from the other side of an HTTP/2 connection it is asked for a sign of life, and given as long
    /// again.
    pub keep_alive: Duration,
    /// How long a connection without open requests may take to close when the server stops.
    pub closing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            streams: 1000,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            keep_alive: Duration::from_secs(30),
            closing: Duration::from_millis(250),
        }
    }
}

/// What a server speaks below HTTP.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Nothing.
    Plain,
    /// TLS.
    Tls(Arc<ServerConfig>),
    /// TLS, or nothing when a connection does not begin with a TLS handshake.
    TlsOrPlain(Arc<ServerConfig>),
}

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
    transport: Transport,
    limits: Limits,
    http: Builder<Spawner>,
    stop: CancellationToken,
    abort: CancellationToken,
}

/// A connection on which HTTP can be spoken.
enum Opened {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Runs what a connection spawns (HTTP/2 streams); ends with the server, so that nothing outlives it.
#[derive(Clone)]
struct Spawner {
    tasks: TaskTracker,
    abort: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let abort = self.abort.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = abort.cancelled() => {}
                _ = future => {}
            }
        });
    }
}

/// Counts as an open request of a connection until it is dropped.
struct OpenRequest(Arc<watch::Sender<usize>>);

impl OpenRequest {
    fn new(open: &Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|count| *count = count.saturating_add(1));
        Self(Arc::clone(open))
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Server {
    /// Listens on `address` and serves `router`.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(
        address: SocketAddr,
        router: Router,
        transport: Transport,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Self::serve(listener, router, transport, limits)
    }

    /// Serves `router` on a listener that the caller has opened.
    ///
    /// # Errors
    /// If the listener is not usable.
    pub fn start_on(
        listener: std::net::TcpListener,
        router: Router,
        transport: Transport,
        limits: Limits,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Self::serve(listener, router, transport, limits)
    }

    fn serve(
        listener: TcpListener,
        router: Router,
        transport: Transport,
        limits: Limits,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let connections = TaskTracker::new();
        let mut http = Builder::new(Spawner {
            tasks: connections.clone(),
            abort: abort.clone(),
        });
        http.http1().timer(TokioTimer::new());
        http.http2()
            .timer(TokioTimer::new())
            .adaptive_window(true)
            .keep_alive_interval(limits.keep_alive)
            .keep_alive_timeout(limits.keep_alive)
            .max_concurrent_streams(limits.streams);
        let shared = Connections {
            router,
            transport,
            limits,
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

    /// Stops accepting, closes idle connections and waits for open requests, at most `grace` if given. When it returns, nothing
    /// of the server runs or holds the router any more.
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
    let slots = Arc::new(Semaphore::new(shared.limits.connections));
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
        let opened = tokio::select! {
            () = self.stop.cancelled() => return,
            result = tokio::time::timeout(self.limits.handshake, self.open(stream)) => result,
        };
        match opened {
            Ok(Ok(Opened::Plain(stream))) => self.serve_http(stream).await,
            Ok(Ok(Opened::Tls(stream))) => self.serve_http(*stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn open(&self, stream: TcpStream) -> std::io::Result<Opened> {
        let config = match &self.transport {
            Transport::Plain => return Ok(Opened::Plain(stream)),
            Transport::TlsOrPlain(_) if !begins_with_handshake(&stream).await? => {
                return Ok(Opened::Plain(stream));
            }
            Transport::Tls(config) | Transport::TlsOrPlain(config) => config,
        };
        let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
        Ok(Opened::Tls(Box::new(stream)))
    }

    async fn serve_http<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let open = Arc::new(watch::Sender::new(0_usize));
        let mut requests = open.subscribe();
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let guard = OpenRequest::new(&open);
            let response = router.call(request);
            async move {
                let response = response.await?;
                // The request is open until its answer is handed over or given up.
                let keep = move |error| {
                    let _ = &guard;
                    error
                };
                Ok::<_, std::convert::Infallible>(
                    response.map(|body| Body::new(body.map_err(keep))),
                )
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            () = self.stop.cancelled() => {}
            () = unused(&mut requests, self.limits) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that answers nothing must not hold its place: without open requests its time is short.
        let idle = async {
            while requests.wait_for(|count| *count == 0).await.is_ok() {
                tokio::time::sleep(self.limits.closing).await;
                if *requests.borrow() == 0 {
                    return;
                }
            }
        };
        tokio::select! {
            result = connection.as_mut() => log_end(result),
            () = idle => tracing::debug!("an idle connection is cut off"),
        }
    }
}

/// Returns when a connection had no open request for longer than there is patience with it.
async fn unused(requests: &mut watch::Receiver<usize>, limits: Limits) {
    let mut patience = limits.handshake;
    while requests.wait_for(|count| *count == 0).await.is_ok() {
        match tokio::time::timeout(patience, requests.changed()).await {
            Ok(Ok(())) => patience = limits.idle,
            Ok(Err(_)) => break,
            Err(_) => return,
        }
    }
    // The connection is about to end on its own.
    std::future::pending().await
}

/// Looks at the first byte of a connection and leaves it there: the type of a TLS record that carries a handshake (RFC 8446, 5.1)
/// is not the first letter of any HTTP request.
async fn begins_with_handshake(stream: &TcpStream) -> std::io::Result<bool> {
    const HANDSHAKE: u8 = 22;
    let mut first = [0; 1];
    let read = stream.peek(&mut first).await?;
    Ok(read == 1 && first == [HANDSHAKE])
}

fn log_end(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = result {
        tracing::debug!(error, "a connection ended with an error");
    }
}
