//! Spool of bodies: small ones go into the table with their job, larger ones into a file by the job's ID, synced before the job is.
//!
//! Bytes on disk are bounded, in sum and for each account; what an upload will need is counted from its beginning.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::{io::AsyncWriteExt as _, sync::mpsc};
use walrus_sdk::BlobData;
use walrus_service::envelope::Refusal;

use super::{Account, JobId};
use crate::{
    limits,
    publisher::{SpoolBounds, refusal::WriteReason},
    reason::GatewayReason,
    spool::ReceiveError,
};

/// Bytes that are copied at once.
const COPIED_PART: usize = 256 << 10;

/// Files of bodies. Cheap to clone; clones share the room.
#[derive(Debug, Clone)]
pub(crate) struct Bodies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directory: PathBuf,
    bounds: SpoolBounds,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    total: u64,
    by_account: HashMap<Account, u64>,
}

/// Room on disk for one body, until it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    bodies: Bodies,
    account: Account,
    bytes: u64,
}

/// A body that came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) length: u64,
    /// SHA-256.
    pub(crate) digest: [u8; 32],
    pub(crate) held: Held,
}

/// Where it is until its job is on disk.
#[derive(Debug)]
pub(crate) enum Held {
    Memory(Bytes),
    File(BodyFile, Room),
}

/// The file of a body, which is removed unless somebody keeps it.
#[derive(Debug)]
pub(crate) struct BodyFile {
    path: PathBuf,
    kept: bool,
}

impl BodyFile {
    /// From now on it belongs to a job that is on disk.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for BodyFile {
    fn drop(&mut self) {
        if !self.kept {
            remove(&self.path);
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut used = self.bodies.used();
        used.total = used.total.saturating_sub(self.bytes);
        if let Some(of_account) = used.by_account.get_mut(&self.account) {
            *of_account = of_account.saturating_sub(self.bytes);
            if *of_account == 0 {
                used.by_account.remove(&self.account);
            }
        }
    }
}

impl Bodies {
    /// Files in `directory`, which is made if needed.
    pub(crate) fn open(directory: PathBuf, bounds: SpoolBounds) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self(Arc::new(Inner {
            directory,
            bounds,
            used: Mutex::default(),
        })))
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the body of a job is, if it is in a file.
    pub(crate) fn path(&self, id: JobId) -> PathBuf {
        self.0.directory.join(id.to_string())
    }

    /// Sets room aside for a body of an account.
    ///
    /// # Errors
    /// That there is not as much, now or ever.
    pub(crate) fn room(&self, account: Account, bytes: u64) -> Result<Room, Refusal> {
        let bounds = self.0.bounds;
        let limit = bounds.of_one();
        if bytes > limit {
            return Err(ReceiveError::TooLarge { limit }.into());
        }
        let mut used = self.used();
        let of_account = used.by_account.get(&account).copied().unwrap_or_default();
        let left_of = |bound: u64, used: u64| bound.saturating_sub(used);
        let left = left_of(bounds.total, used.total).min(left_of(bounds.per_account, of_account));
        if bytes > left {
            let message = format!(
                "there is room for {left} more bytes of uploads that are not stored yet, and {bytes} are needed: try again when others are \
                 stored, or end uploads that nobody goes on with"
            );
            return Err(Refusal::new(WriteReason::SpoolFull, message));
        }
        add(&mut used, account, bytes);
        drop(used);
        Ok(self.room_of(account, bytes))
    }

    /// Room for a body that is there already.
    pub(crate) fn room_taken(&self, account: Account, bytes: u64) -> Room {
        add(&mut self.used(), account, bytes);
        self.room_of(account, bytes)
    }

    fn room_of(&self, account: Account, bytes: u64) -> Room {
        Room {
            bodies: self.clone(),
            account,
            bytes,
        }
    }

