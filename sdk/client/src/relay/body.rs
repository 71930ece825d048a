//! Request body for a relay: the bytes of a blob, piece by piece, so that no file is ever in memory as a whole.

use std::io::{self, Read};

use bytes::Bytes;
use reqwest::Body;
use sha2::{Digest as _, Sha256};

use crate::{BlobData, limits};

/// The body with these bytes.
pub(super) fn of(data: &BlobData, length: u64) -> io::Result<Body> {
    if let BlobData::Bytes(bytes) = data {
        return Ok(bytes.clone().into());
    }
    let reader = data.reader()?.take(length);
    let pieces = futures::stream::try_unfold(reader, |mut reader| async move {
        let read = move || {
            let mut piece = vec![0; limits::STREAM_PART];
            let length = fill(&mut reader, &mut piece)?;
            piece.truncate(length);
            Ok::<_, io::Error>((piece, reader))
        };
        let (piece, reader) = tokio::task::spawn_blocking(read)
            .await
            .map_err(io::Error::other)??;
        let piece = Some(piece).filter(|piece| !piece.is_empty());
        Ok::<_, io::Error>(piece.map(|piece| (Bytes::from(piece), reader)))
    });
    Ok(Body::wrap_stream(pieces))
}

/// The SHA-256 of a blob.
pub(crate) async fn digest_of(data: &BlobData) -> io::Result<[u8; 32]> {
    let data = data.clone();
    let hash = move || {
        let (mut reader, mut hash) = (data.reader()?, Sha256::new());
        let mut piece = vec![0; limits::STREAM_PART];
        loop {
            let length = fill(&mut reader, &mut piece)?;
            match piece.get(..length) {
                Some(bytes) if !bytes.is_empty() => hash.update(bytes),
                _ => return Ok(hash.finalize().into()),
            }
        }
    };
    tokio::task::spawn_blocking(hash)
        .await
        .map_err(io::Error::other)?
}

/// Reads until the piece is full or there is no more.
fn fill(reader: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = piece.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => length = length.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
