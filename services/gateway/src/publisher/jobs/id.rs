//! Job ID: 128 random bits, which nobody guesses. In URLs: URL-safe base64 without padding, 22 characters.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::publisher::TaskId;

/// The ID of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId([u8; 16]);

impl JobId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// The one with this key in tables.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key in tables.
    pub(crate) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// What the store of this job is called by whoever does it.
    pub(crate) const fn task(self) -> TaskId {
        TaskId(self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Text that is no ID of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ID of an upload has 22 characters of URL-safe base64")]
pub(crate) struct NoJobId;

impl FromStr for JobId {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<Self, NoJobId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NoJobId)?;
        bytes.try_into().map(Self).map_err(|_| NoJobId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_and_nothing_else_is_one() {
        let id = JobId::random();
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (22, Ok(id)));
        for other in [
            "",
            "x",
            &text[1..],
            &format!("{text}A"),
            "../../etc/passwd______",
        ] {
            assert_eq!(other.parse::<JobId>(), Err(NoJobId), "{other}");
        }
    }
}