    /// Takes in a body of at most `limit` bytes, of which `told` were announced.
    ///
    /// # Errors
    /// A refusal: it is too large, or there is no room, or the connection failed.
    pub(crate) async fn receive(
        &self,
        id: JobId,
        account: Account,
        body: &mut BodyDataStream,
        limit: u64,
        told: Option<u64>,
    ) -> Result<Received, Refusal> {
        let mut start = BytesMut::new();
        let mut file: Option<(tokio::fs::File, BodyFile, Room)> = None;
        // What is told is set aside before the first byte comes.
        let large = told.filter(|told| *told > limits::BODY_IN_MEMORY);
        let mut room = large.map(|told| self.room(account, told)).transpose()?;
        let (mut length, mut hash) = (0_u64, Sha256::new());
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(ReceiveError::Unreadable)?;
            length = length.saturating_add(bytes.len() as u64);
            if length > limit {
                return Err(ReceiveError::TooLarge { limit }.into());
            }
            hash.update(&bytes);
            if file.is_none() && length > limits::BODY_IN_MEMORY {
                let room = match room.take() {
                    Some(room) => room,
                    None => self.room(account, limit)?,
                };
                let (mut opened, guard) = self.create(id).map_err(ReceiveError::Unwritable)?;
                opened
                    .write_all(&start)
                    .await
                    .map_err(ReceiveError::Unwritable)?;
                start = BytesMut::new();
                file = Some((opened, guard, room));
            }
            match &mut file {
                Some((file, ..)) => {
                    let written = file.write_all(&bytes).await;
                    written.map_err(ReceiveError::Unwritable)?;
                }
                None => start.extend_from_slice(&bytes),
            }
        }
        let held = match file {
            None => Held::Memory(start.freeze()),
            Some((file, guard, room)) => {
                self.sync(file).await.map_err(ReceiveError::Unwritable)?;
                Held::File(guard, room)
            }
        };
        let digest = hash.finalize().into();
        Ok(Received {
            length,
            digest,
            held,
        })
    }

    /// Takes in what this process has put together, as [`Self::receive`] does what comes in.
    ///
    /// # Errors
    /// A refusal: there is no room, or it cannot be read.
    pub(crate) async fn copy(
        &self,
        id: JobId,
        account: Account,
        data: &BlobData,
    ) -> Result<Received, Refusal> {
        let length = data.length().map_err(ReceiveError::Unwritable)?;
        let mut reader = data.reader().map_err(ReceiveError::Unwritable)?;
        let (send, mut parts) = mpsc::channel::<io::Result<Bytes>>(2);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut part = Vec::with_capacity(COPIED_PART);
                let read = reader
                    .by_ref()
                    .take(COPIED_PART as u64)
                    .read_to_end(&mut part);
                let is_end = matches!(read, Ok(0) | Err(_));
                let part = read.map(|_| Bytes::from(part));
                // Whoever takes it may be gone.
                if send.blocking_send(part).is_err() || is_end {
                    return;
                }
            }
        });
        let parts = stream::poll_fn(move |context| parts.poll_recv(context));
        let mut body = Body::from_stream(parts).into_data_stream();
        self.receive(id, account, &mut body, length, Some(length))
            .await
    }

    /// Makes the file of a job.
    pub(crate) fn create(&self, id: JobId) -> io::Result<(tokio::fs::File, BodyFile)> {
        let path = self.path(id);
        let file = File::options().write(true).create_new(true).open(&path)?;
        let guard = BodyFile { path, kept: false };
        Ok((tokio::fs::File::from_std(file), guard))
    }

    /// Makes a new file survive the death of the machine.
    pub(crate) async fn sync(&self, mut file: tokio::fs::File) -> io::Result<()> {
        file.flush().await?;
        file.sync_data().await?;
        let directory = self.0.directory.clone();
        let synced = tokio::task::spawn_blocking(move || File::open(directory)?.sync_all());
        synced.await.map_err(io::Error::other)?
    }

    /// Removes the file of a job, if there is one.
    pub(crate) fn remove(&self, id: JobId) {
        remove(&self.path(id));
    }

    /// Removes every file that belongs to no job: of requests that were cut off.
    pub(crate) fn remove_others(&self, is_known: impl Fn(JobId) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.0.directory)? {
            let entry = entry?;
            let id = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok());
            if !id.is_some_and(&is_known) {
                remove(&entry.path());
            }
        }
        Ok(())
    }
}

fn add(used: &mut Used, account: Account, bytes: u64) {
    used.total = used.total.saturating_add(bytes);
    let of_account = used.by_account.entry(account).or_default();
    *of_account = of_account.saturating_add(bytes);
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "the file of an upload stays behind");
        }
        _ => {}
    }
}

/// The SHA-256 of a file. Blocks.
pub(crate) fn digest_of_file(path: &Path) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hash.finalize().into())
}

/// What an unexpected failure of the disk is told as.
pub(crate) fn disk_failed(error: impl std::fmt::Display) -> Refusal {
    Refusal::internal(GatewayReason::Internal, error)
}
