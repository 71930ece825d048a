//! The sending end of a move: hands a storage over to the machine where it goes to.

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use walrus_core::network_key::NetworkKeyPair;
use walrus_node_client::{INTRODUCTION, Introduction, client_tls_config};
use walrus_sui::Address;

use super::{
    Moved, RelocationError, TOMBSTONE, arrival, backup,
    book::{DigestBook, digest_of},
    check, mark,
    remote::{BOOK, Begin, FileName, Files, KnownFile, MAX_LIST_BYTES, PIECE, PIECE_BYTES, Piece},
    remove_if_there, stored, tombstone, write,
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for an answer: the receiver may have to hash what it has.
const ANSWER: Duration = Duration::from_secs(3600);
/// So much of a refusal is told.
const TOLD_BYTES: usize = 2000;

/// Where a storage is, and where it goes.
#[derive(Debug)]
pub struct Sending {
    /// The directories of the disks it is on, the first of which is that of the storage.
    pub disks: Vec<PathBuf>,
    /// The node.
    pub node_id: Address,
    /// The receiver, `https://HOST:PORT`.
    pub to: String,
    /// The node's network key, which the receiver has as well.
    pub key: Arc<NetworkKeyPair>,
}

/// A connection to the receiver.
struct Line<'a> {
    sending: &'a Sending,
    http: reqwest::Client,
    book: Arc<Mutex<DigestBook>>,
}

impl Sending {
    /// Sends the segments of a node that runs, as far as they are written: what is left to be sent once it is stopped is little.
    ///
    /// # Errors
    /// [`RelocationError`].
    pub async fn ahead(&self) -> Result<Moved, RelocationError> {
        let line = self.line()?;
        let known = line.begin().await?;
        let mut moved = Moved::default();
        for name in self.names().await? {
            if !name.path.starts_with("shards") {
                continue;
            }
            match line.file(&name, known.get(&name), &mut moved).await {
                // The node has removed it meanwhile.
                Err(RelocationError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound => {}
                sent => drop(sent?),
            }
        }
        Ok(moved)
    }

    /// Sends all of the storage of a node that does not run, has the receiver compare, puts up the tombstone, and lets a node start there.
    /// One that was cut off goes on where it was.
    ///
    /// # Errors
    /// [`RelocationError`].
    pub async fn all(&self) -> Result<Moved, RelocationError> {
        let line = self.line()?;
        let first = self.first().to_owned();
        if self.is_handed_over()? {
            line.start().await?;
            return Ok(Moved::default());
        }
        check(&first)?;
        let known = line.begin().await?;
        let names = self.names().await?;
        if names.is_empty() {
            return Err(RelocationError::Nothing(first));
        }
        let mut moved = Moved::default();
        let mut files = Vec::with_capacity(names.len());
        for name in &names {
            files.push(line.file(name, known.get(name), &mut moved).await?);
        }
        line.complete(files).await?;
        // From here on only the new place is the node's.
        let gone = mark(Path::new(&self.to), self.node_id);
        write(&first.join(TOMBSTONE), &gone)?;
        line.start().await?;
        remove_if_there(&first.join(BOOK))?;
        Ok(moved)
    }

    /// How much there is to be sent, once the node is stopped or before.
    ///
    /// # Errors
    /// If the files cannot be looked at.
    pub async fn size(&self) -> Result<Moved, RelocationError> {
        let (names, disks) = (self.names().await?, self.disks.clone());
        on_disk(move || {
            let mut moved = Moved::default();
            for name in names {
                let disk = disks.get(name.disk);
                let path = disk.map(|disk| disk.join(&name.path)).unwrap_or_default();
                let metadata = fs::metadata(&path).map_err(RelocationError::io(&path))?;
                moved.files = moved.files.saturating_add(1);
                moved.bytes = moved.bytes.saturating_add(metadata.len());
            }
            Ok(moved)
        })
        .await
    }

    /// Whether the tombstone is up that says that the storage is where it is sent to.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_handed_over(&self) -> Result<bool, RelocationError> {
        let gone = tombstone(self.first())?;
        Ok(gone.is_some_and(|gone| gone.to == Path::new(&self.to)))
    }

    fn first(&self) -> &Path {
        self.disks.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Every file that goes along. Backups stay: they share files with the storage, and would be sent once for each.
    async fn names(&self) -> Result<Vec<FileName>, RelocationError> {
        let disks = self.disks.clone();
        on_disk(move || {
            let mut names = Vec::new();
            for (disk, directory) in disks.iter().enumerate() {
                let paths = stored(directory)?.into_iter();
                let own = paths.filter(|path| !path.starts_with(backup::DIRECTORY));
                let named = own.map(|path| FileName { disk, path });
                names.extend(named.filter(FileName::is_sound));
            }
            Ok(names)
        })
        .await
    }

    fn line(&self) -> Result<Line<'_>, RelocationError> {
        let remote = |reason: String| RelocationError::Remote {
            to: self.to.clone(),
            reason,
        };
        let tls = client_tls_config(&self.key.public_key());
        let tls = tls.map_err(|error| remote(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .build()
            .map_err(|error| remote(innermost(&error)))?;
        let book = DigestBook::open(&self.first().join(BOOK))?;
        Ok(Line {
            sending: self,
            http,
            book: Arc::new(Mutex::new(book)),
        })
    }
}

/// Does what takes the disk, on a thread that may wait for it.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RelocationError> + Send + 'static,
) -> Result<T, RelocationError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RelocationError::Work(error.to_string()))?
}

