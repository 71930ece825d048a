//! From the words of the command line to what they ask for.

use std::{ffi::OsString, io::ErrorKind, process::ExitCode};

use clap::{Arg, CommandFactory as _, FromArgMatches as _};
use walrus_core::BlobId;

use crate::{args::Cli, printable, report::say};

/// The name of all values that are blob IDs.
const BLOB_ID: &str = "BLOB_ID";

/// Reads a command line.
///
/// One blob ID in 64 begins with `-`. Where there is such a word, it is a value; elsewhere a word with `-` that is no option is
/// a mistake, and is called one.
///
/// # Errors
/// What to tell whoever wrote it, which may be the help that was asked for.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let words: Vec<_> = words.into_iter().collect();
    // The same words without control characters: what is wrong with them is told about these.
    let safe = words
        .iter()
        .map(|word| printable::line(&word.to_string_lossy()).into_owned().into())
        .collect();
    parse_words(words).map_err(|error| parse_words(safe).err().unwrap_or(error))
}

fn parse_words(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = Cli::command();
    if words.iter().any(is_blob_id_like_an_option) {
        command = with_blob_ids_like_options(command);
    }
    let mut matches = command.clone().try_get_matches_from(words)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Tells what [`parse`] has to say; the exit code.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    match (u8::try_from(error.exit_code()), error.print()) {
        // Help on its way to standard output; a reader that left has seen enough of it.
        (Ok(0), Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!(
                "Error: cannot write to standard output: {error}"
            ));
            ExitCode::FAILURE
        }
        (Ok(code), _) => ExitCode::from(code),
        (Err(_), _) => ExitCode::FAILURE,
    }
}

fn is_blob_id_like_an_option(word: &OsString) -> bool {
    word.to_str()
        .is_some_and(|word| word.starts_with('-') && word.parse::<BlobId>().is_ok())
}

fn is_blob_id(argument: &Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().any(|name| name == BLOB_ID)
}

fn with_blob_ids_like_options(command: clap::Command) -> clap::Command {
    let commands: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.mut_args(|argument| match is_blob_id(&argument) {
        true => argument.allow_hyphen_values(true),
        false => argument,
    });
    commands.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_blob_ids_like_options)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        super::parse(line.split_whitespace().map(OsString::from))
    }

    /// A blob ID that begins with this.
    fn id(start: &str) -> String {
        format!("{start}{}", "A".repeat(43 - start.len()))
    }

    #[test]
    fn blob_ids_that_begin_like_options_are_values() {
        for start in ["-U", "--", "-h", "-V", "---", "--js"] {
            let id = id(start);
            for line in [
                format!("walrus read {id} --out file --json"),
                format!("walrus read --out file --json {id}"),
                format!("walrus --json read --out file {id}"),
            ] {
                let cli = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                assert!(cli.global.json);
                let Command::Read(args) = cli.command else {
                    panic!("{line}")
                };
                assert_eq!(args.blob_id, id);
                assert_eq!(args.out.unwrap().to_str(), Some("file"));
            }
            for line in [
                format!("walrus blob-status {id} --timeout 5s"),
                format!("walrus blob-status --timeout 5s {id}"),
                format!("walrus blob-status --blob-id {id} --timeout 5s"),
                format!("walrus blob-status --timeout 5s --blob-id={id}"),
            ] {
                let cli = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                let Command::BlobStatus(args) = cli.command else {
                    panic!("{line}")
                };
                assert_eq!(args.blob_id(), Some(&*id));
                assert_eq!(args.timeout.as_secs(), 5);
            }
        }
    }

    #[test]
    fn every_argument_for_a_blob_id_is_found_by_its_name() {
        fn count(command: &clap::Command) -> usize {
            for argument in command.get_arguments() {
                // The decimal form has no `-`.
                let is_text = ["id", "blob_id"].iter().any(|id| argument.get_id() == id);
                assert_eq!(is_text, is_blob_id(argument), "{argument}");
            }
            let found = command
                .get_arguments()
                .filter(|argument| is_blob_id(argument));
            found.count() + command.get_subcommands().map(count).sum::<usize>()
        }
        assert_eq!(count(&Cli::command()), 3);
    }

    #[test]
    fn mistakes_are_still_called_by_their_name() {
        for (line, said) in [
            ("walrus read -Uxyz", "unexpected argument '-U'"),
            ("walrus read --outt f A", "unexpected argument '--outt'"),
            ("walrus blob-status", "required"),
            ("walrus blob-status A --blob-id B", "cannot be used with"),
            ("walrus blob-status A --file B", "cannot be used with"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
