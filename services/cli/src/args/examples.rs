//! Examples of help, which are what people copy: each must be a command line that the program takes.

use std::ffi::OsString;

use crate::command_line::{parse, program};

/// What ends a command in a shell, outside quotes.
const ENDS: [char; 5] = ['|', '(', ')', '>', '<'];

/// The command lines of `text`, each as words. What follows two spaces is a remark.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
    let text = format!("  {}", lines.join(""));
    let lines = text.lines().filter(|line| line.starts_with(' '));
    lines.flat_map(|line| in_words(line.trim_start())).collect()
}

fn in_words(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![vec![String::new()]];
    let (mut quote, mut before) = (None, 'x');
    for next in line.chars() {
        let words = commands.last_mut().unwrap();
        match (quote, next) {
            (Some(open), next) if open == next => quote = None,
            (None, '\'' | '"') => quote = Some(next),
            (None, ' ') if before == ' ' => break,
            (None, ' ') => words.push(String::new()),
            (None, next) if ENDS.contains(&next) => commands.push(vec![String::new()]),
            (_, next) => words.last_mut().unwrap().push(next),
        }
        before = next;
    }
    for words in &mut commands {
        words.retain(|word| !word.is_empty());
    }
    commands
}

/// A value that a placeholder such as `0xNODE` stands for.
fn filled_in(word: &str) -> String {
    let (before, after) = word.split_once("0x").unwrap_or((word, ""));
    let end = after.find(|one: char| !one.is_ascii_uppercase());
    let (name, rest) = after.split_at(end.unwrap_or(after.len()));
    match name {
        "" => word.to_owned(),
        _ => format!("{before}0x5{rest}"),
    }
}

fn texts(command: &clap::Command) -> Vec<String> {
    let own = command.get_after_help().map(ToString::to_string);
    let below = command.get_subcommands().flat_map(texts);
    own.into_iter().chain(below).collect()
}

#[test]
fn every_example_is_a_command_line_that_is_taken() {
    let all = texts(&program()).join("\n");
    let examples: Vec<_> = commands(&all)
        .into_iter()
        .filter(|words| words.first().is_some_and(|word| word == "walrus"))
        .collect();
    let lines = all.lines().filter(|line| line.starts_with("  walrus "));
    assert!(examples.len() >= lines.count(), "{examples:?}");
    examples.iter().for_each(|words| assert_taken(words));
}

#[test]
fn every_command_in_the_readme_is_taken() {
    const README: &str = include_str!("../../../../README.md");
    let blocks = README.split("```").skip(1).step_by(2);
    let run = "cargo run --release --";
    let lines = blocks
        .flat_map(str::lines)
        .filter_map(|line| line.trim_start_matches("$ ").strip_prefix(run));
    let lines: Vec<_> = lines.map(|line| format!("walrus{line}")).collect();
    assert!(lines.len() > 10, "{lines:?}");
    for words in lines.iter().flat_map(|line| in_words(line)) {
        assert_taken(&words);
    }
}

fn assert_taken(words: &[String]) {
    let line = words.iter().map(|word| OsString::from(filled_in(word)));
    if let Err(error) = parse(line) {
        panic!("{words:?}: {error}");
    }
}
