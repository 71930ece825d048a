//! Consent: a question before something is done that cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::{bail, ensure};

use crate::report::say;

/// Asks; an answer that is not yes is an error, as is a terminal that is not there. Programs with `--json` are not asked.
///
/// # Errors
/// If it is not to be done.
pub(crate) fn ask(question: &str, is_given: bool) -> anyhow::Result<()> {
    ask_unless(question, is_given, "--yes")
}

/// The same where another option than `--yes` gives consent.
///
/// # Errors
/// As of [`ask`].
pub(crate) fn ask_unless(question: &str, is_given: bool, option: &str) -> anyhow::Result<()> {
    if is_given {
        return Ok(());
    }
    ensure!(
        io::stdin().is_terminal(),
        "{question} Nobody can be asked here; say so with {option}"
    );
    say(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was done"),
    }
}
