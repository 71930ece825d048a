//! Shard sync: the slivers of a shard, one after the other as they arrive. Node spec 1.14.

use bytes::{Buf as _, Bytes, BytesMut};
use reqwest::{Method, Response, header};
use walrus_core::{
    BlobId, BlsPublicKey, SliverType, messages::SyncShardRequest, signed_message::SignedMessage,
};

use crate::{NodeClient, NodeError, routes};

/// Bytes of a blob ID and of the tag of the sliver type.
const ITEM_HEAD_BYTES: usize = 33;
/// Bytes of a sliver behind its symbols: their size, and its index.
const TRAILER_BYTES: usize = 4;

/// A sliver that another node sent; nothing of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedSliver {
    /// The blob that it is said to be of.
    pub blob_id: BlobId,
    /// Its type.
    pub sliver_type: SliverType,
    /// Its BCS form (`SliverData`, without tag).
    pub bytes: Bytes,
}

/// The answer to a request for slivers of a shard, while it arrives. No more of it is in memory than one sliver and what the connection
/// hands over at once.
#[derive(Debug)]
pub struct ShardAnswer {
    url: String,
    response: Response,
    parser: Parser,
}

impl NodeClient {
    /// Asks for consecutive slivers of a shard, in the name of the node that has `key` and signed `request`. A sliver of more than
    /// `max_sliver_bytes` is an error.
    ///
    /// # Errors
    /// [`NodeError`]; `INVALID_EPOCH` and `REQUEST_UNAUTHORIZED` if the other node is not in the request's epoch yet.
    pub async fn sync_shard(
        &self,
        key: &BlsPublicKey,
        request: &SignedMessage<SyncShardRequest>,
        max_sliver_bytes: usize,
    ) -> Result<ShardAnswer, NodeError> {
        let url = format!("{}{}", self.url(), routes::SYNC_SHARD);
        let request = self
            .request(Method::POST, &url)
            .header(header::AUTHORIZATION, key.to_string())
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .body(request.to_bcs());
        let response = self.send(&url, request).await?;
        Ok(ShardAnswer {
            parser: Parser::new(max_sliver_bytes),
            url,
            response,
        })
    }
}

impl ShardAnswer {
    /// Where it comes from.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next sliver; `None` behind the last.
    ///
    /// # Errors
    /// [`NodeError`] if the answer breaks off or is none; the slivers before are not touched by it.
    pub async fn next(&mut self) -> Result<Option<SyncedSliver>, NodeError> {
        loop {
            match self.parser.next() {
                Ok(Parsed::Sliver(sliver)) => return Ok(Some(sliver)),
                Ok(Parsed::End) => {
                    return match self.chunk().await? {
                        None => Ok(None),
                        Some(more) => {
                            Err(self
                                .malformed(&format!("{} bytes behind the last sliver", more.len())))
                        }
                    };
                }
                Ok(Parsed::TooShort) => {}
                Err(Malformed::TooLarge(limit)) => {
                    let url = self.url.clone();
                    return Err(NodeError::TooLarge { url, limit });
                }
                Err(Malformed::Bytes(what)) => return Err(self.malformed(what)),
            }
            match self.chunk().await? {
                Some(chunk) => self.parser.buffer.extend_from_slice(&chunk),
                None => return Err(self.malformed("it breaks off")),
            }
        }
    }

    /// What arrives next, of at least a byte; `None` at the end. HTTP/2 may end an answer with an empty frame.
    async fn chunk(&mut self) -> Result<Option<Bytes>, NodeError> {
        loop {
            let chunk = self.response.chunk().await;
            let chunk = chunk.map_err(|source| NodeError::Transport {
                url: self.url.clone(),
                source: source.into(),
            })?;
            if chunk.as_ref().is_none_or(|chunk| !chunk.is_empty()) {
                return Ok(chunk);
            }
        }
    }

    fn malformed(&self, what: &str) -> NodeError {
        NodeError::Malformed {
            url: self.url.clone(),
            reason: what.to_owned(),
        }
    }
}

/// Takes slivers off the front of what has arrived.
#[derive(Debug)]
struct Parser {
    buffer: BytesMut,
    /// Slivers that are still to come, once the head is read.
    left: Option<u64>,
    max_sliver_bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Sliver(SyncedSliver),
    End,
    TooShort,
}

#[derive(Debug, PartialEq, Eq)]
enum Malformed {
    TooLarge(usize),
    Bytes(&'static str),
}

impl Parser {
    fn new(max_sliver_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            left: None,
            max_sliver_bytes,
        }
    }

