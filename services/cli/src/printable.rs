//! Text from elsewhere, such as names of files and nodes, on a terminal: characters that would move the cursor, colour or reorder
//! what is shown are shown as escapes.

use std::{borrow::Cow, ffi::OsString, sync::LazyLock};

/// Parts of the command line that have control characters, as they are and as they are shown. What is in errors of many lines
/// comes from there, or was written for people.
static GIVEN: LazyLock<Vec<(String, String)>> = LazyLock::new(|| odd_parts(std::env::args_os()));

/// The text in one line.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// A text that may have several lines. Line breaks in names that were given on the command line are shown as escapes.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    with_lines(text, &GIVEN)
}

/// A JSON document that says the same and has nothing but printable characters, spaces and line breaks.
pub(crate) fn json(document: &str) -> Cow<'_, str> {
    if !document.chars().any(|c| is_control(c) && c != '\n') {
        return Cow::Borrowed(document);
    }
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        // None of them is outside of a string.
        match c {
            '\n' => safe.push(c),
            c if is_control(c) => safe.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

fn with_lines<'a>(text: &'a str, given: &[(String, String)]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for (odd, shown) in given {
        if text.contains(odd.as_str()) {
            text = Cow::Owned(text.replace(odd.as_str(), shown));
        }
    }
    match escape(&text, |c| matches!(c, '\n' | '\t')) {
        Cow::Borrowed(_) => text,
        Cow::Owned(safe) => Cow::Owned(safe),
    }
}

fn escape(text: &str, allowed: impl Fn(char) -> bool) -> Cow<'_, str> {
    let refused = |c: char| is_control(c) && !allowed(c);
    if !text.chars().any(refused) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if refused(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Control characters, and those that change the direction of the text around them or end a line.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

/// Names between slashes, and all before the first and after the last `=`: paths are put together from them.
fn odd_parts(words: impl Iterator<Item = OsString>) -> Vec<(String, String)> {
    let mut parts = Vec::new();
    for word in words {
        let word = word.to_string_lossy();
        for part in word.split(['/', '=']) {
            if let Cow::Owned(shown) = line(part) {
                parts.push((part.to_owned(), shown));
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_controls_a_terminal_is_left_in_a_line() {
        assert!(matches!(line("photo größe 写真.jpg"), Cow::Borrowed(_)));
        let odd = "a\u{1b}[31mb\rc\nd\u{9b}e\u{7f}f\u{202e}g\u{2028}h\tc:\\x";
        assert_eq!(
            line(odd),
            r"a\u{1b}[31mb\rc\nd\u{9b}e\u{7f}f\u{202e}g\u{2028}h\tc:\x"
        );
    }

    #[test]
    fn texts_keep_their_lines_but_names_do_not_make_new_ones() {
        let words = ["walrus", "--out=dir/two\nlines", "plain"].map(OsString::from);
        let given = odd_parts(words.into_iter());
        let text = "cannot write /home/dir/two\nlines:\n\tno \u{7}room";
        assert_eq!(
            with_lines(text, &given),
            "cannot write /home/dir/two\\nlines:\n\tno \\u{7}room"
        );
    }

    #[test]
    fn documents_mean_the_same() {
        let value = serde_json::json!({"path": "a\u{1b}\u{9b}\u{7f}\u{202e}\n.txt", "n": [1]});
        let document = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&document);
        assert!(safe.chars().all(|c| c == '\n' || !is_control(c)), "{safe}");
        let read: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read, value);
        assert!(matches!(json("{\n  \"a\": 1\n}"), Cow::Borrowed(_)));
    }
}
