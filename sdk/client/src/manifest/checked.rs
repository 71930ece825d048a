//! Digest check of a body that is read whole. Manifest spec 4.

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use walrus_core::{BlobId, manifest::BodyDigest};

use super::ManifestProblem;
use crate::ClientError;

/// The same bytes, if they have this digest. The last of them are held back until that is known: whoever counts them sees that a wrong body
/// is not all.
pub(super) fn checked(
    bytes: impl Stream<Item = Result<Bytes, ClientError>> + Send,
    manifest: BlobId,
    expected: [u8; 32],
) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
    let state = (Box::pin(bytes), BodyDigest::default(), None::<Bytes>, false);
    stream::try_unfold(
        state,
        move |(mut bytes, mut digest, mut held, over)| async move {
            if over {
                return Ok(None);
            }
            loop {
                let Some(next) = bytes.next().await.transpose()? else {
                    if digest.clone().finish() != expected {
                        return Err(ManifestProblem::WrongDigest { manifest }.into());
                    }
                    return Ok(held.map(|last| (last, (bytes, digest, None, true))));
                };
                digest.update(&next);
                if let Some(before) = held.replace(next) {
                    return Ok(Some((before, (bytes, digest, held, false))));
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    const ID: BlobId = BlobId([1; 32]);

    fn pieces(texts: &[&'static str]) -> impl Stream<Item = Result<Bytes, ClientError>> + use<> {
        let pieces: Vec<_> = texts.iter().map(|text| Ok(Bytes::from(*text))).collect();
        stream::iter(pieces)
    }

    fn digest(text: &str) -> [u8; 32] {
        let mut digest = BodyDigest::default();
        digest.update(text.as_bytes());
        digest.finish()
    }

    #[tokio::test]
    async fn all_bytes_come_if_they_are_right_and_the_last_do_not_if_they_are_wrong() {
        for texts in [&["one ", "two ", "three"][..], &["one two three"]] {
            let all = checked(pieces(texts), ID, digest("one two three"));
            let all: Vec<Bytes> = all.try_collect().await.unwrap();
            assert_eq!(all.concat(), b"one two three");
            let mut wrong = std::pin::pin!(checked(pieces(texts), ID, digest("one two thre")));
            let mut came = Vec::new();
            let error = loop {
                match wrong.next().await.unwrap() {
                    Ok(bytes) => came.extend_from_slice(&bytes),
                    Err(error) => break error,
                }
            };
            assert!(came.len() < "one two three".len());
            let problem = ManifestProblem::WrongDigest { manifest: ID };
            assert_eq!(error.to_string(), problem.to_string());
            assert!(wrong.next().await.is_none());
        }
    }
}
