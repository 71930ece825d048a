//! Preview: a store is refused before its body is there, if it would be refused because of what is known by then: epochs that the
//! network does not sell, more bytes than it takes, more than the account may have.
//!
//! Nothing is set aside: when the body is there, all of it is checked once more.

use walrus_service::envelope::Refusal;

use super::{Caller, Jobs};
use crate::publisher::UploadOptions;

/// A store whose body is to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) options: &'a UploadOptions,
    /// Bytes of the body, or of its least; 0 where nothing is told.
    pub(crate) bytes: u64,
    pub(crate) repeats: Repeats,
}

/// Which job a store may turn out to be that is there already, and costs nothing more then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The one with this idempotency key.
    Key([u8; 32]),
    /// One of the same account with the same content.
    Content,
    /// None.
    Nothing,
}

impl Repeats {
    /// Those of a body that is put.
    pub(crate) fn of(idempotency: Option<[u8; 32]>, options: &UploadOptions) -> Self {
        match idempotency {
            Some(key) => Self::Key(key),
            None if options.force => Self::Nothing,
            None => Self::Content,
        }
    }
}

impl Jobs {
    /// Refuses a store that would be refused once its body is there. What may pass until then is left to that time.
    ///
    /// # Errors
    /// A refusal.
    pub(crate) async fn preview(&self, announced: Announced<'_>) -> Result<(), Refusal> {
        let Announced {
            caller,
            options,
            bytes,
            repeats,
        } = announced;
        let price = match self.0.uploader.price(bytes, options).await {
            Ok(price) => price,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let index = self.index();
        if index.may_be_there(caller.account, repeats) {
            return Ok(());
        }
        index.check_count(caller.account)?;
        let frost = caller.allowance.frost.map_or(0, |_| price);
        self.check_allowance(&index, caller, frost, bytes)
    }
}
