//! Server: an accept loop of our own over TLS or plain TCP, HTTP/1.1 and HTTP/2 told apart by the preface. Node spec 1.1.
//!
//! Nobody can hold it up: who is silent, slow or takes no answer loses the connection (`connection.rs`, `pace.rs`), who has many is
//! bounded by a share, and peers have one of their own (`places.rs`).

mod caller;
mod connection;
mod pace;
mod places;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper_util::{rt::TokioTimer, server::conn::auto::Builder};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    caller::{Caller, NoPeers, PeerKey, Peers},
    pace::{Pace, TooSlow},
};
use self::{
    connection::{Connections, Spawner},
    places::Places,
};

/// Most bytes of a head, or of a body before it is asked for, that are kept of an HTTP/1.1 connection.
const HTTP1_BUFFER: usize = 64 << 10;

/// The bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections of strangers that are served at once.
    pub connections: usize,
    /// Of these, the connections from one address (IPv6: from one network of 64 bits).
    pub connections_per_address: usize,
    /// Connections beside these, for peers and for newcomers that have asked nothing yet.
    pub peer_connections: usize,
    /// Of these, the connections of one peer.
    pub connections_per_peer: usize,
    /// Streams of one HTTP/2 connection.
    pub streams: u32,
    /// Open requests of all strangers.
    pub requests: usize,
    /// Open requests from one address, whatever number of connections they are on.
    pub requests_per_address: usize,
    /// Open requests of one peer.
    pub requests_per_peer: usize,
    /// Patience with a TLS handshake, and then with the first request.
    pub handshake: Duration,
    /// Patience with the head of a request.
    pub head: Duration,
    /// How fast the body of a request has to come.
    pub body: Pace,
    /// Patience with an answer of which nothing is taken.
    pub answer: Duration,
    /// Bytes of bodies that a connection may send before they are asked for.
    pub window: u32,
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
            connections: 768,
            connections_per_address: 192,
            peer_connections: 256,
            connections_per_peer: 16,
            streams: 1000,
            requests: 4000,
            requests_per_address: 1000,
            requests_per_peer: 1000,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            // A client with a slow line sends to all nodes at once.
            body: Pace {
                bytes: 1 << 10,
                within: Duration::from_secs(30),
            },
            answer: Duration::from_secs(60),
            window: 128 << 10,
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
    places: Places,
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
        Self::serve(listener, router, transport, limits, Arc::new(NoPeers))
    }

    /// Serves `router` on a listener that the caller has opened, to strangers and to `peers`.
    ///
    /// # Errors
    /// If the listener is not usable.
    pub fn start_on(
        listener: std::net::TcpListener,
        router: Router,
        transport: Transport,
        limits: Limits,
        peers: Arc<dyn Peers>,
    ) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Self::serve(listener, router, transport, limits, peers)
    }

    fn serve(
        listener: TcpListener,
        router: Router,
        transport: Transport,
        limits: Limits,
        peers: Arc<dyn Peers>,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let connections = TaskTracker::new();
        let mut http = Builder::new(Spawner {
            tasks: connections.clone(),
            abort: abort.clone(),
        });
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(HTTP1_BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(limits.window)
            .initial_connection_window_size(limits.window)
            .keep_alive_interval(limits.keep_alive)
            .keep_alive_timeout(limits.keep_alive)
            .max_concurrent_streams(limits.streams);
        let shared = Connections {
            router,
            transport,
            limits,
            http,
            peers,
            stop: stop.clone(),
            abort: abort.clone(),
        };
        let places = Places::new(limits);
        let accepting = accept(listener, shared, connections.clone(), places.clone());
        connections.spawn(accepting);
        Ok(Self {
            address,
            stop,
            abort,
            connections,
            places,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests are open.
    pub fn open_requests(&self) -> usize {
        self.places.open_requests()
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
        let requests = self.open_requests();
        if !ended && requests > 0 {
            tracing::warn!(requests, "open requests are cut off");
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

async fn accept(listener: TcpListener, shared: Connections, tasks: TaskTracker, places: Places) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let admitted = tokio::select! {
            () = shared.stop.cancelled() => return,
            admitted = places.admit(Caller::at(address.ip())) => admitted,
        };
        let place = match admitted {
            Ok(place) => Arc::new(place),
            Err(error) => {
                tracing::debug!(%error, address = %IpAddr::to_canonical(&address.ip()), "a connection is refused");
                continue;
            }
        };
        let shared = shared.clone();
        tasks.spawn(async move {
            let (abort, close) = (shared.abort.clone(), place.close.clone());
            tokio::select! {
                () = abort.cancelled() => {}
                () = close.cancelled() => tracing::debug!("an idle connection gives way"),
                () = shared.serve(stream, address.ip(), place) => {}
            }
        });
    }
}
