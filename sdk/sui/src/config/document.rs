//! YAML documents (JSON among them): read within bounds, with errors that name key, line and column.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_path_to_error::Segment;
use serde_yaml::Value;

use super::with_unread_keys;

/// Steps that a scanner may take: at every token it looks at all brackets and braces that are open. Some 0.7 s.
const MAX_STEPS: u64 = 1 << 30;
/// What some editors put before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not YAML, or a value in it is of another kind than it has to be, or missing.
    #[error("{reason}")]
    Malformed {
        /// What is wrong: key, what was expected, line and column.
        reason: String,
    },
    /// There are so many brackets in so long a text that reading it might never end.
    #[error(
        "{brackets} brackets and braces in {bytes} bytes are more than any configuration has; write nested lists and maps with \
         indentation"
    )]
    TooNested {
        /// Opening brackets and braces.
        brackets: u64,
        /// Length of the text.
        bytes: u64,
    },
    /// A value of a part of the document is of another kind than it has to be, or missing.
    #[error("{}", at(.key, .place, .reason))]
    Value {
        /// Where in the document, such as `a.b[2].c`; empty for the whole.
        key: String,
        /// Line and column, from 1, if they are known.
        place: Option<(usize, usize)>,
        /// What was expected and what is there.
        reason: String,
    },
}

impl DocumentError {
    /// The same without the value that is there: for documents that hold secrets.
    #[must_use]
    pub fn unquoted(self) -> Self {
        match self {
            Self::Malformed { reason } => Self::Malformed {
                reason: without_value(&reason),
            },
            Self::Value { key, place, reason } => Self::Value {
                key,
                place,
                reason: without_value(&reason),
            },
            nested @ Self::TooNested { .. } => nested,
        }
    }
}

/// Of `invalid type: string "a", expected a map` it leaves `invalid type: string, expected a map`.
fn without_value(reason: &str) -> String {
    match (reason.find(['"', '`']), reason.rfind(", expected ")) {
        (Some(value), Some(expected)) if value < expected => {
            let (kind, _) = reason.split_at(value);
            let (_, expected) = reason.split_at(expected);
            format!("{}{expected}", kind.trim_end())
        }
        _ => reason.to_owned(),
    }
}

/// As the parser says it.
fn at(key: &str, place: &Option<(usize, usize)>, reason: &str) -> String {
    let key = match key {
        "" => String::new(),
        key => format!("{key}: "),
    };
    let place = match place {
        Some((line, column)) => format!(" at line {line} column {column}"),
        None => String::new(),
    };
    format!("{key}{reason}{place}")
}

/// Reads a document into a value of a known type, with the paths of the keys that the type has no use for.
///
/// # Errors
/// [`DocumentError`].
pub fn read_document<T: DeserializeOwned>(text: &str) -> Result<(T, Vec<String>), DocumentError> {
    let yaml = serde_yaml::Deserializer::from_str(bounded(text)?);
    with_unread_keys(yaml).map_err(malformed)
}

/// Reads a document as it is. A byte order mark is no part of it.
///
/// # Errors
/// [`DocumentError::Malformed`], [`DocumentError::TooNested`].
pub fn parse_document(text: &str) -> Result<Value, DocumentError> {
    serde_yaml::from_str(bounded(text)?).map_err(malformed)
}

fn malformed(error: serde_yaml::Error) -> DocumentError {
    DocumentError::Malformed {
        reason: error.to_string(),
    }
}

/// The text without its mark, if it can be read in time.
fn bounded(text: &str) -> Result<&str, DocumentError> {
    let text = without_mark(text);
    let brackets = text.bytes().filter(|byte| b"[{".contains(byte)).count() as u64;
    let bytes = text.len() as u64;
    if brackets.saturating_mul(bytes) > MAX_STEPS {
        return Err(DocumentError::TooNested { brackets, bytes });
    }
    Ok(text)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Reads a part of a document, which may have been completed by values from elsewhere. `above` are the keys that lead to it in
/// `text`.
///
/// # Errors
/// [`DocumentError::Value`].
pub fn read_part<T: DeserializeOwned>(
    part: Value,
    text: &str,
    above: &[&str],
) -> Result<(T, Vec<String>), DocumentError> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(part, &mut track);
    with_unread_keys(tracked).map_err(|error: serde_yaml::Error| {
        let above = above.iter().map(|key| Step::Key((*key).to_owned()));
        let below = track.path();
        let below = below.iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            // A tag, or what no document has.
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        let path: Vec<_> = above.chain(below).collect();
        DocumentError::Value {
            key: readable(&path),
            place: place(text, &path),
            reason: error.to_string(),
        }
    })
}

