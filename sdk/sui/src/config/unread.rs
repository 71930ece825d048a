//! Keys of a file that nobody reads: an operator who sets one must hear that it changes nothing.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

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

/// Warnings that were given; a program may read the same file several times.
static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// So many of them are remembered.
const REMEMBERED: usize = 64;

/// Warns of keys that have no effect, once; says nothing when there are none.
pub fn warn_of_unread_keys(origin: &str, keys: &[String]) {
    if keys.is_empty() {
        return;
    }
    let shown: Vec<_> = keys.iter().map(|key| quoted(key)).collect();
    let warning = format!(
        "{} sets {}: this version does not read {}",
        quoted(origin),
        shown.join(", "),
        if keys.len() == 1 { "it" } else { "them" }
    );
    if is_new(&warning) {
        tracing::warn!("{warning}");
    }
}

fn is_new(warning: &str) -> bool {
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.contains(warning) {
        return false;
    }
    if warned.len() < REMEMBERED {
        warned.insert(warning.to_owned());
    }
    true
}

/// A name as it is, or in quotes if there is anything in it that would not be seen as it is.
fn quoted(name: &str) -> Cow<'_, str> {
    let quoted = format!("{name:?}");
    match quoted.get(1..quoted.len().saturating_sub(1)) == Some(name) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(quoted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_given_once() {
        assert!(is_new("a file sets one: this version does not read it"));
        assert!(!is_new("a file sets one: this version does not read it"));
        assert!(is_new("a file sets two: this version does not read it"));
    }

    #[test]
    fn keys_do_not_control_the_terminal() {
        assert_eq!(
            quoted("communication_config.größe"),
            "communication_config.größe"
        );
        assert_eq!(quoted("a\u{1b}[31m\nb"), r#""a\u{1b}[31m\nb""#);
        assert_eq!(quoted("a\u{202e}b"), r#""a\u{202e}b""#);
    }
}
