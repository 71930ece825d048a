//! Wires: what carries requests between nodes, clients and chain in one process, late, broken and falsified as the faults have it.
//!
//! A request becomes one of the node's real router, in the task of whoever sent it, after a latency that is drawn. TLS is left out, and
//! with it the server's loop over connections: an address leads to the node that is registered there.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body};
use bytes::Bytes;
use futures::{
    FutureExt as _, Stream, StreamExt as _, TryStreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyStream, StreamBody};
use rand::{Rng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use walrus_node_client::{Held, SuccessEnvelope, Transport, TransportError};
use walrus_service::server::Caller;

use crate::lines::{Cut, CutId, Lines, Party};

/// Shortest and longest time that a request or the head of an answer takes.
const LATENCY: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(12);
/// How long nobody answers before a connection is given up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a request that come before its connection breaks.
const MOST_BEFORE_BREAK: usize = 60_000;
/// So often it may be halved before it is drawn: most requests are small.
const HALVINGS: u32 = 12;
/// Most bytes of what a node says that it holds.
const MAX_HELD_BYTES: usize = 1 << 20;

/// What a node does to its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A byte of each is another.
    FlippedBytes,
    /// It has nothing of any blob.
    NothingThere,
    /// Each ends in the middle.
    CutOff,
}

/// A node said of a blob, to somebody who asked, that it stores it.
#[derive(Debug, Clone)]
pub(crate) struct Confirmed {
    pub(crate) node: u16,
    /// As it is in URLs.
    pub(crate) blob_id: String,
    /// What the node had a moment later.
    pub(crate) held: Held,
}

/// All wires of a network. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Wires(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    draw: StdRng,
    /// By `host:port`.
    places: BTreeMap<String, Place>,
    lines: Lines,
    lies: BTreeMap<u16, Lie>,
    /// Nodes to which what is sent breaks off.
    breaks: BTreeSet<u16>,
    confirmed: Vec<Confirmed>,
    /// What each node had of a blob when it confirmed it last.
    promises: BTreeMap<u16, BTreeMap<String, Held>>,
}

/// A node that is up.
#[derive(Debug, Clone)]
struct Place {
    node: u16,
    router: Router,
    /// Cancelled when it goes down.
    life: CancellationToken,
}

