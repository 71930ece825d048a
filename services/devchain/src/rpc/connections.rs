//! Connections of the gRPC port: cleartext, and TLS beside it if the chain was given a certificate (devchain spec 1.1).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::{Stream, StreamExt as _, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::limits::{ACCEPT_PAUSE, HANDSHAKE_TIMEOUT, MAX_CONCURRENT_HANDSHAKES};

/// A connection on which HTTP can be spoken.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What the port offers in a TLS handshake, whatever the caller's configuration says: both versions of HTTP.
pub(crate) fn offer_http(config: &ServerConfig) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Accepts connections for ever. A handshake that fails or takes too long ends its connection, and no other one waits for it.
pub(super) fn incoming(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
) -> impl Stream<Item = io::Result<Connection>> + Unpin {
    let tls = tls.map(TlsAcceptor::from);
    let opened = stream::unfold(listener, |listener| async {
        let stream = accept(&listener).await;
        Some((stream, listener))
    })
    .map(move |stream| open_in_time(stream, tls.clone()))
    .buffer_unordered(MAX_CONCURRENT_HANDSHAKES)
    .filter_map(async |connection| connection.map(Ok));
    Box::pin(opened)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it every answer waits 40 ms for a delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                // Out of file descriptors, most likely: give others time to close theirs.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn open_in_time(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Connection> {
    let Some(acceptor) = tls else {
        return Some(Connection::Plain(stream));
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, open(stream, &acceptor)).await {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            debug!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            debug!("a connection said nothing, or its TLS handshake took too long");
            None
        }
    }
}

async fn open(stream: TcpStream, acceptor: &TlsAcceptor) -> io::Result<Connection> {
    /// The type of a TLS record that carries a handshake (RFC 8446, 5.1); no HTTP request begins with this byte.
    const HANDSHAKE: u8 = 22;
    let mut first = [0; 1];
    if stream.peek(&mut first).await? == 1 && first == [HANDSHAKE] {
        let stream = acceptor.accept(stream).await?;
        return Ok(Connection::Tls(Box::new(stream)));
    }
    Ok(Connection::Plain(stream))
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

macro_rules! delegate {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Connection::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Connection::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
