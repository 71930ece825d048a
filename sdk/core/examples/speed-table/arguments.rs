//! Command line of the benchmark.

use std::{ffi::OsString, fmt, path::PathBuf};

use walrus_core::EncodingConfig;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Measures operations of walrus-core as multiples of what their ingredients take, and prints a table.

Usage: cargo run --release -p walrus-core --example speed-table [-- OPTIONS]

  --shards N       Number of shards; may be repeated [default: 1000, 100, 10]
  --rounds N       Measurements of each operation [default: in memory as many as take some
                   seconds, at least 5; with --files 1]
  --files GIB      Measure blobs of GIB GiB that go from files to files, instead of those in memory.
                   Blobs are no longer than the shards allow
  --directory DIR  Where the files are, which need room for seven blobs [default: that of temporary
                   files, which may be in memory]
  --help           Print this
";

/// What is to be measured.
pub(crate) struct Arguments {
    pub(crate) configs: Vec<EncodingConfig>,
    pub(crate) rounds: Option<u32>,
    /// Length of the blobs in files, if those are to be measured.
    pub(crate) files: Option<u64>,
    pub(crate) directory: PathBuf,
}

/// What the command line asks for.
pub(crate) enum Request {
    Help,
    Measure(Arguments),
}

/// What is wrong with the command line.
#[derive(Debug)]
pub(crate) struct WrongArgument(String);

impl fmt::Display for WrongArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; --help tells what there is", self.0)
    }
}

impl Request {
    pub(crate) fn parse(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, WrongArgument> {
        let mut parsed = Arguments {
            configs: Vec::new(),
            rounds: None,
            files: None,
            directory: std::env::temp_dir(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let name = name.to_string_lossy().into_owned();
            let mut value = || {
                let missing = || WrongArgument(format!("{name} needs a value"));
                arguments.next().ok_or_else(missing)
            };
            match name.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--shards" => {
                    let n = number(&name, &value()?, u16::MAX.into())?;
                    let wrong = |error| WrongArgument(format!("--shards {n}: {error}"));
                    let config = EncodingConfig::new(n as u16).map_err(wrong)?;
                    parsed.configs.push(config);
                }
                "--rounds" => parsed.rounds = Some(number(&name, &value()?, 1000)? as u32),
                "--files" => parsed.files = Some(number(&name, &value()?, 1 << 10)? << 30),
                "--directory" => parsed.directory = value()?.into(),
                _ => return Err(WrongArgument(format!("there is no argument {name}"))),
            }
        }
        if !parsed.directory.is_dir() {
            let directory = parsed.directory.display();
            let what = format!("--directory: {directory} is no directory, create it first");
            return Err(WrongArgument(what));
        }
        if parsed.configs.is_empty() {
            let usual = [1000, 100, 10].into_iter();
            parsed.configs = usual.filter_map(|n| EncodingConfig::new(n).ok()).collect();
        }
        Ok(Self::Measure(parsed))
    }
}

/// A number from 1 on.
fn number(name: &str, value: &OsString, most: u64) -> Result<u64, WrongArgument> {
    let parsed = value.to_string_lossy().parse().ok();
    let parsed = parsed.filter(|number| (1..=most).contains(number));
    parsed.ok_or_else(|| {
        let value = value.to_string_lossy();
        WrongArgument(format!(
            "{name} takes a number from 1 to {most}, not \"{value}\""
        ))
    })
}
