//! Form of a quilt on its way in: the parts of a `multipart/form-data` body, in memory while they are few and in one file without a name
//! from then on.
//!
//! The parser takes all that a client has sent before it says what it is. It is given one piece at a time, and no more of a head than a
//! head may have, so that a body is never in memory.

use std::{
    collections::HashSet,
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::BodyDataStream;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, ready};
use multer::{Field, Multipart};
use tokio::{fs::File, io::AsyncWriteExt as _};
use walrus_core::quilt::{Identifier, IdentifierError};
use walrus_sdk::{BlobData, FilePart, PatchToStore, Spool, SpoolError};

use super::metadata::{self, Described, MetadataError};
use crate::limits;

/// The part that says what tags the others have. Client spec 3.6.
const METADATA: &str = "_metadata";

/// Why a form makes no quilt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormError {
    #[error("the body is larger than the {limit} bytes that are taken here")]
    TooLarge { limit: u64 },
    #[error(
        "the body is no form: `Content-Type: multipart/form-data; boundary=…` is expected, with one part for each file"
    )]
    NoForm,
    #[error("the body cannot be read as a form: {0}")]
    Malformed(String),
    #[error("the body cannot be read: {0}")]
    Unreadable(axum::Error),
    #[error(
        "part {position} has more than {} bytes before its data",
        limits::PART_HEAD
    )]
    Head { position: usize },
    #[error(
        "part {position} has no name: `Content-Disposition: form-data; name=\"…\"` is expected"
    )]
    Nameless { position: usize },
    #[error("part {position}: {source}")]
    Name {
        position: usize,
        source: IdentifierError,
    },
    #[error("part {position}: there is a part \"{name}\" before it")]
    Repeated { position: usize, name: String },
    #[error("the part \"{METADATA}\": {0}")]
    Metadata(#[from] MetadataError),
    #[error("there are more than {} parts", limits::QUILT_PARTS)]
    TooMany,
    #[error(
        "the names of the parts have more than {} bytes together",
        limits::QUILT_NAMES
    )]
    Names,
    #[error("the form has no files")]
    Empty,
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error("the body cannot be kept in a temporary file: {0}")]
    Unwritable(#[from] std::io::Error),
}

/// What a form has.
#[derive(Debug)]
pub(super) struct Form {
    /// Its files, as patches.
    pub(super) patches: Vec<PatchToStore>,
    /// Bytes of these.
    pub(super) bytes: u64,
}

/// What separates the parts of a form, by the `Content-Type` of its request.
pub(super) fn boundary(content_type: &str) -> Result<String, FormError> {
    multer::parse_boundary(content_type).map_err(|_| FormError::NoForm)
}

/// Takes in a form of at most `limit` bytes.
pub(super) async fn receive(
    body: &mut BodyDataStream,
    boundary: String,
    limit: u64,
    spool: &Spool,
) -> Result<Form, FormError> {
    let in_head = Arc::new(AtomicU64::new(0));
    let pieces = Pieces {
        body,
        left: limit,
        in_head: Arc::clone(&in_head),
        pauses: false,
    };
    let mut form = Multipart::new(pieces, boundary);
    let mut parts = Parts::new(spool);
    loop {
        let position = parts.position();
        let failed = |error| form_error(error, limit, position);
        let Some(field) = form.next_field().await.map_err(failed)? else {
            return parts.finish().await;
        };
        in_head.store(0, Ordering::Relaxed);
        parts.take(field, &in_head, limit).await?;
    }
}

/// What the parser says.
fn form_error(error: multer::Error, limit: u64, position: usize) -> FormError {
    let multer::Error::StreamReadFailed(cause) = error else {
        return FormError::Malformed(error.to_string());
    };
    match cause.downcast::<PieceError>() {
        Ok(cause) => match *cause {
            PieceError::TooLarge => FormError::TooLarge { limit },
            PieceError::Head => FormError::Head { position },
            PieceError::Unreadable(error) => FormError::Unreadable(error),
        },
        Err(cause) => FormError::Malformed(cause.to_string()),
    }
}

/// Why there is no further piece.
#[derive(Debug, thiserror::Error)]
enum PieceError {
    #[error("the body is too large")]
    TooLarge,
    #[error("the head of a part is too large")]
    Head,
    #[error(transparent)]
    Unreadable(axum::Error),
}

/// A body, one piece each time that it is asked.
struct Pieces<'a> {
    body: &'a mut BodyDataStream,
    /// Bytes that may come.
    left: u64,
    /// Bytes that came since the parser knew what they are.
    in_head: Arc<AtomicU64>,
    /// The parser asks until there is nothing: it is told so after each piece.
    pauses: bool,
}

impl Stream for Pieces<'_> {
    type Item = Result<Bytes, PieceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match ready!(self.body.poll_next_unpin(context)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(PieceError::Unreadable(error)))),
            Some(Ok(piece)) => piece,
        };
        self.pauses = true;
        let length = piece.len() as u64;
        let Some(left) = self.left.checked_sub(length) else {
            return Poll::Ready(Some(Err(PieceError::TooLarge)));
        };
        self.left = left;
        let before = self.in_head.fetch_add(length, Ordering::Relaxed);
        Poll::Ready(Some(match before > limits::PART_HEAD {
            true => Err(PieceError::Head),
            false => Ok(piece),
        }))
    }
}

