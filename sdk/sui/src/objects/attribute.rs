//! Attribute texts: which keys and values a blob object may have.

/// A key or a value that is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {part} of the attribute {key:?} has the control character U+{:04X} at byte {position}; attributes become HTTP headers and lines \
     on terminals: leave it out, or write it in another way, such as percent-encoded",
    u32::from(*.character)
)]
pub struct AttributeError {
    /// Whether it is the `key` or the `value`.
    pub part: &'static str,
    /// The key.
    pub key: String,
    /// The character.
    pub character: char,
    /// Where it begins, in bytes from 0 on.
    pub position: usize,
}

/// That neither key nor value of an attribute has control characters. The contract takes them, but whoever reads attributes puts them
/// where such a character means something else.
///
/// # Errors
/// [`AttributeError`].
pub fn check_attribute(key: &str, value: &str) -> Result<(), AttributeError> {
    for (part, text) in [("key", key), ("value", value)] {
        if let Some((position, character)) = text.char_indices().find(|(_, c)| c.is_control()) {
            return Err(AttributeError {
                part,
                key: key.to_owned(),
                character,
                position,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_named_with_their_place() {
        for (key, value, said) in [
            (
                "a\r",
                "b",
                "key of the attribute \"a\\r\" has the control character U+000D at byte 1",
            ),
            (
                "a",
                "é\n",
                "value of the attribute \"a\" has the control character U+000A at byte 2",
            ),
            ("a", "\u{85}", "U+0085 at byte 0"),
            ("\0", "", "U+0000"),
            ("a", "\u{7f}", "U+007F"),
        ] {
            let error = check_attribute(key, value).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        for (key, value) in [
            ("", ""),
            ("content-type", "text/plain; charset=utf-8"),
            ("写真", "ß 🙂"),
        ] {
            check_attribute(key, value).unwrap();
        }
    }
}
