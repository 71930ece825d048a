//! Identifier of a patch: its name within the quilt (encoding spec 6.1).

use std::{fmt, str::FromStr};

use crate::bounded_bcs;

/// Largest BCS length of an identifier in bytes.
pub const MAX_IDENTIFIER_BCS: usize = 65_534;

/// A name that may be written: not empty, without control characters, without blanks at its end.
///
/// Ordering is that of the UTF-8 bytes, which is the order of the patches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(String);

impl Identifier {
    /// The name, if the rules permit it.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn new(name: impl Into<String>) -> Result<Self, IdentifierError> {
        let name = name.into();
        if name.is_empty() {
            return Err(IdentifierError::Empty);
        }
        let length = bounded_bcs::uleb_length(name.len()).saturating_add(name.len());
        if length > MAX_IDENTIFIER_BCS {
            return Err(IdentifierError::TooLong {
                length: name.len(),
                max: MAX_IDENTIFIER_BCS - bounded_bcs::uleb_length(MAX_IDENTIFIER_BCS),
            });
        }
        if let Some((position, character)) = name.char_indices().find(|(_, c)| c.is_control()) {
            return Err(IdentifierError::Control {
                code: character.into(),
                position,
                name: name.escape_debug().to_string(),
            });
        }
        if name.trim_end().len() != name.len() {
            return Err(IdentifierError::TrailingWhitespace { name });
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Identifier {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(name: &str) -> Result<Self, IdentifierError> {
        Self::new(name)
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0
    }
}

/// A name that no patch may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// There is none.
    #[error("an identifier cannot be empty")]
    Empty,
    /// Longer than an index can hold.
    #[error("an identifier of {length} bytes is too long: at most {max}")]
    TooLong {
        /// Its bytes.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A control character.
    #[error("the identifier \"{name}\" has the control character U+{code:04X} at byte {position}")]
    Control {
        /// The name, escaped.
        name: String,
        /// The character.
        code: u32,
        /// Where, in bytes.
        position: usize,
    },
    /// White space at the end.
    #[error("the identifier \"{name}\" ends with white space")]
    TrailingWhitespace {
        /// The name.
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_written() {
        for name in ["a", " leading", "a/b", "..", "𠮷野家.jpg", "_x", "a\u{ad}b"] {
            assert_eq!(Identifier::new(name).unwrap().as_str(), name);
        }
        assert!(Identifier::new("x".repeat(65_531)).is_ok());
    }

    #[test]
    fn names_that_may_not() {
        use IdentifierError::*;
        assert_eq!(Identifier::new(""), Err(Empty));
        assert!(matches!(
            Identifier::new("x".repeat(65_532)),
            Err(TooLong {
                length: 65_532,
                max: 65_531
            })
        ));
        for name in ["a ", "a\u{3000}", "a\u{2028}"] {
            assert!(
                matches!(Identifier::new(name), Err(TrailingWhitespace { .. })),
                "{name:?}"
            );
        }
        for (name, code) in [
            ("a\nb", 10),
            ("\0", 0),
            ("a\u{9f}b", 0x9f),
            ("a\u{85}", 0x85),
        ] {
            assert!(
                matches!(Identifier::new(name), Err(Control { code: found, .. }) if found == code)
            );
        }
    }
}
