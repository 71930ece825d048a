//! Pieces: metadata and slivers of one blob in a row, each with its name, length and checksum. Node spec 1.18.
//!
//! ```text
//! piece  = kind (1 byte: 0 metadata, 1 primary sliver, 2 secondary sliver)
//!          pair (2 bytes, little-endian; 0 for metadata)
//!          length (4 bytes, little-endian)
//!          checksum (32 bytes: BLAKE3 of the seven bytes before and of the payload)
//!          payload
//! ```

use std::{fmt, task::Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use walrus_core::{SliverPairIndex, SliverType};

/// What goes before each payload, in bytes.
pub const PIECE_HEADER_BYTES: usize = NAME_BYTES + CHECKSUM_BYTES;
/// Kind, pair and length.
const NAME_BYTES: usize = 7;
const CHECKSUM_BYTES: usize = 32;
/// Largest part of a payload that is sent at once, so that it is seen how it comes along.
const PART: usize = 16 << 10;
/// Parts below this are copied together, as far as they fit in one.
const SMALL_PART: usize = 2 << 10;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PieceName {
    /// The metadata (`BlobMetadata` in BCS, without ID).
    Metadata,
    /// A sliver (`SliverData` in BCS, without tag).
    Sliver(SliverPairIndex, SliverType),
}

impl fmt::Display for PieceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata => f.write_str("the metadata"),
            Self::Sliver(pair, sliver_type) => write!(f, "the {sliver_type} sliver of pair {pair}"),
        }
    }
}

/// What goes before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceHeader {
    /// What comes.
    pub name: PieceName,
    /// Bytes of the payload.
    pub length: u32,
    checksum: [u8; CHECKSUM_BYTES],
}

/// Why pieces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PieceError<E> {
    /// The connection failed, or the other side gave up.
    #[error("the pieces cannot be read: {0}")]
    Stream(E),
    /// There is no such kind.
    #[error("piece {0} is of no known kind")]
    Kind(u8),
    /// It ends within a piece.
    #[error("the pieces end within one")]
    CutOff,
    /// The bytes are not what was sent.
    #[error("{0} was damaged on the way: its checksum does not match")]
    Checksum(PieceName),
}

impl PieceHeader {
    /// The header of a payload; `None` if that is too long for one.
    pub fn of(name: PieceName, payload: &[u8]) -> Option<Self> {
        let length = u32::try_from(payload.len()).ok()?;
        let mut hasher = PieceHasher::new(name, length);
        hasher.update(payload);
        Some(hasher.finish())
    }

    /// As it is sent.
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(PIECE_HEADER_BYTES);
        bytes.extend_from_slice(&name_bytes(self.name, self.length));
        bytes.extend_from_slice(&self.checksum);
        bytes.freeze()
    }

    /// Header and payload in parts of bounded size, which copies nothing.
    pub fn parts(&self, payload: Bytes) -> impl Iterator<Item = Bytes> + Send + use<> {
        let header = std::iter::once(self.to_bytes());
        header.chain(payload_parts(payload))
    }

    fn read<E>(bytes: [u8; PIECE_HEADER_BYTES]) -> Result<Self, PieceError<E>> {
        let [kind, p0, p1, l0, l1, l2, l3, checksum @ ..] = bytes;
        let pair = SliverPairIndex(u16::from_le_bytes([p0, p1]));
        let name = match kind {
            0 => PieceName::Metadata,
            1 => PieceName::Sliver(pair, SliverType::Primary),
            2 => PieceName::Sliver(pair, SliverType::Secondary),
            other => return Err(PieceError::Kind(other)),
        };
        Ok(Self {
            name,
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            checksum,
        })
    }
}

/// A payload, or a piece of one, in parts of the size in which pieces are sent.
pub fn payload_parts(mut payload: Bytes) -> impl Iterator<Item = Bytes> + Send + use<> {
    std::iter::from_fn(move || {
        let length = payload.len().min(PART);
        (length > 0).then(|| payload.split_to(length))
    })
}

