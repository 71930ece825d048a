//! Options that several commands share, and which command has a use for which.
//!
//! They may stand before or behind the command (client spec 2.1). One that the command has no use for is a mistake of whoever wrote
//! it, and is not in its help.

use clap::{Arg, ArgMatches, Command, Error, error::ErrorKind, parser::ValueSource};

const CONFIG: &str = "config";
const CONTEXT: &str = "context";
const WALLET: &str = "wallet";
const GAS_BUDGET: &str = "gas_budget";
const JSON: &str = "json";
const TRACE_CLI: &str = "trace_cli";

/// Of a command that pays.
const PAYS: &[&str] = &[CONFIG, CONTEXT, WALLET, GAS_BUDGET, JSON, TRACE_CLI];
/// Of a command that asks a network, which may be that of a wallet.
const ASKS: &[&str] = &[CONFIG, CONTEXT, WALLET, JSON, TRACE_CLI];
/// Of a command that needs no network, or brings its own.
const ALONE: &[&str] = &[JSON, TRACE_CLI];

/// What the commands have a use for. Those of `json` are for the command in the object.
const USES: &[(&str, &[&str])] = &[
    ("store", PAYS),
    ("store-quilt", PAYS),
    ("read-quilt", ASKS),
    ("list-patches-in-quilt", ASKS),
    ("read", ASKS),
    ("blob-status", ASKS),
    ("list-blobs", ASKS),
    ("delete", PAYS),
    ("extend", PAYS),
    ("share", PAYS),
    ("fund-shared-blob", PAYS),
    ("burn-blobs", PAYS),
    ("get-blob-attribute", ASKS),
    ("set-blob-attribute", PAYS),
    ("remove-blob-attribute-fields", PAYS),
    ("remove-blob-attribute", PAYS),
    ("info", ASKS),
    ("health", ASKS),
    ("generate-sui-wallet", ALONE),
    ("blob-id", ASKS),
    ("verify", ASKS),
    ("encode", ALONE),
    ("decode", ALONE),
    ("convert-blob-id", ALONE),
    ("get-wal", PAYS),
    ("stake", PAYS),
    ("stake nodes", ASKS),
    ("stake estimate", ASKS),
    ("list-staked-wal", ASKS),
    ("request-withdraw-stake", PAYS),
    ("withdraw-stake", PAYS),
    ("redelegate", PAYS),
    ("blob-backfill", ASKS),
    ("node-admin", PAYS),
    ("node-admin collect-commission", PAYS),
    ("node-admin set-governance-authorized", PAYS),
    ("node-admin set-commission-authorized", PAYS),
    ("node-admin vote-for-upgrade", PAYS),
    #[cfg(feature = "dev")]
    ("node-admin package-digest", ASKS),
    ("close-epoch-change", PAYS),
    ("aggregator", ASKS),
    ("publisher", ASKS),
    ("daemon", ASKS),
    ("upload-relay", ASKS),
    ("gateway", ALONE),
    ("gateway key", ALONE),
    ("gateway key create", ALONE),
    ("gateway key list", ALONE),
    ("gateway key revoke", ALONE),
    #[cfg(feature = "dev")]
    ("localnet", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node list", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node add", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node remove", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node stop", ALONE),
    #[cfg(feature = "dev")]
    ("localnet node start", ALONE),
    #[cfg(feature = "dev")]
    ("devchain", ALONE),
    #[cfg(feature = "dev")]
    ("devchain publish", PAYS),
    #[cfg(feature = "dev")]
    ("devchain call", PAYS),
    #[cfg(feature = "dev")]
    ("demo", ALONE),
    ("json", PAYS),
    ("completion", &[]),
];

/// Options without an effect beside another one of the same command: command, that one, and those.
const NEEDLESS: &[(&str, &str, &str)] = &[
    ("blob-id", "n_shards", WALLET),
    ("verify", "n_shards", WALLET),
    ("blob-status", "id", "spool_dir"),
    ("blob-status", "blob_id", "spool_dir"),
];

fn uses(command: &str) -> &'static [&'static str] {
    let found = USES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, uses)| uses)
}

/// Puts the shared options of a program where its commands have a use for them, and hides them elsewhere.
pub(crate) fn place(program: Command) -> Command {
    let shared: Vec<_> = program
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .cloned()
        .collect();
    place_below(program, "", &shared)
}

fn place_below(command: Command, above: &str, shared: &[Arg]) -> Command {
    let names: Vec<_> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{above} {name}").trim_start().to_owned();
        command.mut_subcommand(&name, |sub| {
            let used = uses(&path);
            let sub = place_below(sub, &path, shared);
            sub.args(shared.iter().map(|option| {
                let is_used = used.contains(&option.get_id().as_str());
                option.clone().hide(!is_used)
            }))
        })
    })
}

