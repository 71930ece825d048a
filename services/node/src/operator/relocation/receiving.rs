//! The receiving end of a move: takes a storage in from the machine where it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{post, put},
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use walrus_core::network_key::NetworkKeyPair;
use walrus_node_client::{INTRODUCTION, Introduction};
use walrus_service::server::{Limits, NoPeers, Server};
use walrus_sui::Address;

use super::{
    RelocationError, UNFINISHED, arrival,
    book::DigestBook,
    check_target, finish, mark,
    remote::{BOOK, Begin, FileName, Files, KnownFile, MAX_LIST_BYTES, PIECE, PIECE_BYTES, Piece},
    remove_if_there, stored, tombstone, write,
};
use crate::{config::TlsConfig, tls};

/// Longest silence of the sender while it waits for an answer that takes hashing.
const ANSWER: Duration = Duration::from_secs(3600);

/// Bytes that the sender may send before it hears that they have come.
const WINDOW: u32 = 4 << 20;

/// A server that takes a storage in.
#[derive(Debug)]
pub struct Receiver {
    server: Server,
    is_whole: watch::Receiver<bool>,
}

/// What is taken in, and where to.
#[derive(Debug)]
struct Place {
    /// Whose it may be.
    node_id: Address,
    /// The directories of the disks.
    disks: Vec<PathBuf>,
    /// What was hashed; one request at a time is worked on.
    book: Mutex<Option<DigestBook>>,
    is_whole: watch::Sender<bool>,
}