impl Wires {
    pub(crate) fn new(draw: StdRng) -> Self {
        Self(Arc::new(Mutex::new(State {
            draw,
            places: BTreeMap::new(),
            lines: Lines::default(),
            lies: BTreeMap::new(),
            breaks: BTreeSet::new(),
            confirmed: Vec::new(),
            promises: BTreeMap::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node is up at this address.
    pub(crate) fn connect(&self, address: &str, node: u16, router: Router) {
        let life = CancellationToken::new();
        let place = Place { node, router, life };
        self.state().places.insert(address.to_owned(), place);
    }

    /// It is down: requests that are on their way break.
    pub(crate) fn disconnect(&self, address: &str) {
        if let Some(place) = self.state().places.remove(address) {
            place.life.cancel();
        }
    }

    /// Cuts the network, until [`Wires::mend`].
    pub(crate) fn cut(&self, cut: Cut) -> CutId {
        self.state().lines.cut(cut)
    }

    /// Ends a cut.
    pub(crate) fn mend(&self, cut: CutId) {
        self.state().lines.mend(cut);
    }

    /// Has a node lie, or end that.
    pub(crate) fn lie(&self, node: u16, lie: Option<Lie>) {
        let lies = &mut self.state().lies;
        match lie {
            Some(lie) => lies.insert(node, lie),
            None => lies.remove(&node),
        };
    }

    /// Has what is sent to a node break off in the middle, or ends that.
    pub(crate) fn break_uploads(&self, node: u16, breaks: bool) {
        let mut state = self.state();
        match breaks {
            true => state.breaks.insert(node),
            false => state.breaks.remove(&node),
        };
    }

    /// Behind how many bytes of a request to a node its connection breaks, if it does.
    fn breaks_behind(&self, node: u16) -> Option<usize> {
        let mut state = self.state();
        let breaks = state.breaks.contains(&node);
        breaks.then(|| {
            let most = MOST_BEFORE_BREAK >> state.draw.random_range(0..HALVINGS);
            state.draw.random_range(0..most)
        })
    }

    /// Something was confirmed.
    pub(crate) fn note(&self, confirmed: Confirmed) {
        let mut state = self.state();
        let promises = state.promises.entry(confirmed.node).or_default();
        promises.insert(confirmed.blob_id.clone(), confirmed.held.clone());
        state.confirmed.push(confirmed);
    }

    /// What a node has confirmed, by the blob's ID, with what it had of it.
    pub(crate) fn promises(&self, node: u16) -> BTreeMap<String, Held> {
        let state = self.state();
        state.promises.get(&node).cloned().unwrap_or_default()
    }

    /// A node has lost what it had: nothing of what it has confirmed is to be expected.
    pub(crate) fn forget_promises(&self, node: u16) {
        self.state().promises.remove(&node);
    }

    /// What was confirmed since this was asked last.
    pub(crate) fn take_confirmed(&self) -> Vec<Confirmed> {
        std::mem::take(&mut self.state().confirmed)
    }

    fn line(&self, a: Party, b: Party) -> CancellationToken {
        self.state().lines.between(a, b)
    }

    async fn latency(&self) {
        let latency = self.state().draw.random_range(LATENCY);
        tokio::time::sleep(latency).await;
    }

    /// Returns when a request to the chain has arrived there.
    pub(crate) async fn to_chain(&self, party: Party) -> io::Result<()> {
        self.latency().await;
        match self.line(party, Party::Chain).is_cancelled() {
            true => Err(io::ErrorKind::HostUnreachable.into()),
            false => Ok(()),
        }
    }

    /// An answer of the chain, which ends when the party is cut off.
    pub(crate) fn answer_of_chain(
        &self,
        party: Party,
        body: tonic::body::Body,
    ) -> tonic::body::Body {
        let cut = self.line(party, Party::Chain).cancelled_owned();
        let frames = BodyStream::new(body);
        let frames = breaking(frames, cut, || {
            Err(tonic::Status::unavailable("broken off"))
        });
        tonic::body::Body::new(StreamBody::new(frames))
    }
}

/// The way of one party to all nodes.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) from: Party,
    pub(crate) wires: Wires,
}

impl Transport for Wire {
    fn send(
        &self,
        request: reqwest::Request,
    ) -> BoxFuture<'static, Result<reqwest::Response, TransportError>> {
        let this = self.clone();
        Box::pin(async move {
            let host = request.url().host_str().unwrap_or_default();
            let port = request.url().port_or_known_default().unwrap_or_default();
            let address = format!("{host}:{port}");
            let request = Request::<reqwest::Body>::try_from(request)?.map(Body::new);
            this.carry(&address, request).await
        })
    }
}

impl Wire {
    async fn carry(
        self,
        address: &str,
        mut request: Request<Body>,
    ) -> Result<reqwest::Response, TransportError> {
        self.wires.latency().await;
        let place = self.wires.state().places.get(address).cloned();
        let Some(place) = place else {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        };
        let line = self.wires.line(self.from, Party::Node(place.node));
        if line.is_cancelled() {
            tokio::time::sleep(CONNECT_TIMEOUT).await;
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        request.extensions_mut().insert(self.caller());
        let path = request.uri().path().to_owned();
        let broken = CancellationToken::new();
        if let Some(behind) = self.wires.breaks_behind(place.node) {
            request = request.map(|body| broken_off(body, behind, broken.clone()));
        }
        let answer = tokio::select! {
            biased;
            () = place.life.cancelled() => Err(reset()),
            () = broken.cancelled() => Err(reset()),
            () = line.cancelled() => Err(reset()),
            answer = place.router.clone().oneshot(request) => Ok(answer),
        };
        let Ok(mut answer) = answer?;
        let lie = self.wires.state().lies.get(&place.node).copied();
        if lie.is_none() && answer.status() == StatusCode::OK {
            self.note_confirmation(&place, &path).await;
        }
        self.wires.latency().await;
        if lie == Some(Lie::NothingThere) {
            answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        let falsify = lie.map(|lie| self.falsifier(lie));
        Ok(received(answer, [place.life, line], falsify).into())
    }

    /// The caller whose share of the node is used.
    fn caller(&self) -> Caller {
        match self.from {
            Party::Node(node) => {
                let [high, low] = node.to_be_bytes();
                let mut key = [0; 33];
                key[..3].copy_from_slice(&[2, high, low]);
                Caller::Peer(key)
            }
            Party::Client(client) => {
                let [high, low] = client.to_be_bytes();
                Caller::at([10, 9, high, low].into())
            }
            Party::Chain | Party::Observer => Caller::at([10, 7, 0, 1].into()),
        }
    }

    fn falsifier(&self, lie: Lie) -> Falsifier {
        let position = self.wires.state().draw.random_range(0..1000_usize);
        Falsifier { lie, position }
    }

    /// Asks a node that has just confirmed a blob what it has of it.
    async fn note_confirmation(&self, place: &Place, path: &str) {
        let mut parts = path.split('/').skip(3);
        let (Some(blob_id), Some("upload" | "confirmation")) = (parts.next(), parts.next()) else {
            return;
        };
        let asked = Request::get(format!("/v1/blobs/{blob_id}/have")).body(Body::empty());
        let Ok(asked) = asked else { return };
        let Ok(answer) = place.router.clone().oneshot(asked).await;
        let Ok(body) = axum::body::to_bytes(answer.into_body(), MAX_HELD_BYTES).await else {
            return;
        };
        if let Ok(held) = serde_json::from_slice::<SuccessEnvelope<Held>>(&body) {
            self.wires.note(Confirmed {
                node: place.node,
                blob_id: blob_id.to_owned(),
                held: held.success.data,
            });
        }
    }
}

/// What a liar makes of one answer.
#[derive(Debug, Clone, Copy)]
struct Falsifier {
    lie: Lie,
    position: usize,
}

impl Falsifier {
    /// What becomes of the bytes that arrive at once.
    fn falsify(self, bytes: Bytes) -> Bytes {
        let mut bytes = bytes.to_vec();
        let position = self.position % bytes.len().max(1);
        match self.lie {
            Lie::FlippedBytes => {
                if let Some(byte) = bytes.get_mut(position) {
                    *byte ^= 0x55;
                }
            }
            Lie::CutOff => bytes.truncate(position),
            Lie::NothingThere => {}
        }
        bytes.into()
    }

    fn answer(
        self,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let falsified = bytes.map_ok(move |bytes| self.falsify(bytes));
        if self.lie != Lie::CutOff {
            return falsified.boxed();
        }
        let end = std::future::ready(Err(io::ErrorKind::UnexpectedEof.into()));
        falsified.take(1).chain(stream::once(end)).boxed()
    }
}

/// A stream that ends with `broken` as soon as `gone` returns.
fn breaking<T: Send + 'static>(
    whole: impl Stream<Item = T> + Send + 'static,
    gone: impl Future<Output = ()> + Send + 'static,
    broken: impl Fn() -> T + Send + 'static,
) -> BoxStream<'static, T> {
    let parts = Some((whole.boxed(), gone.boxed(), broken));
    let whole = stream::unfold(parts, |state| async move {
        let (mut stream, mut gone, broken) = state?;
        tokio::select! {
            biased;
            () = &mut gone => Some((broken(), None)),
            next = stream.next() => next.map(|next| (next, Some((stream, gone, broken)))),
        }
    });
    whole.boxed()
}

/// A body whose connection breaks with the piece in which are more bytes than so many.
fn broken_off(body: Body, behind: usize, broken: CancellationToken) -> Body {
    let mut left = behind;
    let bytes = body.into_data_stream().map(move |next| {
        let next = next.map_err(io::Error::other)?;
        match left.checked_sub(next.len()) {
            Some(rest) => left = rest,
            None => {
                broken.cancel();
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
        }
        Ok(next)
    });
    Body::from_stream(bytes)
}

fn reset() -> TransportError {
    io::Error::from(io::ErrorKind::ConnectionReset).into()
}

/// An answer as it arrives: its body breaks off when one of the ends is gone.
fn received(
    answer: Response<Body>,
    ends: [CancellationToken; 2],
    falsify: Option<Falsifier>,
) -> Response<reqwest::Body> {
    answer.map(|body| {
        let [life, line] = ends;
        let gone = async move {
            tokio::select! {
                biased;
                () = life.cancelled_owned() => {}
                () = line.cancelled_owned() => {}
            }
        };
        let bytes = body.into_data_stream().map_err(io::Error::other);
        let bytes = match falsify {
            Some(falsifier) => falsifier.answer(bytes),
            None => bytes.boxed(),
        };
        let bytes = breaking(bytes, gone, || Err(io::ErrorKind::ConnectionReset.into()));
        reqwest::Body::wrap_stream(bytes)
    })
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use rand::SeedableRng as _;

    use super::*;

    const PLACE: &str = "10.8.0.1:9185";

    /// Node 1, which tells some bytes, or without end.
    fn wires() -> Wires {
        let endless = || async {
            let bytes = stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(b"more")));
            Body::from_stream(bytes)
        };
        let router = Router::new()
            .route("/bytes", get(|| async { "told by the node" }))
            .route("/endless", get(endless));
        let wires = Wires::new(StdRng::seed_from_u64(1));
        wires.connect(PLACE, 1, router);
        wires
    }

    async fn ask(wires: &Wires, place: &str, path: &str) -> Result<reqwest::Response, String> {
        let url = format!("https://{place}/{path}").parse().unwrap();
        let wire = Wire {
            from: Party::Client(0),
            wires: wires.clone(),
        };
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        wire.send(request).await.map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_leads_to_its_node_and_nowhere_else() {
        let wires = wires();
        let answer = ask(&wires, PLACE, "bytes").await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "told by the node");
        let refused = ask(&wires, "10.8.0.2:9185", "bytes").await.unwrap_err();
        assert!(refused.contains("refused"), "{refused}");
        wires.disconnect(PLACE);
        assert!(ask(&wires, PLACE, "bytes").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cut_off_is_silent_until_that_ends() {
        let wires = wires();
        for party in [Party::Node(1), Party::Client(0)] {
            let cut = wires.cut(Cut::off([party]));
            let start = tokio::time::Instant::now();
            assert!(ask(&wires, PLACE, "bytes").await.is_err());
            assert!(start.elapsed() >= CONNECT_TIMEOUT);
            assert!(wires.to_chain(party).await.is_err());
            wires.mend(cut);
            assert!(ask(&wires, PLACE, "bytes").await.is_ok());
            wires.to_chain(party).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_breaks_off_with_its_node() {
        let wires = wires();
        let mut answer = ask(&wires, PLACE, "endless").await.unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "more");
        wires.disconnect(PLACE);
        answer.chunk().await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_breaks_off_in_the_middle_for_both() {
        let broken = CancellationToken::new();
        let body = broken_off(Body::from(vec![7; 100]), 100, broken.clone());
        assert_eq!(axum::body::to_bytes(body, 1000).await.unwrap().len(), 100);
        assert!(!broken.is_cancelled());
        let pieces = stream::iter([60, 60]).map(|length| Ok::<_, io::Error>(vec![7; length]));
        let body = broken_off(Body::from_stream(pieces), 100, broken.clone());
        axum::body::to_bytes(body, 1000).await.unwrap_err();
        assert!(broken.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn liars_lie() {
        let wires = wires();
        wires.lie(1, Some(Lie::FlippedBytes));
        let told = ask(&wires, PLACE, "bytes").await.unwrap();
        let told = told.bytes().await.unwrap();
        let honest = b"told by the node";
        assert_eq!(told.len(), honest.len());
        assert_eq!(told.iter().zip(honest).filter(|(a, b)| a != b).count(), 1);
        wires.lie(1, Some(Lie::CutOff));
        let told = ask(&wires, PLACE, "bytes").await.unwrap();
        told.bytes().await.unwrap_err();
        wires.lie(1, Some(Lie::NothingThere));
        let told = ask(&wires, PLACE, "bytes").await.unwrap();
        assert_eq!(told.status(), StatusCode::NOT_FOUND);
        wires.lie(1, None);
        let told = ask(&wires, PLACE, "bytes").await.unwrap();
        assert_eq!(told.bytes().await.unwrap(), honest.as_slice());
    }
}
