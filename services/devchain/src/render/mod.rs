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

use crate::history::Unreadable;
use crate::limits::MAX_RESPONSE_BYTES;

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// What was asked for does not fit into one message.
    #[error(
        "the answer is larger than {MAX_RESPONSE_BYTES} bytes: ask for less at a time, or with a narrower read mask"
    )]
    TooLarge,
    /// What was asked for is on a damaged disk.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// Collects messages as they are made, as long as they fit into one response together.
pub(crate) fn together<T: Message, E>(
    messages: impl Iterator<Item = Result<T, E>>,
) -> Result<Vec<T>, RenderError>
where
    RenderError: From<E>,
{
    let mut all = Vec::new();
    let mut bytes = 0usize;
    for message in messages {
        let message = message?;
        bytes = bytes.saturating_add(message.encoded_len());
        if bytes > MAX_RESPONSE_BYTES {
            return Err(RenderError::TooLarge);
        }
        all.push(message);
    }
    Ok(all)
}