impl Receiver {
    /// Listens for the storage of the node `node_id`, which goes to `disks`, and whose network key is `key`.
    ///
    /// # Errors
    /// If the key or the listener is not usable.
    pub fn listen(
        listener: std::net::TcpListener,
        key: NetworkKeyPair,
        node_id: Address,
        disks: Vec<PathBuf>,
    ) -> anyhow::Result<Self> {
        let host = listener.local_addr()?.ip().to_string();
        let secured = tls::transport(&TlsConfig::default(), &key, &host)?;
        let (is_whole, whole) = watch::channel(false);
        let place = Arc::new(Place {
            node_id,
            disks,
            book: Mutex::new(None),
            is_whole,
        });
        let key = Arc::new(key);
        let router = Router::new()
            .route("/v1/move/begin", post(begin))
            .route("/v1/move/piece", put(piece))
            .route("/v1/move/file", post(file))
            .route("/v1/move/complete", post(complete))
            .route("/v1/move/start", post(start))
            .with_state(place)
            .layer(middleware::from_fn_with_state(key, only_the_node));
        let limits = Limits {
            answer: ANSWER,
            // One sender, which may be far away: a whole piece is on its way.
            window: WINDOW,
            ..Limits::default()
        };
        let server = Server::start_on(
            listener,
            router,
            secured.transport,
            limits,
            Arc::new(NoPeers),
        )?;
        Ok(Self {
            server,
            is_whole: whole,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Waits until all of a storage is there, and a node may start with it.
    pub async fn received(&mut self) {
        // The sender lives as long as the server.
        let _ = self.is_whole.wait_for(|whole| *whole).await;
    }

    /// Stops listening, once open requests are answered.
    pub async fn close(self) {
        self.server.shutdown(Some(Duration::from_secs(10))).await;
    }
}

/// Hears only whoever holds the node's own network key.
async fn only_the_node(
    State(key): State<Arc<NetworkKeyPair>>,
    request: Request,
    next: Next,
) -> Response {
    let own = key.public_key();
    let introduced = request.headers().get(INTRODUCTION).and_then(|header| {
        let introduction = Introduction::parse(header.as_bytes()).ok()?;
        introduction.verify(&own, SystemTime::now()).ok()?;
        Some(introduction.from)
    });
    if introduced == Some(own) {
        return next.run(request).await;
    }
    let says = "only the node itself may send its storage: introduce yourself with its network key (are the clocks of both machines right?)";
    (StatusCode::FORBIDDEN, says).into_response()
}

/// Why a request is not done.
struct Refusal(StatusCode, String);

impl Refusal {
    fn malformed(error: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<RelocationError> for Refusal {
    fn from(error: RelocationError) -> Self {
        let status = match &error {
            RelocationError::NoSuchFile(_) => StatusCode::BAD_REQUEST,
            RelocationError::Different(_) => StatusCode::UNPROCESSABLE_ENTITY,
            error if error.is_refusal() => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

type Answer<T> = Result<T, Refusal>;

/// Reads a request that is JSON.
async fn json<T: DeserializeOwned>(body: Body, most: usize) -> Answer<T> {
    let bytes = axum::body::to_bytes(body, most).await;
    let bytes = bytes.map_err(Refusal::malformed)?;
    serde_json::from_slice(&bytes).map_err(Refusal::malformed)
}

/// Does what takes the disk, on a thread that may wait for it.
async fn on_disk<T: Send + 'static>(
    place: Arc<Place>,
    work: impl FnOnce(&Place, &mut Option<DigestBook>) -> Result<T, RelocationError> + Send + 'static,
) -> Answer<T> {
    let locked = move || {
        let mut book = place.book.lock().unwrap_or_else(PoisonError::into_inner);
        work(&place, &mut book)
    };
    match tokio::task::spawn_blocking(locked).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(RelocationError::Work(error.to_string()).into()),
    }
}

async fn begin(State(place): State<Arc<Place>>, body: Body) -> Answer<Json<Files>> {
    let begin: Begin = json(body, 1 << 16).await?;
    on_disk(place, move |place, book| place.begin(&begin, book))
        .await
        .map(Json)
}

async fn piece(State(place): State<Arc<Place>>, headers: HeaderMap, body: Body) -> Answer<()> {
    let piece = headers
        .get(PIECE)
        .and_then(|text| Piece::parse(text.as_bytes()));
    let says = format!("the header {PIECE} does not say where the bytes belong");
    let piece = piece.ok_or_else(|| Refusal::malformed(says))?;
    let most = usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX);
    let bytes = axum::body::to_bytes(body, most).await;
    let bytes = bytes.map_err(Refusal::malformed)?;
    on_disk(place, move |place, book| {
        let book = place.begun(book)?;
        place.put(&piece, &bytes, book)
    })
    .await
}

async fn file(State(place): State<Arc<Place>>, body: Body) -> Answer<()> {
    let file: KnownFile = json(body, 1 << 16).await?;
    on_disk(place, move |place, book| place.check_file(&file, book)).await
}

async fn complete(State(place): State<Arc<Place>>, body: Body) -> Answer<()> {
    let files: Files = json(body, MAX_LIST_BYTES).await?;
    on_disk(place, move |place, book| place.complete(&files, book)).await
}

async fn start(State(place): State<Arc<Place>>) -> Answer<()> {
    on_disk(place, |place, _| {
        let first = place.first();
        if !first.join(UNFINISHED).exists() && arrival(first)?.is_none() {
            return Err(RelocationError::Nothing(first.to_owned()));
        }
        finish(first)?;
        remove_if_there(&first.join(BOOK))?;
        place.is_whole.send_replace(true);
        Ok(())
    })
    .await
}

impl Place {
    fn first(&self) -> &Path {
        self.disks.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Whether a file may be here, and where.
    fn path(&self, name: &FileName) -> Result<PathBuf, RelocationError> {
        let disk = self.disks.get(name.disk).filter(|_| name.is_sound());
        let disk = disk.ok_or_else(|| RelocationError::NoSuchFile(name.path.clone()))?;
        Ok(disk.join(&name.path))
    }

    /// The book of a move that is under way.
    fn begun<'a>(
        &self,
        book: &'a mut Option<DigestBook>,
    ) -> Result<&'a mut DigestBook, RelocationError> {
        book.as_mut()
            .ok_or_else(|| RelocationError::Nothing(self.first().to_owned()))
    }

    fn begin(
        &self,
        begin: &Begin,
        book: &mut Option<DigestBook>,
    ) -> Result<Files, RelocationError> {
        let first = self.first();
        if begin.node_id != self.node_id {
            return Err(RelocationError::OtherNode {
                expected: self.node_id,
                found: begin.node_id,
            });
        }
        if begin.disks != self.disks.len() {
            return Err(RelocationError::OtherDisks {
                here: self.disks.len(),
                there: begin.disks,
            });
        }
        // Where the node has been since, a storage from before would undo what it has signed.
        if let Some(gone) = tombstone(first)? {
            return Err(RelocationError::MovedAway {
                path: first.to_owned(),
                at_ms: gone.at_ms,
                is_newer: begin.since_ms.is_none_or(|since| since < gone.at_ms),
            });
        }
        let goes_on = check_target(first, self.node_id)?;
        for disk in self.disks.iter().skip(1).filter(|_| !goes_on) {
            check_target(disk, self.node_id)?;
        }
        for disk in &self.disks {
            fs::create_dir_all(disk).map_err(RelocationError::io(disk))?;
        }
        if !goes_on {
            write(&first.join(UNFINISHED), &mark(first, self.node_id))?;
        }
        let mut digests = DigestBook::open(&first.join(BOOK))?;
        let mut files = Vec::new();
        for name in self.names()? {
            let (bytes, digest) = digests.digest(&self.path(&name)?)?;
            files.push(KnownFile {
                name,
                bytes,
                digest,
            });
        }
        *book = Some(digests);
        Ok(Files { files })
    }

    /// Every file that is here, but for what steers the move.
    fn names(&self) -> Result<Vec<FileName>, RelocationError> {
        let mut names = Vec::new();
        for (disk, directory) in self.disks.iter().enumerate() {
            let paths = stored(directory)?.into_iter();
            let all = paths.map(|path| FileName { disk, path });
            names.extend(all.filter(FileName::is_sound));
        }
        Ok(names)
    }

    fn put(
        &self,
        piece: &Piece,
        bytes: &[u8],
        book: &mut DigestBook,
    ) -> Result<(), RelocationError> {
        let name = FileName {
            disk: piece.disk,
            path: piece.path.clone(),
        };
        let path = self.path(&name)?;
        if blake3::hash(bytes).to_hex().as_str() != piece.digest {
            return Err(RelocationError::Different(path));
        }
        book.forget(&path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(RelocationError::io(parent))?;
        }
        let write = || {
            let options = fs::File::options()
                .create(true)
                .write(true)
                .truncate(false)
                .open(&path)?;
            if options.metadata()?.len() < piece.offset {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            options.set_len(piece.offset)?;
            options.write_all_at(bytes, piece.offset)
        };
        write().map_err(RelocationError::io(&path))
    }

    fn check_file(
        &self,
        file: &KnownFile,
        book: &mut Option<DigestBook>,
    ) -> Result<(), RelocationError> {
        let path = self.path(&file.name)?;
        let book = self.begun(book)?;
        let sync = || fs::File::open(&path)?.sync_all();
        sync().map_err(RelocationError::io(&path))?;
        if book.digest(&path)? == (file.bytes, file.digest.clone()) {
            Ok(())
        } else {
            Err(RelocationError::Different(path))
        }
    }

    /// Whether exactly these files are here, once what else is was removed.
    fn complete(
        &self,
        files: &Files,
        book: &mut Option<DigestBook>,
    ) -> Result<(), RelocationError> {
        let book = self.begun(book)?;
        let wanted: BTreeMap<_, _> = files.files.iter().map(|file| (&file.name, file)).collect();
        let mut missing: BTreeSet<_> = wanted.keys().copied().collect();
        let mut directories = BTreeSet::new();
        for name in self.names()? {
            let path = self.path(&name)?;
            let Some(file) = wanted.get(&name) else {
                fs::remove_file(&path).map_err(RelocationError::io(&path))?;
                continue;
            };
            if book.digest(&path)? != (file.bytes, file.digest.clone()) {
                return Err(RelocationError::Different(path));
            }
            missing.remove(&name);
            directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        }
        if let Some(missing) = missing.first() {
            return Err(RelocationError::NoSuchFile(missing.path.clone()));
        }
        for disk in &self.disks {
            remove_empty(disk).map_err(RelocationError::io(disk))?;
        }
        let is_ours = |path: &&PathBuf| self.disks.iter().any(|disk| path.starts_with(disk));
        for directory in directories.iter().filter(is_ours) {
            let sync = || fs::File::open(directory)?.sync_all();
            sync().map_err(RelocationError::io(directory))?;
        }
        Ok(())
    }
}

/// Removes directories in which nothing is left; one of a database's past keeps it from opening.
fn remove_empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
            if fs::read_dir(entry.path())?.next().is_none() {
                fs::remove_dir(entry.path())?;
            }
        }
    }
    Ok(())
}