/// A step from a value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// `a.b[2].c`.
fn readable(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Line and column of a value, or of the innermost one around it that is in the text.
fn place(text: &str, path: &[Step]) -> Option<(usize, usize)> {
    let text = without_mark(text);
    (1..=path.len()).rev().find_map(|length| {
        let mut found = false;
        let seek = Seek {
            path: path.get(..length)?,
            found: &mut found,
        };
        // The error of the value that was looked for says where that is.
        let error = seek
            .deserialize(serde_yaml::Deserializer::from_str(text))
            .err()?;
        let location = error.location()?;
        found.then(|| (location.line(), location.column()))
    })
}

/// Goes down to a value, and fails there.
struct Seek<'a> {
    path: &'a [Step],
    found: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.found |= self.path.is_empty();
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), rest)) = self.path.split_first() else {
            return Err(serde::de::Error::custom("found"));
        };
        while let Some(key) = map.next_key::<Value>()? {
            if key.as_str() == Some(wanted) {
                let found = self.found;
                return map.next_value_seed(Seek { path: rest, found });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Some((Step::Index(wanted), rest)) = self.path.split_first() else {
            return Err(serde::de::Error::custom("found"));
        };
        for _ in 0..*wanted {
            if sequence.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        let found = self.found;
        let seek = Seek { path: rest, found };
        sequence.next_element_seed(seek).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Outer {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        count: u16,
    }

    fn refused(text: &str) -> String {
        read_document::<Outer>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_left_out_where_it_may_be_a_secret() {
        for (text, said) in [
            (
                "name: a\ninner: 'key \", expected nothing'\n",
                "inner: invalid type: string, expected a sequence at line 2 column 8",
            ),
            (
                "name: a\ninner: [{count: 70000}]\n",
                "inner[0].count: invalid value: integer, expected u16 at line 2 column 17",
            ),
            ("inner: []\n", "missing field `name`"),
        ] {
            let error = read_document::<Outer>(text).unwrap_err().unquoted();
            assert!(error.to_string().starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_key_line_and_column() {
        for (text, said) in [
            (
                "name: a\ninner:\n  - count: 1\n  - {count: many}\n",
                "inner[1].count: invalid type: string \"many\", expected u16 at line 4 column 13",
            ),
            (
                "# a comment\nname: [1]\n",
                "name: invalid type: sequence, expected a string at line 2 column 7",
            ),
            (
                "{\"name\": \"a\",\n \"inner\": [{\"count\": 70000}]}",
                "inner[0].count: invalid value: integer `70000`, expected u16 at line 2 column 22",
            ),
            (
                "name: a\ninner:\n- {}\n",
                "inner[0]: missing field `count` at line 3 column 3",
            ),
            ("inner: []\n", "missing field `name`"),
            ("- 1\n", "invalid type: sequence, expected struct Outer"),
        ] {
            let error = refused(text);
            assert!(error.starts_with(said), "{error}");
            // As a part of itself it is told in the same words.
            let part = read_part::<Outer>(parse_document(text).unwrap(), text, &[]);
            let error = part.unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
        assert!(
            refused("name: [").contains("line 1 column"),
            "{}",
            refused("name: [")
        );
    }

    #[test]
    fn what_is_not_in_the_text_is_found_where_it_would_be() {
        let part = serde_yaml::from_str("{name: 5, inner: []}").unwrap();
        let text = "contexts:\n  a:\n    other: 1\n";
        let error = read_part::<Outer>(part, text, &["contexts", "a"]).unwrap_err();
        let DocumentError::Value { key, place, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((&*key, place), ("contexts.a.name", Some((3, 5))));
    }

    #[test]
    fn a_byte_order_mark_is_no_document() {
        let (read, unread) = read_document::<Outer>("\u{feff}name: a\nmore: 1\n").unwrap();
        assert_eq!((&*read.name, unread), ("a", vec!["more".to_owned()]));
        let error = refused("\u{feff}name: {}\n");
        assert!(
            error.starts_with("name: ") && error.ends_with("at line 1 column 7"),
            "{error}"
        );
    }

    #[test]
    fn nesting_is_bounded_by_steps_before_anything_is_scanned() {
        // Every token would look at all brackets before it.
        for deep in ["[", "{a: ", "- ["] {
            let text = deep.repeat(200_000);
            let error = parse_document(&text).unwrap_err();
            let brackets = 200_000;
            let bytes = text.len() as u64;
            assert_eq!(error, DocumentError::TooNested { brackets, bytes });
        }
        // One bracket, many values; and nesting of another kind, which the parser bounds.
        let wide = format!("[{}]", "1,".repeat(1 << 20));
        assert!(parse_document(&wide).is_ok());
        let blocks = parse_document(&"- ".repeat(200_000)).unwrap_err();
        assert!(
            matches!(blocks, DocumentError::Malformed { .. }),
            "{blocks}"
        );
        let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse_document(&nested).is_ok());
        let at_limit = |bytes: usize| {
            let brackets = "[],".repeat(1 << 10);
            let text = format!("[{brackets}{}]", " ".repeat(bytes - brackets.len() - 2));
            parse_document(&text).is_ok()
        };
        assert!(at_limit((MAX_STEPS / 1025) as usize));
        assert!(!at_limit((MAX_STEPS / 1025) as usize + 1));
    }
}