impl Line<'_> {
    fn remote(&self, reason: String) -> RelocationError {
        RelocationError::Remote {
            to: self.sending.to.clone(),
            reason,
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, RelocationError> {
        let key = &self.sending.key;
        let introduction = Introduction::new(key, &key.public_key()).to_text();
        let sent = request.header(INTRODUCTION, introduction).send().await;
        let mut answer = sent.map_err(|error| self.remote(innermost(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.chunk().await.ok().flatten().unwrap_or_default();
        let text: String = String::from_utf8_lossy(&text)
            .chars()
            .filter(|char| !char.is_control())
            .take(TOLD_BYTES)
            .collect();
        if status == reqwest::StatusCode::CONFLICT {
            return Err(RelocationError::Refused(text));
        }
        Err(self.remote(format!("it answers {status}: {text}")))
    }

    fn url(&self, step: &str) -> String {
        format!("{}/v1/move/{step}", self.sending.to)
    }

    async fn post(
        &self,
        step: &str,
        body: &impl Serialize,
    ) -> Result<reqwest::Response, RelocationError> {
        self.send(self.http.post(self.url(step)).json(body)).await
    }

    /// What the receiver has already.
    async fn begin(&self) -> Result<HashMap<FileName, KnownFile>, RelocationError> {
        let begin = Begin {
            node_id: self.sending.node_id,
            disks: self.sending.disks.len(),
            since_ms: arrival(self.sending.first())?,
        };
        let answer = self.post("begin", &begin).await?;
        let known: Files = self.read(answer).await?;
        let known = known.files.into_iter();
        Ok(known.map(|file| (file.name.clone(), file)).collect())
    }

    async fn read<T: DeserializeOwned>(
        &self,
        mut answer: reqwest::Response,
    ) -> Result<T, RelocationError> {
        let mut bytes = Vec::new();
        loop {
            let chunk = answer.chunk().await;
            let Some(chunk) = chunk.map_err(|error| self.remote(innermost(&error)))? else {
                break;
            };
            if bytes.len().saturating_add(chunk.len()) > MAX_LIST_BYTES {
                return Err(self.remote("its answer does not end".to_owned()));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|error| self.remote(error.to_string()))
    }

    /// Sends what the receiver lacks of a file, and has it compare.
    async fn file(
        &self,
        name: &FileName,
        known: Option<&KnownFile>,
        moved: &mut Moved,
    ) -> Result<KnownFile, RelocationError> {
        let disk = self.sending.disks.get(name.disk);
        let disk = disk.ok_or_else(|| RelocationError::NoSuchFile(name.path.clone()))?;
        let path = disk.join(&name.path);
        let (file, begins_as) = {
            let (name, known, path) = (name.clone(), known.cloned(), path.clone());
            let book = Arc::clone(&self.book);
            on_disk(move || hashed(name, known.as_ref(), &path, &book)).await?
        };
        moved.files = moved.files.saturating_add(1);
        moved.bytes = moved.bytes.saturating_add(file.bytes);
        if known == Some(&file) {
            moved.kept = moved.kept.saturating_add(1);
            return Ok(file);
        }
        let mut offset = begins_as;
        // One without bytes is made as well.
        loop {
            let (path, length) = (
                path.clone(),
                PIECE_BYTES.min(file.bytes.saturating_sub(offset)),
            );
            let bytes = on_disk(move || read(&path, offset, length)).await?;
            self.piece(name, offset, bytes).await?;
            offset = offset.saturating_add(length);
            if offset >= file.bytes {
                break;
            }
        }
        self.post("file", &file).await?;
        Ok(file)
    }

    async fn piece(
        &self,
        name: &FileName,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<(), RelocationError> {
        let piece = Piece {
            disk: name.disk,
            path: name.path.clone(),
            offset,
            digest: blake3::hash(&bytes).to_hex().to_string(),
        };
        let request = self.http.put(self.url("piece"));
        let request = request.header(PIECE, piece.to_text()).body(bytes);
        self.send(request).await.map(drop)
    }

    async fn complete(&self, files: Vec<KnownFile>) -> Result<(), RelocationError> {
        self.post("complete", &Files { files }).await.map(drop)
    }

    async fn start(&self) -> Result<(), RelocationError> {
        self.post("start", &()).await.map(drop)
    }
}

/// A file as it is now, and how much of it the receiver has: what it has may be the beginning of the file, or of another one.
fn hashed(
    name: FileName,
    known: Option<&KnownFile>,
    path: &Path,
    book: &Mutex<DigestBook>,
) -> Result<(KnownFile, u64), RelocationError> {
    let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
    let (bytes, digest) = book.digest(path)?;
    drop(book);
    let begins_as = match known {
        Some(known) if known.bytes <= bytes && digest_of(path, known.bytes)? == known.digest => {
            known.bytes
        }
        _ => 0,
    };
    let file = KnownFile {
        name,
        bytes,
        digest,
    };
    Ok((file, begins_as))
}

fn read(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, RelocationError> {
    let read = || {
        let mut file = fs::File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(RelocationError::io(path))
}

/// The last cause: the library's own text says only that a request failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
