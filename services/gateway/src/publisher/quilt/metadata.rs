//! Metadata of a form: tags of its files. Client spec 3.6.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::limits;

/// Tags of files, by their names.
pub(super) type Described = BTreeMap<String, BTreeMap<String, String>>;

/// Why metadata cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    #[error("it is no JSON array of {{\"identifier\": \"…\", \"tags\": {{…}}}}: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("it describes \"{0}\" twice")]
    Repeated(String),
    #[error("there are two of it")]
    Twice,
    #[error("it has more than {} bytes", limits::QUILT_METADATA)]
    TooLarge,
}

#[derive(Deserialize)]
struct Entry {
    identifier: String,
    #[serde(default)]
    tags: BTreeMap<String, Value>,
}

/// Reads metadata. A tag that is no text is one of its JSON.
pub(super) fn parse(text: &[u8]) -> Result<Described, MetadataError> {
    let entries: Vec<Entry> = serde_json::from_slice(text)?;
    let mut described = Described::new();
    for Entry { identifier, tags } in entries {
        let tags = tags.into_iter().map(|(key, value)| match value {
            Value::String(text) => (key, text),
            other => (key, other.to_string()),
        });
        let repeated = identifier.clone();
        if described.insert(identifier, tags.collect()).is_some() {
            return Err(MetadataError::Repeated(repeated));
        }
    }
    Ok(described)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_text_or_become_it() {
        let text = br#"[{"identifier": "a", "tags": {"k": "v", "n": 7, "o": {"x": [null]}}}, {"identifier": "b", "more": 1}]"#;
        let described = parse(text).unwrap();
        let tags: Vec<_> = described["a"].iter().collect();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            tags,
            [
                (&text("k"), &text("v")),
                (&text("n"), &text("7")),
                (&text("o"), &text(r#"{"x":[null]}"#)),
            ]
        );
        assert!(described["b"].is_empty());
    }

    #[test]
    fn what_is_no_metadata_is_refused() {
        for (text, expected) in [
            ("", "no JSON array"),
            ("{}", "no JSON array"),
            (r#"[{"tags": {}}]"#, "identifier"),
            (
                r#"[{"identifier": "a"}, {"identifier": "a"}]"#,
                "\"a\" twice",
            ),
        ] {
            let refused = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