/// The parts that came.
struct Parts<'a> {
    spool: &'a Spool,
    /// Bytes of all, in memory or in the file.
    length: u64,
    memory: BytesMut,
    file: Option<File>,
    files: Vec<(String, Range<u64>)>,
    names: HashSet<String>,
    name_bytes: usize,
    described: Option<Described>,
}

impl<'a> Parts<'a> {
    fn new(spool: &'a Spool) -> Self {
        Self {
            spool,
            length: 0,
            memory: BytesMut::new(),
            file: None,
            files: Vec::new(),
            names: HashSet::new(),
            name_bytes: 0,
            described: None,
        }
    }

    /// The number of the part that comes next, from 1 on.
    fn position(&self) -> usize {
        let described = usize::from(self.described.is_some());
        self.files.len().saturating_add(described).saturating_add(1)
    }

    async fn take(
        &mut self,
        mut field: Field<'_>,
        in_head: &AtomicU64,
        limit: u64,
    ) -> Result<(), FormError> {
        let position = self.position();
        let name = field
            .name()
            .ok_or(FormError::Nameless { position })?
            .to_owned();
        if name == METADATA {
            let text = read_metadata(&mut field, in_head, limit, position).await?;
            if self.described.replace(metadata::parse(&text)?).is_some() {
                return Err(MetadataError::Twice.into());
            }
            return Ok(());
        }
        self.check_name(&name, position)?;
        let start = self.length;
        while let Some(bytes) = next(&mut field, in_head, limit, position).await? {
            self.write(bytes).await?;
        }
        self.files.push((name, start..self.length));
        Ok(())
    }

    fn check_name(&mut self, name: &str, position: usize) -> Result<(), FormError> {
        Identifier::new(name).map_err(|source| FormError::Name { position, source })?;
        if self.files.len() >= limits::QUILT_PARTS {
            return Err(FormError::TooMany);
        }
        self.name_bytes = self.name_bytes.saturating_add(name.len());
        if self.name_bytes > limits::QUILT_NAMES {
            return Err(FormError::Names);
        }
        if !self.names.insert(name.to_owned()) {
            let name = name.to_owned();
            return Err(FormError::Repeated { position, name });
        }
        Ok(())
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), FormError> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.file.is_none() && self.length > limits::BODY_IN_MEMORY {
            let mut file = File::from_std(self.spool.file()?);
            file.write_all(&std::mem::take(&mut self.memory)).await?;
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(&bytes).await?,
            None => self.memory.extend_from_slice(&bytes),
        }
        Ok(())
    }

    async fn finish(self) -> Result<Form, FormError> {
        if self.files.is_empty() {
            return Err(FormError::Empty);
        }
        let whole = match self.file {
            None => Whole::Memory(self.memory.freeze()),
            Some(mut file) => {
                file.flush().await?;
                Whole::File(FilePart::whole(Arc::new(file.into_std().await))?)
            }
        };
        let mut described = self.described.unwrap_or_default();
        let patches = self
            .files
            .into_iter()
            .map(|(identifier, range)| PatchToStore {
                tags: described.remove(&identifier).unwrap_or_default(),
                identifier,
                data: whole.part(range),
            });
        Ok(Form {
            patches: patches.collect(),
            bytes: self.length,
        })
    }
}

/// The bytes of all files, one after the other.
enum Whole {
    Memory(Bytes),
    File(FilePart),
}

impl Whole {
    fn part(&self, range: Range<u64>) -> BlobData {
        match self {
            Self::File(file) => BlobData::FilePart(file.slice(range)),
            Self::Memory(bytes) => {
                // What is in memory is counted in its words.
                let place = |position: u64| {
                    usize::try_from(position).map_or(bytes.len(), |place| place.min(bytes.len()))
                };
                bytes.slice(place(range.start)..place(range.end)).into()
            }
        }
    }
}

/// The next bytes of a part.
async fn next(
    field: &mut Field<'_>,
    in_head: &AtomicU64,
    limit: u64,
    position: usize,
) -> Result<Option<Bytes>, FormError> {
    let chunk = field.chunk().await;
    in_head.store(0, Ordering::Relaxed);
    chunk.map_err(|error| form_error(error, limit, position))
}

async fn read_metadata(
    field: &mut Field<'_>,
    in_head: &AtomicU64,
    limit: u64,
    position: usize,
) -> Result<Vec<u8>, FormError> {
    let mut text = Vec::new();
    while let Some(bytes) = next(field, in_head, limit, position).await? {
        text.extend_from_slice(&bytes);
        if text.len() > limits::QUILT_METADATA {
            return Err(MetadataError::TooLarge.into());
        }
    }
    Ok(text)
}