/// The same bytes in fewer parts: small ones that are there at once go out as one, so that many small pieces take few frames.
pub fn coalesced<S, E>(parts: S) -> impl Stream<Item = Result<Bytes, E>> + use<S, E>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut parts = Box::pin(parts.fuse());
    let (mut small, mut next) = (BytesMut::new(), None);
    futures::stream::poll_fn(move |context| {
        loop {
            if let Some(next) = next.take() {
                return Poll::Ready(Some(next));
            }
            let part = parts.as_mut().poll_next(context);
            if let Poll::Ready(Some(Ok(part))) = &part
                && part.len() < SMALL_PART
            {
                small.extend_from_slice(part);
                if small.len().saturating_add(SMALL_PART) <= PART {
                    continue;
                }
            } else if small.is_empty() {
                return part;
            } else if let Poll::Ready(Some(part)) = part {
                next = Some(part);
            }
            // What is not there yet is not waited for, and will wake whoever waits for it.
            return Poll::Ready(Some(Ok(small.split().freeze())));
        }
    })
}

/// Makes the header of a payload that is read part by part.
#[derive(Debug, Clone)]
pub struct PieceHasher {
    name: PieceName,
    length: u32,
    hasher: blake3::Hasher,
}

impl PieceHasher {
    /// Of a payload of `length` bytes.
    pub fn new(name: PieceName, length: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&name_bytes(name, length));
        Self {
            name,
            length,
            hasher,
        }
    }

    /// The next bytes of it.
    pub fn update(&mut self, payload: &[u8]) {
        self.hasher.update(payload);
    }

    /// The header, once all bytes were given.
    pub fn finish(&self) -> PieceHeader {
        PieceHeader {
            name: self.name,
            length: self.length,
            checksum: self.hasher.finalize().into(),
        }
    }
}

fn name_bytes(name: PieceName, length: u32) -> [u8; NAME_BYTES] {
    let (kind, pair) = match name {
        PieceName::Metadata => (0, 0),
        PieceName::Sliver(pair, SliverType::Primary) => (1, pair.get()),
        PieceName::Sliver(pair, SliverType::Secondary) => (2, pair.get()),
    };
    let ([p0, p1], [l0, l1, l2, l3]) = (pair.to_le_bytes(), length.to_le_bytes());
    [kind, p0, p1, l0, l1, l2, l3]
}

/// Reads pieces from a stream of bytes. The reader decides after each header whether it wants the payload; nothing more than what
/// the stream gives at once is kept beside it.
#[derive(Debug)]
pub struct PieceReader<S> {
    stream: S,
    /// What came and was not looked at yet.
    rest: Bytes,
}

