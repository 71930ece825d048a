//! Source lookup: an abort in Move sources.
//!
//! The compiler tells nobody which line an instruction came from, so a plain abort code is looked up as a reader would:
//! constants with that value, and where the function that aborted uses them. Clever codes carry their line.

use std::path::{Path, PathBuf};

/// A word, number or mark of a Move source, and its line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// A module in a source file.
pub(crate) struct ModuleSource<'a> {
    path: &'a Path,
    tokens: Vec<Token<'a>>,
}

/// Where the code of an abort may have come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Constants of the module that have the value, those that the function uses first.
    pub(crate) constants: Vec<String>,
    /// Lines of the function that abort with it.
    pub(crate) lines: Vec<usize>,
}

impl<'a> ModuleSource<'a> {
    /// Finds the module among files.
    pub(crate) fn find(
        files: impl IntoIterator<Item = (&'a PathBuf, &'a String)>,
        name: &str,
    ) -> Option<Self> {
        files.into_iter().find_map(|(path, text)| {
            let tokens = module_tokens(&tokenize(text), name)?;
            Some(Self { path, tokens })
        })
    }

    /// The file it is in.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// The line that declares a function.
    pub(crate) fn function_line(&self, name: &str) -> Option<usize> {
        let body = function(&self.tokens, name)?;
        body.first().map(|token| token.line)
    }

    /// Everything in the module that has the code, and where the function aborts with it.
    pub(crate) fn uses(&self, function_name: Option<&str>, code: u64) -> Uses {
        let mut constants = constants_of(&self.tokens, code);
        let body = function_name.and_then(|name| function(&self.tokens, name));
        let Some(body) = body else {
            return Uses {
                constants,
                lines: Vec::new(),
            };
        };
        let used = |name: &String| body.iter().any(|token| token.text == name);
        if constants.iter().any(used) {
            constants.retain(used);
        }
        let mut lines: Vec<_> = body
            .iter()
            .filter(|token| constants.iter().any(|name| token.text == name))
            .map(|token| token.line)
            .collect();
        lines.extend(literal_uses(body, code));
        lines.sort_unstable();
        lines.dedup();
        Uses { constants, lines }
    }
}

/// Words and marks; comments and quoted texts are left out.
fn tokenize(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            quoted(rest)
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (text, _) = rest.split_at(length);
            // b"…" and x"…" are texts with a letter before them.
            if !(matches!(text, "b" | "x") && rest[length..].starts_with('"')) {
                tokens.push(Token { text, line });
            }
            length
        } else {
            let (text, _) = rest.split_at(first.len_utf8());
            if !first.is_whitespace() {
                tokens.push(Token { text, line });
            }
            first.len_utf8()
        };
        let (passed, left) = rest.split_at(length);
        line += passed.matches('\n').count();
        rest = left;
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Length of a block comment, which may contain others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth = depth.saturating_sub(1),
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Length of a quoted text with its quotes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The tokens from `module address::NAME` to the next module.
fn module_tokens<'a>(tokens: &[Token<'a>], name: &str) -> Option<Vec<Token<'a>>> {
    let is_module = |at: usize| {
        let text = |offset: usize| tokens.get(at + offset).map(|token| token.text);
        text(0) == Some("module") && text(2) == Some(":") && text(3) == Some(":")
    };
    let start = (0..tokens.len())
        .find(|at| is_module(*at) && tokens.get(at + 4).is_some_and(|token| token.text == name))?;
    let end = (start + 1..tokens.len())
        .find(|at| is_module(*at))
        .unwrap_or(tokens.len());
    tokens.get(start..end).map(<[Token<'_>]>::to_vec)
}

/// The tokens of a function from `fun` to its closing brace.
fn function<'t, 'a>(tokens: &'t [Token<'a>], name: &str) -> Option<&'t [Token<'a>]> {
    let start = tokens
        .windows(2)
        .position(|two| matches!(two, [fun, named] if fun.text == "fun" && named.text == name))?;
    let rest = tokens.get(start..)?;
    let mut depth = 0_usize;
    for (at, token) in rest.iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return rest.get(..=at);
                }
            }
            // A native function has no body.
            ";" if depth == 0 => return rest.get(..=at),
            _ => {}
        }
    }
    Some(rest)
}