    fn next(&mut self) -> Result<Parsed, Malformed> {
        let left = match self.left {
            Some(left) => left,
            None => {
                let Some((&version, rest)) = self.buffer.split_first() else {
                    return Ok(Parsed::TooShort);
                };
                if version != 0 {
                    return Err(Malformed::Bytes("an unknown version of the answer"));
                }
                let Some((count, length)) = uleb(rest)? else {
                    return Ok(Parsed::TooShort);
                };
                self.buffer.advance(length.saturating_add(1));
                *self.left.insert(count)
            }
        };
        if left == 0 {
            return if self.buffer.is_empty() {
                Ok(Parsed::End)
            } else {
                Err(Malformed::Bytes("bytes behind the last sliver"))
            };
        }
        let Some(parsed) = self.sliver()? else {
            return Ok(Parsed::TooShort);
        };
        self.left = Some(left.saturating_sub(1));
        Ok(Parsed::Sliver(parsed))
    }

    fn sliver(&mut self) -> Result<Option<SyncedSliver>, Malformed> {
        let Some((head, rest)) = self.buffer.split_at_checked(ITEM_HEAD_BYTES) else {
            return Ok(None);
        };
        let Some((blob_id, [tag])) = head.split_first_chunk::<32>() else {
            return Ok(None);
        };
        let blob_id = BlobId(*blob_id);
        let sliver_type = match *tag {
            0 => SliverType::Primary,
            1 => SliverType::Secondary,
            _ => return Err(Malformed::Bytes("a sliver of neither sliver_type")),
        };
        let Some((symbols, prefix)) = uleb(rest)? else {
            return Ok(None);
        };
        let symbols = usize::try_from(symbols).unwrap_or(usize::MAX);
        let length = prefix.saturating_add(symbols).saturating_add(TRAILER_BYTES);
        if length > self.max_sliver_bytes {
            return Err(Malformed::TooLarge(self.max_sliver_bytes));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(ITEM_HEAD_BYTES);
        Ok(Some(SyncedSliver {
            blob_id,
            sliver_type,
            bytes: self.buffer.split_to(length).freeze(),
        }))
    }
}

/// The number at the front and the bytes that it takes; `None` if more are needed.
fn uleb(bytes: &[u8]) -> Result<Option<(u64, usize)>, Malformed> {
    let mut value = 0_u64;
    for (position, byte) in bytes.iter().enumerate() {
        let shift = u32::try_from(position)
            .unwrap_or(u32::MAX)
            .saturating_mul(7);
        // Lengths in BCS are below 2^31.
        if shift > 28 {
            return Err(Malformed::Bytes("a length of more than 32 bits"));
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some((value, position.saturating_add(1))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use walrus_core::{EncodingConfig, Sliver, encoder::BlobEncoder, messages::SyncShardResponse};

    use super::*;

    fn answer() -> (Vec<u8>, Vec<SyncedSliver>) {
        let config = EncodingConfig::new(10).unwrap();
        let encoder = BlobEncoder::new(config, &[7; 3000]).unwrap();
        let blob = encoder.encode().unwrap();
        let blob_id = *blob.metadata.blob_id();
        let slivers: Vec<_> = blob
            .pairs
            .iter()
            .map(|pair| Sliver::Secondary(pair.secondary.clone()))
            .collect();
        let synced = slivers.iter().map(|sliver| SyncedSliver {
            blob_id,
            sliver_type: SliverType::Secondary,
            bytes: sliver.to_untagged_bcs().into(),
        });
        let synced = synced.collect();
        let slivers = slivers.into_iter().map(|sliver| (blob_id, sliver));
        let answer = SyncShardResponse::V1(slivers.collect());
        (bcs::to_bytes(&answer).unwrap(), synced)
    }

    fn parse(chunks: impl Iterator<Item = Vec<u8>>) -> Result<Vec<SyncedSliver>, Malformed> {
        let mut parser = Parser::new(4096);
        let mut found = Vec::new();
        for chunk in chunks {
            parser.buffer.extend_from_slice(&chunk);
            while let Parsed::Sliver(sliver) = parser.next()? {
                found.push(sliver);
            }
        }
        assert_eq!(parser.next()?, Parsed::End);
        Ok(found)
    }

    #[test]
    fn slivers_are_found_however_the_answer_is_cut() {
        let (bytes, expected) = answer();
        for size in [1, 7, 1000, bytes.len()] {
            let chunks = bytes.chunks(size).map(<[u8]>::to_vec);
            assert_eq!(parse(chunks).as_ref(), Ok(&expected), "{size}");
        }
        assert_eq!(parse([vec![0, 0]].into_iter()), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_is_refused_before_it_is_read() {
        let (mut bytes, _) = answer();
        bytes.push(0);
        assert!(parse([bytes.clone()].into_iter()).is_err());
        bytes[34] = 2;
        assert!(parse([bytes].into_iter()).is_err());
        assert!(parse([vec![1, 0]].into_iter()).is_err());
        let endless = [vec![0, 1], vec![0; 33], vec![0xff, 0xff, 0xff, 0x7f]].concat();
        let refused = parse([endless].into_iter());
        assert_eq!(refused, Err(Malformed::TooLarge(4096)));
        let long = [vec![0], vec![0xff; 6]].concat();
        assert!(parse([long].into_iter()).is_err());
    }
}
