//! Admin socket: a Unix socket for the operator's own account (mode 0600), one JSON object per line each way. Node spec 6.3.

mod protocol;

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::protocol::{
    AdminAnswer, AdminBody, AdminRequest, CheckpointCommand, DiskCommand, FsckCommand,
    RepairCommand, ScrubCommand, WorkerCommand,
};

/// Longest request.
const MAX_REQUEST_BYTES: u64 = 64 << 10;
/// Longest answer.
const MAX_ANSWER_BYTES: u64 = 16 << 20;
/// Connections at once.
const MAX_CONNECTIONS: usize = 8;
/// Longest wait for a request or an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest wait for the rest of a request that is refused.
const CLOSING: Duration = Duration::from_secs(1);
/// Longest path of a Unix socket, with its final zero.
const MAX_PATH_BYTES: usize = 108;

/// What the socket opens on.
pub trait AdminTarget: Send + Sync + 'static {
    /// Does what is asked. Is cut off when the socket is closed.
    fn answer(&self, request: AdminRequest) -> BoxFuture<'_, AdminAnswer>;
}

/// Why the admin socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Sockets have short paths.
    #[error("{path} is too long for a Unix socket: {length} bytes, at most {limit}; choose another admin_socket_path", path = path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
        /// The longest.
        limit: usize,
    },
    /// Another process listens there.
    #[error("another node listens on {}", .0.display())]
    Taken(PathBuf),
    /// Something else is there.
    #[error("{} is there and no socket", .0.display())]
    Occupied(PathBuf),
    /// The socket cannot be made.
    #[error("cannot listen on {path}: {source}", path = path.display())]
    Listen {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No node listens there.
    #[error("no node answers on {path} (is it running, as the same user?): {source}", path = path.display())]
    Connect {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The node does not answer, or not what was expected.
    #[error("the node on {path} did not answer: {reason}", path = path.display())]
    Answer {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The socket of a running node. Dropping it closes it; [`AdminDoor::close`] waits.
#[derive(Debug)]
pub struct AdminDoor {
    path: PathBuf,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl AdminDoor {
    /// Whether a socket can have this path: systems allow few bytes.
    pub fn fits(path: &Path) -> bool {
        check_length(path).is_ok()
    }

    /// Listens on `path`, over what a killed process left there. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn open(path: &Path, target: Arc<dyn AdminTarget>) -> Result<Self, AdminError> {
        let listener = listen(path).await?;
        let this = Self {
            path: path.to_owned(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (stop, tasks) = (this.stop.clone(), this.tasks.clone());
        this.tasks.spawn(async move {
            stop.clone()
                .run_until_cancelled(accept(listener, target, stop, tasks))
                .await;
        });
        Ok(this)
    }

    /// Whether somebody listens on `path`.
    pub async fn is_answered(path: &Path) -> bool {
        UnixStream::connect(path).await.is_ok()
    }

    /// Whether `path` can be listened on, as far as can be told before: asked before a node starts for nothing.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn check(path: &Path) -> Result<(), AdminError> {
        check_length(path)?;
        let Ok(found) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        if !found.file_type().is_socket() {
            return Err(AdminError::Occupied(path.to_owned()));
        }
        if Self::is_answered(path).await {
            return Err(AdminError::Taken(path.to_owned()));
        }
        Ok(())
    }

    /// Closes the socket and waits until nothing of it holds the node any more.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for AdminDoor {
    fn drop(&mut self) {
        self.stop.cancel();
        // One that stays is found stale by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// A socket appears under `path` with its mode already set: it is made in a directory that only the owner enters.
async fn listen(path: &Path) -> Result<UnixListener, AdminError> {
    AdminDoor::check(path).await?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let make = || {
        fs::create_dir_all(parent)?;
        let private = tempfile::Builder::new()
            .prefix(".")
            .rand_bytes(6)
            .tempdir_in(parent)?;
        let hidden = private.path().join("s");
        let listener = UnixListener::bind(&hidden)?;
        fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600))?;
        fs::rename(&hidden, path)?;
        Ok(listener)
    };
    make().map_err(|source| AdminError::Listen {
        path: path.to_owned(),
        source,
    })
}

fn check_length(path: &Path) -> Result<(), AdminError> {
    let parent = path.parent().map_or(0, |parent| parent.as_os_str().len());
    // The hidden name, `/.XXXXXX/s`, may be longer than the final one.
    let length = path.as_os_str().len().max(parent.saturating_add(10));
    let limit = MAX_PATH_BYTES - 1;
    if length > limit {
        return Err(AdminError::TooLong {
            path: path.to_owned(),
            length,
            limit,
        });
    }
    Ok(())
}

async fn accept(
    listener: UnixListener,
    target: Arc<dyn AdminTarget>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    while let Ok(permit) = Arc::clone(&slots).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection on the admin socket");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (target, stop) = (Arc::clone(&target), stop.clone());
        tasks.spawn(async move {
            let _permit = permit;
            if let Some(Err(error)) = stop.run_until_cancelled(serve(stream, &*target)).await {
                tracing::debug!(%error, "a connection of the admin socket ended");
            }
        });
    }
}

/// Answers one request after the other until the other side has no more.
async fn serve(stream: UnixStream, target: &dyn AdminTarget) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    loop {
        let line = match read_line(&mut reading, MAX_REQUEST_BYTES).await {
            Ok(line) if line.is_empty() => return Ok(()),
            Ok(line) => Ok(line),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error),
            Err(error) => return Err(error),
        };
        // What cannot be read ends the connection: where the next request begins is not known.
        let last = line.is_err();
        let request = line.and_then(|line| Ok(serde_json::from_str(&line)?));
        let answer = match request {
            Ok(request) => target.answer(request).await,
            Err(error) => AdminAnswer::failed(format!("not a request: {error}")),
        };
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        tokio::time::timeout(PATIENCE, writing.write_all(&text)).await??;
        if last {
            // Until the other side has had its say, so that the answer is not lost with the rest of the request.
            let mut sink = tokio::io::sink();
            let rest = tokio::io::copy(&mut reading, &mut sink);
            let _ = tokio::time::timeout(CLOSING, rest).await;
            return Ok(());
        }
    }
}

/// A line without its end; empty when there is none.
async fn read_line(
    reading: &mut (impl tokio::io::AsyncBufRead + Unpin),
    limit: u64,
) -> io::Result<String> {
    let mut line = String::new();
    let mut bounded = reading.take(limit);
    let read = tokio::time::timeout(PATIENCE, bounded.read_line(&mut line)).await;
    read.map_err(|_| {
        let seconds = PATIENCE.as_secs();
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("nothing came for {seconds} s"),
        )
    })??;
    if !line.ends_with('\n') && !line.is_empty() && bounded.limit() == 0 {
        let error = format!("longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    Ok(line.trim_end().to_owned())
}

/// Asks the node that listens on `path`.
///
/// # Errors
/// [`AdminError::Connect`] and [`AdminError::Answer`].
pub async fn ask(path: &Path, request: &AdminRequest) -> Result<AdminAnswer, AdminError> {
    let stream = UnixStream::connect(path).await;
    let stream = stream.map_err(|source| AdminError::Connect {
        path: path.to_owned(),
        source,
    })?;
    let exchange = async {
        let (reading, mut writing) = stream.into_split();
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        writing.write_all(&text).await?;
        let line = read_line(&mut BufReader::new(reading), MAX_ANSWER_BYTES).await?;
        Ok::<_, io::Error>(serde_json::from_str(&line)?)
    };
    exchange.await.map_err(|error| AdminError::Answer {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knows one level of logging, and says nothing else.
    struct Mute;

    impl AdminTarget for Mute {
        fn answer(&self, request: AdminRequest) -> BoxFuture<'_, AdminAnswer> {
            let answer = match request {
                AdminRequest::LogLevel { level } if level == "info" => {
                    AdminAnswer::done("logging info")
                }
                _ => AdminAnswer::failed("mute"),
            };
            Box::pin(std::future::ready(answer))
        }
    }

    async fn open(path: &Path) -> Result<AdminDoor, AdminError> {
        AdminDoor::open(path, Arc::new(Mute)).await
    }

    #[tokio::test]
    async fn requests_of_the_specification_are_answered_line_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let door = open(&path).await.unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let (reading, mut writing) = UnixStream::connect(&path).await.unwrap().into_split();
        let mut reading = BufReader::new(reading);
        for (request, success, says) in [
            (r#"{"LogLevel":{"level":"info"}}"#, true, "logging info"),
            (r#"{"LogLevel":{"level":"much"}}"#, false, "mute"),
            (r#"{"Checkpoint":{"command":"Cancel"}}"#, false, "mute"),
            (
                r#"{"Checkpoint":{"command":{"Create":{"path":null,"delay_secs":null}}}}"#,
                false,
                "mute",
            ),
            (r#"{"Status":{}}"#, false, "mute"),
            ("nonsense", false, "not a request"),
        ] {
            writing.write_all(request.as_bytes()).await.unwrap();
            writing.write_all(b"\n").await.unwrap();
            let line = read_line(&mut reading, MAX_ANSWER_BYTES).await.unwrap();
            let answer: AdminAnswer = serde_json::from_str(&line).unwrap();
            assert_eq!(answer.success, success, "{request}");
            assert!(answer.message.contains(says), "{request}: {line}");
        }
        let pause = AdminRequest::Worker {
            name: "x".to_owned(),
            command: WorkerCommand::Pause,
        };
        assert!(!ask(&path, &pause).await.unwrap().success);
        door.close().await;
        let closed = ask(&path, &pause).await.unwrap_err();
        assert!(matches!(closed, AdminError::Connect { .. }), "{closed}");
    }

    #[tokio::test]
    async fn what_is_no_line_of_text_is_answered_before_the_connection_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        let door = open(&path).await.unwrap();
        let long = vec![b'x'; usize::try_from(MAX_REQUEST_BYTES).unwrap() + 9];
        for (request, says) in [(&b"\xff\xfe\n"[..], "utf-8"), (&long[..], "65536 bytes")] {
            let (reading, mut writing) = UnixStream::connect(&path).await.unwrap().into_split();
            writing.write_all(request).await.unwrap();
            writing.shutdown().await.unwrap();
            let mut reading = BufReader::new(reading);
            let line = read_line(&mut reading, MAX_ANSWER_BYTES).await.unwrap();
            let answer: AdminAnswer = serde_json::from_str(&line).unwrap();
            assert!(!answer.success && answer.message.contains(says), "{line}");
            let end = read_line(&mut reading, MAX_ANSWER_BYTES).await.unwrap();
            assert_eq!(end, "");
        }
        door.close().await;
    }

    #[tokio::test]
    async fn what_a_killed_node_left_is_replaced_and_what_is_used_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let door = open(&path).await.unwrap();
        let second = open(&path).await.unwrap_err();
        assert!(matches!(second, AdminError::Taken(_)), "{second}");
        door.close().await;
        fs::write(&path, "a file").unwrap();
        let occupied = open(&path).await.unwrap_err();
        assert!(matches!(occupied, AdminError::Occupied(_)), "{occupied}");
        let long = dir.path().join("x".repeat(120));
        let refused = open(&long).await.unwrap_err();
        assert!(matches!(refused, AdminError::TooLong { .. }), "{refused}");
        // Nothing hidden is left behind.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
