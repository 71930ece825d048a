//! Keys of a file that nobody reads: an operator who sets one must hear that it changes nothing.

use serde::{Deserialize, Deserializer};

/// Reads a value, and the paths of the keys in it that `T` has no use for, at any depth.
///
/// # Errors
/// Those of the deserializer and of `T`.
pub fn with_unread_keys<'de, T, D>(from: D) -> Result<(T, Vec<String>), D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let mut unread = Vec::new();
    let read = serde_ignored::deserialize(from, |path| unread.push(readable(&path)))?;
    Ok((read, unread))
}

/// `a.b.c`, without the marks for options and newtypes on the way.
fn readable(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    let below = |parent: &Path<'_>, name: &dyn std::fmt::Display| match readable(parent) {
        above if above.is_empty() => name.to_string(),
        above => format!("{above}.{name}"),
    };
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => below(parent, index),
        Path::Map { parent, key } => below(parent, key),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => readable(parent),
    }
}

/// Warns of keys that have no effect; says nothing when there are none.
pub fn warn_of_unread_keys(origin: &str, keys: &[String]) {
    if !keys.is_empty() {
        tracing::warn!(
            "{origin} sets {}: this version does not read {}",
            keys.join(", "),
            if keys.len() == 1 { "it" } else { "them" }
        );
    }
}
