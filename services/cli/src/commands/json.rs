//! `walrus json`: a command as one JSON object, for programs. Client spec 2.2.
//!
//! The object is turned into the command line that it stands for, by what that knows of its own options: every command is there,
//! with the same checks, and an option that there is not is an error.

use std::{any::TypeId, ffi::OsString, io::Read as _, path::PathBuf};

use anyhow::{Context, bail, ensure};
use clap::{Arg, ArgAction, Command};
use serde_json::{Map, Value};
use walrus_sui::home::Expand as _;

use super::unique_keys::UniqueKeys;
use crate::{
    args::{Cli, GlobalOptions, JsonArgs, QuiltBlob},
    command_line,
    report::say,
    standard_streams,
    trace::TraceTarget,
};

/// Longest object on standard input, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// The key of a command in the object, and of a subcommand in a command.
const COMMAND: &str = "command";
/// Commands that make no sense in the object.
const NOT_IN_JSON: [&str; 2] = ["json", "completion"];
/// Names of options that others know them by: command, their name, the name here.
const OTHER_NAMES: [(&str, &str, &str); 4] = [
    ("info", COMMAND, "section"),
    ("store", "attributes", "attr"),
    ("store-quilt", "attributes", "attr"),
    ("set-blob-attribute", "attributes", "attr"),
];
/// Options that have another value here when they are absent.
const DEFAULTS: [(&str, &str, &str); 1] = [("blob-status", "timeout", "--timeout=10s")];

/// The command that the object stands for. Shared options that it does not have are those of `outer`. Says which of them have no
/// effect: programs put the same ones into each object.
///
/// # Errors
/// If it is no such object, or names a command, an option or a value that there is not.
pub(crate) fn command(outer: &GlobalOptions, args: JsonArgs) -> anyhow::Result<Cli> {
    let text = match args.object {
        Some(text) => text,
        None => standard_input()?,
    };
    let line = arguments(&text, outer).context("the JSON object is not a command")?;
    let parsed = command_line::parse_object(line);
    let (cli, unused) = parsed.map_err(|error| anyhow::anyhow!(sentence(&error)))?;
    if let Some(unused) = unused {
        say(format_args!("Note: {unused}"));
    }
    Ok(cli)
}

/// Shared options as keys of an object.
fn given(options: &GlobalOptions) -> Map<String, Value> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let given = [
        ("config", path(&options.config).map(Value::from)),
        ("context", options.context.clone().map(Value::from)),
        ("wallet", path(&options.wallet).map(Value::from)),
        ("gasBudget", options.gas_budget.map(Value::from)),
        ("traceCli", options.trace_cli.as_ref().map(trace_target)),
    ];
    let given = given.into_iter();
    given
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

fn trace_target(target: &TraceTarget) -> Value {
    match target {
        TraceTarget::Otlp => Value::from("otlp"),
        TraceTarget::File(path) => serde_json::json!({"file": path.display().to_string()}),
    }
}

fn standard_input() -> anyhow::Result<String> {
    standard_streams::check_input()?;
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .context("cannot read the JSON object from standard input")?;
    ensure!(
        text.len() as u64 <= MAX_BYTES,
        "the JSON object on standard input has more than {MAX_BYTES} bytes"
    );
    Ok(text)
}

/// What is wrong, without advice on how to write a command line.
fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.split("\n\n").next().unwrap_or_default();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join(" ")
}

fn arguments(text: &str, outer: &GlobalOptions) -> anyhow::Result<Vec<OsString>> {
    let UniqueKeys(mut object) = serde_json::from_str(text)?;
    if let Value::Object(own) = &mut object {
        ensure!(
            own.get(COMMAND).is_some_and(|command| !command.is_null()),
            "it has no key `{COMMAND}`, such as {{\"{COMMAND}\": {{\"info\": {{}}}}}}"
        );
        for (key, value) in given(outer) {
            let place = own.entry(key).or_insert(Value::Null);
            if place.is_null() {
                *place = value;
            }
        }
    }
    let program = command_line::program();
    let mut line = vec![OsString::from(program.get_name())];
    // Its output is JSON, whatever it says.
    line.push("--json".into());
    add_command(&program, &object, &mut line)?;
    Ok(line)
}