/// Names of the constants with a value: `const NAME: TYPE = VALUE;`.
fn constants_of(tokens: &[Token<'_>], code: u64) -> Vec<String> {
    tokens
        .windows(7)
        .filter_map(|window| match window {
            [keyword, name, colon, _, equals, value, end]
                if keyword.text == "const"
                    && colon.text == ":"
                    && equals.text == "="
                    && end.text == ";"
                    && number(value.text) == Some(code) =>
            {
                Some(name.text.to_owned())
            }
            _ => None,
        })
        .collect()
}

/// Lines with `abort 7` or `assert!(…, 7)`.
fn literal_uses(body: &[Token<'_>], code: u64) -> impl Iterator<Item = usize> {
    body.windows(3).filter_map(move |window| match window {
        [before, value, after]
            if number(value.text) == Some(code)
                && (before.text == "abort" || (before.text == "," && after.text == ")")) =>
        {
            Some(value.line)
        }
        _ => None,
    })
}

/// A literal such as `7`, `0x1F`, `1_000` or `3u64`.
fn number(text: &str) -> Option<u64> {
    let digits = text.replace('_', "");
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return u64::from_str_radix(hexadecimal, 16).ok();
    }
    let length = digits.chars().take_while(char::is_ascii_digit).count();
    let (digits, suffix) = digits.split_at(length);
    (suffix.is_empty() || suffix == "u64")
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SHOP: &str = r#"
/// module shop::decoy; /* const EFake: u64 = 1; */
module shop::till;

const ETooLittle: u64 = 1;
const EClosed: u64 = 0x2;
const MAX: u64 = 2;
/* const EHidden: u64 = 1; /* nested */ const EAlsoHidden: u64 = 1; */
const MESSAGE: vector<u8> = b"const EQuoted: u64 = 1; \" {";

public fun pay(amount: u64, open: bool) {
    assert!(open, EClosed);
    // ETooLittle
    assert!(amount > 0, ETooLittle);
    if (amount < 5) {
        abort ETooLittle
    }
}

public fun close() { abort 1_0 }
public fun other(x: u64) { assert!(x > 10, 10); x + 10; }
native fun none();
"#;

    fn with_till<T>(check: impl Fn(&ModuleSource<'_>) -> T) -> T {
        let files = BTreeMap::from([(PathBuf::from("till.move"), SHOP.to_owned())]);
        check(&ModuleSource::find(&files, "till").unwrap())
    }

    #[test]
    fn constants_are_found_by_value_and_their_uses_by_function() {
        with_till(|till| {
            assert_eq!(till.path(), Path::new("till.move"));
            let uses = till.uses(Some("pay"), 1);
            assert_eq!(uses.constants, ["ETooLittle"]);
            assert_eq!(uses.lines, [14, 16]);
            // MAX has the same value, but `pay` does not use it.
            let uses = till.uses(Some("pay"), 2);
            assert_eq!(uses.constants, ["EClosed"]);
            assert_eq!(uses.lines, [12]);
            // Nobody uses it where the abort was: both are possible.
            let uses = till.uses(Some("close"), 2);
            assert_eq!(uses.constants, ["EClosed", "MAX"]);
            assert!(uses.lines.is_empty());
        });
    }

    #[test]
    fn literal_codes_are_found() {
        with_till(|till| {
            assert_eq!(till.uses(Some("close"), 10).lines, [20]);
            assert_eq!(till.uses(Some("other"), 10).lines, [21]);
            assert!(till.uses(Some("other"), 10).constants.is_empty());
            assert!(till.uses(Some("none"), 10).lines.is_empty());
        });
    }

    #[test]
    fn functions_are_found_by_name() {
        with_till(|till| {
            assert_eq!(till.function_line("close"), Some(20));
            assert_eq!(till.function_line("absent"), None);
        });
        let files = BTreeMap::from([(PathBuf::from("till.move"), SHOP.to_owned())]);
        assert!(ModuleSource::find(&files, "decoy").is_none());
    }

    #[test]
    fn broken_sources_do_not_panic() {
        for text in [
            "",
            "module a::m; fun f() {",
            "/* open",
            "\"open",
            "module a::m; fun",
            "é{}",
        ] {
            let files = BTreeMap::from([(PathBuf::from("m.move"), text.to_owned())]);
            if let Some(module) = ModuleSource::find(&files, "m") {
                module.uses(Some("f"), 0);
            }
        }
    }
}
