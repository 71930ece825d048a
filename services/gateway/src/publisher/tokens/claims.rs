//! Claims of a token, and what they demand of a store. Client spec 3.7.

use serde::Deserialize;
use walrus_sdk::Address;

use super::TokenError;
use crate::publisher::{AfterStore, UploadOptions};

/// What a token says; other claims mean nothing here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    pub(super) exp: i64,
    pub(super) jti: String,
    sub: Option<String>,
    iat: Option<i64>,
    send_object_to: Option<Address>,
    epochs: Option<u32>,
    max_epochs: Option<u32>,
    size: Option<u64>,
    max_size: Option<u64>,
}

impl Claims {
    /// Whom it is for, if it says so.
    pub(super) fn subject(&self) -> &str {
        self.sub.as_deref().unwrap_or_default()
    }

    /// That it lives for so many seconds, unless that is 0.
    pub(super) fn check_lifetime(&self, seconds: u64) -> Result<(), TokenError> {
        if seconds == 0 {
            return Ok(());
        }
        let iat = self.iat.ok_or(TokenError::NoTimestamp)?;
        let found = self.exp.saturating_sub(iat);
        if u64::try_from(found) == Ok(seconds) {
            return Ok(());
        }
        let wanted = seconds;
        Err(TokenError::Lifetime { wanted, found })
    }

    /// That it does not contradict itself.
    pub(super) fn check_consistency(&self, in_all: bool) -> Result<(), TokenError> {
        if self.size.is_some() && self.max_size.is_some() {
            return Err(TokenError::Inconsistent("size"));
        }
        if in_all && self.epochs.is_some() && self.max_epochs.is_some() {
            return Err(TokenError::Inconsistent("epochs"));
        }
        Ok(())
    }

    /// That it is for a store like this one.
    pub(super) fn check_store(&self, store: &UploadOptions) -> Result<(), TokenError> {
        let found = store.epochs;
        if let Some(epochs) = self.epochs.filter(|epochs| found != *epochs) {
            let wanted = format!("{epochs} epochs");
            return Err(TokenError::Epochs { wanted, found });
        }
        if let Some(most) = self.max_epochs.filter(|most| found > *most) {
            let wanted = format!("at most {most} epochs");
            return Err(TokenError::Epochs { wanted, found });
        }
        match self.send_object_to {
            Some(owner) if store.after != AfterStore::SendTo(owner) => {
                Err(TokenError::Owner(owner.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// That it is for a body of so many bytes.
    pub(super) fn check_size(&self, found: u64) -> Result<(), TokenError> {
        if let Some(size) = self.size.filter(|size| found != *size) {
            let wanted = format!("{size} bytes");
            return Err(TokenError::Size { wanted, found });
        }
        if let Some(most) = self.max_size.filter(|most| found > *most) {
            let wanted = format!("at most {most} bytes");
            return Err(TokenError::Size { wanted, found });
        }
        Ok(())
    }
}
