//! Relay to a server that can be closed: an address that dies while the server lives on.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

/// What a client of HTTP/2 sends first.
const PREFACE: usize = 24;
/// Length, type, flags and stream.
const FRAME_HEADER: usize = 9;
/// The type of a frame that begins a request.
const HEADERS: u8 = 1;

/// A port from which everything goes to a server that speaks cleartext HTTP/2, and back.
pub struct Door {
    address: SocketAddr,
    relay: JoinHandle<()>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_mute: AtomicBool,
    requests: AtomicUsize,
}

impl Door {
    /// Opens a door to the server at `http://HOST:PORT`.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let relay = tokio::spawn(relay(listener, server, Arc::clone(&state)));
        Self {
            address,
            relay,
            state,
        }
    }

    /// The URL to use in place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing that the server says comes through.
    pub fn mute(&self) {
        self.state.is_mute.store(true, Ordering::SeqCst);
    }

    /// Nobody listens any more, and all connections are cut.
    pub fn close(&self) {
        self.relay.abort();
    }

    /// Requests that have come through.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.close();
    }
}

/// Connections end with the set that holds them.
async fn relay(listener: TcpListener, server: String, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(&server).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        connections.spawn(ask(from_client, to_server, Arc::clone(&state)));
        connections.spawn(answer(from_server, to_client, Arc::clone(&state)));
    }
}

async fn ask(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, state: Arc<State>) {
    let mut counter = Counter {
        skip: PREFACE,
        header: Vec::new(),
    };
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut bytes).await {
        let requests = counter.count(&bytes[..length]);
        state.requests.fetch_add(requests, Ordering::SeqCst);
        if server.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}

async fn answer(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, state: Arc<State>) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(length @ 1..) = server.read(&mut bytes).await {
        let is_mute = state.is_mute.load(Ordering::SeqCst);
        if !is_mute && client.write_all(&bytes[..length]).await.is_err() {
            break;
        }
    }
}

/// Counts the frames that begin requests.
struct Counter {
    /// Bytes until the next header.
    skip: usize,
    header: Vec<u8>,
}

impl Counter {
    fn count(&mut self, mut bytes: &[u8]) -> usize {
        let mut requests = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let missing = FRAME_HEADER - self.header.len();
            let rest = &bytes[skipped..];
            let taken = missing.min(rest.len());
            self.header.extend_from_slice(&rest[..taken]);
            bytes = &rest[taken..];
            if let [a, b, c, kind, ..] = self.header[..]
                && self.header.len() == FRAME_HEADER
            {
                requests += usize::from(kind == HEADERS);
                self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
                self.header.clear();
            }
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_however_their_bytes_arrive() {
        let frame = |kind: u8, length: u8| {
            let mut frame = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
            frame.resize(FRAME_HEADER + usize::from(length), 1);
            frame
        };
        let frames = [frame(4, 6), frame(1, 200), frame(0, 90), frame(1, 0)];
        let mut bytes = vec![1; PREFACE];
        bytes.extend(frames.concat());
        for size in [1, 7, 100, 1000] {
            let mut counter = Counter {
                skip: PREFACE,
                header: Vec::new(),
            };
            let parts = bytes.chunks(size).map(|part| counter.count(part));
            assert_eq!(parts.sum::<usize>(), 2, "in pieces of {size}");
        }
    }
}