/// That the command has a use for all options that were given: shared ones, and those of the commands above it.
///
/// # Errors
/// A usage error.
pub(crate) fn check(program: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let above = of_a_command_above(program, matches);
    let sentence = above.or_else(|| unused(program, matches));
    match sentence {
        None => Ok(()),
        Some(sentence) => {
            let error = Error::raw(ErrorKind::UnknownArgument, format!("{sentence}\n"));
            Err(error.format(program))
        }
    }
}

/// An option that belongs to a command without a subcommand, and that was given together with one.
fn of_a_command_above(program: &Command, matches: &ArgMatches) -> Option<String> {
    let (mut command, mut inner) = (program, matches);
    while let Some((name, below)) = inner.subcommand() {
        let own = command
            .get_arguments()
            .filter(|option| !option.is_global_set());
        for option in own {
            let id = option.get_id().as_str();
            let source = inner.try_get_raw(id).ok().and(inner.value_source(id));
            if source == Some(ValueSource::CommandLine) && !is_of_one_below(command, inner, id) {
                return Some(format!(
                    "`{} {name}` has no use for the option --{}; it is for `{}` without a subcommand",
                    command.get_name(),
                    option.get_long().unwrap_or(id),
                    command.get_name()
                ));
            }
        }
        command = command.find_subcommand(name)?;
        inner = below;
    }
    None
}

/// Whether a command below shares an option of this name with its own subcommands: the parser notes the value of such a one for
/// all commands of the line that have the name, those above it included.
fn is_of_one_below(command: &Command, matches: &ArgMatches, id: &str) -> bool {
    let (mut command, mut inner) = (command, matches);
    while let Some((name, below)) = inner.subcommand() {
        let Some(sub) = command.find_subcommand(name) else {
            return false;
        };
        let mut options = sub.get_arguments();
        if options.any(|option| option.is_global_set() && option.get_id() == id) {
            return true;
        }
        (command, inner) = (sub, below);
    }
    false
}

/// A sentence on the first option that was given and that has no effect.
pub(crate) fn unused(program: &Command, matches: &ArgMatches) -> Option<String> {
    let shared = unused_shared(program, matches).sentence();
    shared.or_else(|| needless(program, matches))
}

/// An option that has no effect beside another one.
fn needless(program: &Command, matches: &ArgMatches) -> Option<String> {
    let (name, inner) = matches.subcommand()?;
    let command = program.find_subcommand(name)?;
    let is_given = |id: &str| inner.value_source(id) == Some(ValueSource::CommandLine);
    let (_, beside, id) = NEEDLESS
        .iter()
        .find(|(of, beside, id)| *of == name && is_given(beside) && is_given(id))?;
    let called = |id: &str| {
        let option = command.get_arguments().find(|one| one.get_id() == id);
        match option.and_then(Arg::get_long) {
            Some(long) => format!("--{long}"),
            None => "a blob ID".to_owned(),
        }
    };
    let (option, beside) = (called(id), called(beside));
    Some(format!(
        "`{name}` has no use for the option {option} beside {beside}"
    ))
}

/// The shared options that were given and that the command has no use for.
fn unused_shared<'a>(program: &'a Command, matches: &ArgMatches) -> Unused<'a> {
    let (mut path, mut inner) = (String::new(), matches);
    while let Some((name, below)) = inner.subcommand() {
        path = format!("{path} {name}").trim_start().to_owned();
        inner = below;
    }
    let used = uses(&path);
    let is_given = |option: &&Arg| {
        inner.value_source(option.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let options = program
        .get_arguments()
        .filter(|option| option.is_global_set())
        .filter(|option| !used.contains(&option.get_id().as_str()))
        .filter(is_given)
        .collect();
    Unused { path, options }
}

/// Shared options without an effect.
struct Unused<'a> {
    /// The command.
    path: String,
    options: Vec<&'a Arg>,
}

