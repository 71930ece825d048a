//! Chain data as gRPC messages, cut to a read mask (devchain spec 1.2).

pub(crate) mod checkpoint;
mod clever;
mod cut;
pub(crate) mod epoch;
pub(crate) mod json;
pub(crate) mod object;
pub(crate) mod package;
mod protocol;
pub(crate) mod transaction;
pub(crate) mod type_text;

use prost::Message;

use crate::limits::MAX_RESPONSE_BYTES;

/// What was asked for does not fit into one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the answer is larger than {MAX_RESPONSE_BYTES} bytes: ask for less at a time, or with a narrower read mask"
)]
pub(crate) struct TooLarge;

/// Collects messages as they are made, as long as they fit into one response together.
pub(crate) fn together<T: Message>(messages: impl Iterator<Item = T>) -> Result<Vec<T>, TooLarge> {
    let mut all = Vec::new();
    let mut bytes = 0usize;
    for message in messages {
        bytes = bytes.saturating_add(message.encoded_len());
        if bytes > MAX_RESPONSE_BYTES {
            return Err(TooLarge);
        }
        all.push(message);
    }
    Ok(all)
}
