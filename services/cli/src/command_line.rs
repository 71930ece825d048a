//! Command-line parsing: from words to what they ask for.

use std::{any::TypeId, ffi::OsString, io, process::ExitCode};

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, FromArgMatches as _,
    error::{ContextKind, ContextValue, ErrorKind},
};
use walrus_core::{BlobId, quilt::QuiltPatchId};
use walrus_sui::Address;

use crate::{args::Cli, printable, report::say, shared_options, standard_streams};

/// The names of all values that are IDs of blobs, of quilts and of patches.
const IDS: [&str; 3] = ["BLOB_ID", "QUILT_ID", "PATCH_ID"];
/// Commands of the feature `dev`.
const DEV: [&str; 3] = ["localnet", "devchain", "demo"];
/// Options that ask for help.
const HELP: [&str; 2] = ["--help", "-h"];

/// Reads a command line.
///
/// One blob ID in 64 begins with `-`, as does the ID of a patch in it. Where there is such a word, it is a value; elsewhere a word with `-` that is no option is
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
    match parse_words(words.clone()) {
        Err(error) if is_help_of_help(&error) => parse_words(without_help(words)),
        parsed => parsed.map_err(|error| parse_words(safe).err().unwrap_or(error)),
    }
}

/// `walrus help --help`, of which the parser makes a command `--help`.
fn is_help_of_help(error: &clap::Error) -> bool {
    let invalid = error.get(ContextKind::InvalidSubcommand);
    matches!(invalid, Some(ContextValue::String(word)) if HELP.contains(&&**word))
}

fn without_help(mut words: Vec<OsString>) -> Vec<OsString> {
    words.retain(|word| HELP.iter().all(|help| word != help));
    words
}

fn parse_words(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let (cli, mut command, matches) = parse_all(words)?;
    shared_options::check(&mut command, &matches)?;
    Ok(cli)
}

/// Reads a command line that was made of an object of options. Programs put the same ones into each; a sentence if there is one that
/// the command has no use for.
///
/// # Errors
/// Like [`parse`].
pub(crate) fn parse_object(words: Vec<OsString>) -> Result<(Cli, Option<String>), clap::Error> {
    let (cli, command, matches) = parse_all(words)?;
    let unused = shared_options::unused(&command, &matches);
    Ok((cli, unused))
}

fn parse_all(words: Vec<OsString>) -> Result<(Cli, Command, ArgMatches), clap::Error> {
    let mut command = program();
    if words.iter().any(is_id_like_an_option) {
        command = with_ids_like_options(command);
    }
    let matches = command.clone().try_get_matches_from(words);
    let matches = matches.map_err(|error| explain_left_out(error, &mut command, left_out))?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, command, matches))
}

/// A sentence on a command that was left out when the program was built.
pub(crate) fn left_out(name: &str) -> Option<String> {
    match cfg!(feature = "dev") {
        true => None,
        false => left_out_without_dev(name),
    }
}

fn left_out_without_dev(name: &str) -> Option<String> {
    DEV.contains(&name).then(|| {
        format!("this `walrus` has no command `{name}`: it was built without the feature `dev`")
    })
}

fn explain_left_out(
    error: clap::Error,
    program: &mut Command,
    left_out: fn(&str) -> Option<String>,
) -> clap::Error {
    let sentence = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => left_out(name),
        _ => None,
    };
    match sentence {
        Some(sentence) => {
            clap::Error::raw(ErrorKind::InvalidSubcommand, format!("{sentence}\n")).format(program)
        }
        None => error,
    }
}

/// The program, with all that its commands take.
pub(crate) fn program() -> Command {
    as_people_write(shared_options::place(Cli::command()))
}

/// Has values taken for values: a number below zero is a wrong number, not an option that there is not; and what is no ID is told so in words.
fn as_people_write(command: Command) -> Command {
    let command = command.mut_args(|option| {
        if !option.get_action().takes_values() {
            return option;
        }
        let is_id = option.get_value_parser().type_id() == TypeId::of::<Address>();
        let option = option.allow_negative_numbers(true);
        match is_id {
            true => option.value_parser(parse_address),
            false => option,
        }
    });
    command.mut_subcommands(as_people_write)
}