/// Options of a command in an object, and its subcommand.
fn add_command(command: &Command, value: &Value, line: &mut Vec<OsString>) -> anyhow::Result<()> {
    let name = command.get_name();
    let object = value
        .as_object()
        .with_context(|| format!("the options of {name} are no JSON object"))?;
    let mut positional = Vec::new();
    for (key, value) in object {
        if command.has_subcommands() && key == COMMAND {
            continue;
        }
        let option = option(command, key)
            .with_context(|| format!("`{key}` is not an option of {}", camel_case(name)))?;
        if option.get_id() == "json" {
            continue;
        }
        let values = values(option, value).with_context(|| format!("`{key}`"))?;
        let index = command.get_arguments().position(|one| one == option);
        match index.filter(|_| option.is_positional()) {
            Some(index) => positional.push((index, values)),
            None => line.extend(values),
        }
    }
    let absent = |key: &str| object.get(key).is_none_or(Value::is_null);
    for (of, key, default) in DEFAULTS {
        if of == name && absent(key) {
            line.push(default.into());
        }
    }
    if let Some(value) = object.get(COMMAND).filter(|_| command.has_subcommands()) {
        return add_subcommand(command, value, line);
    }
    if !positional.is_empty() {
        positional.sort_by_key(|(index, _)| *index);
        // Whatever they begin with.
        line.push("--".into());
        line.extend(positional.into_iter().flat_map(|(_, values)| values));
    }
    Ok(())
}

/// `{"name": {…}}`, or `"name"` for one without options.
fn add_subcommand(parent: &Command, value: &Value, line: &mut Vec<OsString>) -> anyhow::Result<()> {
    let nothing = Value::Object(Map::new());
    let (key, options) = match value {
        Value::String(name) => (name, &nothing),
        Value::Object(object) if object.len() == 1 => match object.iter().next() {
            Some(named) => named,
            None => bail!("`{COMMAND}` names no command"),
        },
        _ => bail!("`{COMMAND}` is not an object with one key, the name of a command"),
    };
    let is_named = |one: &&Command| {
        let mut names = one.get_all_aliases().chain([one.get_name()]);
        names.any(|name| camel_case(name) == *key)
    };
    let found = parent
        .get_subcommands()
        .filter(|one| !NOT_IN_JSON.contains(&one.get_name()))
        .find(is_named)
        .with_context(|| {
            command_line::left_out(key).unwrap_or_else(|| format!("there is no command `{key}`"))
        })?;
    line.push(found.get_name().into());
    add_command(found, options, line)
}

/// The option or positional argument that a key means.
fn option<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let other = OTHER_NAMES
        .iter()
        .find(|(of, other, _)| *of == command.get_name() && *other == key);
    let key = other.map_or(key, |(_, _, here)| here);
    let long = |one: &&Arg| one.get_long().is_some_and(|long| camel_case(long) == key);
    let position = |one: &&Arg| {
        one.get_long().is_none() && camel_case(&one.get_id().as_str().replace('_', "-")) == key
    };
    let all = || command.get_arguments();
    all().find(long).or_else(|| all().find(position))
}

