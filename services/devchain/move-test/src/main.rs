//! Runs Move unit tests on the development chain's own virtual machine.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use sui_devchain_move_test::{
    Outcome, Program,
    bytecode::{self, FRAMEWORK},
    official,
};

/// Runs Move unit tests on the development chain's own virtual machine.
///
/// Make the bytecode first: `scripts/build-move test-bytecode --out DIR`. The exit code is 0 when tests ran and none
/// failed (with --official: when the verdicts are those of the official machine, but for the tests allowed to differ).
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Folder that `scripts/build-move test-bytecode` wrote
    dir: PathBuf,
    /// Run only tests whose full name (package::module::test) contains the text
    #[arg(long, default_value = "")]
    filter: String,
    /// Compare with the verdicts in this file, the output of `scripts/build-move test`
    #[arg(long, value_name = "FILE")]
    official: Option<PathBuf>,
    /// Tests that may differ from the official verdict: they need real BLS answers
    #[arg(long, value_name = "TEST", requires = "official")]
    allow_difference: Vec<String>,
    /// Print what did not run, by function, and the percentage
    #[arg(long)]
    coverage: bool,
    /// Fail when the coverage of a package is below this: PACKAGE=PERCENT
    #[arg(long, value_name = "PACKAGE=PERCENT", value_parser = threshold)]
    require_coverage: Vec<(String, f64)>,
    /// Print failures and sums only
    #[arg(long)]
    quiet: bool,
}

fn threshold(text: &str) -> Result<(String, f64), String> {
    let (package, percent) = text.split_once('=').ok_or("PACKAGE=PERCENT expected")?;
    let percent = percent.parse().map_err(|error| format!("{error}"))?;
    Ok((package.to_owned(), percent))
}

fn package_names(options: &Options) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    let dir = &options.dir;
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".json").map(str::to_owned));
    }
    names.remove(FRAMEWORK);
    Ok(names)
}

fn print(options: &Options, outcomes: &[Outcome]) {
    for outcome in outcomes {
        match &outcome.failure {
            None if options.quiet => {}
            None => println!("PASS    {}", outcome.name),
            Some(why) => println!("FAIL    {}\n        {why}", outcome.name),
        }
    }
}

/// Prints the coverage of a package; whether it is enough.
fn report_coverage(options: &Options, program: &Program) -> Result<bool> {
    let coverage = program.coverage()?;
    if options.coverage {
        print!("\n{}", coverage.missed());
    }
    let ((ran, total), percent, name) = (coverage.totals(), coverage.percent(), program.name());
    println!("{name}: {percent:.1} % of the bytecode ran ({ran} of {total} instructions)");
    let mut required = options.require_coverage.iter();
    let short = required.find(|(package, least)| package == name && percent < *least);
    if let Some((_, least)) = short {
        println!("error: {name}: {least} % are required");
    }
    Ok(short.is_none())
}

/// Prints the differences to the official verdicts; whether all of them are allowed.
fn compare(options: &Options, file: &PathBuf, outcomes: &[Outcome]) -> Result<bool> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let mut verdicts = official::verdicts(&text);
    verdicts.retain(|name, _| name.contains(&options.filter));
    if verdicts.is_empty() {
        bail!("{}: no verdicts", file.display());
    }
    let differences = official::differences(&verdicts, outcomes);
    let allowed = |text: &String| {
        let mut names = options.allow_difference.iter();
        names.any(|name| text.starts_with(&format!("{name}:")))
    };
    for text in &differences {
        let kind = if allowed(text) { "allowed" } else { "error" };
        println!("{kind}: {text}");
    }
    let count = differences.len();
    println!("{count} verdicts differ from the official ones");
    Ok(differences.iter().all(allowed))
}

fn run(options: &Options) -> Result<bool> {
    let framework = bytecode::read_framework(&options.dir)?;
    let mut all = Vec::new();
    let mut covered = true;
    for name in package_names(options)? {
        let tests = bytecode::read_tests(&options.dir, &name)?;
        let program = Program::new(&framework, tests)?;
        let outcomes = program.run(&options.filter);
        print(options, &outcomes);
        if options.coverage || !options.require_coverage.is_empty() {
            covered &= report_coverage(options, &program)?;
        }
        all.extend(outcomes);
    }
    let failed = all.iter().filter(|one| one.failure.is_some()).count();
    let same = match &options.official {
        Some(file) => Some(compare(options, file, &all)?),
        None => None,
    };
    println!("\n{} passed, {failed} failed", all.len() - failed);
    Ok(covered && !all.is_empty() && same.unwrap_or(failed == 0))
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sui-devchain-move-test: {error:#}");
            ExitCode::FAILURE
        }
    }
}
