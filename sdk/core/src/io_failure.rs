//! I/O failures as values: errors of the system that errors of this crate can carry and tests can compare.

use std::{fmt, io};

/// An I/O error that can be copied and compared: its kind and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IoFailure {
    /// The kind, for example [`io::ErrorKind::StorageFull`].
    pub kind: io::ErrorKind,
    /// The text.
    pub message: String,
}

impl fmt::Display for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for IoFailure {}

impl From<io::Error> for IoFailure {
    fn from(error: io::Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}