/// `--option=VALUE` for each value; the values alone if it is positional.
fn values(option: &Arg, value: &Value) -> anyhow::Result<Vec<OsString>> {
    let long = option.get_long();
    if matches!(option.get_action(), ArgAction::SetTrue) {
        let long = long.context("it is no flag")?;
        return match value {
            Value::Bool(true) => Ok(vec![format!("--{long}").into()]),
            Value::Bool(false) | Value::Null => Ok(Vec::new()),
            _ => bail!("it is neither true nor false"),
        };
    }
    let given = match value {
        Value::Null => &[][..],
        Value::Array(several) => several,
        one => std::slice::from_ref(one),
    };
    let is_path = option.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let is_object = option.get_value_parser().type_id() == TypeId::of::<QuiltBlob>();
    let at_once = option
        .get_num_args()
        .map_or(1, |number| number.min_values());
    if let Some(long) = long
        && at_once > 1
    {
        return groups(long, at_once, given);
    }
    given
        .iter()
        .map(|value| {
            let text = match value {
                Value::Object(_) if is_object => value.to_string(),
                value => text(value)?,
            };
            let mut argument = OsString::new();
            if let Some(long) = long {
                argument.push(format!("--{long}="));
            }
            match is_path {
                true => argument.push(PathBuf::from(text).expand()?),
                false => argument.push(text),
            }
            Ok(argument)
        })
        .collect()
}

/// An option whose values come together, such as key and value: a flat array of them.
fn groups(long: &str, at_once: usize, given: &[Value]) -> anyhow::Result<Vec<OsString>> {
    ensure!(
        given.len().is_multiple_of(at_once),
        "{} values, which is no multiple of {at_once}",
        given.len()
    );
    let mut words = Vec::with_capacity(given.len());
    for group in given.chunks(at_once) {
        words.push(format!("--{long}").into());
        for value in group {
            words.push(text(value)?.into());
        }
    }
    Ok(words)
}

/// A value as one writes it on a command line.
fn text(value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Object(object) => file(object)
            .or_else(|| duration(object))
            .or_else(|| time(object))
            .context(
                "it is an object, but neither {\"file\": PATH} nor a duration of `secs` and `nanos`, nor a time",
            ),
        _ => bail!("{value} cannot be its value"),
    }
}

/// `{"file": PATH}` as `file=PATH`.
fn file(object: &Map<String, Value>) -> Option<String> {
    let path = object.get("file").filter(|_| object.len() == 1)?;
    Some(format!("file={}", path.as_str()?))
}

/// `{"secs": …, "nanos": …}` in milliseconds, of which there is at least one if there is anything.
fn duration(object: &Map<String, Value>) -> Option<String> {
    let number = |key: &str| object.get(key)?.as_u64();
    let (seconds, nanos) = (number("secs")?, number("nanos")?);
    let millis = seconds
        .checked_mul(1000)?
        .checked_add(nanos.div_ceil(1_000_000))?;
    (object.len() == 2 && nanos < 1_000_000_000).then(|| format!("{millis}ms"))
}

/// `{"secs_since_epoch": …, "nanos_since_epoch": …}` in RFC 3339.
fn time(object: &Map<String, Value>) -> Option<String> {
    let number = |key: &str| object.get(key)?.as_i64();
    let (seconds, nanos) = (number("secs_since_epoch")?, number("nanos_since_epoch")?);
    let time = jiff::Timestamp::new(seconds, i32::try_from(nanos).ok()?).ok()?;
    (object.len() == 2).then(|| time.to_string())
}