impl Unused<'_> {
    /// A sentence on the first of them.
    fn sentence(&self) -> Option<String> {
        let option = self.options.first()?;
        let id = option.get_id().as_str();
        let takers: Vec<_> = USES
            .iter()
            .filter(|(_, uses)| uses.contains(&id))
            .map(|(name, _)| *name)
            .collect();
        Some(format!(
            "`{}` has no use for the option --{}; it is for {}",
            self.path,
            option.get_long().unwrap_or(id),
            takers.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::{
        args::{self, Cli, LocalnetCommand},
        command_line,
    };

    /// Whole names of all commands.
    fn names(command: &Command, above: &str) -> Vec<String> {
        let mut all = Vec::new();
        for sub in command.get_subcommands() {
            let path = format!("{above} {}", sub.get_name())
                .trim_start()
                .to_owned();
            all.extend(names(sub, &path));
            all.push(path);
        }
        all
    }

    #[test]
    fn every_command_says_which_options_it_has_a_use_for() {
        let mut named: Vec<_> = USES.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut there = names(&Cli::command(), "");
        named.sort();
        there.sort();
        assert_eq!(named, there);
        let program = Cli::command();
        let shared = program.get_arguments().filter(|one| one.is_global_set());
        for id in shared.map(|one| one.get_id().as_str()) {
            assert!(USES.iter().any(|(_, uses)| uses.contains(&id)), "{id}");
        }
    }

    fn parse(line: &str) -> Result<Cli, String> {
        let words = line.split_whitespace().map(std::ffi::OsString::from);
        command_line::parse(words).map_err(|error| error.to_string())
    }

    #[test]
    fn an_option_without_an_effect_is_a_mistake_that_names_where_it_has_one() {
        for (line, option) in [
            ("walrus encode f --n-shards 10 --out d --config c", "config"),
            ("walrus --config c decode d --out f", "config"),
            ("walrus localnet --wallet w", "wallet"),
            ("walrus devchain --gas-budget 1", "gas-budget"),
            ("walrus demo f --context testnet", "context"),
            ("walrus read BLOB --gas-budget 1", "gas-budget"),
            ("walrus completion --config c", "config"),
            ("walrus --json completion", "json"),
            ("walrus convert-blob-id 5 --wallet w", "wallet"),
        ] {
            let said = parse(line).unwrap_err();
            let expected = format!("has no use for the option --{option}; it is for store");
            assert!(said.contains(&expected), "{line}: {said}");
        }
        for line in [
            "walrus --config c --wallet w --context x info",
            "walrus --config c --gas-budget 5 store f --epochs 1 --json",
            "walrus blob-id f --config c",
            "walrus --wallet w devchain call 0x2::clock::now",
            "walrus devchain --json publish p --gas-budget 5",
            "walrus --config c json {}",
            "walrus devchain --dir d --json",
        ] {
            parse(line).unwrap();
        }
    }

    #[test]
    fn an_option_without_an_effect_beside_another_is_a_mistake() {
        let id = "A".repeat(43);
        for (line, said) in [
            (
                "--wallet w blob-id f --n-shards 10".to_owned(),
                "--wallet beside --n-shards",
            ),
            (
                format!("blob-status {id} --spool-dir d"),
                "--spool-dir beside a blob ID",
            ),
            (
                format!("blob-status --spool-dir d --blob-id {id}"),
                "--spool-dir beside --blob-id",
            ),
        ] {
            let error = parse(&format!("walrus {line}")).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
        parse("walrus blob-status --file f --spool-dir d").unwrap();
        parse("walrus --wallet w blob-id f").unwrap();
        parse("walrus --config c blob-id f --n-shards 10").unwrap();
    }

    #[test]
    fn an_option_of_the_command_above_is_not_that_of_its_subcommand() {
        for (above, line) in [
            ("devchain", "devchain --dir d publish p"),
            ("devchain", "devchain --accounts 3 call 0x2::clock::now"),
            ("localnet", "localnet --ephemeral node list"),
            ("localnet", "localnet --nodes 4 node list --dir d"),
        ] {
            let said = parse(&format!("walrus {line}")).unwrap_err();
            let expected = format!("it is for `{above}` without a subcommand");
            assert!(said.contains(&expected), "{said}");
        }
    }

    #[test]
    fn a_command_may_share_an_option_that_the_one_above_has_too() {
        for order in ["list", "add", "remove n", "stop n", "start n"] {
            for line in [
                format!("walrus localnet node {order} --dir d"),
                format!("walrus localnet node --dir d {order}"),
                format!("walrus localnet --json node {order} --dir d"),
                format!("walrus localnet --dir d node {order}"),
            ] {
                let cli = parse(&line).unwrap_or_else(|said| panic!("{line}: {said}"));
                let Some(LocalnetCommand::Node(node)) = of_localnet(cli) else {
                    panic!("{line}");
                };
                assert_eq!(node.dir.as_deref(), Some("d".as_ref()), "{line}");
            }
        }
    }

    fn of_localnet(cli: Cli) -> Option<LocalnetCommand> {
        match cli.command {
            args::Command::Localnet(localnet) => localnet.command,
            _ => None,
        }
    }

    #[test]
    fn help_shows_what_has_an_effect() {
        let help = |line: &str| parse(&format!("walrus {line} --help")).unwrap_err();
        assert!(help("store").contains("--gas-budget <MIST>"));
        assert!(!help("info").contains("--gas-budget"));
        assert!(help("info").contains("--wallet <PATH>"));
        for alone in ["encode", "localnet", "devchain"] {
            let help = help(alone);
            assert!(
                help.contains("--json") && !help.contains("--config"),
                "{help}"
            );
        }
        assert!(help("devchain publish").contains("--wallet <PATH>"));
    }
}
