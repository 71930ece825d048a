//! Connection: handshake, requests, and its end when it is not used, stands still, or the server stops.

use std::{convert::Infallible, future::Future, net::IpAddr, sync::Arc};

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, server::conn::auto::Builder, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Caller, Limits, Peers, Transport,
    pace::{Answers, paced},
    places::{NoPlace, Place},
};
use crate::envelope::{Refusal, RequestReason};

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) router: Router,
    pub(super) transport: Transport,
    pub(super) limits: Limits,
    pub(super) http: Builder<Spawner>,
    pub(super) peers: Arc<dyn Peers>,
    pub(super) stop: CancellationToken,
    pub(super) abort: CancellationToken,
}

/// A connection on which HTTP can be spoken.
enum Opened {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Runs what a connection spawns (HTTP/2 streams); ends with the server, so that nothing outlives it.
#[derive(Clone)]
pub(super) struct Spawner {
    pub(super) tasks: TaskTracker,
    pub(super) abort: CancellationToken,
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

/// The requests of one connection.
struct Requests {
    router: TowerToHyperService<Router>,
    limits: Limits,
    peers: Arc<dyn Peers>,
    stranger: Caller,
    place: Arc<Place>,
    /// How many are open.
    open: Arc<watch::Sender<usize>>,
    answers: Answers,
}

/// Counts as an open request of a connection until it is dropped.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(open: &Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|count| *count = count.saturating_add(1));
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Requests {
    async fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let peer = self.peers.recognise(request.headers());
        let caller = peer.map_or(self.stranger, Caller::Peer);
        let open = match self.place.open(caller) {
            Ok(open) => open,
            Err(error) => return Ok(refusal(error)),
        };
        let counted = Counted::new(&self.open);
        let mut request = paced(request, self.limits.body);
        request.extensions_mut().insert(caller);
        let response = self.router.call(request).await?;
        Ok(response.map(|body| self.answers.answer(body, (open, counted))))
    }
}

/// What somebody is told whose share is used up.
fn refusal(error: NoPlace) -> Response {
    let mut response =
        Refusal::new(RequestReason::Overloaded, format!("{error}; try again")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

impl Connections {
    pub(super) async fn serve(self, stream: TcpStream, address: IpAddr, place: Arc<Place>) {
        let _ = stream.set_nodelay(true);
        let opened = tokio::select! {
            () = self.stop.cancelled() => return,
            result = tokio::time::timeout(self.limits.handshake, self.open(stream)) => result,
        };
        let requests = Arc::new(Requests {
            router: TowerToHyperService::new(self.router.clone()),
            limits: self.limits,
            peers: Arc::clone(&self.peers),
            stranger: Caller::at(address),
            place,
            open: Arc::new(watch::Sender::new(0)),
            answers: Answers::default(),
        });
        match opened {
            Ok(Ok(Opened::Plain(stream))) => self.serve_http(stream, requests).await,
            Ok(Ok(Opened::Tls(stream))) => self.serve_http(*stream, requests).await,
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

    async fn serve_http<S>(&self, stream: S, requests: Arc<Requests>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut open = requests.open.subscribe();
        let asked = Arc::clone(&requests);
        let service = service_fn(move |request| Arc::clone(&asked).answer(request));
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            () = self.stop.cancelled() => {}
            () = unused(&mut open, self.limits) => {}
            () = stands_still(&requests.answers, self.limits) => {
                return tracing::debug!("a connection is cut off whose answers nobody takes");
            }
        }
        connection.as_mut().graceful_shutdown();
        // A client that answers nothing must not hold its place: without open requests its time is short.
        let idle = async {
            while open.wait_for(|count| *count == 0).await.is_ok() {
                tokio::time::sleep(self.limits.closing).await;
                if *open.borrow() == 0 {
                    return;
                }
            }
        };
        tokio::select! {
            result = connection.as_mut() => log_end(result),
            () = idle => tracing::debug!("an idle connection is cut off"),
            () = stands_still(&requests.answers, self.limits) => {}
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

/// Returns when nothing of an answer was taken for longer than there is patience with that.
async fn stands_still(answers: &Answers, limits: Limits) {
    let pause = (limits.answer / 4).max(std::time::Duration::from_millis(1));
    while !answers.stand_still(limits.answer) {
        tokio::time::sleep(pause).await;
    }
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