fn parse_address(text: &str) -> Result<Address, String> {
    text.parse()
        .map_err(|_| "expected an ID: 0x and up to 64 hexadecimal digits".to_owned())
}

/// Tells what [`parse`] has to say; the exit code.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    if !error.use_stderr()
        && let Err(closed) = standard_streams::check_output()
    {
        say(format_args!("Error: {closed}"));
        return ExitCode::FAILURE;
    }
    match (u8::try_from(error.exit_code()), error.print()) {
        // Help on its way to standard output; a reader that left has seen enough of it.
        (Ok(0), Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format_args!(
                "Error: cannot write to standard output: {error}"
            ));
            ExitCode::FAILURE
        }
        (Ok(code), _) => ExitCode::from(code),
        (Err(_), _) => ExitCode::FAILURE,
    }
}

fn is_id_like_an_option(word: &OsString) -> bool {
    let is_id = |word: &str| word.parse::<BlobId>().is_ok() || word.parse::<QuiltPatchId>().is_ok();
    word.to_str()
        .is_some_and(|word| word.starts_with('-') && is_id(word))
}

fn is_id(argument: &Arg) -> bool {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().any(|name| IDS.contains(&name.as_str()))
}

fn with_ids_like_options(command: Command) -> Command {
    let commands: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.mut_args(|argument| match is_id(&argument) {
        true => argument.allow_hyphen_values(true),
        false => argument,
    });
    commands.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_ids_like_options)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_taken_for_a_value() {
        for (line, said) in [
            ("store f --epochs -1", "invalid value '-1' for '--epochs"),
            (
                "store f --epochs 1 --max-cost -5",
                "invalid value '-5' for '--max-cost",
            ),
            (
                "extend --blob-obj-id x --epochs-extended 1",
                "expected an ID: 0x and up to 64",
            ),
            ("read-quilt --quilt-id x --tag -k", "2 values required"),
            ("blob-status BLOB --timeout 0s", "in no time"),
            ("store f --epochs 1 -x", "unexpected argument '-x'"),
        ] {
            let error = parse(&format!("walrus {line}")).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    use crate::args;

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
                let args::Command::Read(args) = cli.command else {
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
                let args::Command::BlobStatus(args) = cli.command else {
                    panic!("{line}")
                };
                assert_eq!(args.blob_id(), Some(&*id));
                assert_eq!(args.timeout.as_secs(), 5);
            }
        }
    }

    #[test]
    fn help_has_help() {
        for line in [
            "walrus help --help",
            "walrus help -h",
            "walrus devchain help --help",
            "walrus help store --help",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 0, "{line}: {error}");
            assert!(error.to_string().contains("Usage: walrus"), "{line}");
        }
    }

    #[test]
    fn a_command_that_was_left_out_says_so() {
        let explained = |name: &str| {
            let mut program = Command::new("walrus").subcommand(Command::new("store"));
            let error = program.clone().try_get_matches_from(["walrus", name]);
            explain_left_out(error.unwrap_err(), &mut program, left_out_without_dev)
        };
        for name in DEV {
            let error = explained(name);
            assert_eq!(error.exit_code(), 2);
            let said = format!("`{name}`: it was built without the feature `dev`");
            assert!(error.to_string().contains(&said), "{error}");
            assert_eq!(left_out(name), None, "this one has it");
        }
        let error = explained("stor").to_string();
        assert!(error.contains("unrecognized subcommand"), "{error}");
    }

    #[test]
    fn every_argument_for_an_id_is_found_by_its_name() {
        // The decimal form of a blob ID has no `-`.
        const NAMES: [&str; 5] = ["id", "blob_id", "blob_ids", "quilt_id", "quilt_patch_ids"];
        fn count(command: &Command) -> usize {
            for argument in command.get_arguments() {
                let is_text = NAMES.iter().any(|name| argument.get_id() == name);
                assert_eq!(is_text, is_id(argument), "{argument}");
            }
            let found = command.get_arguments().filter(|argument| is_id(argument));
            found.count() + command.get_subcommands().map(count).sum::<usize>()
        }
        assert_eq!(count(&Cli::command()), 8);
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