/// `gas-budget` → `gasBudget`.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('-');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut rest = part.chars();
        text.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(rest.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: GlobalOptions = GlobalOptions {
        config: None,
        context: None,
        wallet: None,
        gas_budget: None,
        json: false,
        trace_cli: None,
    };

    fn line(object: &str) -> Vec<String> {
        let line = arguments(object, &NONE).unwrap();
        let texts = line.into_iter().map(|one| one.into_string().unwrap());
        texts.skip(1).collect()
    }

    fn refused(object: &str) -> String {
        format!("{:#}", arguments(object, &NONE).unwrap_err())
    }

    #[test]
    fn the_sample_of_the_specification_is_a_command_line() {
        let sample = r#"{"config":"c.yaml","command":{"store":{"files":["a"],"epochs":"max","permanent":true}}}"#;
        let expected = [
            "--json",
            "--config=c.yaml",
            "store",
            "--epochs=max",
            "--permanent",
            "--",
            "a",
        ];
        assert_eq!(line(sample), expected);
        command_line::parse_object(arguments(sample, &NONE).unwrap()).unwrap();
    }

    #[test]
    fn every_command_and_option_has_a_name_in_camel_case() {
        fn check(command: &Command) {
            for one in command.get_arguments() {
                let id = one.get_id().as_str().replace('_', "-");
                let key = camel_case(one.get_long().unwrap_or(&id));
                let found = option(command, &key).unwrap();
                assert_eq!(found.get_id(), one.get_id(), "{key}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&command_line::program());
        assert_eq!(camel_case("a-bc-d"), "aBcD");
    }

    #[test]
    fn what_help_calls_an_argument_is_its_key() {
        fn check(command: &Command) {
            for one in command.get_positionals() {
                let shown = one.get_value_names().unwrap_or_default();
                let shown = shown.first().map(ToString::to_string).unwrap_or_default();
                let key = camel_case(&shown.to_lowercase().replace('_', "-"));
                assert!(
                    option(command, &key).is_some(),
                    "{}: {key}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&command_line::program());
    }

    #[test]
    fn values_have_the_forms_of_json() {
        let home = std::env::home_dir().unwrap();
        let text = r#"{"gasBudget": 5, "json": false, "wallet": "~/w", "context": null,
            "command": {"blobStatus": {"blobId": "-x", "timeout": {"secs": 1, "nanos": 500000001}}}}"#;
        let wallet = format!("--wallet={}", home.join("w").display());
        let mut found = line(text);
        found.sort();
        let mut expected = vec![
            "--json",
            "--gas-budget=5",
            &wallet,
            "blob-status",
            "--timeout=1501ms",
            "--blob-id=-x",
        ];
        expected.sort_unstable();
        assert_eq!(found, expected);
        let files =
            r#"{"command": {"write": {"files": ["~/a", "-b"], "epochs": 3, "force": false}}}"#;
        let home = home.join("a").display().to_string();
        assert_eq!(
            line(files),
            ["--json", "store", "--epochs=3", "--", &home, "-b"]
        );
        let patient = line(r#"{"command": {"blobStatus": {"blobId": "x"}}}"#);
        assert!(patient.contains(&"--timeout=10s".to_owned()), "{patient:?}");
        for info in [
            r#"{"command": {"info": {"command": "price"}}}"#,
            r#"{"command": {"info": {"section": "price"}}}"#,
        ] {
            assert_eq!(line(info), ["--json", "info", "--", "price"]);
        }
        assert_eq!(line(r#"{"command": "info"}"#), ["--json", "info"]);
        for (target, option) in [
            (r#""otlp""#, "--trace-cli=otlp"),
            (r#"{"file": "t.json"}"#, "--trace-cli=file=t.json"),
        ] {
            let object = format!(r#"{{"traceCli": {target}, "command": "info"}}"#);
            assert_eq!(line(&object), ["--json", option, "info"]);
        }
        let nested = r#"{"command": {"devchain": {"command": {"publish": {"path": "p", "published": ["a=0x1", "b=0x2"]}}}}}"#;
        let expected = [
            "--json",
            "devchain",
            "publish",
            "--published=a=0x1",
            "--published=b=0x2",
            "--",
            "p",
        ];
        assert_eq!(line(nested), expected);
    }

    #[test]
    fn times_objects_and_pairs_have_forms_of_their_own() {
        let dated = r#"{"command": {"store": {"files": ["a"],
            "earliestExpiryTime": {"secs_since_epoch": 1710946800, "nanos_since_epoch": 0}}}}"#;
        let time = "--earliest-expiry-time=2024-03-20T15:00:00Z";
        assert_eq!(line(dated), ["--json", "store", time, "--", "a"]);
        let quilt = r#"{"command": {"storeQuilt": {"epochs": 1, "blobs": [{"path": "a", "tags": {"k": "v"}}]}}}"#;
        let blob = r#"--blobs={"path":"a","tags":{"k":"v"}}"#;
        assert_eq!(line(quilt), ["--json", "store-quilt", blob, "--epochs=1"]);
        let tagged = r#"{"command": {"readQuilt": {"quiltId": "x", "tag": ["-k", "v"]}}}"#;
        let expected = ["--json", "read-quilt", "--quilt-id=x", "--tag", "-k", "v"];
        assert_eq!(line(tagged), expected);
        let odd = r#"{"command": {"readQuilt": {"quiltId": "x", "tag": ["k"]}}}"#;
        assert!(refused(odd).contains("no multiple of 2"));
    }

    #[test]
    fn options_of_the_command_line_are_those_that_the_object_has_not() {
        let outer = GlobalOptions {
            config: Some("outer.yaml".into()),
            gas_budget: Some(7),
            ..NONE
        };
        let text = r#"{"config": "own.yaml", "command": {"store": {"files": ["a"], "epochs": 1}}}"#;
        let (cli, unused) = command_line::parse_object(arguments(text, &outer).unwrap()).unwrap();
        assert_eq!(cli.global.config, Some("own.yaml".into()));
        assert_eq!((cli.global.gas_budget, unused), (Some(7), None));
    }

    #[test]
    fn an_option_without_an_effect_is_told_of_and_no_error() {
        let text = r#"{"config": "c", "gasBudget": 5, "command": {"blobId": {"file": "f", "nShards": 10}}}"#;
        let (_, unused) = command_line::parse_object(arguments(text, &NONE).unwrap()).unwrap();
        let said = unused.unwrap();
        assert!(
            said.contains("`blob-id` has no use for the option --gas-budget"),
            "{said}"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (object, why) in [
            ("5", "no JSON object"),
            (
                "{}",
                "it has no key `command`, such as {\"command\": {\"info\": {}}}",
            ),
            (
                r#"{"command": null, "json": true}"#,
                "it has no key `command`",
            ),
            (
                r#"{"colour": "red", "command": "info"}"#,
                "`colour` is not an option of walrus",
            ),
            (
                r#"{"command": {"store": {"epoch": 1}}}"#,
                "`epoch` is not an option of store",
            ),
            (
                r#"{"command": {"blobStatus": {"blob-id": "x"}}}"#,
                "`blob-id` is not an option of blobStatus",
            ),
            (r#"{"command": {"fly": {}}}"#, "there is no command `fly`"),
            (r#"{"command": {"json": {}}}"#, "there is no command `json`"),
            (
                r#"{"command": {"info": {}, "store": {}}}"#,
                "not an object with one key",
            ),
            (
                r#"{"command": {"store": {"force": 1}}}"#,
                "neither true nor false",
            ),
            (
                r#"{"command": {"store": {"epochs": [[1]]}}}"#,
                "[1] cannot be its value",
            ),
            (
                r#"{"command": {"blobStatus": {"timeout": {"secs": 1}}}}"#,
                "nor a duration",
            ),
            (
                r#"{"command": {"store": {"files": ["a"], "epochs": 1, "epochs": 50}}}"#,
                "the key `epochs` is given twice",
            ),
        ] {
            let said = refused(object);
            assert!(said.contains(why), "{object}: {said}");
        }
        let missing = arguments(r#"{"command": {"store": {"files": ["a"]}}}"#, &NONE).unwrap();
        let error = sentence(&command_line::parse_object(missing).unwrap_err());
        assert_eq!(
            error,
            "the following required arguments were not provided: <--epochs <N|max>|--earliest-expiry-time <TIME>|--end-epoch <EPOCH>>"
        );
    }
}