impl<S, E> PieceReader<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    /// Reads from the beginning of `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            rest: Bytes::new(),
        }
    }

    /// The next header; `None` at the end.
    ///
    /// # Errors
    /// [`PieceError`].
    pub async fn header(&mut self) -> Result<Option<PieceHeader>, PieceError<E>> {
        let mut bytes = [0; PIECE_HEADER_BYTES];
        let mut got = 0;
        while let Some(place) = bytes.get_mut(got..).filter(|place| !place.is_empty()) {
            if !self.fill().await? {
                let nothing = got == 0;
                return if nothing {
                    Ok(None)
                } else {
                    Err(PieceError::CutOff)
                };
            }
            let length = place.len().min(self.rest.len());
            self.rest
                .copy_to_slice(place.get_mut(..length).unwrap_or_default());
            got = got.saturating_add(length);
        }
        PieceHeader::read(bytes).map(Some)
    }

    /// The payload of the header that was read last. Its length must have been looked at: so much memory is taken at once.
    ///
    /// # Errors
    /// [`PieceError`].
    pub async fn payload(&mut self, header: &PieceHeader) -> Result<Bytes, PieceError<E>> {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let mut payload = BytesMut::with_capacity(length);
        while payload.len() < length {
            if !self.fill().await? {
                return Err(PieceError::CutOff);
            }
            let missing = length.saturating_sub(payload.len());
            payload.extend_from_slice(&self.rest.split_to(missing.min(self.rest.len())));
        }
        let mut hasher = PieceHasher::new(header.name, header.length);
        hasher.update(&payload);
        if hasher.finish() != *header {
            return Err(PieceError::Checksum(header.name));
        }
        Ok(payload.freeze())
    }

    /// Whether there is something left to look at.
    async fn fill(&mut self) -> Result<bool, PieceError<E>> {
        while self.rest.is_empty() {
            match self.stream.next().await {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Err(PieceError::Stream(error)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const PRIMARY: PieceName = PieceName::Sliver(SliverPairIndex(513), SliverType::Primary);
    const SECONDARY: PieceName = PieceName::Sliver(SliverPairIndex(3), SliverType::Secondary);

    fn pieces() -> Vec<(PieceName, Vec<u8>)> {
        vec![
            (SECONDARY, vec![7; 40_000]),
            (PieceName::Metadata, vec![]),
            (PRIMARY, vec![1, 2, 3]),
        ]
    }

    fn bytes(pieces: &[(PieceName, Vec<u8>)]) -> Vec<u8> {
        let parts = pieces.iter().flat_map(|(name, payload)| {
            let header = PieceHeader::of(*name, payload).unwrap();
            header.parts(payload.clone().into())
        });
        parts.flatten().collect()
    }

    async fn read(
        bytes: &[u8],
        at_once: usize,
    ) -> Result<Vec<(PieceName, Vec<u8>)>, PieceError<Infallible>> {
        let chunks: Vec<_> = bytes.chunks(at_once).map(Bytes::copy_from_slice).collect();
        let stream = futures::stream::iter(chunks.into_iter().map(Ok));
        let (mut reader, mut found) = (PieceReader::new(stream), Vec::new());
        while let Some(header) = reader.header().await? {
            let payload = reader.payload(&header).await?;
            found.push((header.name, payload.to_vec()));
        }
        Ok(found)
    }

    #[tokio::test]
    async fn pieces_come_back_however_the_bytes_are_cut() {
        let bytes = bytes(&pieces());
        for at_once in [1, 38, 39, 40, 1000, bytes.len()] {
            assert_eq!(read(&bytes, at_once).await.unwrap(), pieces());
        }
        assert!(read(&[], 1).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn small_parts_that_are_there_go_out_together() {
        let part = |length| Bytes::from((0..length).map(|i| i as u8).collect::<Vec<_>>());
        let lengths = [39, 100, 39, 16 << 10, 39, 2047, 39, 5];
        let parts: Vec<_> = lengths.into_iter().map(part).collect();
        let whole = parts.concat();
        let stream = futures::stream::iter(parts.into_iter().map(Ok::<_, Infallible>));
        let merged: Vec<_> = coalesced(stream).map(|part| part.unwrap()).collect().await;
        let lengths: Vec<_> = merged.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [178, 16 << 10, 2130]);
        assert_eq!(merged.concat(), whole);
        // Never more than a part of the usual size, and nothing waits for what is not there yet.
        let many = std::iter::repeat_n(part(2000), 60).map(Ok::<_, &str>);
        let (some, stops) = (
            futures::stream::iter(many),
            futures::stream::iter([Err("end")]),
        );
        let merged: Vec<_> = coalesced(some.chain(stops)).collect().await;
        assert_eq!(merged.last(), Some(&Err("end")));
        let lengths = merged.iter().flatten().map(Bytes::len);
        assert!(lengths.clone().all(|length| length <= PART) && lengths.sum::<usize>() == 120_000);
        let stuck = futures::stream::iter([Ok::<_, Infallible>(part(3))]);
        let mut stuck = coalesced(stuck.chain(futures::stream::pending()));
        assert_eq!(stuck.next().await, Some(Ok(part(3))));
    }

    #[tokio::test]
    async fn the_layout_is_that_of_the_description() {
        let bytes = bytes(&[(PRIMARY, vec![1, 2, 3])]);
        assert_eq!(bytes[..7], [1, 1, 2, 3, 0, 0, 0]);
        let expected = blake3::hash(&[1, 1, 2, 3, 0, 0, 0, 1, 2, 3]);
        assert_eq!(bytes[7..39], *expected.as_bytes());
        assert_eq!(bytes[39..], [1, 2, 3]);
    }

    #[tokio::test]
    async fn damage_is_noticed_and_named() {
        let whole = bytes(&[(PRIMARY, vec![1, 2, 3])]);
        for place in 1..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged, 1000).await.is_err(), "{place}");
        }
        let mut kind = whole.clone();
        kind[0] = 3;
        assert!(matches!(read(&kind, 9).await, Err(PieceError::Kind(3))));
        for end in 1..whole.len() {
            let cut = read(&whole[..end], 9).await;
            assert!(matches!(cut, Err(PieceError::CutOff)), "{end}");
        }
        let mut last = whole.clone();
        last[41] ^= 1;
        let error = read(&last, 9).await.unwrap_err();
        assert!(
            error.to_string().contains("primary sliver of pair 513"),
            "{error}"
        );
    }
}
